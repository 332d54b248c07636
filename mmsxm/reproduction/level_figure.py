"""Fig. 4 of the paper: the level that the labels select, and the level that networks trust."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsxm.conventions import LEVELS
from mmsxm.evaluation.score_table import read_scores
from mmsxm.io.files import write_csv
from mmsxm.reproduction.finished_runs import finished_runs
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import TABLES
from mmsxm.reproduction.taught_levels import count_levels, levels_of_boxes
from mmsxm.visualization.bars import BarPanel, plot_bars

__all__ = ['draw_box_levels', 'draw_levels']

FUSIONS = {'gated': 'gated fusion', 'mf_i': 'MF-I', 'mf_n': 'MF-N'}  # the rows of Table 4
TAUGHT, TRUSTED = 'training label', 'largest weight at test'


class LevelCounts(NamedTuple):
    """Number of images per level, by its name, for one run and panel."""

    panel: str
    fusion: str
    seed: int
    counts: Mapping[str, int]


def draw_levels(reproduction: Reproduction, seeds: Sequence[int], out: Path) -> list[Path]:
    """Draw the levels of the labels, and the levels with the largest weight at test time.

    It writes ``figure4.png`` and ``.csv``, with the columns panel, fusion, seed, level, images and
    share (in percent of the images that have a level).

    Args:
        reproduction: Suite whose finished runs of Table 4 are drawn.
        seeds: Seeds of the runs.
        out: Folder of the files.

    Raises:
        FileNotFoundError: No run is finished.
        ValueError: The record of a run has no level weights.
    """
    family = reproduction.suite.family
    fusion_of = {
        Run(row.configs[family], seed): FUSIONS[row.key] for row in TABLES['4'] for seed in seeds
    }
    counted = []
    for run in finished_runs(reproduction, fusion_of, '4'):
        taught = (reproduction.result(run) or {}).get('taught_levels')
        weights = read_scores(reproduction.scores(run)).level_weights
        if not weights.size:
            raise ValueError(
                f'{reproduction.scores(run)} has no level weights. To test the network again, '
                f'{reproduction.records.how_to_delete(run.name)} and run mmsxm reproduce again.'
            )
        if taught:
            counted.append(LevelCounts(TAUGHT, fusion_of[run], run.seed, taught))
        trusted = count_levels(weights.argmax(axis=1).tolist())
        counted.append(LevelCounts(TRUSTED, fusion_of[run], run.seed, trusted))
    return _draw(counted, out, 'figure4')


def draw_box_levels(boxes: str | os.PathLike[str], out: Path) -> list[Path]:
    """Draw only the MF-I labels, from a CSV file of boxes. The images are not needed.

    It writes ``figure4_mf-i.png`` and ``.csv``, with the columns of :func:`draw_levels`.

    Args:
        boxes: See :func:`~mmsxm.reproduction.taught_levels.levels_of_boxes`.
        out: Folder of the files.
    """
    counts = count_levels(levels_of_boxes(boxes))
    return _draw([LevelCounts(TAUGHT, 'MF-I', 0, counts)], out, 'figure4_mf-i')


def _draw(counted: Sequence[LevelCounts], out: Path, name: str) -> list[Path]:
    shares: dict[str, dict[str, list[list[float]]]] = {TAUGHT: {}, TRUSTED: {}}
    images = {TAUGHT: 0, TRUSTED: 0}
    rows = []
    for panel, fusion, seed, counts in counted:
        total = sum(counts[level] for level in LEVELS)
        images[panel] = max(images[panel], total)
        share = [100 * counts[level] / max(total, 1) for level in LEVELS]
        shares[panel].setdefault(fusion, []).append(share)
        rows += [
            {
                'panel': panel,
                'fusion': fusion,
                'seed': seed,
                'level': level,
                'images': counts[level],
                'share': f'{percent:.2f}',
            }
            for level, percent in zip(LEVELS, share, strict=True)
        ]
    panels = [
        BarPanel(
            f'{panel} ({images[panel]:,} images)',
            {fusion: np.array(runs) for fusion, runs in by_fusion.items()},
        )
        for panel, by_fusion in shares.items()
        if by_fusion
    ]
    out.mkdir(parents=True, exist_ok=True)
    plot_bars(panels, LEVELS, out / f'{name}.png')
    write_csv(out / f'{name}.csv', rows)
    return [out / f'{name}.png', out / f'{name}.csv']
