"""The score of every class for every image, as a csv that anyone can read."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric

from mmsxm.registry import METRICS

from .mean_average_precision import score_row

__all__ = ['ScoreTable', 'Scores', 'read_scores']

WHAT = ('score', 'label')


class Scores(NamedTuple):
    """What a network said of a test set.

    ``scores`` and ``targets`` (1, 0, or -1 for ignored) are (N, C), in the order of ``names``, the
    stems of the images' files, and ``classes``.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    scores: np.ndarray
    targets: np.ndarray


def read_scores(path: str | os.PathLike[str]) -> Scores:
    """Read a csv that :class:`ScoreTable` has written, rows sorted by name.

    Raises:
        ValueError: It is no such file.
    """
    try:
        with open(path, newline='', encoding='utf-8') as file:
            header, *rows = csv.reader(file)
        classes = tuple(key.removeprefix('score/') for key in header[1::2])
        wanted = ['name', *(f'{what}/{c}' for c in classes for what in WHAT)]
        if header != wanted or not classes:
            raise ValueError(f'the header is {",".join(header)}')
        rows.sort()
        values = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 2 * len(classes))
    except (ValueError, csv.Error) as error:
        raise ValueError(f'{path} is no table of scores: {error}') from error
    names = tuple(row[0] for row in rows)
    return Scores(names, classes, values[:, 0::2], values[:, 1::2].astype(np.int64))


@METRICS.register_module()
class ScoreTable(BaseMetric):
    """Write a csv of ``name`` and, for each class, ``score/<class>`` and ``label/<class>``.

    It adds no metric.

    Args:
        out: The file to write.
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
    """

    default_prefix = 'xray'

    def __init__(self, out: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.out = Path(out)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the name, scores and targets of each image."""
        for sample in data_samples:
            self.results.append((Path(sample['img_path']).stem, score_row(sample)))

    def compute_metrics(self, results: list[tuple[str, np.ndarray]]) -> dict[str, float | None]:
        """Write the file; the metrics are empty."""
        classes = (self.dataset_meta or {})['classes']
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with open(self.out, 'w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow(['name', *(f'{what}/{c}' for c in classes for what in WHAT)])
            for name, (scores, targets) in sorted(results, key=lambda result: result[0]):
                cells = [(f'{s:.9g}', int(t)) for s, t in zip(scores, targets, strict=True)]
                writer.writerow([name, *(cell for pair in cells for cell in pair)])
        return {}
