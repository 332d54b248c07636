"""Average precision within groups of images, with bootstrap intervals.

For images that differ in something that goes with the class, such as how they were made: a
network can learn that instead of the items, and only a group by itself shows it.
"""

import os
from collections.abc import Sequence

import numpy as np

from mmsxm.evaluation.array_metric import ArrayMetric, image_name
from mmsxm.evaluation.mean_average_precision import average_precision, score_rows, with_mean
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import read_records
from mmsxm.registry import METRICS

TAILS = (0.025, 0.975)  # of the interval of 95 %


def bootstrap_average_precision(
    scores: np.ndarray, targets: np.ndarray, resamples: int = 1000, seed: int = 0
) -> np.ndarray:
    """Draw the images again with replacement and compute each class's average precision.

    Args:
        scores: ``(N, C)``.
        targets: ``(N, C)`` of 1, 0 or -1 (ignored).
        resamples: How often to draw.
        seed: Of the draws.

    Returns:
        ``(resamples, C + 1)`` in [0, 1], the mean over classes last; nan where a draw holds no
        positive of a class, which the mean leaves out.
    """
    rng = np.random.default_rng(seed)
    draws = np.full((resamples, scores.shape[1] + 1), np.nan)
    for draw in draws:
        rows = rng.integers(len(scores), size=len(scores))
        draw[:] = with_mean(average_precision(scores[rows], targets[rows]))
    return draws


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The percentile interval of 95 % of a bootstrap's draws (n,), nan where none is defined."""
    defined = draws[~np.isnan(draws)]
    low, high = np.quantile(defined, TAILS) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)


def read_groups(path: str | os.PathLike[str], column: str) -> dict[str, str]:
    """Read the group of every image from a csv with columns ``name`` and ``column``.

    Raises:
        KeyError: the file lacks one of them.
        ValueError: it is no csv in UTF-8, or a row has another number of values.
    """
    columns, rows = read_records(path)
    missing = {'name', column} - set(columns)
    if missing:
        raise KeyError(
            f'{path} has no column {", ".join(sorted(missing))}; it has {", ".join(columns)}.'
        )
    return {image_id(row['name']): row[column] for _, row in rows}


@METRICS.register_module()
class GroupedAveragePrecision(ArrayMetric):
    """``<group>/mAP`` and ``<group>/AP/<class>`` in percent, with ``/low`` and ``/high``.

    The interval of 95 % is the percentile bootstrap's over images; ``<group>/images`` and
    ``<group>/positives/<class>`` say what it rests on. Undefined values are None.

    Args:
        groups: A csv with a column ``name``, the images' file names, and ``column``.
        column: The column that holds the groups.
        resamples: Draws of the bootstrap.
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.
    """

    def __init__(
        self,
        groups: str,
        column: str,
        resamples: int = 1000,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.groups = read_groups(groups, column)
        self.names = sorted(set(self.groups.values()))
        self.source = groups
        self.resamples = resamples

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the number of the group, scores and targets of each image.

        Raises:
            KeyError: the csv does not name an image.
        """
        numbers = []
        for sample in data_samples:
            name = image_name(sample)
            if name not in self.groups:
                raise KeyError(f'{self.source} has no row for the image {name}.')
            numbers.append(self.names.index(self.groups[name]))
        column = np.array(numbers, dtype=np.float32)
        self.results.append(np.column_stack((column, score_rows(data_samples))))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Evaluate every group by itself."""
        classes = (self.dataset_meta or {})['classes']
        metrics: dict[str, float | None] = {}
        for number in np.unique(results[:, 0]).astype(int):
            group, rows = self.names[number], results[results[:, 0] == number]
            scores, targets = np.split(rows[:, 1:], 2, axis=1)
            values = with_mean(average_precision(scores, targets))
            draws = bootstrap_average_precision(scores, targets, self.resamples)
            metrics[f'{group}/images'] = len(rows)
            names = [*(f'AP/{name}' for name in classes), 'mAP']
            for name, value, drawn in zip(names, values, draws.T, strict=True):
                low, high = interval(drawn)
                for key, number in (('', value), ('/low', low), ('/high', high)):
                    percent = None if np.isnan(number) else float(100 * number)
                    metrics[f'{group}/{name}{key}'] = percent
            for name, positives in zip(classes, (targets == 1).sum(axis=0), strict=True):
                metrics[f'{group}/positives/{name}'] = int(positives)
        return metrics
