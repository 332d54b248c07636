"""False positives at a required detection rate, and alarms per 1,000 bags, as a station sees them.

The metric also reports average precision by item size and by occlusion. It writes the curves and
the reliability of the scores to CSV files.
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

RATES = (90, 95, 99)  # detection rates in percent

Rows = list[dict[str, Any]]


class OperatingPoint(NamedTuple):
    """Threshold with its alarm rates. Undefined values are nan.

    Attributes:
        threshold: Score from which an image is an alarm.
        detection_rate: Share of positives that are alarms.
        false_positive_rate: Share of negatives that are alarms.
        alarms: Share of all images that are alarms, correct or false.
    """

    threshold: float
    detection_rate: float
    false_positive_rate: float
    alarms: float


def operating_point(curve: AlarmCurve, detection_rate: float) -> OperatingPoint:
    """Return the highest threshold that detects at least a given share of the positives."""
    if not curve.positives:
        return OperatingPoint(math.nan, math.nan, math.nan, math.nan)
    # 0.07 * 100 is slightly more than 7 in floating point
    required_hits = math.ceil(detection_rate * curve.positives - 1e-9)
    index = int(np.searchsorted(curve.hits, required_hits))
    alarms = curve.hits[index] + curve.false_alarms[index]
    return OperatingPoint(
        float(curve.thresholds[index]),
        float(curve.detection_rate[index]),
        float(curve.false_positive_rate[index]),
        float(alarms / (curve.positives + curve.negatives)),
    )


def point_at(curve: AlarmCurve, threshold: float) -> OperatingPoint:
    """Return the alarm rates of a threshold. A score equal to it is an alarm."""
    passed = int((curve.thresholds >= threshold).sum())
    hits, false_alarms = (
        int(counts[passed - 1]) if passed else 0 for counts in (curve.hits, curve.false_alarms)
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
    """Compute the average precision of each class for the items of a group of images.

    Positives of other groups are ignored, but the negatives of all images remain. Groups thus
    differ only in the items to find, not in the images to distinguish them from.

    Args:
        scores: ``(N, C)``.
        targets: ``(N, C)`` of 1, 0 or -1.
        chosen: ``(N,)``, bool: whether an image belongs to the group.

    Returns:
        ``(C,)`` in [0, 1], nan if the group has no positive of a class.
    """
    is_other_positive = (targets == 1) & ~chosen[:, np.newaxis]  # (N, C)
    return average_precision(scores, np.where(is_other_positive, -1, targets))


@METRICS.register_module()
class OperatingPoints(ArrayMetric):
    """Metric of false positives at 90, 95 and 99% detection, and AP by size and occlusion.

    It reports these values for each class, and for ``any_item``, the bag as a whole. The score of a
    bag is the largest of its class scores (see :func:`any_item`).

    - ``FPR@95/<class>``: the share of images without the class that are alarms, in percent, at the
      highest threshold that detects 95% of the images with the class.
    - ``alarms_per_1000@95/<class>``: correct and false alarms in 1,000 images with as many items as
      this set has.

    ``AP/<group>/<class>`` and their mean ``mAP/<group>``, in percent, are reported for images with
    small, medium and large items, see :func:`group_average_precision`. If images have an occlusion
    level, OPIXray's OL1, OL2 and OL3 are groups as well. The size of an image is the share of the
    network input that its smallest visible box covers, as in :class:`AttentionBySize`. Undefined
    values are None, and the log explains why.

    Args:
        out: Folder for ``operating_points.csv``, ``curves.csv`` (ROC and PR), ``reliability.csv``
            and ``average_precision.csv``, with rates in [0, 1].
            ``mmsxm.visualization.operating_points`` plots them.
        collect_device: Device for gathering the results of all ranks, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.
    """

    def __init__(
        self, out: str | None = None, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out = Path(out) if out else None

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Store scores, targets, size of the smallest box and occlusion level of each image.

        See :func:`score_rows`.
        """
        groups = np.zeros((len(data_samples), 2), dtype=np.float32)  # (n, 2), size and level
        for row, sample in zip(groups, data_samples, strict=True):
            boxes = np.asarray(sample.get('gt_bboxes', ()), dtype=np.float32).reshape(-1, 4)
            share = smallest_share(boxes, sample['img_shape'][:2]) if len(boxes) else math.nan
            row[:] = size_of(share), sample.get('occlusion_level', 0)
        rows = np.concatenate((score_rows(data_samples), groups), axis=1)  # (n, 2 C + 2)
        self.results.append(rows)

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Compute the metrics of all images."""
        classes = tuple((self.dataset_meta or {})['classes'])
        scores, targets = np.split(results[:, :-2], 2, axis=1)  # (N, C) each
        size, level = results[:, -2:].T  # (N,) each
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
        _warn_of_undefined(curves, precision)
        if self.out:
            self.out.mkdir(parents=True, exist_ok=True)
            _write_csv(self.out / 'operating_points.csv', points)
            _write_csv(self.out / 'average_precision.csv', precision)
            _write_csv(self.out / 'curves.csv', _curves(curves))
            _write_csv(self.out / 'reliability.csv', _reliability(columns))

        metrics: dict[str, float | None] = {}
        for row in points:
            suffix = f'{100 * row["wanted_detection_rate"]:g}/{row["class"]}'
            metrics[f'FPR@{suffix}'] = _percent(row['false_positive_rate'])
            alarms = row['alarms_per_1000']
            metrics[f'alarms_per_1000@{suffix}'] = None if math.isnan(alarms) else alarms
        for group in dict.fromkeys(row['group'] for row in precision):
            by_class = {
                row['class']: row['average_precision'] for row in precision if row['group'] == group
            }
            defined = [value for value in by_class.values() if not math.isnan(value)]
            metrics[f'mAP/{group}'] = _percent(float(np.mean(defined)) if defined else math.nan)
            metrics |= {f'AP/{group}/{name}': _percent(value) for name, value in by_class.items()}
        return metrics


def _groups(size: np.ndarray, level: np.ndarray) -> dict[str, np.ndarray]:
    """Mark the images, ``(N,)``, of each item size, and of each occlusion level if any has one."""
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


def _warn_of_undefined(curves: Mapping[str, AlarmCurve], precision: Rows) -> None:
    """Log in one message which metrics are None, and why."""
    reasons = []
    if names := [name for name, curve in curves.items() if not curve.positives]:
        reasons.append(
            f'{", ".join(names)}: no image is a positive, so there is nothing to detect.'
        )
    if names := [name for name, curve in curves.items() if not curve.negatives]:
        reasons.append(
            f'{", ".join(names)}: no image is a negative, so there can be no false positives. Set '
            'positives_only=False to include bags without items.'
        )
    for group in dict.fromkeys(row['group'] for row in precision):
        in_group = [row for row in precision if row['group'] == group]
        if names := [row['class'] for row in in_group if not row['positives']]:
            reasons.append(f'{group}: no image of this group has {", ".join(names)}.')
    if reasons:
        lines = '\n    '.join(reasons)
        print_log(f'Undefined metrics:\n    {lines}', logger='current', level=logging.WARNING)


def _write_csv(path: Path, rows: Rows) -> None:
    """Write rows with equal keys. Nine digits distinguish all scores. nan is an empty cell."""
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
