"""Compare two training methods on one test set, each with one run per seed.

mmsxm test CONFIG RUN --out scores.csv      # for each run
mmsxm compare-runs tip-0.csv tip-1.csv --against plain-0.csv plain-1.csv

Prints the average precision (AP) of each class and its difference, with a 95% interval over images
and seeds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import make_parser

if TYPE_CHECKING:
    import numpy as np


def main(argv: Sequence[str] | None = None) -> None:
    """Compare the score tables."""
    parser = make_parser('compare-runs', __doc__)
    parser.add_argument('runs', nargs='+', help='score tables of one method, one per seed')
    parser.add_argument(
        '--against', nargs='+', required=True, help='score tables of the other method'
    )
    parser.add_argument(
        '--groups',
        help='CSV file with a column "name" and a group column: also compare within groups',
    )
    parser.add_argument('--group-column', help='column of --groups that contains the groups')
    parser.add_argument('--out', type=Path, help='CSV file to write the numbers to')
    args = parser.parse_args(argv)
    if bool(args.groups) != bool(args.group_column):
        parser.error('--groups and --group-column go together: use both or neither')

    from rich.console import Console
    from rich.table import Table

    from mmsxm.io.files import write_csv
    from mmsxm.io.safe_parsing import printable
    from mmsxm.reproduction.run_comparison import compare_runs, image_groups, read_runs

    runs, others = read_runs(args.runs), read_runs(args.against)
    subsets: dict[str, np.ndarray | None] = {'all': None}
    if args.groups:
        subsets |= image_groups(runs[0], args.groups, args.group_column)
    rows = [
        {'images': subset, **row}
        for subset, mask in subsets.items()
        for row in compare_runs(runs, others, mask)
    ]

    table = Table('images', 'class', 'positives')
    for column in ('AP', 'against', 'difference [95%]'):
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
    Console(markup=False, emoji=False).print(table)  # group names may contain markup
    if args.out:
        write_csv(args.out, rows)
