"""Simulate bags in one process and in several: how many a second, and what does each more bring?

The ways take turns. Each is run for few bags and for many, and the difference counts, so that the
start of the processes does not.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from functools import partial

from loader import SIMULATE
from turns import take_turns


def simulate(layout: str, images: int, workers: int) -> None:
    """Write a set and throw it away."""
    with tempfile.TemporaryDirectory() as folder:
        SIMULATE[layout](folder, train=images - 1, test=1, workers=workers)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('layout', nargs='?', choices=list(SIMULATE), default='sixray')
    parser.add_argument('--processes', type=int, default=2, help='%(default)s')
    parser.add_argument('--images', type=int, default=40, help='few; many are thrice as many')
    parser.add_argument('--rounds', type=int, default=3, help='each way has a turn in each')
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    many = 3 * args.images
    with contextlib.redirect_stdout(sys.stderr):  # progress bars
        seconds = take_turns(
            {
                f'{workers} {images}': partial(simulate, args.layout, images, workers)
                for workers in (1, args.processes)
                for images in (args.images, many)
            },
            args.rounds,
        )
    one, several = (
        (many - args.images) / (seconds[f'{workers} {many}'] - seconds[f'{workers} {args.images}'])
        for workers in (1, args.processes)
    )
    row = {
        'layout': args.layout,
        'processes': args.processes,
        'images_per_second': [round(one, 2), round(several, 2)],
        'times': round(several / one, 3),
    }
    if args.json:
        print(json.dumps(row))
    else:
        print(
            f'{args.layout}, images a second: one process {one:.1f}, {args.processes} processes '
            f'{several:.1f} ({row["times"]:.2f} times)'
        )


if __name__ == '__main__':
    main()
