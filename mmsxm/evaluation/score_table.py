"""What a network says of every image, as a csv that anyone can read."""

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

WHAT = ('score', 'label')


class Scores(NamedTuple):
    """What a network said of a test set.

    ``scores`` and ``targets`` (1, 0, or -1 for ignored) are (N, C), in the order of ``names``, the
    images' :func:`image_name`, and ``classes``. ``level_weights`` (N, L) are the weights of the
    levels, fine to coarse, with L = 0 where the file has none.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    scores: np.ndarray
    targets: np.ndarray
    level_weights: np.ndarray = np.empty((0, 0))


def read_scores(path: str | os.PathLike[str] | zipfile.Path) -> Scores:
    """Read a csv that :class:`ScoreTable` has written, rows sorted by name.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is no such file.
    """
    try:
        header, *rows = (row for _, row in read_csv(path))
        levels = sum(key.startswith('level/') for key in header)
        classes = tuple(key.removeprefix('score/') for key in header[1 : len(header) - levels : 2])
        if header != _header(classes, levels) or not classes:
            raise ValueError(f'the header is {",".join(header)}')
        rows.sort()
        values = np.array([row[1:] for row in rows], dtype=np.float64)
        values = values.reshape(-1, len(header) - 1)
        if not np.isin(values[:, 1 : 2 * len(classes) : 2], (-1, 0, 1)).all():
            raise ValueError('labels are 1, 0 and -1')
    except ValueError as error:
        raise ValueError(f'{path} is no table of scores: {error}') from error
    names = tuple(row[0] for row in rows)
    pairs, level_weights = np.split(values, [2 * len(classes)], axis=1)
    return Scores(names, classes, pairs[:, 0::2], pairs[:, 1::2].astype(np.int64), level_weights)


def write_scores(path: str | os.PathLike[str], scores: Scores) -> None:
    """Write a csv that :func:`read_scores` reads, rows sorted by name."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    weights = scores.level_weights if scores.level_weights.size else [()] * len(scores.names)
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(_header(scores.classes, len(weights[0])))
        for name, own, targets, levels in sorted(
            zip(scores.names, scores.scores, scores.targets, weights, strict=True),
            key=lambda row: row[0],
        ):
            pairs = [(f'{s:.9g}', int(t)) for s, t in zip(own, targets, strict=True)]
            writer.writerow(
                [name, *(cell for pair in pairs for cell in pair), *map('{:.9g}'.format, levels)]
            )


def _header(classes: Sequence[str], levels: int) -> list[str]:
    pairs = [f'{what}/{name}' for name in classes for what in WHAT]
    return ['name', *pairs, *(f'level/{name}' for name in level_names(levels))]


@METRICS.register_module()
class ScoreTable(BaseMetric):
    """Write a csv of ``name`` and, for each class, ``score/<class>`` and ``label/<class>``.

    Where the network weighs levels, ``level/P3``, ``level/P4`` and ``level/P5`` follow. It adds no
    metric.

    Args:
        out: The file to write.
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
    """

    default_prefix = 'xray'

    def __init__(self, out: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.out = Path(out)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the name, scores, targets and level weights of each image."""
        for sample, row in zip(data_samples, score_rows(data_samples), strict=True):
            weights = sample['level_weights'].tolist() if 'level_weights' in sample else []
            self.results.append((image_name(sample), *np.split(row, 2), weights))

    def compute_metrics(self, results: list[tuple]) -> dict[str, float | None]:
        """Write the file; the metrics are empty."""
        names, scores, targets, weights = zip(*results, strict=True)
        classes = tuple((self.dataset_meta or {})['classes'])
        write_scores(
            self.out,
            Scores(names, classes, np.stack(scores), np.stack(targets), np.array(weights)),
        )
        return {}
