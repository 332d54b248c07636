"""Neural meta labels (MF-N, Sec. 3.2): for each image, the level where a teacher errs least.

A trained teacher creates the labels once, and they are stored in a JSON file. They belong to the
images as stored on disk and do not include what a transform adds to an image later. The header of
the file names the teacher and the list, so that labels of other images are rejected.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmpretrain.datasets import BaseDataset

from mmsxm.conventions import LEVELS
from mmsxm.io.files import atomic_write
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
    """Images that the labels belong to.

    ``dataset`` is the type of the dataset. ``list_file`` is relative to its ``data_root``.
    """

    dataset: str
    list_file: str
    list_sha256: str
    classes: tuple[str, ...]


class MetaLabels(NamedTuple):
    """Losses and levels of all images according to a teacher.

    ``teacher`` is the name of its config. ``losses`` maps each ``img_id`` to the cross-entropy of
    each level, fine to coarse. ``levels`` maps each ``img_id`` to the chosen level.
    """

    teacher: str
    checkpoint_sha256: str
    source: LabelSource
    losses: dict[str, list[float]]
    levels: dict[str, int]


def choose_level(losses: Sequence[float]) -> int:
    """Return the index of the smallest loss. On a tie, the first one wins."""
    return min(range(len(losses)), key=losses.__getitem__)


def source_of(dataset: BaseDataset) -> LabelSource:
    """Return the label source of a dataset."""
    return LabelSource(
        type(dataset).__name__,
        Path(os.path.relpath(dataset.ann_file, dataset.data_root)).as_posix(),
        dataset.list_digest(),
        tuple(dataset.CLASSES),
    )


def check(labels: MetaLabels, place: str) -> None:
    """Check that each image has its level and one loss for each level.

    Raises:
        ValueError: An image does not. The message starts with ``place``.
    """
    for img_id, losses in labels.losses.items():
        numbers = isinstance(losses, list) and all(map(is_number, losses))
        if not numbers or len(losses) != NUM_LEVELS:
            raise ValueError(
                f'{place}: {img_id} has the losses {losses}. Each of the {NUM_LEVELS} levels needs '
                'a finite loss. Create the file again with mmsxm meta-labels.'
            )
        if type(labels.levels[img_id]) is not int or labels.levels[img_id] not in range(NUM_LEVELS):
            raise ValueError(
                f'{place}: {img_id} has the level {labels.levels[img_id]!r}. It must be 0, 1 or 2. '
                'Create the file again with mmsxm meta-labels.'
            )


def write_meta_labels(path: str | Path, labels: MetaLabels) -> None:
    """Write a JSON file with one line for each image.

    Raises:
        ValueError: A loss is missing or is not a number.
    """
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
    """Read a file written by :func:`write_meta_labels`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is malformed.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'The meta-label file {str(path)!r} does not exist. Create it with a trained teacher: '
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
        raise ValueError(
            f'{path} was not written by mmsxm meta-labels: {error!r}. Create it again with '
            f'mmsxm meta-labels CONFIG CHECKPOINT {path}'
        ) from error
    check(labels, str(path))
    return labels


def add_meta_levels(data_list: list[dict], path: str | Path, source: LabelSource) -> None:
    """Add the levels of a file to the data infos, as ``gt_meta_level``.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is malformed, belongs to another list, or lacks an image.
    """
    labels = read_meta_labels(path)
    stored = labels.source
    for field, found, expected in zip(source._fields, stored, source, strict=True):
        if field != 'list_file' and found != expected:  # the same list may be stored elsewhere
            raise ValueError(
                f'{path} belongs to {stored.list_file} of {stored.dataset}, not to '
                f'{source.list_file} of {source.dataset}: {field} is {found!r} in the file, but '
                f'{expected!r} in the dataset. Create labels for this list with mmsxm meta-labels.'
            )
    missing = [info['img_id'] for info in data_list if info['img_id'] not in labels.levels]
    if missing:
        raise ValueError(
            f'{path} lacks {len(missing):,} of {len(data_list):,} images of {source.list_file}, '
            f'first {missing[0]}. Create it again with mmsxm meta-labels.'
        )
    for data_info in data_list:
        data_info['gt_meta_level'] = labels.levels[data_info['img_id']]
