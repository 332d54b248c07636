"""Compare two ways of training, each with a run for every seed, on one test set.

mmsxm test CONFIG RUN --out scores.csv      # for every run
mmsxm compare-runs tip-0.csv tip-1.csv --against plain-0.csv plain-1.csv

Average precision by class, and its difference with an interval of 95 % over images and seeds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import make_parser

if TYPE_CHECKING:
    import numpy as np


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    parser = make_parser('compare-runs', __doc__)
    parser.add_argument('runs', nargs='+', help='score tables of one way of training')
    parser.add_argument('--against', nargs='+', required=True, help='those of the other')
    parser.add_argument('--groups', help='a csv with a column name: also within groups of images')
    parser.add_argument('--group-column', help='the column of --groups that holds the groups')
    parser.add_argument('--out', type=Path, help='a csv for the numbers')
    args = parser.parse_args(argv)
    if bool(args.groups) != bool(args.group_column):
        parser.error('--groups and --group-column go together')

    from rich.console import Console
    from rich.table import Table

    from mmsxm.io.files import write_csv
    from mmsxm.io.safe_parsing import printable
    from mmsxm.reproduction.run_comparison import compare_runs, image_groups, read_runs

    runs, others = read_runs(args.runs), read_runs(args.against)
    parts: dict[str, np.ndarray | None] = {'all': None}
    if args.groups:
        parts |= image_groups(runs[0], args.groups, args.group_column)
    rows = [
        {'images': part, **row}
        for part, chosen in parts.items()
        for row in compare_runs(runs, others, chosen)
    ]

    table = Table('images', 'class', 'positives')
    for column in ('AP', 'against', 'difference [95 %]'):
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(
            printable(row['images']),
            printable(row['class']),
            str(row['positives']),
            f'{row["AP"]:.1f} ± {row["std"]:.1f}',
            f'{row["other AP"]:.1f} ± {row["other std"]:.1f}',
            f'{row["difference"]:+.1f} [{row["low"]:+.1f}, {row["high"]:+.1f}]',
        )
    Console(markup=False, emoji=False).print(table)  # names of groups are no markup
    if args.out:
        write_csv(args.out, rows)
