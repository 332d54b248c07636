"""Reproduce tables of the paper: train missing networks, resume stopped ones, write the tables.

mmsxm reproduce --table 3 --suite sixray-mini --seeds 0,1,2

Writes results/<suite>/table3.md and .csv. The record of each trained network moves from
results/<suite>/runs into results/<suite>/runs.zip; both places are read. --jobs trains several
networks at a time; --devices gives each its own GPU. A network with a record is not trained again,
unless another network needs its weights and the work directory lacks them. To train all networks
yourself, use another --out.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser, numbers
from mmsxm.reproduction.rows import TABLES, Row, rows_of


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('reproduce', __doc__)
    parser.add_argument(
        '--table', required=True, help=f'comma-separated tables ({", ".join(TABLES)}), or all'
    )
    parser.add_argument('--suite', required=True, help='name of a suite, or a suite file')
    parser.add_argument('--seeds', default='0', help='comma-separated seeds')
    parser.add_argument(
        '--folds', help='comma-separated folds to train, of a suite with folds (default: all)'
    )
    parser.add_argument(
        '--rows',
        help='comma-separated row keys (default: all rows). See mmsxm/reproduction/rows.py, or the '
        "first column of a table's CSV file",
    )
    parser.add_argument('--jobs', type=int, help='number of networks to train at a time')
    parser.add_argument('--devices', default='', help='comma-separated GPUs to distribute')
    parser.add_argument(
        '--work-dir', help='work directory of all runs (default: work_dirs/reproduce/<suite>)'
    )
    parser.add_argument(
        '--out', type=Path, help='output folder for the tables (default: results/<suite>)'
    )
    parser.add_argument('--dry-run', action='store_true', help='print what would be trained')
    parser.add_argument(
        '--tables-only', action='store_true', help='write tables of finished runs; train nothing'
    )
    args = parser.parse_args(argv)
    args.tables = list(TABLES) if args.table == 'all' else args.table.split(',')
    if unknown := [table for table in args.tables if table not in TABLES]:
        parser.error(f'unknown table {", ".join(unknown)}: choose from {", ".join(TABLES)}')
    args.seeds = numbers(parser, '--seeds', args.seeds)
    args.folds = None if args.folds is None else numbers(parser, '--folds', args.folds)
    args.devices = args.devices.split(',') if args.devices else []
    return args


def choose_tables(args: argparse.Namespace, family: str) -> dict[str, list[Row]]:
    """Return the requested rows of each table.

    Raises:
        ValueError: A table has no row for the family, or a row key is unknown.
    """
    tables = {table: rows_of(table, family) for table in args.tables}
    if args.table == 'all':
        tables = {table: rows for table, rows in tables.items() if rows}
    elif empty := [table for table, rows in tables.items() if not rows]:
        known = [table for table in TABLES if rows_of(table, family)]
        raise ValueError(
            f'Table {", ".join(empty)} has no row for {family}, the data of suite {args.suite}. '
            f'Choose from {", ".join(known)}.'
        )
    if not args.rows:
        return tables
    chosen = args.rows.split(',')
    keys = dict.fromkeys(row.key for rows in tables.values() for row in rows)
    if unknown := [key for key in chosen if key not in keys]:
        raise ValueError(
            f'Unknown row {", ".join(unknown)} in table {", ".join(tables)}. Choose --rows '
            f'from {", ".join(keys)}.'
        )
    return {table: [row for row in rows if row.key in chosen] for table, rows in tables.items()}


def choose_folds(args: argparse.Namespace, known: list[int] | list[None]) -> list[int] | None:
    """Return the requested folds, None for all.

    Raises:
        ValueError: The suite does not have a fold.
    """
    folds: list[int] | None = args.folds
    if unknown := [fold for fold in folds or () if fold not in known]:
        choice = ', '.join(map(str, known))
        advice = (
            'Its split is fixed: omit --folds.' if known == [None] else f'Choose from {choice}.'
        )
        raise ValueError(f'Suite {args.suite} has no fold {", ".join(map(str, unknown))}. {advice}')
    return folds


def main(argv: Sequence[str] | None = None) -> None:
    """Train the networks and write the tables."""
    args = parse_args(argv)

    from rich.console import Console

    from mmsxm.reproduction.fold_table import write_fold_table
    from mmsxm.reproduction.jobs import train_all
    from mmsxm.reproduction.report import write_table
    from mmsxm.reproduction.reproduction import Reproduction
    from mmsxm.reproduction.suites import find_suite

    console = Console(soft_wrap=True, markup=False)
    suite = find_suite(args.suite)
    work_dir = args.work_dir or f'work_dirs/reproduce/{suite.stem}'
    out = args.out or Path('results') / suite.stem
    reproduction = Reproduction(suite, work_dir, out / 'runs')
    tables = choose_tables(args, reproduction.suite.family)
    rows = [row for chosen in tables.values() for row in chosen]
    runs = reproduction.plan(rows, args.seeds, choose_folds(args, reproduction.folds))
    missing = reproduction.missing(runs)
    console.print(f'{len(runs)} networks, {len(missing)} of them to be trained')
    if args.dry_run:
        for run in missing:
            finished = reproduction.is_finished(run)
            reason = ' (has a record, but its weights are needed)' if finished else ''
            console.print(f'  {run.name}: {run.config}{reason}')
        return
    failed = {}
    if not args.tables_only:
        # a table contains all of its rows: stop at a record with other settings before training
        whole = [row for table in tables for row in rows_of(table, reproduction.suite.family)]
        reproduction.missing(reproduction.plan(whole, args.seeds))
        reproduction.prepare_data()
        jobs = args.jobs or max(len(args.devices), 1)
        failed = train_all(reproduction, runs, jobs, args.devices)
    write = write_table if reproduction.fold_lists is None else write_fold_table
    for table in tables:
        written = write(reproduction, table, args.seeds, out)
        for path in written:
            console.print(f'Wrote {path}')
        if not written:
            console.print(f'Skipped table {table}: none of its networks is finished')
    if failed:
        for run, reason in failed.items():
            console.print(f'{run.name}: {reason} (see {reproduction.folder(run)}/output.txt)')
        sys.exit(f'mmsxm reproduce: {len(failed)} networks failed to train, see above')
