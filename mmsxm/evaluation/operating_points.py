"""What a station would see: false positives at a wanted detection rate, alarms per 1,000 bags.

Also average precision by the size of the items and by how much of them is hidden, and the curves
and the reliability of the scores as csv files.
"""

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log

from mmsxm.conventions import OCCLUSION_LEVELS, SIZES, size_of
from mmsxm.evaluation.alarm_curve import (
    AlarmCurve,
    alarm_curve,
    any_item,
    bag_name,
    corners,
    reliability,
)
from mmsxm.evaluation.array_metric import ArrayMetric
from mmsxm.evaluation.attention_localization import smallest_share
from mmsxm.evaluation.mean_average_precision import average_precision, score_rows
from mmsxm.registry import METRICS

__all__ = [
    'OperatingPoint',
    'OperatingPoints',
    'group_average_precision',
    'operating_point',
    'point_at',
]

RATES = (90, 95, 99)  # percent of detection

Rows = list[dict[str, Any]]


class OperatingPoint(NamedTuple):
    """A threshold and what it brings; nan where it is undefined.

    ``detection_rate`` is that of the positives, ``false_positive_rate`` that of the negatives,
    ``alarms`` the share of all images that is an alarm, right or wrong.
    """

    threshold: float
    detection_rate: float
    false_positive_rate: float
    alarms: float


def operating_point(curve: AlarmCurve, detection_rate: float) -> OperatingPoint:
    """The highest threshold that detects at least a share of the positives."""
    if not curve.positives:
        return OperatingPoint(math.nan, math.nan, math.nan, math.nan)
    # 0.07 * 100 is a little more than 7 in binary fractions
    wanted = math.ceil(detection_rate * curve.positives - 1e-9)
    index = int(np.searchsorted(curve.hits, wanted))
    alarms = curve.hits[index] + curve.false_alarms[index]
    return OperatingPoint(
        float(curve.thresholds[index]),
        float(curve.detection_rate[index]),
        float(curve.false_positive_rate[index]),
        float(alarms / (curve.positives + curve.negatives)),
    )


def point_at(curve: AlarmCurve, threshold: float) -> OperatingPoint:
    """Return what a threshold brings; a score that equals it is an alarm."""
    reached = int((curve.thresholds >= threshold).sum())
    hits, false_alarms = (
        int(counts[reached - 1]) if reached else 0 for counts in (curve.hits, curve.false_alarms)
    )
    images = curve.positives + curve.negatives
    return OperatingPoint(
        threshold,
        hits / curve.positives if curve.positives else math.nan,
        false_alarms / curve.negatives if curve.negatives else math.nan,
        (hits + false_alarms) / images if images else math.nan,
    )


def group_average_precision(
    scores: np.ndarray, targets: np.ndarray, chosen: np.ndarray
) -> np.ndarray:
    """Average precision of each class for a group of images with items, against all negatives.

    Positives of other groups are left out, negatives of all images stay: groups differ in what is
    to be found and not in what it is to be told from.

    Args:
        scores: (N, C).
        targets: (N, C) of 1, 0 or -1.
        chosen: (N,) of bool, which images are of the group.

    Returns:
        (C,) in [0, 1], nan where the group has no positive of a class.
    """
    return average_precision(scores, np.where((targets == 1) & ~chosen[:, np.newaxis], -1, targets))


@METRICS.register_module()
class OperatingPoints(ArrayMetric):
    """False positives at 90, 95 and 99 % detection, and average precision by size and occlusion.

    For each class, and for ``any_item``, the bag as a whole, whose score is the largest of its
    classes' (see :func:`any_item`):

    - ``FPR@95/<class>``: the share of images without the class that is an alarm, in percent, at the
      highest threshold that detects 95 % of those with it;
    - ``alarms_per_1000@95/<class>``: alarms, right and wrong, in 1,000 images of this set, with as
      many items as it has.

    For images of small, medium and large items, and for OPIXray's occlusion levels OL1, OL2, OL3
    where images have one, ``AP/<group>/<class>`` and their mean ``mAP/<group>``, in percent, see
    :func:`group_average_precision`. An image's size is the share of the network's input that its
    smallest visible box covers, as of :class:`AttentionBySize`. Undefined values are None, and the
    log says why.

    Args:
        out: A folder for ``operating_points.csv``, ``curves.csv`` (ROC and PR),
            ``reliability.csv`` and ``average_precision.csv``, with rates in [0, 1];
            ``mmsxm.visualization.operating_points`` draws them.
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.
    """

    def __init__(
        self, out: str | None = None, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out = Path(out) if out else None

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep scores, targets, size of the smallest box and occlusion level of each image.

        See :func:`score_rows`.
        """
        rest = np.zeros((len(data_samples), 2), dtype=np.float32)
        for row, sample in zip(rest, data_samples, strict=True):
            boxes = np.asarray(sample.get('gt_bboxes', ()), dtype=np.float32).reshape(-1, 4)
            share = smallest_share(boxes, sample['img_shape'][:2]) if len(boxes) else math.nan
            row[:] = size_of(share), sample.get('occlusion_level', 0)
        self.results.append(np.concatenate((score_rows(data_samples), rest), axis=1))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """The metrics of all images."""
        classes = tuple((self.dataset_meta or {})['classes'])
        scores, targets = np.split(results[:, :-2], 2, axis=1)
        size, level = results[:, -2:].T
        columns = {name: (scores[:, i], targets[:, i]) for i, name in enumerate(classes)}
        curves = {name: alarm_curve(*column) for name, column in columns.items()}
        curves[bag_name(classes)] = alarm_curve(*any_item(scores, targets))

        points = _points(curves)
        precision = [
            {'group': group, 'class': name, 'positives': count, 'average_precision': value}
            for group, chosen in _groups(size, level).items()
            for name, count, value in zip(
                classes,
                (targets[chosen] == 1).sum(axis=0).tolist(),
                group_average_precision(scores, targets, chosen).tolist(),
                strict=True,
            )
        ]
        _say_what_is_undefined(curves, precision)
        if self.out:
            self.out.mkdir(parents=True, exist_ok=True)
            _write_csv(self.out / 'operating_points.csv', points)
            _write_csv(self.out / 'average_precision.csv', precision)
            _write_csv(self.out / 'curves.csv', _curves(curves))
            _write_csv(self.out / 'reliability.csv', _reliability(columns))

        metrics: dict[str, float | None] = {}
        for row in points:
            where = f'{100 * row["wanted_detection_rate"]:g}/{row["class"]}'
            metrics[f'FPR@{where}'] = _percent(row['false_positive_rate'])
            alarms = row['alarms_per_1000']
            metrics[f'alarms_per_1000@{where}'] = None if math.isnan(alarms) else alarms
        for group in dict.fromkeys(row['group'] for row in precision):
            own = {r['class']: r['average_precision'] for r in precision if r['group'] == group}
            defined = [value for value in own.values() if not math.isnan(value)]
            metrics[f'mAP/{group}'] = _percent(float(np.mean(defined)) if defined else math.nan)
            metrics |= {f'AP/{group}/{name}': _percent(value) for name, value in own.items()}
        return metrics


def _groups(size: np.ndarray, level: np.ndarray) -> dict[str, np.ndarray]:
    """Which images, (N,) of bool, have items of a size, and of an occlusion level if any has."""
    groups = {name: size == number for number, name in enumerate(SIZES)}
    if level.any():
        groups |= {f'OL{number}': level == number for number in OCCLUSION_LEVELS}
    return groups


def _points(curves: Mapping[str, AlarmCurve]) -> Rows:
    rows = []
    for name, curve in curves.items():
        for rate in RATES:
            point = operating_point(curve, rate / 100)
            rows.append(
                {
                    'class': name,
                    'positives': curve.positives,
                    'negatives': curve.negatives,
                    'wanted_detection_rate': rate / 100,
                    'threshold': point.threshold,
                    'detection_rate': point.detection_rate,
                    'false_positive_rate': point.false_positive_rate,
                    'alarms_per_1000': 1000 * point.alarms,
                }
            )
    return rows


def _curves(curves: Mapping[str, AlarmCurve]) -> Rows:
    keys = ('threshold', 'detection_rate', 'false_positive_rate', 'precision')
    return [
        {'class': name, **dict(zip(keys, values, strict=True))}
        for name, curve in ((name, corners(curve)) for name, curve in curves.items())
        for values in zip(
            curve.thresholds.tolist(),
            curve.detection_rate.tolist(),
            curve.false_positive_rate.tolist(),
            curve.precision.tolist(),
            strict=True,
        )
    ]


def _reliability(columns: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Rows:
    return [
        {'class': name, **bin_._asdict()}
        for name, column in columns.items()
        for bin_ in reliability(*column)
    ]


def _say_what_is_undefined(curves: Mapping[str, AlarmCurve], precision: Rows) -> None:
    """Say in one message of the log which metrics are None, and why."""
    reasons = []
    if names := [name for name, curve in curves.items() if not curve.positives]:
        reasons.append(f'{", ".join(names)}: no image is a positive, there is nothing to detect')
    if names := [name for name, curve in curves.items() if not curve.negatives]:
        reasons.append(
            f'{", ".join(names)}: no image is a negative that could be a false positive (bags '
            'without items come with positives_only=False)'
        )
    for group in dict.fromkeys(row['group'] for row in precision):
        own = [row for row in precision if row['group'] == group]
        if names := [row['class'] for row in own if not row['positives']]:
            reasons.append(f'{group}: no image of this group has {", ".join(names)}')
    if reasons:
        lines = '\n    '.join(reasons)
        print_log(f'undefined are\n    {lines}', logger='current', level=logging.WARNING)


def _write_csv(path: Path, rows: Rows) -> None:
    """Write rows of equal keys; nine digits tell any two scores apart, and nan is an empty cell."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return '' if math.isnan(value) else f'{value:.9g}'
    return str(value)


def _percent(value: float) -> float | None:
    return None if math.isnan(value) else 100 * value
