"""Copy a data set with images as small as the network needs them: training reads them sooner.

python tools/prepare_data.py sixray data/sixray data/sixray_256 --workers 8
SIXRAY_ROOT=data/sixray_256 python tools/train.py configs/sxmnet_sixray_stage1.py

The copy has the release's layout, and networks see the same pixels and boxes (docs/data.md). The
same command goes on after a stop, and verifies a finished copy. Exit code 1: it failed, or images
are left out that can't be read.
"""

import argparse
import sys
import time

from mmsxm.apis.datasets.preparing import LAYOUTS, prepare_data
from mmsxm.foreign import printable
from mmsxm.input_sizes import RESIZED


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('layout', choices=list(LAYOUTS), help='white margins are cut of opixray')
    parser.add_argument('src', help='folder of the release')
    parser.add_argument('dst', help='folder of the copy')
    parser.add_argument(
        '--size', type=int, default=RESIZED, help="of the configs' Resize, in pixels; %(default)s"
    )
    parser.add_argument('--workers', type=int, default=0, help='processes; 0 works in this')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    start = time.perf_counter()
    try:
        report = prepare_data(args.layout, args.src, args.dst, args.size, args.workers)
    except (ValueError, OSError) as error:
        sys.exit(f'prepare_data.py: {error}')
    seconds = time.perf_counter() - start
    print(
        f'{args.dst}: {report.prepared:,} images prepared and {report.intact:,} found intact in '
        f'{seconds:.1f} s'
    )
    if report.broken:
        for path, reason in report.broken.items():
            print(printable(f'{path}: {reason}'), file=sys.stderr)
        sys.exit(f'prepare_data.py: {len(report.broken):,} images can not be read and are left out')


if __name__ == '__main__':
    main()
