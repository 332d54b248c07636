"""Tables of a suite with folds, as Markdown and CSV.

The same results give the same bytes.
"""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsxm.evaluation.score_table import read_scores
from mmsxm.io.files import write_csv
from mmsxm.reproduction.fold_entries import Entry, Measure, collect_entries, measures_of
from mmsxm.reproduction.fold_scores import Difference, difference, mean_over_folds
from mmsxm.reproduction.report import data_of, origin_of, setting_of
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.suites import is_stage1

__all__ = ['write_fold_table']

RESAMPLES = 2000
REFERENCES = ('fpn', 'sxmnet', 'fpn_item-crops')  # rows that the page compares the others with


def write_fold_table(
    reproduction: Reproduction,
    table: str,
    seeds: Sequence[int],
    out: Path,
    resamples: int = RESAMPLES,
) -> list[Path]:
    """Write ``<table>.csv``, ``_details.csv``, ``_differences.csv`` and ``.md``.

    The CSV file has a line for each row of the table with the means over folds and seeds. The
    details also have the AP of each class, the mAP of each fold, and the means of other metrics.
    The differences are those of every two rows, over the folds and seeds that both have.

    Args:
        reproduction: Suite with folds.
        table: Key of :data:`~mmsxm.reproduction.rows.TABLES`.
        seeds: Seeds to report.
        out: Folder of the files.
        resamples: Draws of the bootstrap.

    Returns:
        The files; none if no run is finished yet.
    """
    entries = [
        entry for entry in collect_entries(reproduction, table, seeds, resamples) if entry.runs
    ]
    if not entries:
        return []
    scores = read_scores(reproduction.scores(next(iter(entries[0].runs.values()))))
    measures = measures_of(reproduction, scores.classes, entries)
    name = f'table{table}' if table.isdigit() else table
    paths = {
        kind: out / f'{name}{kind}' for kind in ('.csv', '_details.csv', '_differences.csv', '.md')
    }
    out.mkdir(parents=True, exist_ok=True)
    write_csv(paths['.csv'], [_summary(entry, measures) for entry in entries])
    details = [_details(reproduction, entry, measures, scores.classes) for entry in entries]
    keys = list(dict.fromkeys(key for row in details for key in row))
    write_csv(paths['_details.csv'], [{key: row.get(key, '') for key in keys} for row in details])
    found = {
        (ours.key, other.key, measure.key): difference(
            ours.values[measure.part], other.values[measure.part], measure.columns
        )
        for ours, other in itertools.permutations(entries, 2)
        for measure in measures
    }
    rows = [
        {'row': ours, 'to': other, 'measure': measure, **_cells(value)}
        for (ours, other, measure), value in found.items()
        if value is not None
    ]
    if rows:
        write_csv(paths['_differences.csv'], rows)
    else:
        paths.pop('_differences.csv').unlink(missing_ok=True)  # of an earlier table
    text = _markdown(reproduction, table, entries, measures, found)
    paths['.md'].write_text(text, encoding='utf-8')
    return list(paths.values())


def _mean(entry: Entry, measure: Measure) -> str:
    return _number(mean_over_folds(entry.values[measure.part], measure.columns))


def _number(value: float, form: str = '.2f') -> str:
    return '' if math.isnan(value) else f'{value:{form}}'


def _summary(entry: Entry, measures: Sequence[Measure]) -> dict[str, Any]:
    return {
        'row': entry.key,
        'label': entry.label,
        **{measure.key: _mean(entry, measure) for measure in measures},
        'folds': len({fold for fold, _ in entry.runs}),
        'seeds': len({seed for _, seed in entry.runs}),
        'runs': len(entry.runs),
    }


def _details(
    reproduction: Reproduction, entry: Entry, measures: Sequence[Measure], classes: Sequence[str]
) -> dict[str, Any]:
    row = _summary(entry, measures)
    values = entry.values['all']
    for column, name in enumerate(classes):
        row[f'AP/{name}'] = _number(mean_over_folds(values, [column]))
    for fold in reproduction.folds:
        own = {cell: value for cell, value in values.items() if cell[0] == fold}
        row[f'mAP/fold{fold}'] = _number(mean_over_folds(own))
    results = [reproduction.result(run) or {} for run in entry.runs.values()]
    for key in results[0]['metrics']:
        name = key.removeprefix('xray/')
        found = [result['metrics'].get(key) for result in results]
        if name != 'mAP' and f'AP/{name}' not in row and name not in row:
            row[name] = _number(float(np.mean([v for v in found if v is not None] or [np.nan])))
    stages = [
        [reproduction.result(stage) or {} for stage in _stages(reproduction, run)]
        for run in entry.runs.values()
    ]
    epochs = [sum(one['schedule']['epochs'] for one in results if one) for results in stages]
    seconds = [sum(one['seconds'] for one in results if one) for results in stages]
    row['epochs'] = f'{np.mean(epochs):.0f}'  # of Stage I and Stage II together
    row['seconds'] = f'{np.mean(seconds):.0f}'
    return row


def _stages(reproduction: Reproduction, run: Run) -> list[Run]:
    """Return a run and its Stage I, if that has a record with the settings of the suite."""
    needed = reproduction.needs(run)
    first = [stage for stage in needed if is_stage1(reproduction.config(stage))]
    return [*filter(reproduction.is_finished, first), run]


def _cells(value: Difference) -> dict[str, Any]:
    return {
        'difference': _number(value.value),
        'low': _number(value.low),
        'high': _number(value.high),
        'folds': value.folds,
        'runs': value.runs,
    }


def _markdown(
    reproduction: Reproduction,
    table: str,
    entries: Sequence[Entry],
    measures: Sequence[Measure],
    differences: dict[tuple[str, str, str], Difference | None],
) -> str:
    title = f'Table {table}' if table.isdigit() else table.capitalize()
    count = len(reproduction.folds)
    configs = [reproduction.config(next(iter(entry.runs.values()))) for entry in entries]
    keys = [measure.key for measure in measures]
    lines = [
        f'# {title}, suite {Path(reproduction.suite_path).stem}',
        '',
        f'{setting_of(configs)}, {data_of(reproduction)}.',
        '',
        f'Each network is trained on {count - 1} of {count} folds and tested on the other one, '
        'after its last epoch. AP is computed within each fold, averaged over folds and seeds, and '
        'then over classes. All values are in percent.',
        *_explanations(reproduction, keys),
        '',
        f'| network | {" | ".join(keys)} | folds | seeds |',
        '|---' * (len(keys) + 3) + '|',
    ]
    for entry in entries:
        row = _summary(entry, measures)
        cells = [row[key] or '-' for key in ('label', *keys)]
        lines.append(f'| {" | ".join(cells)} | {row["folds"]} of {count} | {row["seeds"]} |')
    for reference in [entry for entry in entries if entry.key in REFERENCES]:
        rows = []
        for entry in entries:
            found = [differences.get((entry.key, reference.key, key)) for key in keys]
            if entry is not reference and found[0] is not None:
                cells = [_interval(value) for value in found]
                rows.append(f'| {entry.label} | {" | ".join(cells)} | {found[0].folds} |')
        if rows:
            lines += [
                '',
                f'## Difference to "{reference.label}"',
                '',
                'Over the folds and seeds that both networks have, with 95% bootstrap intervals '
                f'over images and runs.{_one_seed(entries)}',
                '',
                f'| network | {" | ".join(keys)} | folds |',
                '|---' * (len(keys) + 2) + '|',
                *rows,
            ]
    lines += origin_of(reproduction, [run for entry in entries for run in entry.runs.values()])
    return '\n'.join(lines) + '\n'


def _one_seed(entries: Sequence[Entry]) -> str:
    if any(len({seed for _, seed in entry.runs}) > 1 for entry in entries):
        return ''
    return ' With one seed per fold, they reflect the images, not the randomness of training.'


def _explanations(reproduction: Reproduction, keys: Sequence[str]) -> list[str]:
    lines = []
    if focus := reproduction.suite.get('focus'):
        classes = ', '.join(focus.classes)
        lines.append(f'{focus.name} is the mean AP of {classes}.')
        if 'group' in focus:
            column = reproduction.suite.groups.column
            lines.append(
                f'"{focus.name} {focus.group}" is the same within the images whose {column} are '
                f'{focus.group}.'
            )
    if 'pointing' in keys:
        lines.append(
            "Pointing is the share of images in which the attention map's maximum lies in a box of "
            'any class. Energy is the share of the map within boxes.'
        )
    return ['', *lines] if lines else []


def _interval(value: Difference | None) -> str:
    if value is None or math.isnan(value.value):
        return '-'
    return f'{value.value:+.1f} [{value.low:+.1f}, {value.high:+.1f}]'
