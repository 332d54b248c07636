"""Check the datasets of a config before training: images, annotations, lists and copies.

mmsxm check configs/sxmnet_sixray_stage1.py --workers 8 --html check.html

docs/checking.md lists the checks and explains how to fix what they find. Exit codes: 0 if training
can start, possibly with warnings; 1 if errors were found; 2 if the check itself failed.
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


SHOWN_PLACES = 3
COUNTS = {
    'rows': 'rows',
    'excluded by the config': 'left_out',
    'usable': 'usable',
    'positives': 'positives',
    'published positives': 'published',
}
STYLES = {'error': 'bold red', 'warning': 'yellow', 'note': 'dim'}


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('check', __doc__)
    parser.add_argument('config', help='config file')
    add_cfg_options(parser)
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count(),
        help='number of worker processes; 0 uses the main process',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the full report as JSON')
    parser.add_argument(
        '--html', type=Path, metavar='FILE', help='write the report as a page with thumbnails'
    )
    parser.add_argument(
        '--fix-list',
        type=Path,
        metavar='DIR',
        help='write copies of the lists to DIR, without the rows that have errors',
    )
    args = parser.parse_args(argv)
    if args.workers < 0:
        parser.error(f'invalid --workers {args.workers}: use 0 or more')
    return args


def show(report: 'Report') -> None:
    """Print the report."""
    console = Console()
    for checked in report.lists:
        console.print(as_text(f'{checked.split}: {checked.dataset.ann_file}'))
    if report.lists:
        console.print(lists_table(report))
    if report.findings:
        console.print(findings_table(report))


def lists_table(report: 'Report') -> Table:
    """Build a table of the lists: counts, and sizes as median, minimum and maximum."""
    table = Table('', show_edge=False)
    for checked in report.lists:
        table.add_column(checked.split, justify='right')
    for title, field in COUNTS.items():
        counts = [getattr(checked, field) for checked in report.lists]
        if counts == [None] * len(counts):  # only the public sets have published numbers
            continue
        table.add_row(title, *('' if count is None else f'{count:,}' for count in counts))
    for name in dict.fromkeys(name for checked in report.lists for name in checked.images):
        pairs = [
            (checked.images.get(name, 0), checked.boxes.get(name, 0)) for checked in report.lists
        ]
        cells = [f'{images:,} / {boxes:,}' for images, boxes in pairs]
        table.add_row(as_text(f'{name}: images / boxes'), *cells)
    table.add_section()
    for name in dict.fromkeys(name for checked in report.lists for name in checked.statistics):
        values = [checked.statistics.get(name, {}) for checked in report.lists]
        table.add_row(name, *map(spread, values))
    return table


def spread(values: dict[str, float]) -> str:
    """Format the median of a measure, with its minimum and maximum."""
    if not values:
        return ''
    return '{median:.4g} ({least:.4g}..{most:.4g})'.format(**values)


def findings_table(report: 'Report') -> Table:
    """Build a table of the findings, the most severe first."""
    from mmsxm.checking.findings import KINDS

    roots = {os.path.join(checked.dataset.data_root, '') for checked in report.lists}
    table = Table('', 'number', show_edge=False, show_lines=True)
    table.add_column('problem, fix and first occurrences', overflow='fold')
    for kind, findings in report.by_kind().items():
        severity, title, remedy = KINDS[kind]
        description = Text(title, 'bold').append(f' [{kind}]', 'dim')
        description.append(f'\n{remedy}', 'italic')
        for finding in findings[:SHOWN_PLACES]:
            line = finding.words
            for root in roots:
                line = line.replace(root, '')
            description.append('\n').append_text(as_text(line))
        if len(findings) > SHOWN_PLACES:
            description.append('\n...')
        table.add_row(Text(severity, STYLES[severity]), f'{len(findings):,}', description)
    return table


def as_text(untrusted: str) -> Text:
    """Return text from a data set as it is, without terminal codes or markup."""
    from mmsxm.io.safe_parsing import printable

    return Text(printable(untrusted))


def check(args: argparse.Namespace) -> int:
    """Check with parsed arguments and return the exit code."""
    from mmsxm.checking.check_datasets import check_datasets
    from mmsxm.checking.fixed_lists import write_fixed_lists
    from mmsxm.checking.page import check_page
    from mmsxm.engine.pixel_mapping import config_mapping
    from mmsxm.io.files import atomic_write
    from mmsxm.training.config import load_config

    cfg = load_config(args.config, options=args.cfg_options)
    report = check_datasets(cfg, args.workers)
    show(report)
    if args.json:
        atomic_write(args.json, report.to_json().encode())
    if args.html:
        atomic_write(args.html, check_page(report, config_mapping(cfg)).encode())
    if args.fix_list:
        for fixed in write_fixed_lists(report, args.fix_list):
            outcome = fixed.reason or f'{fixed.dropped:,} rows dropped'
            print(f'{fixed.path}: {outcome}')
    if report.may_train:
        print('Training can start.')
        return 0
    print('Fix the errors before you start training.')
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and check."""
    return check(parse_args(argv))
