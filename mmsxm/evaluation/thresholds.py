"""Choice of thresholds on a validation set, with a guaranteed average rate on new images.

A threshold that detects 95% of the positives it was chosen on detects fewer of the new ones. If k
of n positives are above a threshold, it detects k / (n + 1) of new positives on average, because
the next item is equally likely to fall into any of the n + 1 gaps between their scores. Therefore,
k is ceil(rate (n + 1)). False alarms are counted in the same way (split conformal prediction: Vovk
et al., Algorithmic Learning in a Random World, 2005).

The bootstrap chooses the threshold again for each resample of the images. For a rate, no images
need to be drawn. In a sample of n drawn from n sorted scores, the k-th smallest is the score of
rank floor(n u) + 1. Here u is the k-th smallest of n uniform numbers, which has the distribution
Beta(k, n - k + 1).
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
    """Return the smallest number of images of which one image is at most the share ``rate``."""
    return math.ceil(1 / rate - 1e-9)


def cut_threshold(curve: AlarmCurve, cuts: np.ndarray) -> np.ndarray:
    """Return the threshold that makes alarms of the highest ``cuts`` (0 to T) scores of a curve.

    It lies halfway to the next lower score. The rounding of another device or exporter therefore
    does not change the result for an image of the validation set.
    """
    edges = np.concatenate(([1.0], curve.thresholds.astype(np.float64), [0.0]))  # (T + 2,)
    return (edges[cuts] + edges[cuts + 1]) / 2  # shape of cuts


def wilson_interval(count: float, total: float) -> tuple[float, float]:
    """Return the 95% interval of the share ``count / total`` (Wilson 1927); nan if total is 0.

    A bootstrap only reproduces what it has seen. After 0 false alarms in 100 images, its interval
    would be 0 to 0. This one is 0 to 3.7%.
    """
    if not total:
        return math.nan, math.nan
    z = 1.959964  # 97.5% quantile of the normal distribution
    share = count / total
    center = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low, high = (center - half) / (1 + z * z / total), (center + half) / (1 + z * z / total)
    return max(low, 0.0), min(high, 1.0)


class Criterion(Protocol):
    """Rule for choosing a threshold."""

    def needs(self) -> tuple[int, int]:
        """Return the minimum numbers of positives and negatives."""
        ...

    def cut(self, curve: AlarmCurve) -> int:
        """Return how many of the scores of a curve are alarms."""
        ...

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Return the same for bootstrap draws over positives and negatives, ``(draws,)``."""
        ...


class DetectionRate(NamedTuple):
    """Highest threshold that detects a given share of new positives on average."""

    rate: float

    def __str__(self) -> str:
        return f'a detection rate of {self.rate:g}'

    def needs(self) -> tuple[int, int]:
        """Require so many positives that one missed positive is within the allowed share."""
        return needed_for(1 - self.rate), 0

    def cut(self, curve: AlarmCurve) -> int:
        """Count scores from the top until enough positives are among them."""
        return int(np.searchsorted(curve.hits, self._required_hits(curve))) + 1

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Resample the positives."""
        n, k = curve.positives, self._required_hits(curve)
        ranks = np.floor(n * rng.beta(k, n - k + 1, draws)) + 1  # (draws,)
        return np.searchsorted(curve.hits, ranks) + 1

    def _required_hits(self, curve: AlarmCurve) -> int:
        return math.ceil(self.rate * (curve.positives + 1) - 1e-9)


class FalsePositiveRate(NamedTuple):
    """Lowest threshold with at most a given share of new false positives on average."""

    rate: float

    def __str__(self) -> str:
        return f'a false-positive rate of {self.rate:g}'

    def needs(self) -> tuple[int, int]:
        """Require so many negatives that one false alarm is within the allowed share."""
        return 0, needed_for(self.rate)

    def cut(self, curve: AlarmCurve) -> int:
        """Count scores from the top until one more would cause too many false alarms."""
        return int(np.searchsorted(curve.false_alarms, self._first_without_alarm(curve)))

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Resample the negatives."""
        n, k = curve.negatives, self._first_without_alarm(curve)
        ranks = np.floor(n * rng.beta(k, n - k + 1, draws)) + 1  # (draws,)
        return np.searchsorted(curve.false_alarms, ranks)

    def _first_without_alarm(self, curve: AlarmCurve) -> int:
        """Return the number, by falling score, of the first negative that must not be an alarm."""
        return math.floor(self.rate * (curve.negatives + 1) + 1e-9)


class BestF1(NamedTuple):
    """Threshold with the best F1, the harmonic mean of precision and detection rate."""

    def __str__(self) -> str:
        return 'the best F1'

    def needs(self) -> tuple[int, int]:
        """Require one positive, because F1 is undefined without positives."""
        return 1, 0

    def cut(self, curve: AlarmCurve) -> int:
        """Return the first maximum: the best threshold with the fewest alarms."""
        return int(_f1(curve.hits, curve.false_alarms, curve.positives).argmax()) + 1

    def cuts(self, curve: AlarmCurve, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Resample positives and negatives.

        Each maximum lies where the last new alarm was a positive. The corners of the curve are
        therefore sufficient.
        """
        reduced = corners(curve)
        position = np.searchsorted(-curve.thresholds, -reduced.thresholds)  # in the full curve
        hit_shares = np.diff(reduced.hits, prepend=0) / max(curve.positives, 1)
        alarm_shares = np.diff(reduced.false_alarms, prepend=0) / max(curve.negatives, 1)
        found = np.empty(draws, dtype=np.int64)  # (draws,)
        for i in range(draws):
            hits = rng.multinomial(curve.positives, hit_shares).cumsum()
            alarms = rng.multinomial(curve.negatives, alarm_shares).cumsum()
            found[i] = position[_f1(hits, alarms, curve.positives).argmax()] + 1
        return found


def _f1(hits: np.ndarray, false_alarms: np.ndarray, positives: int) -> np.ndarray:
    return 2 * hits / (hits + false_alarms + positives)
