"""Copy a data set with images as small as the network needs them: training reads them sooner.

mmsxm prepare sixray data/sixray data/sixray_256 --workers 8
SIXRAY_ROOT=data/sixray_256 mmsxm train configs/sxmnet_sixray_stage1.py

The copy has the release's layout, and networks see the same pixels and boxes (docs/data.md). The
same command goes on after a stop, and verifies a finished copy. Exit code 1: it failed, or images
are left out that can't be read.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from mmsxm.cli.arguments import make_parser
from mmsxm.conventions import RESIZED


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('prepare', __doc__)
    parser.add_argument(
        'layout', choices=['sixray', 'opixray'], help='white margins are cut of opixray'
    )
    parser.add_argument('src', help='folder of the release')
    parser.add_argument('dst', help='folder of the copy')
    parser.add_argument(
        '--size', type=int, default=RESIZED, help="of the configs' Resize, in pixels; %(default)s"
    )
    parser.add_argument('--workers', type=int, default=0, help='processes; 0 works in this')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare the copy."""
    args = parse_args(argv)

    from mmsxm.io.safe_parsing import printable
    from mmsxm.preparing.copies import prepare_data

    start = time.perf_counter()
    report = prepare_data(args.layout, args.src, args.dst, args.size, args.workers)
    seconds = time.perf_counter() - start
    print(
        f'{args.dst}: {report.prepared:,} images prepared and {report.intact:,} found intact in '
        f'{seconds:.1f} s'
    )
    if report.broken:
        for path, reason in report.broken.items():
            print(printable(f'{path}: {reason}'), file=sys.stderr)
        sys.exit(f'mmsxm prepare: {len(report.broken):,} images can not be read and are left out')
