"""Reproduce tables of the paper: train what is missing, resume what was cut off, write the tables.

mmsxm reproduce --table 3 --suite sixray-mini --seeds 0,1,2

Writes results/<suite>/table3.md and .csv. The record of each trained network is moved from
results/<suite>/runs into results/<suite>/runs.zip; both places are read. With --jobs several
networks train at a time; with --devices each on a GPU of its own. What has a record is never
trained again, unless a network to train needs its weights and they are not in the work directory:
name another --out to train all of it yourself.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser, numbers
from mmsxm.reproduction.rows import TABLES, Row


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('reproduce', __doc__)
    parser.add_argument(
        '--table', required=True, help=f'{", ".join(TABLES)}, several with commas, or all'
    )
    parser.add_argument('--suite', required=True, help="a suite's name, or the file of one")
    parser.add_argument('--seeds', default='0', help='numbers, with commas')
    parser.add_argument(
        '--rows',
        help='keys of rows, with commas, as in mmsxm/reproduction/rows.py and the first column '
        "of a table's csv; all without it",
    )
    parser.add_argument('--jobs', type=int, help='networks to train at a time')
    parser.add_argument('--devices', default='', help='GPUs to deal out, with commas')
    parser.add_argument('--work-dir', help='of all runs; work_dirs/reproduce/<suite>')
    parser.add_argument('--out', type=Path, help='for the tables; results/<suite>')
    parser.add_argument('--dry-run', action='store_true', help='say what would be trained')
    parser.add_argument(
        '--tables-only', action='store_true', help='write what is known by now, and train nothing'
    )
    args = parser.parse_args(argv)
    args.tables = list(TABLES) if args.table == 'all' else args.table.split(',')
    if unknown := [table for table in args.tables if table not in TABLES]:
        parser.error(f'there is no table {", ".join(unknown)}: choose from {", ".join(TABLES)}')
    args.seeds = numbers(parser, '--seeds', args.seeds)
    args.devices = args.devices.split(',') if args.devices else []
    return args


def choose_tables(args: argparse.Namespace, family: str) -> dict[str, list[Row]]:
    """The rows that are asked for of each table; ValueError where there are none."""
    tables = {
        table: [row for row in TABLES[table] if family in row.configs] for table in args.tables
    }
    if args.table == 'all':
        tables = {table: rows for table, rows in tables.items() if rows}
    elif empty := [table for table, rows in tables.items() if not rows]:
        known = [table for table, rows in TABLES.items() if any(family in r.configs for r in rows)]
        raise ValueError(
            f'table {", ".join(empty)} has no row of {family}, the data of suite {args.suite}: '
            f'choose from {", ".join(known)}'
        )
    if not args.rows:
        return tables
    chosen = args.rows.split(',')
    keys = dict.fromkeys(row.key for rows in tables.values() for row in rows)
    if unknown := [key for key in chosen if key not in keys]:
        raise ValueError(
            f'there is no row {", ".join(unknown)} in table {", ".join(tables)}: choose --rows '
            f'from {", ".join(keys)}'
        )
    return {table: [row for row in rows if row.key in chosen] for table, rows in tables.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write."""
    args = parse_args(argv)

    from rich.console import Console

    from mmsxm.reproduction.report import write_table
    from mmsxm.reproduction.reproduction import Reproduction, train_all
    from mmsxm.reproduction.suites import find_suite

    console = Console(soft_wrap=True, markup=False)
    suite = find_suite(args.suite)
    work_dir = args.work_dir or f'work_dirs/reproduce/{suite.stem}'
    out = args.out or Path('results') / suite.stem
    reproduction = Reproduction(suite, work_dir, out / 'runs')
    tables = choose_tables(args, reproduction.suite.family)
    rows = [row for chosen in tables.values() for row in chosen]
    runs = reproduction.plan(rows, args.seeds)
    missing = reproduction.missing(runs)
    console.print(f'{len(runs)} networks, of which {len(missing)} are to be trained')
    if args.dry_run:
        for run in missing:
            known = reproduction.is_finished(run)
            why = ' (has its record; its weights are needed)' if known else ''
            console.print(f'  {run.name}: {run.config}{why}')
        return
    failed = {}
    if not args.tables_only:
        reproduction.prepare_data()
        jobs = args.jobs or max(len(args.devices), 1)
        failed = train_all(reproduction, runs, jobs, args.devices)
    for table in tables:
        written = write_table(reproduction, table, args.seeds, out)
        for path in written:
            console.print(f'written: {path}')
        if not written:
            console.print(f'table {table} is not written: none of its networks is finished')
    if failed:
        for run, why in failed.items():
            console.print(f'{run.name}: {why} (see {reproduction.folder(run)}/output.txt)')
        sys.exit(f'mmsxm reproduce: {len(failed)} networks could not be trained')
