"""Detections and false alarms at every threshold, the basis of ROC and PR curves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = [
    'ANY_ITEM',
    'AlarmCurve',
    'ScoreBin',
    'alarm_curve',
    'any_item',
    'bag_name',
    'corners',
    'reliability',
]

ANY_ITEM = 'any_item'  # name of the bag as a whole, next to the classes


def bag_name(classes: Sequence[str]) -> str:
    """Return the name of the bag as a whole: ``any_item``, followed by ``_`` if a class has it."""
    name = ANY_ITEM
    while name in classes:
        name += '_'
    return name


class AlarmCurve(NamedTuple):
    """Number of detections and false alarms at each threshold, highest threshold first.

    An image is an alarm if its score is at or above the threshold. Images with equal scores are
    therefore all alarms, or none is.

    Attributes:
        thresholds: Distinct scores in descending order, ``(T,)``.
        hits: Number of positives at or above each threshold, ``(T,)``.
        false_alarms: Number of negatives at or above each threshold, ``(T,)``.
        positives: Total number of positives.
        negatives: Total number of negatives.
    """

    thresholds: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray
    positives: int
    negatives: int

    @property
    def detection_rate(self) -> np.ndarray:
        """Share of positives that are alarms, ``(T,)``; nan without positives."""
        return _share(self.hits, self.positives)

    @property
    def false_positive_rate(self) -> np.ndarray:
        """Share of negatives that are alarms, ``(T,)``; nan without negatives."""
        return _share(self.false_alarms, self.negatives)

    @property
    def precision(self) -> np.ndarray:
        """Share of alarms that are positives, ``(T,)``."""
        return self.hits / (self.hits + self.false_alarms)


def _share(counts: np.ndarray, total: int) -> np.ndarray:
    return counts / total if total else np.full(len(counts), np.nan)


def alarm_curve(scores: np.ndarray, targets: np.ndarray) -> AlarmCurve:
    """Count detections and false alarms at every threshold.

    Args:
        scores: ``(N,)``, higher is more likely.
        targets: ``(N,)`` of 1 (positive), 0 (negative) or -1 (ignored).

    Raises:
        ValueError: A score is nan.
    """
    if np.isnan(scores).any():
        raise ValueError(
            f'{int(np.isnan(scores).sum())} of {len(scores)} scores are nan. Check whether '
            'training diverged.'
        )
    kept = targets != -1  # (N,)
    scores, is_positive = scores[kept], targets[kept] == 1  # (n,) each
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    is_last_of_equals = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    alarms = np.flatnonzero(is_last_of_equals) + 1  # (T,)
    hits = np.cumsum(is_positive[order])[is_last_of_equals]  # (T,)
    positives = int(is_positive.sum())
    return AlarmCurve(
        scores[is_last_of_equals], hits, alarms - hits, positives, len(scores) - positives
    )


def corners(curve: AlarmCurve) -> AlarmCurve:
    """Remove thresholds between which only the false alarms increase.

    Neither the ROC nor the PR curve changes. Even with a million negatives, at most two thresholds
    per positive remain.
    """
    is_detection = np.diff(curve.hits, prepend=0) > 0  # (T,)
    kept = is_detection | np.append(is_detection[1:], True)[: len(is_detection)]
    return curve._replace(
        thresholds=curve.thresholds[kept],
        hits=curve.hits[kept],
        false_alarms=curve.false_alarms[kept],
    )


def any_item(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score bags as a whole by the largest of their class scores.

    One threshold then applies to all classes. A bag with any item is a positive. A bag without a
    known item is ignored (-1) if any of its classes is.

    Args:
        scores: ``(N, C)``.
        targets: ``(N, C)`` of 1, 0 or -1.

    Returns:
        Scores and targets, ``(N,)`` each.
    """
    has_ignored = (targets == -1).any(axis=1)  # (N,)
    has_item = (targets == 1).any(axis=1)  # (N,)
    return scores.max(axis=1), np.where(has_item, 1, np.where(has_ignored, -1, 0))


class ScoreBin(NamedTuple):
    """Images whose scores lie between ``from_score`` and the next bin, and their positives."""

    from_score: float
    mean_score: float
    images: int
    positives: int


def reliability(scores: np.ndarray, targets: np.ndarray, bins: int = 10) -> list[ScoreBin]:
    """Compare scores with the share of positives, in bins of equal width.

    Args:
        scores: ``(N,)`` in [0, 1].
        targets: ``(N,)`` of 1, 0 or -1 (ignored).
        bins: Number of bins.

    Returns:
        Bins that contain images.
    """
    kept = targets != -1
    scores, is_positive = scores[kept].astype(np.float64), targets[kept] == 1  # (n,) each
    number = np.minimum((scores * bins).astype(int), bins - 1)  # a score of 1 is in the last bin
    images = np.bincount(number, minlength=bins)  # (bins,)
    sums = np.bincount(number, weights=scores, minlength=bins)  # (bins,)
    positives = np.bincount(number[is_positive], minlength=bins)  # (bins,)
    return [
        ScoreBin(i / bins, float(sums[i] / images[i]), int(images[i]), int(positives[i]))
        for i in np.flatnonzero(images).tolist()
    ]
