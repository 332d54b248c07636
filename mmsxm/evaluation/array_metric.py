"""Results as arrays: one row of numbers per image, gathered from all ranks as a single array.

MMEngine keeps an object for each image, then pickles and sorts these one by one. This takes longer
than computing the metrics.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, collect_results, get_backend, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmsxm.imaging.images import image_id

__all__ = ['ArrayMetric', 'gather_rows', 'image_name', 'in_columns', 'interleave']


def interleave(parts: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Restore the order of a dataset whose rows were distributed to the ranks in turn.

    Args:
        parts: Rows of each rank, ``(n, K)``. n may differ.
        size: Size of the dataset. Rows beyond it are repeats that filled the last round.

    Returns:
        ``(size, K)``, with contiguous columns as in :func:`in_columns`.
    """
    if len(parts) == 1:
        return parts[0][:size]
    rounds, width = min(map(len, parts)), parts[0].shape[1]  # rounds in which all ranks take part
    by_column = np.stack([part[:rounds].T for part in parts], axis=2)  # (K, rounds, ranks)
    even = by_column.reshape(width, -1).T  # (rounds * ranks, K)
    rest = [part[rounds:] for part in parts if len(part) > rounds]  # (n - rounds, K) each
    return (in_columns([even, interleave(rest, size)]) if rest else even)[:size]


def in_columns(batches: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate batches of rows ``(n, K)`` so that each column is contiguous: ``(N, K)``."""
    columns = np.empty((batches[0].shape[1], sum(map(len, batches))), dtype=batches[0].dtype)
    return np.concatenate(batches, out=columns.T)  # (N, K), a view of columns (K, N)


def gather_rows(batches: Sequence[np.ndarray], size: int, device: str = 'cpu') -> np.ndarray | None:
    """Gather the rows of all ranks on the first rank, in the order of the dataset.

    Args:
        batches: Rows of this rank, ``(n, K)`` each.
        size: Size of the dataset.
        device: ``cpu`` exchanges files, ``gpu`` uses the process group. A gloo group is always
            used because it does not need a GPU.

    Returns:
        ``(size, K)``, see :func:`interleave`. None on the other ranks.

    Raises:
        ValueError: No rank has a row.
    """
    rows_of_rank = [in_columns(batches)] if batches else []  # (n, K)
    if get_backend() == 'gloo':
        device = 'gpu'  # the process group; MMEngine's files use an old, slow pickle protocol
    parts = collect_results(rows_of_rank, get_world_size(), device)
    if parts is None:
        return None
    if not parts:
        raise ValueError(
            'There are no results because no rank has processed an image. Check that the dataset '
            'is not empty.'
        )
    return interleave(parts, size)


class ArrayMetric(BaseMetric):
    """Metric whose results are a fixed number of values per image.

    ``process`` appends an array ``(n, K)`` to ``results`` for a batch of n images.
    ``compute_metrics`` receives one array ``(N, K)`` for all images, in the order of the dataset.
    """

    default_prefix = 'xray'

    def evaluate(self, size: int) -> dict:
        """Return the metrics of a dataset of ``size`` images, on every rank.

        Raises:
            ValueError: No rank has processed an image.
        """
        if not self.results:
            print_log(
                f'{type(self).__name__} has no results on this rank, which has not processed any '
                'images.',
                logger='current',
                level=logging.WARNING,
            )
        rows = gather_rows(self.results, size, self.collect_device)
        self.results.clear()
        metrics: list = [None]
        if rows is not None:
            values = self.compute_metrics(rows).items()
            metrics = [{f'{self.prefix}/{name}': value for name, value in values}]
        broadcast_object_list(metrics)
        return metrics[0]


def image_name(sample: Any) -> str:
    """Return the unique ``img_id`` of a sample, or the name of its file if that is not packed."""
    return sample.get('img_id') or image_id(Path(sample.get('img_path')).name)
