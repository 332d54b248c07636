"""Summary of a checked list: counts, statistics of sizes, and what is wrong with the counts."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from mmsxm.checking.findings import Finding
from mmsxm.checking.image_lists import ImageList
from mmsxm.checking.report import CheckedList
from mmsxm.checking.rules import SIMILAR, box_fault, similar_class
from mmsxm.datasets.class_names import labels_by_name
from mmsxm.imaging.fingerprint import Fingerprint
from mmsxm.simulation.dataset import PARAMETERS_FILE

__all__ = ['PUBLISHED', 'count_findings', 'summarize']

QUANTILES = {'least': 0.0, '5%': 0.05, 'median': 0.5, '95%': 0.95, 'most': 1.0}

# published numbers of positives (docs/data.md), by dataset type and list; paths of lists
# are relative to the data root
PUBLISHED = {
    'SIXray': {
        f'ImageSet/{image_set}/{split}.csv': count
        for image_set in ('10', '100', '1000')
        for split, count in (('train', 7496), ('test', 1433))
    },
    'OPIXray': {
        'train/train_knife.txt': 7109,
        'test/test_knife.txt': 1776,
        'test/test_knife-1.txt': 922,
        'test/test_knife-2.txt': 548,
        'test/test_knife-3.txt': 306,
    },
}


def summarize(listed: ImageList, fingerprints: Mapping[str, Fingerprint]) -> CheckedList:
    """Summarize a list from the fingerprints of its images."""
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
    listed: ImageList, fingerprints: Mapping[str, Fingerprint]
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


def count_findings(listed: ImageList, checked: CheckedList) -> Iterator[Finding]:
    """Compare the counts with their expected values."""
    if left_out := _left_out_classes(listed):
        yield listed.finding('left-out-class', left_out)
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


def _left_out_classes(listed: ImageList) -> str:
    """Describe the classes that are unknown and not misspelled, if labels follow from objects."""
    classes = listed.dataset.CLASSES
    known = labels_by_name(classes)
    names: Counter[str] = Counter()
    without_label = set()
    for number, item in listed.objects:
        name = item.class_name
        if listed.rows[number].gt_label is not None or name.lower() in known:
            continue
        if similar_class(name, classes) is None:
            names[name] += 1
            if number not in listed.labels:
                without_label.add(number)
    if not names:
        return ''
    counts = []
    for name, count in names.most_common():
        similar = similar_class(name, classes, SIMILAR)
        suggestion = f' (did you mean {similar!r}?)' if similar else ''
        counts.append(f'{name!r}{suggestion}: {count:,}')
    skipped = f'; skipped images without another item: {len(without_label):,}'
    return f'objects of {", ".join(counts)}{skipped if without_label else ""}'
