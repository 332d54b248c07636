"""The paper's tables from the runs of a suite, as Markdown and CSV.

The same results give the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmsxm.evaluation import read_scores
from mmsxm.io.files import write_csv
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import EVIDENCE, SXMNET, TABLES, Row, rows_of
from mmsxm.reproduction.run_comparison import compare_runs, image_groups, read_runs
from mmsxm.training.config import load_config
from mmsxm.training.installed_configs import CONFIGS

__all__ = ['BUDGET_WORDS', 'data_of', 'origin_of', 'setting_of', 'write_table']

MAP = 'xray/mAP'
RELEASES = {'sixray': 'SIXray', 'opixray': 'OPIXray'}
BUDGET_WORDS = {'full': 'as Stage I and II', 'short': 'as Stage II'}


def write_table(
    reproduction: Reproduction, table: str, seeds: Sequence[int], out: Path
) -> list[Path]:
    """Write ``table<number>.md``, ``.csv`` and ``_details.csv`` of the finished runs.

    The CSV file has the columns row, mAP_mean, mAP_std, seeds and paper, and a line for each row of
    the paper's table, for runs with the full budget. The details contain both budgets, every class,
    the best epoch on the test set, and how well the attention points. The Markdown names the
    backbone, input size and data of the rows, and lists the paper's numbers in a separate table.

    Args:
        reproduction: Suite that the runs belong to.
        table: A key of :data:`~mmsxm.reproduction.rows.TABLES`.
        seeds: Seeds to report.
        out: Folder of the files.

    Returns:
        The files; none if no run is finished yet. In that case, nothing is written.

    Raises:
        ValueError: A record was made with different settings.
    """
    rows = rows_of(table, reproduction.suite.family)
    entries = [
        _entry(reproduction, row, budget, seeds)
        for row in rows
        for budget in reproduction.runs_of(row, seeds[0])
    ]
    if not any(entry['runs'] for entry in entries):
        return []
    full = [entry for entry in entries if entry['budget'] == 'full']
    out.mkdir(parents=True, exist_ok=True)
    name = f'table{table}' if table.isdigit() else table
    paths = [out / f'{name}.csv', out / f'{name}_details.csv', out / f'{name}.md']
    write_csv(
        paths[0],
        [
            {key: entry[key] for key in ('row', 'mAP_mean', 'mAP_std', 'seeds', 'paper')}
            for entry in full
        ],
    )
    details = [
        {key: value for key, value in entry.items() if key not in ('runs', 'config')}
        for entry in entries
    ]
    keys = list(dict.fromkeys(key for entry in details for key in entry))
    write_csv(paths[1], [{key: entry.get(key, '') for key in keys} for entry in details])
    paths[2].write_text(_markdown(reproduction, table, entries), encoding='utf-8')
    return paths


def _entry(
    reproduction: Reproduction, row: Row, budget: str, seeds: Sequence[int]
) -> dict[str, Any]:
    runs = [reproduction.runs_of(row, seed)[budget] for seed in seeds]
    finished = [run for run in runs if reproduction.is_finished(run)]
    results = [result for run in finished if (result := reproduction.result(run))]
    paper = row.paper[reproduction.suite.family]
    entry: dict[str, Any] = {
        'row': row.key,
        'label': row.label,
        'budget': budget,
        'mAP_mean': _mean([result['metrics'][MAP] for result in results]),
        'mAP_std': _std([result['metrics'][MAP] for result in results]),
        'seeds': len(results),
        'paper': '' if paper is None else f'{paper:.2f}',
        'best_mean': _mean([result['best'][MAP] for result in results if result['best']]),
        'runs': finished,
        'config': reproduction.config(runs[0]),
    }
    for key in results[0]['metrics'] if results else ():
        if key != MAP:
            values = [result['metrics'][key] for result in results]
            entry[key.removeprefix('xray/')] = _mean([v for v in values if v is not None])
    if results:
        entry['steps'] = results[0]['steps']
        entry['seconds_mean'] = f'{np.mean([result["seconds"] for result in results]):.0f}'
    if stage1 := _stage1_pointing(reproduction, finished):
        entry['stage1_pointing'] = _mean(stage1)
    return entry


def _stage1_pointing(reproduction: Reproduction, runs: Sequence[Run]) -> list[float]:
    values = []
    for run in runs:
        for needed in reproduction.needs(run):
            result = reproduction.result(needed) if reproduction.is_finished(needed) else None
            if result and MAP not in result['metrics']:
                values.append(result['metrics']['xray/pointing'])
    return values


def _mean(values: Sequence[float]) -> str:
    return f'{np.mean(values):.2f}' if len(values) else ''


def _std(values: Sequence[float]) -> str:
    return f'{np.std(values, ddof=1):.2f}' if len(values) > 1 else ''


def _markdown(reproduction: Reproduction, table: str, entries: list[dict[str, Any]]) -> str:
    chances = [entry['pointing_chance'] for entry in entries if 'pointing_chance' in entry]
    chance = chances[0] if chances else '-'
    title = f'Table {table}' if table.isdigit() else table.capitalize()
    lines = [
        f'# {title}, suite {Path(reproduction.suite_path).stem}',
        '',
        'mAP in percent of the last epoch, mean ± deviation over seeds; "best on test" is the '
        'epoch with the highest mAP on the test set. The budget is the '
        'epochs of classification. Pointing is the share of images with boxes in which the '
        f"attention's maximum falls into one (a random pixel: {chance}); the mean of a map of "
        'ones is 100.',
        '',
        f'## Trained here: {_ours(reproduction, entries)}',
        '',
        '| network | backbone | budget | mAP | seeds | best on test | pointing (after Stage I) | '
        'map mean |',
        '|---|---|---|---|---|---|---|---|',
    ]
    trained = [entry for entry in entries if entry['runs']]
    for entry in trained:
        budget = BUDGET_WORDS[entry['budget']]
        if 'stage1_pointing' in entry:
            budget = 'Stage I, Stage II'
        deviation = f' ± {entry["mAP_std"]}' if entry['mAP_std'] else ''
        pointing = entry.get('pointing', '')
        if 'stage1_pointing' in entry:
            pointing += f' ({entry["stage1_pointing"]})'
        lines.append(
            f'| {entry["label"]} | {_backbone(entry["config"])} | {budget} | '
            f'{entry["mAP_mean"]}{deviation} | {entry["seeds"]} | '
            f'{entry["best_mean"]} | {pointing} | {entry.get("map_mean", "")} |'
        )
    untrained = [
        f'{entry["label"]} ({BUDGET_WORDS[entry["budget"]]})'
        for entry in entries
        if not entry['runs']
    ]
    if untrained:
        lines += ['', f'Not trained: {"; ".join(untrained)}.']
    if trained:
        lines += _differences(reproduction, trained)
    lines += origin_of(reproduction, [run for entry in trained for run in entry['runs']])
    lines += _paper(reproduction, table)
    return '\n'.join(lines) + '\n'


def _ours(reproduction: Reproduction, entries: list[dict[str, Any]]) -> str:
    """Name the backbones, input size and data of the networks that were trained here."""
    configs = [entry['config'] for entry in entries]
    parts = [setting_of(configs), data_of(reproduction)]
    if runs := [run for entry in entries for run in entry['runs']]:
        parts.append(f'{len(read_scores(reproduction.scores(runs[0])).names):,} to test on')
    return ', '.join(parts)


def data_of(reproduction: Reproduction) -> str:
    """Name the data of a suite."""
    suite = reproduction.suite
    if 'about' in suite:
        return str(suite.about)
    if 'data' in suite:
        return f'data of suite {Path(reproduction.suite_path).stem}'
    return f'full {RELEASES[suite.family]}'


def _paper(reproduction: Reproduction, table: str) -> list[str]:
    """Return the paper's numbers, separate from ours: its networks and data are different."""
    family = reproduction.suite.family
    rows = [row for row in TABLES[table] if row.paper.get(family) is not None]
    if not rows:
        return []
    configs = [load_config(CONFIGS / row.configs[family]) for row in rows]
    return [
        '',
        f'## Paper: {setting_of(configs)}, full {RELEASES[family]}',
        '',
        'mAP in percent of the epoch with the highest mAP on the test set. Compare it only with '
        'networks of the same backbone, input size and data.',
        '',
        '| network | backbone | mAP |',
        '|---|---|---|',
        *(
            f'| {row.label} | {_backbone(cfg)} | {row.paper[family]:.2f} |'
            for row, cfg in zip(rows, configs, strict=True)
        ),
    ]


def setting_of(configs: Sequence[Config]) -> str:
    """Name the backbones and the input sizes of networks."""
    return ', '.join(
        ' and '.join(dict.fromkeys(map(name, configs))) for name in (_backbone, _input_size)
    )


def _backbone(cfg: Config) -> str:
    backbone = cfg.model.backbone
    return f'{backbone.type}-{backbone.depth}' if 'depth' in backbone else str(backbone.type)


def _input_size(cfg: Config) -> str:
    (side,) = (
        step.crop_size
        for step in cfg.test_dataloader.dataset.pipeline
        if step.type == 'mmsxm.CenterCrop'
    )
    return f'{side} px'


def _differences(reproduction: Reproduction, entries: list[dict[str, Any]]) -> list[str]:
    """Return the gain of the paper's own network over each other row, paired over common seeds.

    In a table without that network, class evidence takes its place, or else the last row.

    Args:
        reproduction: Suite of the table.
        entries: Rows with runs.
    """
    networks = {*SXMNET.values(), EVIDENCE.format(reproduction.suite.family)}
    proposed = [entry for entry in entries if any(run.config in networks for run in entry['runs'])]
    ours = proposed[0] if proposed else entries[-1]
    suite = reproduction.suite
    lines: list[str] = []
    for entry in entries:
        if entry is ours:
            continue
        common = {run.seed for run in ours['runs']} & {run.seed for run in entry['runs']}
        if not common:
            continue
        mine, others = (
            read_runs(
                [
                    reproduction.scores(run)
                    for run in sorted(side['runs'], key=lambda run: run.seed)
                    if run.seed in common
                ]
            )
            for side in (ours, entry)
        )
        parts: dict[str, np.ndarray | None] = {'all': None}
        if 'groups' in suite:
            parts |= image_groups(mine[0], suite.groups.csv, suite.groups.column)
        cells = []
        for part, chosen in parts.items():
            row = compare_runs(mine, others, chosen)[-1]
            cells.append(
                f'{part}: {row["difference"]:+.1f} [{row["low"]:+.1f}, {row["high"]:+.1f}]'
            )
        lines.append(
            f'| {entry["label"]}, {BUDGET_WORDS[entry["budget"]]} | {len(common)} | '
            f'{"; ".join(cells)} |'
        )
    if not lines:
        return []
    return [
        '',
        f'Difference of "{ours["label"]}" to the others in mAP, paired over seeds and images, with '
        '95% bootstrap intervals over both:',
        '',
        '| to | seeds | difference |',
        '|---|---|---|',
        *lines,
    ]


def origin_of(reproduction: Reproduction, runs: Sequence[Run]) -> list[str]:
    """Return lines that name the code revision and the package versions of finished runs."""
    results = [result for run in set(runs) if (result := reproduction.result(run))]
    if not results:
        return []
    revisions = sorted({str(result['revision'])[:12] for result in results})
    stacks = sorted({_stack(result) for result in results})
    return ['', f'Code: {", ".join(revisions)}. Stack: {"; ".join(stacks)}.']


def _stack(result: dict[str, Any]) -> str:
    versions = ', '.join(f'{name} {version}' for name, version in result['stack'].items())
    return f'{versions} on {result["device"]}' if 'device' in result else versions
