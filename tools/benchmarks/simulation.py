"""Measure how many bags one process and several processes simulate per second.

The candidates alternate. Each runs for few and for many bags, and only the difference counts, so
that the start of the processes does not matter.
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
    """Simulate a set in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        SIMULATE[layout](folder, train=images - 1, test=1, workers=workers)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('layout', nargs='?', choices=list(SIMULATE), default='sixray')
    parser.add_argument(
        '--processes', type=int, default=2, help='number of processes; default: %(default)s'
    )
    parser.add_argument(
        '--images', type=int, default=40, help='number of few bags; many are three times as many'
    )
    parser.add_argument(
        '--rounds', type=int, default=3, help='rounds in which each candidate runs once'
    )
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
    single, several = (
        (many - args.images) / (seconds[f'{workers} {many}'] - seconds[f'{workers} {args.images}'])
        for workers in (1, args.processes)
    )
    row = {
        'layout': args.layout,
        'processes': args.processes,
        'images_per_second': [round(single, 2), round(several, 2)],
        'times': round(several / single, 3),
    }
    if args.json:
        print(json.dumps(row))
    else:
        print(
            f'{args.layout}, images per second: {single:.1f} with one process, {several:.1f} with '
            f'{args.processes} processes ({row["times"]:.2f} times)'
        )


if __name__ == '__main__':
    main()
