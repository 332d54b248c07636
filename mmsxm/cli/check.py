"""Look over the data sets of a config before a training: images, annotations, lists, copies.

mmsxm check configs/sxmnet_sixray_stage1.py --workers 8 --html check.html

docs/checking.md says what is found and what to do about it. Exit code 0: training may start, though
there may be warnings; 1: errors were found; 2: the data sets could not be examined.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmsxm.cli.arguments import add_cfg_options, make_parser

if TYPE_CHECKING:
    from mmsxm.checking.report import Report

FAILURE = 2  # the interpreter's own 1 would mean errors in the data

SHOWN_PLACES = 3
COUNTS = {
    'rows': 'rows',
    'left out by the config': 'left_out',
    'usable': 'usable',
    'positives': 'positives',
    'published positives': 'published',
}
STYLES = {'error': 'bold red', 'warning': 'yellow', 'note': 'dim'}


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('check', __doc__)
    parser.add_argument('config', help='the config file')
    add_cfg_options(parser)
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes; 0 works in this'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='everything, for machines')
    parser.add_argument('--html', type=Path, metavar='FILE', help='a page with small pictures')
    parser.add_argument(
        '--fix-list', type=Path, metavar='DIR', help='write the lists there, without errors'
    )
    args = parser.parse_args(argv)
    if args.workers < 0:
        parser.error(f'--workers {args.workers}: give 0 or more')
    return args


def show(report: 'Report') -> None:
    """Print what was found."""
    console = Console()
    for one in report.lists:
        console.print(text(f'{one.split}: {one.dataset.ann_file}'))
    console.print(lists_table(report))
    if report.findings:
        console.print(findings_table(report))


def lists_table(report: 'Report') -> Table:
    """Draw up what the lists hold; of sizes the median, the least and the most."""
    table = Table('', show_edge=False)
    for one in report.lists:
        table.add_column(one.split, justify='right')
    for title, field in COUNTS.items():
        counts = [getattr(one, field) for one in report.lists]
        table.add_row(title, *('' if count is None else f'{count:,}' for count in counts))
    for name in dict.fromkeys(name for one in report.lists for name in one.images):
        pairs = [(one.images.get(name, 0), one.boxes.get(name, 0)) for one in report.lists]
        cells = [f'{images:,} / {boxes:,}' for images, boxes in pairs]
        table.add_row(text(f'{name}: images / boxes'), *cells)
    table.add_section()
    for name in dict.fromkeys(name for one in report.lists for name in one.statistics):
        values = [one.statistics.get(name, {}) for one in report.lists]
        table.add_row(name, *map(spread, values))
    return table


def spread(values: dict[str, float]) -> str:
    """The median of a measure, and how far it reaches."""
    if not values:
        return ''
    return '{median:.4g} ({least:.4g}..{most:.4g})'.format(**values)


def findings_table(report: 'Report') -> Table:
    """Draw up what was found, the worst first."""
    from mmsxm.checking.checks import KINDS

    roots = {os.path.join(one.dataset.data_root, '') for one in report.lists}
    table = Table('', 'number', show_edge=False, show_lines=True)
    table.add_column('what, what to do, and the first places', overflow='fold')
    for kind, findings in report.by_kind().items():
        severity, title, remedy = KINDS[kind]
        words = Text(title, 'bold').append(f'\n{remedy}', 'italic')
        for finding in findings[:SHOWN_PLACES]:
            line = finding.words
            for root in roots:
                line = line.replace(root, '')
            words.append('\n').append_text(text(line))
        if len(findings) > SHOWN_PLACES:
            words.append('\n...')
        table.add_row(Text(severity, STYLES[severity]), f'{len(findings):,}', words)
    return table


def text(words: str) -> Text:
    """Words of others, which may hold anything, as they are."""
    from mmsxm.io.safe_parsing import printable

    return Text(printable(words))


def check(args: argparse.Namespace) -> int:
    """Check, as the command line says; returns the exit code."""
    from mmsxm.checking.check_datasets import check_datasets
    from mmsxm.checking.fixed_lists import write_fixed_lists
    from mmsxm.checking.page import check_page
    from mmsxm.io.files import atomic_write
    from mmsxm.training.config import load_config

    report = check_datasets(load_config(args.config, options=args.cfg_options), args.workers)
    show(report)
    if args.json:
        atomic_write(args.json, report.to_json().encode())
    if args.html:
        atomic_write(args.html, check_page(report).encode())
    if args.fix_list:
        for fixed in write_fixed_lists(report, args.fix_list):
            said = fixed.reason or f'{fixed.dropped:,} rows dropped'
            print(f'{fixed.path}: {said}')
    if report.may_train:
        print('Training may start.')
        return 0
    print('Training must not start before the errors are mended.')
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Check."""
    return check(parse_args(argv))
