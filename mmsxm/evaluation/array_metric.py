"""Results as arrays: a row of numbers for each image, brought together across ranks in one piece.

mmengine keeps an object for each image, and pickles and sorts these one by one, which takes longer
than the metrics themselves.
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
    """Restore the order of a data set whose rows were dealt out to ranks, one after another.

    Args:
        parts: The rows of each rank, (n, K); n may differ.
        size: Of the data set; rows beyond it are repeats that filled up the last round.

    Returns:
        (size, K), in columns as :func:`in_columns` gives them.
    """
    if len(parts) == 1:
        return parts[0][:size]
    rounds, width = min(map(len, parts)), parts[0].shape[1]  # in which all ranks take part
    even = np.stack([part[:rounds].T for part in parts], axis=2).reshape(width, -1).T
    rest = [part[rounds:] for part in parts if len(part) > rounds]
    return (in_columns([even, interleave(rest, size)]) if rest else even)[:size]


def in_columns(batches: Sequence[np.ndarray]) -> np.ndarray:
    """Put batches of rows (n, K) together so that each column lies in one piece, (N, K)."""
    columns = np.empty((batches[0].shape[1], sum(map(len, batches))), dtype=batches[0].dtype)
    return np.concatenate(batches, out=columns.T)


def gather_rows(batches: Sequence[np.ndarray], size: int, device: str = 'cpu') -> np.ndarray | None:
    """Bring the rows of all ranks to the first, in the order of the data set.

    Args:
        batches: What this rank has, each (n, K).
        size: Of the data set.
        device: ``cpu``, through files, or ``gpu``, through the process group. A group of gloo is
            always used: it needs no GPU.

    Returns:
        (size, K), see :func:`interleave`; None on the other ranks.

    Raises:
        ValueError: No rank has a row.
    """
    own = [in_columns(batches)] if batches else []
    if get_backend() == 'gloo':
        device = 'gpu'  # as mmengine calls it; files are pickled in an old, slow way
    parts = collect_results(own, get_world_size(), device)
    if parts is None:
        return None
    if not parts:
        raise ValueError('there are no results: no rank has processed an image')
    return interleave(parts, size)


class ArrayMetric(BaseMetric):
    """A metric whose results are numbers, equally many for each image.

    ``process`` appends an array (n, K) for a batch of n images to ``results``, and
    ``compute_metrics`` is given one (N, K) for all images, in the order of the data set.
    """

    default_prefix = 'xray'

    def evaluate(self, size: int) -> dict:
        """The metrics of a data set of ``size`` images, on every rank.

        Raises:
            ValueError: No rank has processed an image.
        """
        if not self.results:
            print_log(
                f'{type(self).__name__} has no results of this rank: it has processed no image',
                logger='current',
                level=logging.WARNING,
            )
        rows = gather_rows(self.results, size, self.collect_device)
        self.results.clear()
        metrics: list = [None]
        if rows is not None:
            named = self.compute_metrics(rows).items()
            metrics = [{f'{self.prefix}/{name}': value for name, value in named}]
        broadcast_object_list(metrics)
        return metrics[0]


def image_name(sample: Any) -> str:
    """The ``img_id`` of a sample, which no other has; where it isn't packed, the file's name."""
    return sample.get('img_id') or image_id(Path(sample.get('img_path')).name)
