"""Lists of images that a config names, each with the dataset that reads it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsxm.checking.findings import Finding, Row
from mmsxm.checking.rules import repeated_rows
from mmsxm.datasets.annotations import AnnotatedObject
from mmsxm.datasets.wrapped_datasets import inner_configs
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.registry import DATASETS
from mmsxm.training.config import DATALOADERS

__all__ = ['ImageList', 'error_reason', 'find_lists', 'read_rows', 'unlisted_images']


class ImageList:
    """List of images with the dataset that reads it, and the results so far.

    Attributes:
        dataset: Dataset, not loaded.
        phases: Phases that use the list, such as ``train``.
        positives_only: Whether all of them skip rows without a positive label.
        drops_transparency: Whether a pipeline reads images with mmcv's LoadImageFromFile.
        rows: Rows that are not skipped.
        left_out: Number of skipped rows.
        was_read: Whether the list was read completely.
        named: Paths of the images of all rows, including skipped ones.
        labels: Labels of usable rows, by row number.
        objects: Objects of all rows, each with its row number.
    """

    def __init__(self, dataset: XrayDataset, phase: str) -> None:
        self.dataset = dataset
        self.phases = [phase]
        self.positives_only = dataset.positives_only
        self.drops_transparency = False
        self.rows: list[Row] = []
        self.left_out = 0
        self.was_read = False
        self.named: set[str] = set()
        self.labels: dict[int, list[int]] = {}
        self.objects: list[tuple[int, AnnotatedObject]] = []

    @property
    def split(self) -> str:
        """Return the purpose of the list, such as ``train`` or ``val/test``."""
        return '/'.join(self.phases)

    @property
    def trains(self) -> bool:
        """Return whether training uses the list."""
        return 'train' in self.phases

    def finding(self, kind: str, detail: str, place: str = '') -> Finding:
        """Create a finding about the list, or about a place in it."""
        return Finding(kind, self.split, place or self.dataset.ann_file, detail)


def find_lists(cfg: Config) -> tuple[list[ImageList], list[Finding]]:
    """Return the datasets of a config, not read yet, and why others cannot be built."""
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    lists: dict[tuple, ImageList] = {}
    failed: dict[str, Finding] = {}
    for name in DATALOADERS:
        phase = name.removesuffix('_dataloader')
        for settings in inner_configs((cfg.get(name) or {}).get('dataset')):
            try:
                dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
            except (OSError, ValueError) as error:  # its constructor already reads the list
                kind = 'no-list' if isinstance(error, FileNotFoundError) else 'broken-list'
                finding = Finding(kind, phase, f'{name}.dataset', str(error))
                failed.setdefault(str(error), finding)
                continue
            if not isinstance(dataset, XrayDataset):
                raise ValueError(
                    f'The {phase} dataset is a {type(dataset).__name__}. Only datasets that derive '
                    'from mmsxm.datasets.XrayDataset can be checked.'
                )
            if not dataset.CLASSES:
                raise ValueError(
                    f'{type(dataset).__name__} needs the names of its classes. Set '
                    "metainfo=dict(classes=['Gun', 'Knife']) in the config."
                )
            key = (type(dataset), dataset.ann_file, dataset.img_prefix)
            known = lists.setdefault(key, ImageList(dataset, phase))
            known.positives_only &= dataset.positives_only
            known.drops_transparency |= _uses_mmcv(settings.get('pipeline') or ())
            if phase not in known.phases:
                known.phases.append(phase)
    if not lists and not failed:
        raise ValueError(f'{cfg.filename} has no dataset. Choose a config for training or testing.')
    return list(lists.values()), list(failed.values())


def _uses_mmcv(pipeline: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether mmcv reads the images, which ignores transparency."""
    return any(str(transform['type']).endswith('LoadImageFromFile') for transform in pipeline)


def read_rows(listed: ImageList) -> Iterator[Finding]:
    """Read a list and look up its images."""
    dataset = listed.dataset
    try:
        dataset.check_list_file()
        images = dataset.image_folder
    except OSError as error:
        yield listed.finding('no-list', str(error))
        return
    for link in images.unfollowed:
        yield listed.finding('unfollowed-link', '', os.path.join(dataset.img_prefix, link))
    try:
        for name, line, gt_label, place in dataset.read_list():
            path = images.find(name)
            if path is not None:
                listed.named.add(path)
            if listed.positives_only and gt_label is not None and not gt_label:
                listed.left_out += 1
                continue
            number = len(listed.rows)
            listed.rows.append(
                Row(listed.split, dataset.ann_file, number, line, name, gt_label, path, place)
            )
        for kind, place in dataset.list_problems():
            yield listed.finding('list-problem', kind, place)
        for kind, place in dataset.list_notes():
            yield listed.finding('list-note', kind, place)
        listed.was_read = True
    except Exception as error:  # raised by a parser; the other lists are still read
        yield listed.finding('broken-list', error_reason(error))
    for row in listed.rows:
        if row.path is None:
            yield Finding('missing-image', row.split, row.place, row.name, row)
    yield from repeated_rows(listed.rows)


def error_reason(error: Exception) -> str:
    """Return the message of an error; with its type if our code did not raise it."""
    if isinstance(error, (OSError, ValueError)):
        return str(error)
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def unlisted_images(lists: Iterable[ImageList]) -> Iterator[Finding]:
    """Look for images that no list names, folder by folder."""
    folders: dict[str, list[ImageList]] = {}
    for listed in lists:
        if listed.named:
            folders.setdefault(listed.dataset.img_prefix, []).append(listed)
    for users in folders.values():
        named = set().union(*(listed.named for listed in users))
        split = ', '.join(listed.split for listed in users)
        for path in users[0].dataset.image_folder:
            if path not in named:
                yield Finding('unlisted-image', split, path, images=(path,))
