"""Average precision of many bootstrap resamples at once."""

import numpy as np
import numpy.typing as npt

__all__ = ['draw_counts', 'resampled_precision']


def draw_counts(images: int, resamples: int, seed: int) -> npt.NDArray[np.int32]:
    """Return how often each bootstrap resample contains each image: (resamples, images)."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(images, size=(resamples, images))
    cells = drawn + images * np.arange(resamples)[:, None]  # numbered through
    counts = np.bincount(cells.ravel(), minlength=resamples * images)
    return counts.reshape(resamples, images).astype(np.int32)


def resampled_precision(
    scores: npt.NDArray[np.float64], targets: npt.NDArray[np.int64], counts: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Return the average precision of each class in each resample.

    It equals :func:`~mmsxm.evaluation.average_precision` of the resampled rows, but sorts each
    class only once.

    Args:
        scores: (N, C), higher is more likely.
        targets: (N, C) of 1 (positive), 0 (negative) or -1 (ignored).
        counts: (B, N), how often each resample contains each row.

    Returns:
        (B, C) in [0, 1], nan where a resample contains no positive.
    """
    columns = [
        _class_precision(*column, counts) for column in zip(scores.T, targets.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def _class_precision(
    scores: npt.NDArray[np.float64], targets: npt.NDArray[np.int64], counts: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    known = np.flatnonzero(targets >= 0)
    order = known[np.argsort(-scores[known], kind='stable')]
    ranked = scores[order]
    # rows with equal scores share the threshold of the last one
    last = np.searchsorted(-ranked, -ranked, side='right') - 1  # (n,)
    positive = targets[order] == 1
    drawn = counts[:, order]  # (B, n)
    hits = np.cumsum(drawn * positive, axis=1, dtype=np.int32)[:, last[positive]]  # (B, P)
    alarms = np.cumsum(drawn, axis=1, dtype=np.int32)[:, last[positive]]  # (B, P)
    weights = drawn[:, positive]  # (B, P)
    total = weights.sum(axis=1)
    summed = (weights * hits / np.maximum(alarms, 1)).sum(axis=1)
    return np.where(total > 0, summed / np.maximum(total, 1), np.nan)
