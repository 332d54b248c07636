"""Data check: examine the datasets of a config before training.

It looks for whatever stops training or spoils its result. Each list is read as its dataset reads
it, each image is decoded in full, and each finding is stored with its place. docs/checking.md lists
the kinds of findings.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsxm.checking.checks import (
    Finding,
    Row,
    box_fault,
    is_odd,
    known_labels,
    object_findings,
    repeated_rows,
)
from mmsxm.checking.duplicates import copies, shared_images
from mmsxm.checking.report import CheckedList, Report
from mmsxm.datasets.annotations import AnnotatedObject
from mmsxm.datasets.class_names import labels_by_name
from mmsxm.datasets.published_counts import PUBLISHED
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.imaging.fingerprint import Fingerprint, fingerprint_file
from mmsxm.imaging.images import MAX_PIXELS, image_id
from mmsxm.imaging.reading import Unreadable
from mmsxm.io.worker_pool import WorkerDiedError, WorkerPool
from mmsxm.registry import DATASETS
from mmsxm.simulation.dataset import PARAMETERS_FILE
from mmsxm.training.config import DATALOADERS

__all__ = ['check_datasets']

QUANTILES = {'least': 0.0, '5 %': 0.05, 'median': 0.5, '95 %': 0.95, 'most': 1.0}


class _List:
    """List with the dataset that reads it, and the results so far."""

    def __init__(self, dataset: XrayDataset, phase: str) -> None:
        self.dataset = dataset
        self.phases = [phase]
        self.positives_only = dataset.positives_only
        self.rows: list[Row] = []
        self.left_out = 0
        self.was_read = False  # completely
        self.named: set[str] = set()  # images, including those of skipped rows
        self.labels: dict[int, list[int]] = {}  # labels of usable rows, by row number
        self.objects: list[tuple[int, AnnotatedObject]] = []

    @property
    def split(self) -> str:
        return '/'.join(self.phases)

    @property
    def trains(self) -> bool:
        return 'train' in self.phases

    def finding(self, kind: str, detail: str, place: str = '') -> Finding:
        return Finding(kind, self.split, place or self.dataset.ann_file, detail)


def check_datasets(cfg: Config, workers: int = 0, max_pixels: int = MAX_PIXELS) -> Report:
    """Check the datasets of all phases of a config.

    Files may contain anything: problems with them become findings and are never raised.

    Args:
        cfg: Config. The ``dataset`` of each dataloader is read. A list that several of them name is
            read once.
        workers: Number of processes that decode images; 0 uses this process.
        max_pixels: Images larger than this become findings.

    Raises:
        ValueError: The config has no dataset, or one that does not derive from XrayDataset.
    """
    lists, findings = _lists(cfg)
    for listed in lists:
        findings += _read_rows(listed)
    fingerprints, broken = _fingerprints(lists, workers, max_pixels)
    for listed in lists:
        findings += _examine_rows(listed, fingerprints, broken)
    findings += _compare_images(lists, fingerprints)
    findings += _unlisted_images(lists)
    checked = [_checked(listed, fingerprints) for listed in lists]
    for listed, summary in zip(lists, checked, strict=True):
        findings += _count_findings(listed, summary)
    return Report(checked, findings)


def _lists(cfg: Config) -> tuple[list[_List], list[Finding]]:
    """Return the datasets of a config, not read yet, and why others cannot be built."""
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    lists: dict[tuple, _List] = {}
    failed: dict[str, Finding] = {}
    for name in DATALOADERS:
        phase = name.removesuffix('_dataloader')
        for settings in _leaves((cfg.get(name) or {}).get('dataset')):
            try:
                dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
            except (OSError, ValueError) as error:  # its constructor already reads the list
                finding = Finding('broken-list', phase, f'{name}.dataset', str(error))
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
            known = lists.setdefault(key, _List(dataset, phase))
            known.positives_only &= dataset.positives_only
            if phase not in known.phases:
                known.phases.append(phase)
    if not lists and not failed:
        raise ValueError(f'{cfg.filename} has no dataset. Choose a config for training or testing.')
    return list(lists.values()), list(failed.values())


def _leaves(settings: Any) -> Iterator[dict]:
    """Yield the settings of datasets, also inside wrappers of mmengine."""
    if not settings:
        return
    inner = settings.get('datasets') or settings.get('dataset')
    if inner is None:
        yield settings
    else:
        for child in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from _leaves(child)


def _read_rows(listed: _List) -> Iterator[Finding]:
    """Read a list and look up its images."""
    dataset = listed.dataset
    try:
        dataset.check_list_file()
        images = dataset.images_in(dataset.img_prefix)
    except OSError as error:
        yield listed.finding('no-list', str(error))
        return
    for link in images.unfollowed:
        yield listed.finding('unfollowed-link', '', os.path.join(dataset.img_prefix, link))
    try:
        for name, line, gt_label in dataset.read_list():
            path = images.find(name)
            if path is not None:
                listed.named.add(path)
            if listed.positives_only and gt_label is not None and not gt_label:
                listed.left_out += 1
                continue
            number = len(listed.rows)
            listed.rows.append(
                Row(listed.split, dataset.ann_file, number, line, name, gt_label, path)
            )
        for kind, place in dataset.list_problems():
            yield listed.finding('list-problem', kind, place)
        listed.was_read = True
    except Exception as error:  # raised by a parser; the other lists are still read
        yield listed.finding('broken-list', _reason(error))
    for row in listed.rows:
        if row.path is None:
            yield Finding('missing-image', row.split, row.place, row.name, row)
    yield from repeated_rows(listed.rows)


def _reason(error: Exception) -> str:
    if isinstance(error, (OSError, ValueError)):
        return str(error)
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def _fingerprints(
    lists: Iterable[_List], workers: int, max_pixels: int
) -> tuple[dict[str, Fingerprint], dict[str, str]]:
    """Return the fingerprints of all images by path, and the errors of unreadable images."""
    from rich.progress import track

    paths = list(dict.fromkeys(row.path for listed in lists for row in listed.rows if row.path))
    fingerprints: dict[str, Fingerprint] = {}
    broken: dict[str, str] = {}
    outcomes = _read_all(paths, partial(fingerprint_file, max_pixels=max_pixels), workers)
    for path, outcome in track(outcomes, 'Reading images', total=len(paths)):
        if isinstance(outcome, Fingerprint):
            fingerprints[path] = outcome
        else:
            broken[path] = outcome.error if isinstance(outcome, Unreadable) else str(outcome)
    return fingerprints, broken


def _read_all(
    paths: Iterable[str], read: 'partial[Fingerprint | Unreadable]', workers: int
) -> Iterator[tuple[str, Fingerprint | Unreadable | WorkerDiedError]]:
    if not workers:
        yield from ((path, read(path)) for path in paths)
        return
    with WorkerPool(workers, preload=['mmsxm.imaging.fingerprint']) as pool:
        yield from pool.map(read, paths, ahead=8 * workers)


def _examine_rows(
    listed: _List, fingerprints: Mapping[str, Fingerprint], broken: Mapping[str, str]
) -> Iterator[Finding]:
    """Check the image and the annotation of each row."""
    dataset = listed.dataset
    for row in listed.rows:
        if row.path is None:
            continue
        fingerprint = fingerprints.get(row.path)
        if fingerprint is None:
            yield Finding('broken-image', row.split, row.path, broken[row.path], row)
        else:
            if fingerprint.transparent:
                yield Finding('transparent-image', row.split, row.path, '', row, (row.path,))
            if is_odd(fingerprint.size):
                height, width = fingerprint.size
                detail = f'{width} x {height}'
                yield Finding('odd-size', row.split, row.path, detail, row, (row.path,))
        img_id = image_id(row.name)
        place = dataset.annotation_place(img_id)
        objects: list[AnnotatedObject] | None
        try:
            objects = dataset.read_objects(img_id)
        except FileNotFoundError:
            objects = None
        except Exception as error:  # raised by a parser; the other files are still read
            reason = _reason(error)
            yield Finding('broken-annotation', row.split, place, reason, row, (row.path,))
            if fingerprint and row.gt_label is not None:
                listed.labels[row.number] = row.gt_label
            continue
        # in a prepared copy, boxes are already clipped and may reach into the cropped margins
        size = fingerprint.size if fingerprint and dataset.prepared is None else None
        yield from object_findings(row, place, objects, dataset.CLASSES, size)
        found = known_labels(objects or (), dataset.CLASSES)
        if fingerprint and (found or row.gt_label is not None):
            listed.labels[row.number] = found if row.gt_label is None else row.gt_label
        listed.objects += ((row.number, item) for item in objects or ())


def _rows_by_path(lists: Iterable[_List]) -> dict[str, Row]:
    """Return the first row of each image."""
    rows: dict[str, Row] = {}
    for listed in lists:
        for row in listed.rows:
            if row.path is not None:
                rows.setdefault(row.path, row)
    return rows


def _compare_images(
    lists: list[_List], fingerprints: Mapping[str, Fingerprint]
) -> Iterator[Finding]:
    """Look for duplicate images."""
    for listed in lists:
        if listed.trains and len(listed.phases) > 1:
            yield listed.finding('one-list', f'the list is used for {" and ".join(listed.phases)}')
    training = _rows_by_path(listed for listed in lists if listed.trains)
    tested = [listed for listed in lists if not listed.trains]
    yield from shared_images(training, [_rows_by_path([listed]) for listed in tested])
    yield from copies(training, _rows_by_path(tested), fingerprints)


def _unlisted_images(lists: Iterable[_List]) -> Iterator[Finding]:
    """Look for images that no list names, folder by folder."""
    folders: dict[str, list[_List]] = {}
    for listed in lists:
        if listed.named:
            folders.setdefault(listed.dataset.img_prefix, []).append(listed)
    for folder, users in folders.items():
        named = set().union(*(listed.named for listed in users))
        split = ', '.join(listed.split for listed in users)
        for path in users[0].dataset.images_in(folder):
            if path not in named:
                yield Finding('unlisted-image', split, path, images=(path,))


def _checked(listed: _List, fingerprints: Mapping[str, Fingerprint]) -> CheckedList:
    """Summarize a list."""
    dataset = listed.dataset
    classes = list(dataset.CLASSES)
    images = Counter(label for labels in listed.labels.values() for label in set(labels))
    labels = labels_by_name(classes)
    boxes = Counter(labels.get(item.class_name.lower()) for _, item in listed.objects)
    known = PUBLISHED.get(type(dataset).__name__, {})
    simulated = os.path.isfile(os.path.join(dataset.data_root, PARAMETERS_FILE))
    file = os.path.relpath(dataset.ann_file, dataset.data_root).replace(os.sep, '/')
    return CheckedList(
        split=listed.split,
        dataset=dataset,
        rows=len(listed.rows),
        left_out=listed.left_out,
        usable=len(listed.labels),
        positives=sum(map(bool, listed.labels.values())),
        published=None if simulated else known.get(file),
        images={name: images[label] for label, name in enumerate(classes)},
        boxes={name: boxes[label] for label, name in enumerate(classes)},
        statistics=_statistics(listed, fingerprints),
    )


def _statistics(
    listed: _List, fingerprints: Mapping[str, Fingerprint]
) -> dict[str, dict[str, float]]:
    """Return quantiles of sizes and aspects. Only boxes in readable images count."""
    sizes = {
        row.number: fingerprints[row.path].size
        for row in listed.rows
        if row.path is not None and row.path in fingerprints
    }
    measures: dict[str, list[float]] = {
        'image width': [width for _, width in sizes.values()],
        'image height': [height for height, _ in sizes.values()],
        'image width / height': [width / height for height, width in sizes.values()],
        'box width': [],
        'box height': [],
        'box width / height': [],
        'box share of the image, %': [],
    }
    for number, item in listed.objects:
        if number not in sizes or item.bbox is None or box_fault(item.bbox, None) is not None:
            continue
        height, width = sizes[number]
        x1, y1, x2, y2 = item.bbox
        measures['box width'].append(x2 - x1)
        measures['box height'].append(y2 - y1)
        measures['box width / height'].append((x2 - x1) / (y2 - y1))
        share = 100 * (x2 - x1) * (y2 - y1) / (height * width)
        measures['box share of the image, %'].append(share)
    return {
        name: dict(
            zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist(), strict=True)
        )
        for name, values in measures.items()
        if values
    }


def _count_findings(listed: _List, checked: CheckedList) -> Iterator[Finding]:
    """Compare the counts with their expected values."""
    if not checked.usable:
        if listed.was_read:
            yield listed.finding('no-images', f'none of {checked.rows:,} rows is usable')
        return
    if checked.published not in (None, checked.positives):
        detail = f'{checked.positives:,} usable positives, but {checked.published:,} are published'
        yield listed.finding('unpublished-count', detail)
    if checked.positives == checked.usable:
        official = type(listed.dataset).__name__ in PUBLISHED
        detail = f'all of {checked.usable:,} usable images have items'
        if checked.left_out:
            detail += f'; positives_only skips {checked.left_out:,} without items'
        yield listed.finding('positives-only' if official else 'no-harmless-bags', detail)
    kind = 'untrained-class' if listed.trains else 'untested-class'
    for name, count in checked.images.items():
        if not count:
            yield listed.finding(kind, name)
