"""Neural meta labels (MF-N, Sec. 3.2): the level by which a teacher errs least, image by image.

They are made once by a trained teacher, kept in a JSON file and belong to the images as they lie on
disk; what a transform puts into an image later is not in them. The file's head says which teacher
made them, and of which list, so that labels of other images are refused.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmpretrain.datasets import BaseDataset

from mmsxm.conventions import LEVELS
from mmsxm.io.files import atomic_write, sha256
from mmsxm.io.safe_parsing import is_number, read_json

__all__ = [
    'LabelSource',
    'MetaLabels',
    'add_meta_levels',
    'choose_level',
    'read_meta_labels',
    'source_of',
    'write_meta_labels',
]

NUM_LEVELS = len(LEVELS)


class LabelSource(NamedTuple):
    """The images that labels belong to.

    ``dataset`` is the data set's type, ``list_file`` is relative to its ``data_root``.
    """

    dataset: str
    list_file: str
    list_sha256: str
    classes: tuple[str, ...]


class MetaLabels(NamedTuple):
    """What a teacher thinks of each image.

    ``teacher`` is the name of its config. ``losses`` holds for each image, by ``img_id``, the
    cross-entropy of each level, fine to coarse, and ``levels`` the chosen level.
    """

    teacher: str
    checkpoint_sha256: str
    source: LabelSource
    losses: dict[str, list[float]]
    levels: dict[str, int]


def choose_level(losses: Sequence[float]) -> int:
    """Index of the smallest loss, the first of equal ones."""
    return min(range(len(losses)), key=losses.__getitem__)


def source_of(dataset: BaseDataset) -> LabelSource:
    """What labels of a data set's images say that they belong to."""
    return LabelSource(
        type(dataset).__name__,
        Path(os.path.relpath(dataset.ann_file, dataset.data_root)).as_posix(),
        sha256(dataset.ann_file),
        tuple(dataset.CLASSES),
    )


def check(labels: MetaLabels, place: str) -> None:
    """ValueError naming ``place`` when an image lacks a loss of each level or its level."""
    for img_id, losses in labels.losses.items():
        numbers = isinstance(losses, list) and all(map(is_number, losses))
        if not numbers or len(losses) != NUM_LEVELS:
            raise ValueError(
                f'{place}: {img_id} has the losses {losses}, not a finite one of each of '
                f'{NUM_LEVELS} levels'
            )
        if type(labels.levels[img_id]) is not int or labels.levels[img_id] not in range(NUM_LEVELS):
            raise ValueError(
                f'{place}: {img_id} has the level {labels.levels[img_id]!r}, not 0, 1 or 2'
            )


def write_meta_labels(path: str | Path, labels: MetaLabels) -> None:
    """Write a JSON file, a line for each image; ValueError when a loss is missing or no number."""
    check(labels, labels.teacher)
    head = {
        'teacher': labels.teacher,
        'checkpoint_sha256': labels.checkpoint_sha256,
        **labels.source._asdict(),
    }
    images = ',\n'.join(
        f'{json.dumps(img_id)}: {json.dumps({"level": labels.levels[img_id], "losses": losses})}'
        for img_id, losses in labels.losses.items()
    )
    text = f'{{"head": {json.dumps(head, indent=1)},\n"images": {{\n{images}\n}}}}\n'
    atomic_write(Path(path), text.encode())


def read_meta_labels(path: str | Path) -> MetaLabels:
    """Read a file of :func:`write_meta_labels`.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: When it is malformed.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'there is no file of meta labels {str(path)!r}: let a trained teacher make it, '
            f'mmsxm meta-labels CONFIG CHECKPOINT {path}'
        )
    content = read_json(path)
    try:
        head, images = dict(content['head']), content['images']
        teacher, checkpoint = head.pop('teacher'), head.pop('checkpoint_sha256')
        source = LabelSource(**head | {'classes': tuple(head['classes'])})
        losses = {img_id: label['losses'] for img_id, label in images.items()}
        levels = {img_id: label['level'] for img_id, label in images.items()}
        labels = MetaLabels(teacher, checkpoint, source, losses, levels)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is no file of mmsxm meta-labels: {error!r}') from error
    check(labels, str(path))
    return labels


def add_meta_levels(data_list: list[dict], path: str | Path, source: LabelSource) -> None:
    """Put the levels of a file into data infos, as ``gt_meta_level``.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: When it is malformed, belongs to another list or lacks an image.
    """
    labels = read_meta_labels(path)
    there = labels.source
    for field, theirs, ours in zip(source._fields, there, source, strict=True):
        if field != 'list_file' and theirs != ours:  # the same list may lie elsewhere
            raise ValueError(
                f'{path} belongs to {there.list_file} of {there.dataset}, not to '
                f'{source.list_file} of {source.dataset}: {field} is {theirs!r} there, {ours!r} '
                'here'
            )
    missing = [info['img_id'] for info in data_list if info['img_id'] not in labels.levels]
    if missing:
        raise ValueError(
            f'{path} lacks {len(missing):,} of {len(data_list):,} images of '
            f'{source.list_file}, first {missing[0]}'
        )
    for data_info in data_list:
        data_info['gt_meta_level'] = labels.levels[data_info['img_id']]
