"""Average precision within groups of images, with bootstrap intervals.

Use it if images differ in something that correlates with the class, such as how they were made. A
network can learn that instead of the items. Only the results within a group reveal it.
"""

import os
from collections.abc import Sequence

import numpy as np

from mmsxm.evaluation.array_metric import ArrayMetric, image_name
from mmsxm.evaluation.bootstrap import bootstrap_average_precision, percentile_interval
from mmsxm.evaluation.mean_average_precision import average_precision, score_rows, with_mean
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import read_records
from mmsxm.registry import METRICS


def read_groups(path: str | os.PathLike[str], column: str) -> dict[str, str]:
    """Read the group of each image from a CSV file with the columns ``name`` and ``column``.

    Raises:
        KeyError: One of the columns is missing.
        ValueError: The file is not a CSV file in UTF-8, or a row has another number of values.
    """
    columns, rows = read_records(path)
    missing = {'name', column} - set(columns)
    if missing:
        raise KeyError(
            f'{path} has no column {", ".join(sorted(missing))}. Its columns are '
            f'{", ".join(columns)}. Add the missing column or name another one.'
        )
    return {image_id(row['name']): row[column] for _, row in rows}


@METRICS.register_module()
class GroupedAveragePrecision(ArrayMetric):
    """Metric that reports average precision within each group, in percent.

    ``<group>/mAP`` and ``<group>/AP/<class>`` have a 95% interval from the percentile bootstrap
    over images, ``/low`` and ``/high``. It is based on ``<group>/images`` images, of which
    ``<group>/positives/<class>`` are positives. Undefined values are None.

    Args:
        groups: Csv file with ``column`` and a column ``name`` that contains image file names.
        column: Column that contains the groups.
        resamples: Number of bootstrap resamples.
        collect_device: Device for gathering the results of all ranks, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.
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
        """Store the group number, the scores and the targets of each image.

        Raises:
            KeyError: The CSV file has no row for an image.
        """
        numbers = []
        for sample in data_samples:
            name = image_name(sample)
            if name not in self.groups:
                raise KeyError(
                    f'{self.source} has no row for the image {name}. Add a row with its group.'
                )
            numbers.append(self.names.index(self.groups[name]))
        column = np.array(numbers, dtype=np.float32)  # (n,)
        self.results.append(np.column_stack((column, score_rows(data_samples))))  # (n, 1 + 2 C)

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Evaluate each group separately."""
        classes = (self.dataset_meta or {})['classes']
        metrics: dict[str, float | None] = {}
        for number in np.unique(results[:, 0]).astype(int):
            group, rows = self.names[number], results[results[:, 0] == number]
            scores, targets = np.split(rows[:, 1:], 2, axis=1)  # (n, C) each
            values = with_mean(average_precision(scores, targets))  # (C + 1,)
            draws = bootstrap_average_precision(scores, targets, self.resamples)
            metrics[f'{group}/images'] = len(rows)
            names = [*(f'AP/{name}' for name in classes), 'mAP']
            for name, value, drawn in zip(names, values, draws.T, strict=True):
                low, high = percentile_interval(drawn)
                for suffix, share in (('', value), ('/low', low), ('/high', high)):
                    percent = None if np.isnan(share) else float(100 * share)
                    metrics[f'{group}/{name}{suffix}'] = percent
            for name, positives in zip(classes, (targets == 1).sum(axis=0), strict=True):
                metrics[f'{group}/positives/{name}'] = int(positives)
        return metrics
