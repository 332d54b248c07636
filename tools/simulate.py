"""Simulates sets of X-ray images of bags.

python tools/simulate.py sixray data/simulated --train 1000 --test 200 --negatives 200 --workers 4
"""

import argparse
import sys
import time

from mmsxm.simulation import CROWDING, write_sixray


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    layouts = parser.add_subparsers(dest='layout', required=True)
    sixray = layouts.add_parser('sixray', help="SIXray's layout and its five classes")
    sixray.add_argument('dst', help='folder of the set; an unfinished set is finished')
    sixray.add_argument('--train', type=int, required=True, help='bags with items for training')
    sixray.add_argument('--test', type=int, required=True, help='bags with items for the test')
    sixray.add_argument(
        '--negatives', type=int, default=0, help='bags without items, dealt out to both lists'
    )
    sixray.add_argument('--seed', type=int, default=0)
    sixray.add_argument('--workers', type=int, default=0, help='processes; 0 works in this one')
    sixray.add_argument(
        '--size', type=int, nargs=2, metavar=('H', 'W'), help='pixels; varied without it'
    )
    sixray.add_argument('--crowding', choices=list(CROWDING), default='typical')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    start = time.perf_counter()
    try:
        images = write_sixray(
            args.dst,
            train=args.train,
            test=args.test,
            negatives=args.negatives,
            seed=args.seed,
            workers=args.workers,
            image_size=tuple(args.size) if args.size else None,
            crowding=args.crowding,
        )
    except ValueError as error:
        sys.exit(f'simulate.py: {error}')
    seconds = time.perf_counter() - start
    rate = images / seconds / max(args.workers, 1)
    print(f'{args.dst}: {images} images simulated in {seconds:.1f} s, {rate:.1f} images/s/core')


if __name__ == '__main__':
    main()
