"""What networks reach in cross-validation, and the differences between them.

Average precision is computed within each fold, because the scores of networks that were trained on
different folds are not comparable. Its mean over folds is the AP of a class, and the mean over
classes the mAP. Intervals come from a bootstrap that draws the images of each fold and, for each
fold, the pairs of runs.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmsxm.evaluation.bootstrap import percentile_interval
from mmsxm.evaluation.mean_average_precision import average_precision
from mmsxm.evaluation.resampled_precision import draw_counts, resampled_precision
from mmsxm.evaluation.score_table import Scores

__all__ = ['Cell', 'Difference', 'Values', 'difference', 'mean_over_folds', 'precision', 'shares']

Cell = tuple[int, int]  # fold and seed
Array = npt.NDArray[np.float64]


class Values(NamedTuple):
    """A measure of one run: ``point`` (K,), and ``draws`` (B, K) of a bootstrap over its images.

    K is the number of classes, or 1. Values are in percent, and nan where undefined.
    """

    point: Array
    draws: Array


class Difference(NamedTuple):
    """The difference of a measure between two networks, with its interval of 95%."""

    value: float
    low: float
    high: float
    folds: int
    runs: int


def precision(scores: Scores, fold: int, rows: npt.NDArray[np.intp], resamples: int) -> Values:
    """Return the average precision of each class among some images of a fold.

    All runs of a fold draw the same images, so that they can be paired.

    Args:
        scores: Scores of the fold's images.
        fold: Number of the fold, which is also the seed of the draws.
        rows: Images to score.
        resamples: Number of draws from all images of the fold.
    """
    values, targets = scores.scores[rows], scores.targets[rows]
    counts = draw_counts(len(scores.names), resamples, fold)[:, rows]
    return Values(
        100 * average_precision(values, targets), 100 * resampled_precision(values, targets, counts)
    )


def shares(
    share_of: Mapping[str, float], names: Sequence[str], fold: int, resamples: int
) -> Values:
    """Return the mean of a share over the images of a fold that have one, such as pointing."""
    present = np.array([name in share_of for name in names])
    share = np.array([share_of.get(name, 0.0) for name in names])
    counts = draw_counts(len(names), resamples, fold) * present
    with np.errstate(invalid='ignore'):
        draws = (counts @ share) / counts.sum(axis=1)
    point = share[present].mean() if present.any() else np.nan
    return Values(100 * np.array([point]), 100 * draws[:, None])


def mean_over_folds(values: Mapping[Cell, Values], columns: Sequence[int] | None = None) -> float:
    """Return the mean over seeds, folds and then columns; nan without runs."""
    if not values:
        return float('nan')
    points = {cell: value.point for cell, value in values.items()}
    folds = [np.mean(_of_fold(points, fold), axis=0) for fold in _folds(values)]
    return float(_over_columns(_defined_mean(np.stack(folds)), columns))


def difference(
    ours: Mapping[Cell, Values],
    others: Mapping[Cell, Values],
    columns: Sequence[int] | None = None,
    seed: int = 0,
) -> Difference | None:
    """Return the difference between two networks over the folds and seeds that both have.

    Runs of the same fold and seed are paired. With one seed per fold, the interval reflects the
    images only, and not the randomness of training.

    Args:
        ours: Values of one network by fold and seed.
        others: Values of the other one.
        columns: Columns to average, for example some of the classes. Default: all.
        seed: Seed of the draws of runs.

    Returns:
        None if the networks have no fold and seed in common.
    """
    common = sorted(set(ours) & set(others))
    if not common:
        return None
    points = {cell: ours[cell].point - others[cell].point for cell in common}
    draws = {cell: ours[cell].draws - others[cell].draws for cell in common}
    rng = np.random.default_rng(seed)
    folds = _folds(points)
    drawn = []
    for fold in folds:
        runs = _of_fold(draws, fold)  # (S, B, K)
        picks = rng.integers(len(runs), size=(len(runs), runs.shape[1]))  # (S, B)
        drawn.append(np.mean(runs[picks, np.arange(runs.shape[1])], axis=0))  # (B, K)
    point = np.stack([np.mean(_of_fold(points, fold), axis=0) for fold in folds])  # (F, K)
    low, high = percentile_interval(_over_columns(_defined_mean(np.stack(drawn)), columns))
    value = float(_over_columns(_defined_mean(point), columns))
    return Difference(value, low, high, len(folds), len(common))


def _folds(cells: Mapping[Cell, object]) -> list[int]:
    return sorted({fold for fold, _ in cells})


def _of_fold(values: Mapping[Cell, Array], fold: int) -> Array:
    """Stack the values of the seeds of a fold."""
    return np.stack([values[cell] for cell in sorted(values) if cell[0] == fold])


def _over_columns(values: Array, columns: Sequence[int] | None) -> Array:
    """Return the mean of the chosen columns (..., K) -> (...)."""
    chosen = values if columns is None else values[..., list(columns)]
    return _defined_mean(np.moveaxis(chosen, -1, 0))


def _defined_mean(values: Array) -> Array:
    """Return the mean over the first axis of the values that are not nan; nan if none is left."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
