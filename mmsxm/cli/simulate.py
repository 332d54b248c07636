"""Simulate datasets of X-ray images of bags.

mmsxm simulate sixray data/simulated --train 1000 --test 200 --negatives 200 --workers 4
mmsxm simulate opixray data/simulated_knives --train 1000 --test 200 --workers 4
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

from mmsxm.cli.arguments import make_parser
from mmsxm.simulation import (
    CROWDING,
    SCANNERS,
    SITES,
    Crowding,
    scanner_from,
    write_opixray,
    write_sixray,
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('simulate', __doc__)
    layouts = parser.add_subparsers(dest='layout', required=True)
    for layout in SITES:
        command = layouts.add_parser(
            layout,
            help='layout and classes of ' + {'sixray': 'SIXray', 'opixray': 'OPIXray'}[layout],
        )
        command.add_argument('dst', help='output folder; an interrupted simulation resumes')
        command.add_argument(
            '--train', type=int, required=True, help='number of training images with items'
        )
        command.add_argument(
            '--test', type=int, required=True, help='number of test images with items'
        )
        if layout == 'sixray':
            negatives = command.add_mutually_exclusive_group()
            negatives.add_argument(
                '--negatives',
                type=int,
                default=0,
                help='number of images without items, for both lists together',
            )
            negatives.add_argument(
                '--lists',
                type=int,
                nargs='+',
                default=[],
                metavar='R',
                help='write lists with R negatives for each positive, such as 10 100',
            )
            command.add_argument(
                '--remove-items',
                action='store_true',
                help='remove items from images but not from lists, so nothing can be learned',
            )
        command.add_argument('--seed', type=int, default=0, help='seed of the simulation')
        command.add_argument(
            '--workers',
            type=int,
            default=0,
            help='number of worker processes; 0 uses the main process',
        )
        command.add_argument(
            '--size',
            type=int,
            nargs=2,
            metavar=('H', 'W'),
            help="image size in pixels (default: the scanner's)",
        )
        command.add_argument(
            '--scanner', default=layout, help=f'name ({", ".join(SCANNERS)}) or config file'
        )
        command.add_argument(
            '--crowding', choices=list(CROWDING), default='typical', help='amount of clutter'
        )
        command.add_argument(
            '--things',
            type=int,
            nargs=2,
            metavar=('LEAST', 'MOST'),
            help='pieces of clutter in luggage of 60 x 40 cm; overrides --crowding',
        )
        command.add_argument(
            '--overlap',
            type=float,
            help='where to place items: 0 where clutter is thin, 0.5 anywhere, 1 where it is dense',
        )
    return parser.parse_args(argv)


def crowding_of(args: argparse.Namespace) -> Crowding:
    """Return the named crowding, with the overrides of the command line."""
    changes = {
        'things': tuple(args.things) if args.things else None,
        'overlap': args.overlap,
    }
    return replace(
        CROWDING[args.crowding],
        **{key: value for key, value in changes.items() if value is not None},
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and simulate."""
    args = parse_args(argv)
    start = time.perf_counter()
    common = {
        'dst': args.dst,
        'train': args.train,
        'test': args.test,
        'seed': args.seed,
        'workers': args.workers,
        'image_size': tuple(args.size) if args.size else None,
        'crowding': crowding_of(args),
        'scanner': scanner_from(args.scanner),
    }
    if args.layout == 'sixray':
        images = write_sixray(
            **common,
            negatives=args.negatives,
            lists=args.lists,
            items_removed=args.remove_items,
        )
    else:
        images = write_opixray(**common)
    seconds = time.perf_counter() - start
    # Without workers, OpenCV chooses its own number of threads.
    cores, unit = (args.workers, 'images/s/core') if args.workers else (1, 'images/s')
    rate = images / seconds / cores
    print(f'{args.dst}: simulated {images} images in {seconds:.1f} s, {rate:.1f} {unit}')
