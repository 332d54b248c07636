"""The networks of a table of a suite with folds, with the values of each run."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmsxm.evaluation.localization_table import read_localization
from mmsxm.evaluation.score_table import Scores, read_scores
from mmsxm.reproduction.fold_scores import Cell, Values, precision, shares
from mmsxm.reproduction.report import BUDGET_WORDS
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import rows_of
from mmsxm.reproduction.run_comparison import image_groups, require_same_test_set
from mmsxm.reproduction.run_record import LOCALIZATION

__all__ = ['Entry', 'Measure', 'collect_entries', 'measures_of']


class Measure(NamedTuple):
    """A column of the table: a ``part`` of what was measured, and the columns that are averaged."""

    key: str
    part: str
    columns: list[int] | None = None


class Entry(NamedTuple):
    """A network of the table: its runs by fold and seed, and their values by part."""

    key: str
    label: str
    runs: dict[Cell, Run]
    values: dict[str, dict[Cell, Values]]


def collect_entries(
    reproduction: Reproduction, table: str, seeds: Sequence[int], resamples: int
) -> list[Entry]:
    """Return the networks of a table, also those without a finished run, and their values.

    Raises:
        ValueError: A record was made with different settings, or on different lists.
    """
    rows = rows_of(table, reproduction.suite.family)
    first_of: dict[int, Scores] = {}
    entries = []
    for row in rows:
        for budget in reproduction.runs_of(row, seeds[0]):
            runs = {
                (run.fold, run.seed): run
                for fold in reproduction.folds
                for seed in seeds
                if reproduction.is_finished(run := reproduction.runs_of(row, seed, fold)[budget])
                and run.fold is not None
            }
            values: dict[str, dict[Cell, Values]] = {'all': {}, 'pointing': {}, 'energy': {}}
            for (fold, seed), run in runs.items():
                scores = read_scores(reproduction.scores(run))
                subject = f'{run.name} and other runs of fold {fold}'
                require_same_test_set(first_of.setdefault(fold, scores), scores, subject)
                parts = _values(reproduction, run, scores, fold, resamples)
                for part, value in parts.items():
                    values.setdefault(part, {})[fold, seed] = value
            short = budget == 'short'
            label = f'{row.label}, {BUDGET_WORDS[budget]}' if short else row.label
            entries.append(Entry(f'{row.key}_short' if short else row.key, label, runs, values))
    for entry in entries:
        for part in {part for other in entries for part in other.values}:
            entry.values.setdefault(part, {})
    return entries


def measures_of(
    reproduction: Reproduction, classes: Sequence[str], entries: Sequence[Entry]
) -> list[Measure]:
    """Return the columns of a table: those of the suite, and of maps where a network has them."""
    measures = [Measure('mAP', 'all')]
    if focus := reproduction.suite.get('focus'):
        columns = [classes.index(name) for name in focus.classes]
        measures.append(Measure(focus.name, 'all', columns))
        if 'group' in focus:
            measures.append(Measure(f'{focus.name} {focus.group}', focus.group, columns))
    return measures + [
        Measure(key, key)
        for key in ('pointing', 'energy')
        if any(entry.values[key] for entry in entries)
    ]


def _values(
    reproduction: Reproduction, run: Run, scores: Scores, fold: int, resamples: int
) -> dict[str, Values]:
    """Return the values of a run by part: all images, a group of them, and the maps."""
    parts = {'all': precision(scores, fold, np.arange(len(scores.names)), resamples)}
    suite = reproduction.suite
    group = suite.get('focus', {}).get('group')
    if group is not None:
        groups = image_groups(scores, suite.groups.csv, suite.groups.column)
        rows = groups.get(group, np.empty(0, np.intp))
        parts[group] = precision(scores, fold, rows, resamples)
    path = reproduction.record(run) / LOCALIZATION
    if path.exists():
        table = read_localization(path)
        for key in ('pointing', 'energy'):
            share_of = {name: row[key] for name, row in table.items()}
            parts[key] = shares(share_of, scores.names, fold, resamples)
    return parts
