"""Metrics of a test in rows: one for each class, the mean, and the bag as a whole."""

import re
from collections.abc import Mapping, Sequence

from mmsxm.evaluation.alarm_curve import bag_name

__all__ = ['metric_rows']

BY_CLASS = re.compile(r'AP|class_pointing|FPR@\d+')
MEANS = {'mAP': 'AP', 'class_pointing': 'class_pointing'}
MEAN = 'mean'
PREFIX = 'xray/'


def metric_rows(
    metrics: Mapping[str, float | None], classes: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """Return average precision, pointing and false-positive rates by row and column.

    Args:
        metrics: Metrics of a test by key, such as ``xray/AP/Gun``, in percent or None.
        classes: Names of the classes.

    Returns:
        A row for each class, ``mean``, and the bag as a whole. A row without values is left out.
        Each row has the columns of the metrics that it has, such as ``AP`` and ``FPR@90``.
    """
    bag = bag_name(classes)
    mean = f'{MEAN}_' if MEAN in classes else MEAN
    rows: dict[str, dict[str, float | None]] = {name: {} for name in (*classes, mean, bag)}
    for key, value in metrics.items():
        if not key.startswith(PREFIX):
            continue
        metric, _, name = key.removeprefix(PREFIX).partition('/')
        if not name and metric in MEANS:
            rows[mean][MEANS[metric]] = value
        elif name in {*classes, bag} and BY_CLASS.fullmatch(metric):
            rows[name][metric] = value
    return {name: row for name, row in rows.items() if row}
