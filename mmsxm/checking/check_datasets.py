"""Look a config's data sets over before a training, for what stops it or spoils its result.

Each list is read as its data set reads it, each image is decoded in full, and what is found is kept
with its place; docs/checking.md says what there is to find.
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
from mmsxm.datasets.annotations import AnnotatedObject, labels_by_name
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
    """A list with the data set that reads it, and what is known of it so far."""

    def __init__(self, dataset: XrayDataset, phase: str) -> None:
        self.dataset = dataset
        self.phases = [phase]
        self.positives_only = dataset.positives_only
        self.rows: list[Row] = []
        self.left_out = 0
        self.was_read = False  # to its end
        self.named: set[str] = set()  # images, also those of rows that are left out
        self.labels: dict[int, list[int]] = {}  # of usable rows
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
    """Examine the data sets of all phases of a config.

    Files may hold anything: what is wrong with them is a finding, and never raised.

    Args:
        cfg: The config; the ``dataset`` of each of its dataloaders is read, a list that several
            name once.
        workers: Processes that decode images; with 0 this one does.
        max_pixels: Larger images are findings.

    Raises:
        ValueError: The config has no data set, or one that is none of ours.
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
    """The data sets of a config, not read yet, and why others can't be made."""
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    lists: dict[tuple, _List] = {}
    failed: dict[str, Finding] = {}
    for name in DATALOADERS:
        phase = name.removesuffix('_dataloader')
        for settings in _leaves((cfg.get(name) or {}).get('dataset')):
            try:
                dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
            except (OSError, ValueError) as error:  # it looks into its list at once
                finding = Finding('broken-list', phase, f'{name}.dataset', str(error))
                failed.setdefault(str(error), finding)
                continue
            if not isinstance(dataset, XrayDataset):
                raise ValueError(
                    f'the {phase} data are a {type(dataset).__name__}, but only data sets that '
                    'derive from mmsxm.datasets.XrayDataset can be checked'
                )
            if not dataset.CLASSES:
                raise ValueError(
                    f'{type(dataset).__name__} needs the names of its classes: set '
                    "metainfo=dict(classes=['Gun', 'Knife']) in the config"
                )
            key = (type(dataset), dataset.ann_file, dataset.img_prefix)
            known = lists.setdefault(key, _List(dataset, phase))
            known.positives_only &= dataset.positives_only
            if phase not in known.phases:
                known.phases.append(phase)
    if not lists and not failed:
        raise ValueError(f'{cfg.filename} has no data set: name a config that trains or tests')
    return list(lists.values()), list(failed.values())


def _leaves(settings: Any) -> Iterator[dict]:
    """The settings of data sets, also inside of mmengine's wrappers."""
    if not settings:
        return
    inner = settings.get('datasets') or settings.get('dataset')
    if inner is None:
        yield settings
    else:
        for child in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from _leaves(child)


def _read_rows(listed: _List) -> Iterator[Finding]:
    """Read a list and look for its images."""
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
    except Exception as error:  # a parser's own: the other lists are read all the same
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
    """The fingerprints of all images by their paths, and why others have none."""
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
    """Look at the image and the annotation of each row."""
    dataset = listed.dataset
    for row in listed.rows:
        if row.path is None:
            continue
        print_ = fingerprints.get(row.path)
        if print_ is None:
            yield Finding('broken-image', row.split, row.path, broken[row.path], row)
        else:
            if print_.transparent:
                yield Finding('transparent-image', row.split, row.path, '', row, (row.path,))
            if is_odd(print_.size):
                height, width = print_.size
                detail = f'{width} x {height}'
                yield Finding('odd-size', row.split, row.path, detail, row, (row.path,))
        img_id = image_id(row.name)
        place = dataset.annotation_place(img_id)
        objects: list[AnnotatedObject] | None
        try:
            objects = dataset.read_objects(img_id)
        except FileNotFoundError:
            objects = None
        except Exception as error:  # a parser's own: the other files are read all the same
            reason = _reason(error)
            yield Finding('broken-annotation', row.split, place, reason, row, (row.path,))
            if print_ and row.gt_label is not None:
                listed.labels[row.number] = row.gt_label
            continue
        # in a prepared copy boxes were clipped before, and may leave the image for cut margins
        size = print_.size if print_ and dataset.prepared is None else None
        yield from object_findings(row, place, objects, dataset.CLASSES, size)
        found = known_labels(objects or (), dataset.CLASSES)
        if print_ and (found or row.gt_label is not None):
            listed.labels[row.number] = found if row.gt_label is None else row.gt_label
        listed.objects += ((row.number, item) for item in objects or ())


def _rows_by_path(lists: Iterable[_List]) -> dict[str, Row]:
    """The first row of each image."""
    rows: dict[str, Row] = {}
    for listed in lists:
        for row in listed.rows:
            if row.path is not None:
                rows.setdefault(row.path, row)
    return rows


def _compare_images(
    lists: list[_List], fingerprints: Mapping[str, Fingerprint]
) -> Iterator[Finding]:
    """Look for images that come more than once."""
    for listed in lists:
        if listed.trains and len(listed.phases) > 1:
            yield listed.finding('one-list', f'it is for {" and ".join(listed.phases)}')
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
    """Sum a list up."""
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
    """Quantiles of sizes and aspects; of boxes, those that lie in a readable image."""
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
    """Compare the counts with what they should be."""
    if not checked.usable:
        if listed.was_read:
            yield listed.finding('no-images', f'none of {checked.rows:,} rows')
        return
    if checked.published not in (None, checked.positives):
        detail = f'{checked.positives:,} usable positives, published are {checked.published:,}'
        yield listed.finding('unpublished-count', detail)
    if checked.positives == checked.usable:
        official = type(listed.dataset).__name__ in PUBLISHED
        detail = f'all of {checked.usable:,} usable images have items'
        if checked.left_out:
            detail += f'; positives_only leaves {checked.left_out:,} without items out'
        yield listed.finding('positives-only' if official else 'no-harmless-bags', detail)
    kind = 'untrained-class' if listed.trains else 'untested-class'
    for name, count in checked.images.items():
        if not count:
            yield listed.finding(kind, name)
