"""Copy a dataset with its images resized to what the network needs, for faster training.

mmsxm prepare sixray data/sixray data/sixray_256 --workers 8
SIXRAY_ROOT=data/sixray_256 mmsxm train configs/sxmnet_sixray_stage1.py

The copy has the layout of the release, and networks see the same pixels and boxes (docs/data.md).
Run the same command again to resume an interrupted copy or to verify a finished one. Exit code 1:
the command failed, or it skipped unreadable images.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from mmsxm.cli.arguments import make_parser
from mmsxm.conventions import RESIZED


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('prepare', __doc__)
    parser.add_argument(
        'layout', choices=['sixray', 'opixray'], help='opixray: also crop the white margins'
    )
    parser.add_argument('src', help='folder of the released dataset')
    parser.add_argument('dst', help='output folder')
    parser.add_argument(
        '--size',
        type=int,
        default=RESIZED,
        help='size of Resize in the configs, in pixels (default: %(default)s)',
    )
    parser.add_argument(
        '--workers', type=int, default=0, help='number of worker processes; 0 uses the main process'
    )
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
        f'{args.dst}: prepared {report.prepared:,} images and verified {report.intact:,} in '
        f'{seconds:.1f} s'
    )
    if report.broken:
        for path, reason in report.broken.items():
            print(printable(f'{path}: {reason}'), file=sys.stderr)
        sys.exit(
            f'mmsxm prepare: skipped {len(report.broken):,} unreadable images, listed above. '
            'Download them again and rerun the command.'
        )
