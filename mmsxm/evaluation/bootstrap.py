"""Bootstrap over images: resampled average precision, and intervals."""

import numpy as np

from mmsxm.evaluation.mean_average_precision import average_precision, with_mean

__all__ = ['bootstrap_average_precision', 'percentile_interval']

TAILS = (0.025, 0.975)  # quantiles that bound a 95% interval


def bootstrap_average_precision(
    scores: np.ndarray, targets: np.ndarray, resamples: int = 1000, seed: int = 0
) -> np.ndarray:
    """Resample the images with replacement and compute the average precision of each class.

    Args:
        scores: ``(N, C)``.
        targets: ``(N, C)`` of 1, 0 or -1 (ignored).
        resamples: Number of resamples.
        seed: Seed of the random numbers.

    Returns:
        ``(resamples, C + 1)`` in [0, 1], with the mean over classes last. A value is nan if a
        resample contains no positive of the class. The mean excludes it.
    """
    rng = np.random.default_rng(seed)
    draws = np.full((resamples, scores.shape[1] + 1), np.nan)  # (resamples, C + 1)
    for draw in draws:
        rows = rng.integers(len(scores), size=len(scores))
        draw[:] = with_mean(average_precision(scores[rows], targets[rows]))
    return draws


def percentile_interval(draws: np.ndarray) -> tuple[float, float]:
    """Return the 95% percentile interval of bootstrap draws ``(n,)``; nan if none is defined."""
    defined = draws[~np.isnan(draws)]
    low, high = np.quantile(defined, TAILS) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)
