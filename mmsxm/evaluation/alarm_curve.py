"""Detections and false alarms at every threshold: what ROC and PR curves are made of."""

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

ANY_ITEM = 'any_item'  # what the bag as a whole is called among the classes


def bag_name(classes: Sequence[str]) -> str:
    """Return what the bag as a whole is called: ``any_item``, longer if a class has that name."""
    name = ANY_ITEM
    while name in classes:
        name += '_'
    return name


class AlarmCurve(NamedTuple):
    """What the thresholds admit, from the highest downwards.

    An image is an alarm if its score reaches the threshold, so that a threshold admits all equal
    scores or none. ``thresholds`` (T,) are the distinct scores, falling; ``hits`` and
    ``false_alarms`` (T,) count the positives and negatives that reach them, of ``positives`` and
    ``negatives`` in all.
    """

    thresholds: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray
    positives: int
    negatives: int

    @property
    def detection_rate(self) -> np.ndarray:
        """The share of positives that is an alarm, (T,); nan without positives."""
        return _share(self.hits, self.positives)

    @property
    def false_positive_rate(self) -> np.ndarray:
        """The share of negatives that is an alarm, (T,); nan without negatives."""
        return _share(self.false_alarms, self.negatives)

    @property
    def precision(self) -> np.ndarray:
        """The share of alarms that is a positive, (T,)."""
        return self.hits / (self.hits + self.false_alarms)


def _share(count: np.ndarray, of: int) -> np.ndarray:
    return count / of if of else np.full(len(count), np.nan)


def alarm_curve(scores: np.ndarray, targets: np.ndarray) -> AlarmCurve:
    """Count detections and false alarms at every threshold.

    Args:
        scores: (N,), higher is more likely.
        targets: (N,) of 1 (positive), 0 (negative) or -1 (left out).

    Raises:
        ValueError: A score is nan.
    """
    if np.isnan(scores).any():
        raise ValueError(f'{int(np.isnan(scores).sum())} of {len(scores)} scores are nan')
    kept = targets != -1
    scores, positive = scores[kept], targets[kept] == 1
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    is_last_of_equals = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    alarms = np.flatnonzero(is_last_of_equals) + 1
    hits = np.cumsum(positive[order])[is_last_of_equals]
    positives = int(positive.sum())
    return AlarmCurve(
        scores[is_last_of_equals], hits, alarms - hits, positives, len(scores) - positives
    )


def corners(curve: AlarmCurve) -> AlarmCurve:
    """Leave out thresholds between which false alarms alone grow.

    Neither the ROC nor the PR curve changes, and a million negatives leave two thresholds for each
    positive.
    """
    steps = np.diff(curve.hits, prepend=0) > 0
    kept = steps | np.append(steps[1:], True)[: len(steps)]
    return curve._replace(
        thresholds=curve.thresholds[kept],
        hits=curve.hits[kept],
        false_alarms=curve.false_alarms[kept],
    )


def any_item(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the bag as a whole: its score is the largest of its classes' scores.

    So one threshold serves all classes. A bag is a positive with any item; one without a known
    item is left out (-1) if a class is.

    Args:
        scores: (N, C).
        targets: (N, C) of 1, 0 or -1.

    Returns:
        Scores and targets, both (N,).
    """
    left_out = (targets == -1).any(axis=1)
    has_item = (targets == 1).any(axis=1)
    return scores.max(axis=1), np.where(has_item, 1, np.where(left_out, -1, 0))


class ScoreBin(NamedTuple):
    """Images whose scores reach ``from_score`` and no higher bin, and how many are positives."""

    from_score: float
    mean_score: float
    images: int
    positives: int


def reliability(scores: np.ndarray, targets: np.ndarray, bins: int = 10) -> list[ScoreBin]:
    """Compare scores with how often they are right, in bins of equal width.

    Args:
        scores: (N,) in [0, 1].
        targets: (N,) of 1, 0 or -1 (left out).
        bins: How many.

    Returns:
        The bins that hold images.
    """
    kept = targets != -1
    scores, positive = scores[kept].astype(np.float64), targets[kept] == 1
    number = np.minimum((scores * bins).astype(int), bins - 1)  # a score of 1 is in the last bin
    images = np.bincount(number, minlength=bins)
    sums = np.bincount(number, weights=scores, minlength=bins)
    positives = np.bincount(number[positive], minlength=bins)
    return [
        ScoreBin(i / bins, float(sums[i] / images[i]), int(images[i]), int(positives[i]))
        for i in np.flatnonzero(images).tolist()
    ]
