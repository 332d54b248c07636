"""Screen images of bags: a line of JSON for every file, as soon as it is done.

mmsxm screen IMAGES --model CONFIG --checkpoint CHECKPOINT --out results.jsonl

Started again with the same --out it goes on where it was. Exit code 0: every file was screened and
none is an alarm; 1: at least one alarm; 2: it failed, or files are left that could not be screened.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from mmsxm.cli.arguments import check_positive, make_parser
from mmsxm.imaging.images import MAX_PIXELS

if TYPE_CHECKING:
    from mmsxm.inference.backends import Backend
    from mmsxm.io.worker_pool import Idle
    from mmsxm.screening.results import Tally
    from mmsxm.screening.screen import Record

FAILURE = 2  # the interpreter's own 1 would mean an alarm


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('screen', __doc__)
    parser.add_argument(
        'source', type=Path, help='a folder, one image, or a list: a .txt with a path a line'
    )
    parser.add_argument(
        '--model',
        required=True,
        metavar='CONFIG_OR_EXPORT',
        help='a config, the name of a model, or an exported .onnx or .xml',
    )
    parser.add_argument('--checkpoint', help='of the config; a work dir for its latest one')
    parser.add_argument('--out', type=Path, required=True, help='the file of results, .jsonl')
    parser.add_argument('--csv', type=Path, help='also as a table, written at the end')
    parser.add_argument('--overlays', type=Path, help='a folder for a picture of every image')
    parser.add_argument(
        '--watch', type=float, metavar='SECONDS', help='look for new files so often, until stopped'
    )
    parser.add_argument(
        '--backend', choices=['torch', 'onnxruntime', 'openvino'], help="by default the file's own"
    )
    parser.add_argument('--device', help='for torch, such as cuda:0; a GPU where there is one')
    parser.add_argument('--threads', type=int, help='of the network')
    cores = available_cores()
    parser.add_argument(
        '--workers', type=int, default=max(cores // 2, 1), help='processes; %(default)s here'
    )
    parser.add_argument('--batch-size', type=int, default=16, help='%(default)s')
    parser.add_argument(
        '--max-pixels', type=int, default=MAX_PIXELS, help='larger images are errors; %(default)s'
    )
    parser.add_argument(
        '--engine', choices=['pool', 'ray'], default='pool', help='this machine, or a Ray cluster'
    )
    args = parser.parse_args(argv)
    check_positive(parser, args, ('threads', 'workers', 'batch_size', 'max_pixels', 'watch'))
    if not args.source.exists():
        parser.error(f'there is no {args.source}')
    if args.watch and not args.source.is_dir():
        parser.error(f'--watch needs a folder, {args.source} is none')
    if args.watch and args.engine == 'ray':
        parser.error('--watch and --engine ray do not go together')
    return args


def available_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Stop:
    """Says yes once SIGINT or SIGTERM came; the second one ends the process at once."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)


def screen(args: argparse.Namespace) -> int:
    """Screen what the command line asks for; returns the exit code."""
    from mmsxm.inference.backends import load_backend
    from mmsxm.screening.image_sources import find_paths, unseen, watch
    from mmsxm.screening.results import Results, write_table

    console = Console(markup=False, emoji=False)  # names of classes are no markup
    load = partial(
        load_backend, args.model, args.checkpoint, args.backend, args.device, args.threads
    )
    backend = load()
    ours = {os.path.abspath(path) for path in (args.out, args.csv, args.overlays) if path}
    with Results(args.out, backend.info) as results:
        stop = Stop()
        found: Iterator[str | Idle] = find_paths(args.source, ours)
        if args.watch:
            folder = os.path.abspath(args.source)
            found = watch(folder, args.watch, stop, results.seen, ours)
        paths = unseen(found, results.seen, stop)
        before, start = results.tally.files, time.monotonic()
        with console.status('screening') as status:
            for record in records_of(args, backend, paths, load, stop):
                results.write(record)
                status.update(f'screening: {results.tally.files} files')
        seconds = time.monotonic() - start
    if args.csv:
        write_table(args.out, args.csv, backend.info.classes)
    tally = results.tally
    console.print(summary(tally, backend.info.classes, (tally.files - before) / seconds))
    if not tally.files:
        print(f'mmsxm screen: there was nothing to screen in {args.source}', file=sys.stderr)
    cut_off = stop() and not args.watch
    if cut_off:
        print('mmsxm screen: stopped; the same command goes on from here', file=sys.stderr)
    if tally.alarms:
        return 1
    return 2 if cut_off or tally.errors or not tally.files else 0


def records_of(
    args: argparse.Namespace,
    backend: 'Backend',
    paths: 'Iterator[str | Idle]',
    load: 'partial[Backend]',
    stop: Stop,
) -> 'Iterator[Record]':
    """Screen with the engine that was asked for."""
    settings = args.batch_size, args.max_pixels, args.overlays and args.overlays.absolute()
    if args.engine == 'ray':
        from mmsxm.screening.ray_engine import screen_with_ray

        known = [path for path in paths if isinstance(path, str)]
        for record in screen_with_ray(known, load, args.workers, *settings):
            yield record
            if stop():  # the paths are all on their way by now
                return
        return
    from mmsxm.io.worker_pool import WorkerPool
    from mmsxm.screening.screen import screen

    with WorkerPool(args.workers, preload=['mmsxm.imaging.reading']) as pool:
        yield from screen(paths, backend, pool, *settings)


def summary(tally: 'Tally', classes: tuple[str, ...], speed: float) -> Table:
    """Draw up what all lines of the results add up to, and how fast this run was."""
    table = Table('', 'images', title='Screened', show_edge=False)
    table.add_row('images', str(tally.images))
    table.add_row('alarms', str(tally.alarms), end_section=False)
    for name in classes:
        table.add_row(f'  {name}', str(tally.by_class[name]))
    table.add_row('errors', str(tally.errors))
    table.add_row('images per second', f'{speed:.1f}')
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Screen."""
    return screen(parse_args(argv))
