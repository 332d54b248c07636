"""Thresholds that keep a promise on new images, chosen on a validation set.

A threshold that detects 95 % of the positives it was chosen on detects less of new ones. With n
positives, one that k of them reach detects k / (n + 1) of new ones on average: the next item is as
likely to fall into any of the n + 1 gaps between their scores. So k is ceil(rate (n + 1)), and
false alarms are counted likewise (split conformal prediction: Vovk et al., Algorithmic Learning in
a Random World, 2005).

The bootstrap chooses again for every draw of the images. For a rate none need be drawn: in a sample
of n drawn from n sorted scores, the k-th smallest is the score of rank floor(n u) + 1, where u, the
k-th smallest of n uniform numbers, is of the distribution Beta(k, n - k + 1).
"""

import math
from typing import NamedTuple, Protocol

import numpy as np

from mmsxm.evaluation.alarm_curve import AlarmCurve, corners

__all__ = [
    'BestF1',
    'Criterion',
    'DetectionRate',
    'FalsePositiveRate',
    'cut_threshold',
    'needed_for',
    'wilson_interval',
]


def needed_for(rate: float) -> int:
    """How many images it takes so that one among them is no more than the share ``rate``."""
    return math.ceil(1 / rate - 1e-9)


def cut_threshold(curve: AlarmCurve, cuts: np.ndarray) -> np.ndarray:
    """The threshold that admits the highest ``cuts`` of the curve's scores, 0 to T.

    It lies halfway to the next score below, so that no rounding of another device or exporter
    decides about an image that was seen here.
    """
    edges = np.concatenate(([1.0], curve.thresholds.astype(np.float64), [0.0]))
    return (edges[cuts] + edges[cuts + 1]) / 2


def wilson_interval(count: float, of: float) -> tuple[float, float]:
    """The interval of 95 % of a share (Wilson 1927); nan of nothing.

    A bootstrap knows what it has seen alone: after 0 false alarms in 100 images it would promise
    that there are never any, where this one says up to 3.7 %.
    """
    if not of:
        return math.nan, math.nan
    z = 1.959964  # of 95 %
    share = count / of
    centre = share + z * z / (2 * of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low, high = (centre - reach) / (1 + z * z / of), (centre + reach) / (1 + z * z / of)
    return max(low, 0.0), min(high, 1.0)


class Criterion(Protocol):
    """How to choose a threshold."""

    def needs(self) -> tuple[int, int]:
        """The least numbers of positives and negatives."""
        ...

    def cut(self, curve: AlarmCurve) -> int:
        """How many of the curve's scores are to be alarms."""
        ...

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """The same for draws of the bootstrap over positives and negatives, (draws,)."""
        ...


class DetectionRate(NamedTuple):
    """The highest threshold that promises to detect a share of the positives."""

    rate: float

    def __str__(self) -> str:
        return f'a detection rate of {self.rate:g}'

    def needs(self) -> tuple[int, int]:
        """One missed positive must be no more than what may be missed."""
        return needed_for(1 - self.rate), 0

    def cut(self, curve: AlarmCurve) -> int:
        """Count scores from the top until enough positives are among them."""
        return int(np.searchsorted(curve.hits, self._wanted(curve))) + 1

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the positives again."""
        n, k = curve.positives, self._wanted(curve)
        ranks = np.floor(n * rng.beta(k, n - k + 1, draws)) + 1
        return np.searchsorted(curve.hits, ranks) + 1

    def _wanted(self, curve: AlarmCurve) -> int:
        return math.ceil(self.rate * (curve.positives + 1) - 1e-9)


class FalsePositiveRate(NamedTuple):
    """The lowest threshold that promises no more than a share of false positives."""

    rate: float

    def __str__(self) -> str:
        return f'a false-positive rate of {self.rate:g}'

    def needs(self) -> tuple[int, int]:
        """One false alarm must be no more than what is allowed."""
        return 0, needed_for(self.rate)

    def cut(self, curve: AlarmCurve) -> int:
        """Count scores from the top until one more would bring too many false alarms."""
        return int(np.searchsorted(curve.false_alarms, self._first_refused(curve)))

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the negatives again."""
        n, k = curve.negatives, self._first_refused(curve)
        ranks = np.floor(n * rng.beta(k, n - k + 1, draws)) + 1
        return np.searchsorted(curve.false_alarms, ranks)

    def _first_refused(self, curve: AlarmCurve) -> int:
        """Of the negatives, the highest score first, the number of the first to stay silent."""
        return math.floor(self.rate * (curve.negatives + 1) + 1e-9)


class BestF1(NamedTuple):
    """The threshold of the best F1, the harmonic mean of precision and detection rate."""

    def __str__(self) -> str:
        return 'the best F1'

    def needs(self) -> tuple[int, int]:
        """Without a positive there is no F1."""
        return 1, 0

    def cut(self, curve: AlarmCurve) -> int:
        """Find the first maximum: the best threshold that brings the fewest alarms."""
        return int(_f1(curve.hits, curve.false_alarms, curve.positives).argmax()) + 1

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw positives and negatives again.

        Every maximum lies where a positive was the last to become an alarm, so the curve's corners
        are enough.
        """
        few = corners(curve)
        last = np.searchsorted(-curve.thresholds, -few.thresholds)  # their places in the curve
        hit_shares = np.diff(few.hits, prepend=0) / max(curve.positives, 1)
        alarm_shares = np.diff(few.false_alarms, prepend=0) / max(curve.negatives, 1)
        found = np.empty(draws, dtype=np.int64)
        for i in range(draws):
            hits = rng.multinomial(curve.positives, hit_shares).cumsum()
            alarms = rng.multinomial(curve.negatives, alarm_shares).cumsum()
            found[i] = last[_f1(hits, alarms, curve.positives).argmax()] + 1
        return found


def _f1(hits: np.ndarray, false_alarms: np.ndarray, positives: int) -> np.ndarray:
    return 2 * hits / (hits + false_alarms + positives)
