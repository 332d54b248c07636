"""Screen images of bags and write one line of JSON per file, as soon as it is done.

mmsxm screen IMAGES --model CONFIG --checkpoint CHECKPOINT --out results.jsonl

To resume, run the command again with the same --out. Exit codes: 0 if every file was screened and
none is an alarm; 1 if there is at least one alarm; 2 if the command or some of the files failed.
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

from mmsxm.cli.arguments import add_runtime_options, check_positive, make_parser
from mmsxm.imaging.images import MAX_PIXELS

if TYPE_CHECKING:
    from mmsxm.inference.backends import Backend
    from mmsxm.inference.records import Record
    from mmsxm.io.worker_pool import Idle
    from mmsxm.screening.results import Tally


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('screen', __doc__)
    parser.add_argument(
        'source', type=Path, help='folder, image, or .txt list with one path per line'
    )
    parser.add_argument(
        '--include',
        action='append',
        metavar='PATTERN',
        help="screen only the files of a folder whose names match, such as '*.png'; repeatable",
    )
    parser.add_argument(
        '--model',
        required=True,
        metavar='CONFIG_OR_EXPORT',
        help='config, name of a model, or exported .onnx or .xml file',
    )
    parser.add_argument(
        '--checkpoint', help='checkpoint of the config, or a work directory to use its latest one'
    )
    parser.add_argument('--out', type=Path, required=True, help='results file, .jsonl')
    parser.add_argument('--csv', type=Path, help='also write the results as a CSV file at the end')
    parser.add_argument('--overlays', type=Path, help='folder for a picture of each image')
    parser.add_argument(
        '--watch',
        type=float,
        metavar='SECONDS',
        help='scan the folder for new files every SECONDS seconds, until stopped',
    )
    add_runtime_options(parser)
    parser.add_argument(
        '--max-pixels',
        type=int,
        default=MAX_PIXELS,
        help='record larger images as errors (default: %(default)s)',
    )
    parser.add_argument(
        '--engine', choices=['pool', 'ray'], default='pool', help='this machine or a Ray cluster'
    )
    args = parser.parse_args(argv)
    check_positive(parser, args, ('threads', 'workers', 'batch_size', 'max_pixels', 'watch'))
    if not args.source.exists():
        parser.error(f'{args.source} does not exist: name a folder, an image or a .txt list')
    if args.watch and not args.source.is_dir():
        parser.error(f'--watch needs a folder: {args.source} is not a folder')
    if args.include and not args.source.is_dir():
        parser.error(f'--include needs a folder: {args.source} is not a folder')
    patterns = args.include or ()
    if wrong := [text for text in patterns if not text or os.path.basename(text) != text]:
        parser.error(
            f'invalid --include {wrong[0]!r}: write a pattern of file names without folders, such '
            "as '*.png'"
        )
    if args.watch and args.engine == 'ray':
        parser.error('--watch does not work with --engine ray: use --engine pool')
    outputs = [
        os.path.normcase(os.path.abspath(path))
        for path in (args.out, args.csv, args.overlays)
        if path
    ]
    if len(set(outputs)) < len(outputs):
        parser.error('--out, --csv and --overlays must be different files: choose another name')
    return args


class Stop:
    """Flag set by SIGINT or SIGTERM; a second signal ends the process immediately."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request)

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.requested

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, signal.SIG_DFL)


def screen(args: argparse.Namespace) -> int:
    """Screen with parsed arguments and return the exit code."""
    from mmsxm.inference.backends import load_backend
    from mmsxm.screening.image_sources import NameFilter, find_paths, unseen, watch
    from mmsxm.screening.results import Results, write_table

    console = Console(markup=False, emoji=False)  # class names may contain markup
    load = partial(
        load_backend, args.model, args.checkpoint, args.backend, args.device, args.threads
    )
    backend = load()
    outputs = {os.path.abspath(path) for path in (args.out, args.csv, args.overlays) if path}
    with Results(args.out, backend.info) as results:
        stop = Stop()
        include = NameFilter(args.include or ['*'])
        found: Iterator[str | Idle] = find_paths(args.source, outputs, include)
        if args.watch:
            folder = os.path.abspath(args.source)
            found = watch(folder, args.watch, stop, results.seen, outputs, include)
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
    table = summary(tally, backend.info.classes, (tally.files - before) / seconds)
    if args.include:
        table.add_row('left out by --include', str(len(include.left_out)))
    console.print(table)
    if before:
        print(f'Already in {args.out}: {before:,} of these files.')
    if not tally.files:
        print(f'mmsxm screen: there is nothing to screen in {args.source}', file=sys.stderr)
    interrupted = stop() and not args.watch
    if interrupted:
        print('mmsxm screen: stopped. Run the same command to resume.', file=sys.stderr)
    if tally.alarms:
        return 1
    return 2 if interrupted or tally.errors or not tally.files else 0


def records_of(
    args: argparse.Namespace,
    backend: 'Backend',
    paths: 'Iterator[str | Idle]',
    load: 'partial[Backend]',
    stop: Stop,
) -> 'Iterator[Record]':
    """Screen with the chosen engine."""
    settings = args.batch_size, args.max_pixels, args.overlays and args.overlays.absolute()
    if args.engine == 'ray':
        from mmsxm.screening.ray_engine import screen_with_ray

        files = [path for path in paths if isinstance(path, str)]
        for record in screen_with_ray(files, load, args.workers, *settings):
            yield record
            if stop():  # all paths are already submitted
                return
        return
    from mmsxm.io.worker_pool import WorkerPool
    from mmsxm.screening.screen import screen

    with WorkerPool(args.workers, preload=['mmsxm.imaging.reading']) as pool:
        yield from screen(paths, backend, pool, *settings)


def summary(tally: 'Tally', classes: tuple[str, ...], speed: float) -> Table:
    """Build a table of the totals of all results and the speed of this run."""
    table = Table('', 'images', title='Screened', show_edge=False)
    table.add_row('images', str(tally.images))
    table.add_row('alarms', str(tally.alarms), end_section=False)
    for name in classes:
        table.add_row(f'  {name}', str(tally.by_class[name]))
    table.add_row('errors', str(tally.errors))
    table.add_row('images per second', f'{speed:.1f}')
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and screen."""
    return screen(parse_args(argv))
