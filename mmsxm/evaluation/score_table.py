"""Scores of a network for each image, in a plain CSV file."""

import csv
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric

from mmsxm.conventions import level_names
from mmsxm.evaluation.array_metric import image_name
from mmsxm.evaluation.mean_average_precision import score_rows
from mmsxm.io.safe_parsing import read_csv
from mmsxm.registry import METRICS

__all__ = [
    'ScoreTable',
    'Scores',
    'read_scores',
    'write_scores',
]

COLUMNS_OF_CLASS = ('score', 'label')


class Scores(NamedTuple):
    """Scores of a network on a test set.

    Attributes:
        names: :func:`image_name` of each image, in the order of the rows.
        classes: Names of the classes, in the order of the columns.
        scores: ``(N, C)``.
        targets: ``(N, C)`` of 1, 0 or -1 (ignored).
        level_weights: Weights of the levels, fine to coarse, ``(N, L)``. L is 0 if the file has
            none.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    scores: np.ndarray
    targets: np.ndarray
    level_weights: np.ndarray = np.empty((0, 0))


def read_scores(path: str | os.PathLike[str] | zipfile.Path) -> Scores:
    """Read a CSV file written by :class:`ScoreTable`, with rows sorted by name.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a score table.
    """
    try:
        header, *rows = (row for _, row in read_csv(path))
        levels = sum(key.startswith('level/') for key in header)
        classes = tuple(key.removeprefix('score/') for key in header[1 : len(header) - levels : 2])
        if header != _header(classes, levels) or not classes:
            raise ValueError(f'its header is {",".join(header)}')
        rows.sort()
        values = np.array([row[1:] for row in rows], dtype=np.float64)
        values = values.reshape(-1, len(header) - 1)  # (N, 2 C + L)
        if not np.isin(values[:, 1 : 2 * len(classes) : 2], (-1, 0, 1)).all():
            raise ValueError('labels must be 1, 0 or -1')
    except ValueError as error:
        raise ValueError(
            f'{path} is not a score table: {error}. Use a file written by the metric ScoreTable.'
        ) from error
    names = tuple(row[0] for row in rows)
    pairs, level_weights = np.split(values, [2 * len(classes)], axis=1)  # (N, 2 C), (N, L)
    return Scores(names, classes, pairs[:, 0::2], pairs[:, 1::2].astype(np.int64), level_weights)


def write_scores(path: str | os.PathLike[str], scores: Scores) -> None:
    """Write a CSV file for :func:`read_scores`, with rows sorted by name."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    weights = scores.level_weights if scores.level_weights.size else [()] * len(scores.names)
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(_header(scores.classes, len(weights[0])))
        for name, row, targets, levels in sorted(
            zip(scores.names, scores.scores, scores.targets, weights, strict=True),
            key=lambda row: row[0],
        ):
            pairs = [(f'{score:.9g}', int(t)) for score, t in zip(row, targets, strict=True)]
            writer.writerow(
                [name, *(cell for pair in pairs for cell in pair), *map('{:.9g}'.format, levels)]
            )


def _header(classes: Sequence[str], levels: int) -> list[str]:
    pairs = [f'{column}/{name}' for name in classes for column in COLUMNS_OF_CLASS]
    return ['name', *pairs, *(f'level/{name}' for name in level_names(levels))]


@METRICS.register_module()
class ScoreTable(BaseMetric):
    """Metric that writes scores to a CSV file and reports no values.

    The columns are ``name`` and, for each class, ``score/<class>`` and ``label/<class>``. If the
    network weights levels, their weights follow, fine to coarse: ``level/P3``, ``level/P4`` and
    ``level/P5`` in our configs, see :func:`~mmsxm.conventions.level_names`.

    Args:
        out: File to write.
        collect_device: Device for gathering the results of all ranks, ``cpu`` or ``gpu``.
    """

    default_prefix = 'xray'

    def __init__(self, out: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.out = Path(out)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Store the name, scores, targets and level weights of each image."""
        for sample, row in zip(data_samples, score_rows(data_samples), strict=True):
            weights = sample['level_weights'].tolist() if 'level_weights' in sample else []
            self.results.append((image_name(sample), *np.split(row, 2), weights))

    def compute_metrics(self, results: list[tuple]) -> dict[str, float | None]:
        """Write the file and return no metrics."""
        names, scores, targets, weights = zip(*results, strict=True)
        classes = tuple((self.dataset_meta or {})['classes'])
        write_scores(
            self.out,
            Scores(names, classes, np.stack(scores), np.stack(targets), np.array(weights)),
        )
        return {}
