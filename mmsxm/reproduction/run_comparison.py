"""Compare two ways of training: the gain in average precision, paired by image and by seed."""

import os
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmsxm.evaluation.bootstrap import percentile_interval
from mmsxm.evaluation.grouped_average_precision import read_groups
from mmsxm.evaluation.mean_average_precision import average_precision, with_mean
from mmsxm.evaluation.score_table import Scores, read_scores

__all__ = ['compare_runs', 'image_groups', 'read_runs']


def read_runs(paths: Sequence[str | os.PathLike[str] | zipfile.Path]) -> list[Scores]:
    """Read the score tables of several runs on one test set.

    Raises:
        ValueError: The images, classes or labels of a table differ from those of the first one.
    """
    runs = [read_scores(path) for path in paths]
    for path, run in zip(paths, runs, strict=True):
        require_same_test_set(runs[0], run, f'{paths[0]} and {path}')
    return runs


def image_groups(run: Scores, path: str | os.PathLike[str], column: str) -> dict[str, np.ndarray]:
    """Return the rows of a run's images in each group of a CSV file.

    Raises:
        KeyError: The CSV file has no such column.
        ValueError: The CSV file has no row for an image.
    """
    group_of = read_groups(path, column)
    if unknown := set(run.names) - set(group_of):
        raise ValueError(
            f'{os.fspath(path)} has no row for the image {min(unknown)}. Add a row with its group.'
        )
    groups = np.array([group_of[name] for name in run.names])
    return {str(group): np.flatnonzero(groups == group) for group in np.unique(groups)}


def require_same_test_set(a: Scores, b: Scores, subject: str = 'The runs') -> None:
    """Raise ValueError if two runs were tested on different sets; ``subject`` names the runs."""
    same = {
        'images': a.names == b.names,
        'classes': a.classes == b.classes,
        'labels': np.array_equal(a.targets, b.targets),
    }
    for part, equal in same.items():
        if not equal:
            raise ValueError(f'{subject} have different {part}. Compare runs on the same test set.')


def compare_runs(
    runs: Sequence[Scores],
    others: Sequence[Scores],
    rows: np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Compare the average precision of two ways of training, class by class.

    Run i of one is paired with run i of the other, so they should have the same seed. The 95%
    interval comes from a bootstrap that draws both the images and the pairs of runs. With few
    pairs, it reflects the images more than the seeds.

    Args:
        runs: Runs of one way of training, one for each seed.
        others: The same number of runs of the other way.
        rows: Images to compare. Default: all.
        resamples: Draws of the bootstrap.
        seed: Seed of the draws.

    Returns:
        One row for each class and one for the mean, in percent: ``class``, ``positives``, ``AP``,
        ``std`` (over seeds, 0 for a single one), ``other AP``, ``other std``, ``difference``,
        ``low`` and ``high``. Undefined values are nan.

    Raises:
        ValueError: The runs cannot be paired.
    """
    if len(runs) != len(others) or not runs:
        raise ValueError(
            f'Cannot pair {len(runs)} runs with {len(others)}. Use the same number of both, at '
            'least one, in the order of their seeds.'
        )
    require_same_test_set(runs[0], others[0])
    rows = np.arange(len(runs[0].names)) if rows is None else rows
    targets = runs[0].targets[rows]
    scores = [np.stack([run.scores[rows] for run in way]) for way in (runs, others)]

    values = np.array(
        [[with_mean(average_precision(s, targets)) for s in way] for way in scores]
    )  # (2, runs, C + 1)
    rng = np.random.default_rng(seed)
    draws = np.full((resamples, values.shape[2]), np.nan)
    for draw in draws:
        images = rng.integers(len(rows), size=len(rows))
        pairs = rng.integers(len(runs), size=len(runs))
        drawn_targets = targets[images]
        drawn = {
            p: [with_mean(average_precision(way[p][images], drawn_targets)) for way in scores]
            for p in pairs
        }
        draw[:] = np.mean([drawn[p][0] - drawn[p][1] for p in pairs], axis=0)

    table = []
    for column, name in enumerate((*runs[0].classes, 'mean')):
        mine, other = 100 * values[0, :, column], 100 * values[1, :, column]
        low, high = percentile_interval(100 * draws[:, column])
        labels = targets if name == 'mean' else targets[:, column]
        table.append(
            {
                'class': name,
                'positives': int((labels == 1).sum()),
                'AP': float(mine.mean()),
                'std': float(mine.std(ddof=1)) if len(mine) > 1 else 0.0,
                'other AP': float(other.mean()),
                'other std': float(other.std(ddof=1)) if len(other) > 1 else 0.0,
                'difference': float((mine - other).mean()),
                'low': low,
                'high': high,
            }
        )
    return table
