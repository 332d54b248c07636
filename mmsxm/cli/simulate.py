"""Simulate sets of X-ray images of bags.

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
    """Read the command line."""
    parser = make_parser('simulate', __doc__)
    layouts = parser.add_subparsers(dest='layout', required=True)
    for layout in SITES:
        command = layouts.add_parser(
            layout,
            help={'sixray': "SIXray's", 'opixray': "OPIXray's"}[layout] + ' layout and classes',
        )
        command.add_argument('dst', help='folder of the set; an unfinished set is finished')
        command.add_argument(
            '--train', type=int, required=True, help='images with items for training'
        )
        command.add_argument(
            '--test', type=int, required=True, help='images with items for the test'
        )
        if layout == 'sixray':
            negatives = command.add_mutually_exclusive_group()
            negatives.add_argument(
                '--negatives', type=int, default=0, help='images without items, for both lists'
            )
            negatives.add_argument(
                '--lists',
                type=int,
                nargs='+',
                default=[],
                metavar='R',
                help='lists with R negatives for each positive, such as 10 100',
            )
            command.add_argument(
                '--remove-items',
                action='store_true',
                help='from the pictures, not from the lists: nothing is left to learn from',
            )
        command.add_argument('--seed', type=int, default=0)
        command.add_argument('--workers', type=int, default=0, help='processes; 0 works in this')
        command.add_argument(
            '--size', type=int, nargs=2, metavar=('H', 'W'), help="pixels; else the scanner's"
        )
        command.add_argument(
            '--scanner', default=layout, help=f'{", ".join(SCANNERS)}, or a config file'
        )
        command.add_argument('--crowding', choices=list(CROWDING), default='typical')
        command.add_argument(
            '--things',
            type=int,
            nargs=2,
            metavar=('LEAST', 'MOST'),
            help="pieces of clutter in luggage of 60 x 40 cm, instead of the crowding's",
        )
        command.add_argument(
            '--overlap',
            type=float,
            help='0 lays items where little is in the way, 0.5 anywhere, 1 where much is',
        )
    return parser.parse_args(argv)


def crowding_of(args: argparse.Namespace) -> Crowding:
    """The named crowding with what the command line says otherwise."""
    changes = {
        'things': tuple(args.things) if args.things else None,
        'overlap': args.overlap,
    }
    return replace(
        CROWDING[args.crowding],
        **{key: value for key, value in changes.items() if value is not None},
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate."""
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
    # Without workers OpenCV takes as many threads as it likes.
    cores, unit = (args.workers, 'images/s/core') if args.workers else (1, 'images/s')
    rate = images / seconds / cores
    print(f'{args.dst}: {images} images simulated in {seconds:.1f} s, {rate:.1f} {unit}')
