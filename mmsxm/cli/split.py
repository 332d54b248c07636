"""Split annotated images into lists for training, validation and test.

mmsxm split coco data/bags annotations/all.json --by folder

All images of a folder, day or group of a CSV column are in one list, and so are images that look
alike. Folders and groups that share such images are joined. Days are not: with --by date, single
images move to the list of the earliest image that they look like. Days are split in their order,
the latest for the test; other groups are split at random, always in the same way for the same seed.
docs/own_data.md describes the formats.
"""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmsxm.cli.arguments import make_parser

if TYPE_CHECKING:
    from mmsxm.preparing.split_lists import SplitReport

FORMATS = ('coco', 'csv', 'voc', 'yolo')  # of mmsxm.preparing.split_formats, which imports torch


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('split', __doc__)
    parser.add_argument('format', choices=FORMATS, help='format of the annotations')
    parser.add_argument('root', help='folder of the dataset')
    parser.add_argument(
        'lists',
        nargs='*',
        metavar='LIST',
        help='files that list the images, relative to ROOT. Defaults: coco: '
        'annotations/{instances,labels}_*.json; csv: all.csv; voc: all images with an XML file; '
        'yolo: the images of data.yaml',
    )
    parser.add_argument('--by', choices=['folder', 'date', 'column'], required=True)
    parser.add_argument(
        '--column', help='column with the group, or with --by date the date, of each image'
    )
    parser.add_argument(
        '--table',
        metavar='FILE',
        help='CSV file with this column and a column image (default for csv: the lists)',
    )
    parser.add_argument(
        '--shares',
        type=float,
        nargs=3,
        default=[60, 20, 20],
        metavar=('TRAIN', 'VAL', 'TEST'),
        help='shares of the images (default: 60 20 20)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the random split (default: %(default)s)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace lists that exist')
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count(),
        help='number of processes that read images; 0 uses the main process',
    )
    args = parser.parse_args(argv)
    if args.workers < 0:
        parser.error(f'invalid --workers {args.workers}: use 0 or more')
    if min(args.shares) <= 0:
        parser.error('invalid --shares: use three numbers above 0, such as 60 20 20')
    if args.by == 'column' and args.column is None:
        parser.error('--by column needs --column NAME')
    if args.by == 'folder' and args.column is not None:
        parser.error('--by folder does not use --column: use --by column')
    if args.table is not None and args.column is None:
        parser.error('--table needs --column NAME')
    return args


def split(args: argparse.Namespace) -> int:
    """Split with parsed arguments and return the exit code."""
    from mmsxm.preparing.split_formats import FORMATS as READERS
    from mmsxm.preparing.split_lists import Division, split_dataset

    train, val, test = (share / sum(args.shares) for share in args.shares)
    division = Division(args.by, args.column, args.table, (train, val, test), args.seed)
    source = READERS[args.format](os.path.expanduser(args.root), args.lists)
    report = split_dataset(source, division, args.overwrite, args.workers)
    show(report)
    return 0


def show(report: 'SplitReport') -> None:
    """Print the sizes of the lists, and what deserves attention."""
    from mmsxm.io.safe_parsing import printable
    from mmsxm.preparing.splitting import HARMLESS

    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    table = Table('', *report.images, show_edge=False)
    for column in table.columns[1:]:
        column.justify = 'right'
    rows = {'images': report.images, 'groups': report.groups, **report.classes}
    for name, counts in rows.items():
        table.add_row(Text(printable(name)), *(f'{count:,}' for count in counts.values()))
    console.print(table)
    if report.moved:
        console.print(f'moved to the list of an image that looks alike: {report.moved:,}')
    if report.joined:
        console.print(f'groups joined to others with images that look alike: {report.joined:,}')
    for part, name in report.missing():
        what = 'harmless bags' if name == HARMLESS else f'image with {printable(name)}'
        console.print(f'Warning: {part} has no {what}.')
    for line in report.problems.lines():
        console.print(f'Warning: {line}')
    for path in report.files:
        console.print(f'wrote {printable(str(path))}')


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and split."""
    return split(parse_args(argv))
