"""Reproduce tables of the paper: train what is missing, resume what was cut off, write the tables.

python tools/reproduce.py --table 3 --suite sixray-mini --seeds 0,1,2

Writes results/<suite>/table3.md and .csv, and a record of each network to results/<suite>/runs.
With --jobs several networks train at a time; with --devices each on a GPU of its own. What has a
record is never trained again: name another --out to train all of it yourself.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mmsxm.apis.paper.report import write_table
from mmsxm.apis.paper.reproduction import Reproduction, train_all
from mmsxm.apis.paper.rows import TABLES
from mmsxm.apis.paper.suites import find_suite


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--table', required=True, help=f'{", ".join(TABLES)}, several with commas, or all'
    )
    parser.add_argument('--suite', required=True, help="a suite's name, or the file of one")
    parser.add_argument('--seeds', default='0', help='numbers, with commas')
    parser.add_argument('--rows', help='of the table, with commas; all without it')
    parser.add_argument('--jobs', type=int, help='networks to train at a time')
    parser.add_argument('--devices', default='', help='GPUs to deal out, with commas')
    parser.add_argument('--work-dir', help='of all runs; work_dirs/reproduce/<suite>')
    parser.add_argument('--out', type=Path, help='for the tables; results/<suite>')
    parser.add_argument('--dry-run', action='store_true', help='say what would be trained')
    parser.add_argument(
        '--tables-only', action='store_true', help='write what is known by now, and train nothing'
    )
    args = parser.parse_args()
    args.tables = list(TABLES) if args.table == 'all' else args.table.split(',')
    if unknown := [table for table in args.tables if table not in TABLES]:
        parser.error(f'there is no table {", ".join(unknown)}: choose from {", ".join(TABLES)}')
    try:
        args.seeds = [int(seed) for seed in args.seeds.split(',')]
    except ValueError:
        parser.error(f'--seeds {args.seeds}: give whole numbers with commas between them')
    args.devices = args.devices.split(',') if args.devices else []
    return args


def main() -> None:
    """Train and write."""
    args = parse_args()
    console = Console()
    try:
        suite = find_suite(args.suite)
        work_dir = args.work_dir or f'work_dirs/reproduce/{suite.stem}'
        out = args.out or Path('results') / suite.stem
        reproduction = Reproduction(suite, work_dir, out / 'runs')
        family = reproduction.suite.family
        rows = [
            row
            for table in args.tables
            for row in TABLES[table]
            if family in row.configs and (not args.rows or row.key in args.rows.split(','))
        ]
        runs = reproduction.plan(rows, args.seeds)
        missing = reproduction.missing(runs)
        console.print(f'{len(runs)} networks, of which {len(missing)} are to be trained')
        if args.dry_run:
            for run in missing:
                console.print(f'  {run.name}: {run.config}')
            return
        failed = {}
        if not args.tables_only:
            reproduction.prepare_data()
            jobs = args.jobs or max(len(args.devices), 1)
            failed = train_all(reproduction, runs, jobs, args.devices)
        for table in args.tables:
            for path in write_table(reproduction, table, args.seeds, out):
                console.print(f'written: {path}')
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'reproduce.py: {error}')
    if failed:
        for run, why in failed.items():
            console.print(f'{run.name}: {why} (see {reproduction.folder(run)}/output.txt)')
        sys.exit(f'reproduce.py: {len(failed)} networks could not be trained')


if __name__ == '__main__':
    main()
