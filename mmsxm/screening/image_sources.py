"""Where images to screen come from: a file, a folder, a list, a folder that fills."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from mmsxm.io.worker_pool import IDLE, Idle

__all__ = ['find_paths', 'read_list', 'unseen', 'walk', 'watch']

POLL_INTERVAL = 0.1  # seconds between two checks of whether to stop


def find_paths(source: Path, skip: Collection[str] = ()) -> Iterator[str]:
    """Give absolute paths of the files that a folder, a list (.txt) or one image's path stands for.

    Args:
        source: Must exist.
        skip: Files and folders within a folder to leave out.
    """
    if source.is_dir():
        yield from walk(os.path.abspath(source), skip)
    elif source.suffix == '.txt':
        yield from read_list(source)
    else:
        yield os.path.abspath(source)


def unseen(
    paths: Iterable[str | Idle], seen: set[str], stopped: Callable[[], bool]
) -> Iterator[str | Idle]:
    """Yield each path once, and none of ``seen``, which grows meanwhile, until stopped.

    :data:`~mmsxm.io.worker_pool.IDLE` is passed on.
    """
    for path in paths:
        if stopped():
            return
        if isinstance(path, Idle):
            yield path
        elif path not in seen:
            seen.add(path)
            yield path


def walk(folder: str, skip: Collection[str] = ()) -> Iterator[str]:
    """Give the paths of all files below a folder, sorted within each.

    Every file is given, whatever its name: what is no image is for the reader to say. Hidden files
    are left out. Links to folders are not followed but given, as are folders that cannot be listed.

    Args:
        folder: Its absolute path.
        skip: Files and folders to leave out.
    """
    waiting = [(folder, True)]  # no recursion: folders may lie deeper in each other than its limit
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        try:
            with os.scandir(path) as entries:
                found = sorted(
                    ((each.name, each.is_dir(follow_symlinks=False)) for each in entries),
                    reverse=True,
                )
        except OSError:
            yield path
            continue
        paths = [(os.path.join(path, name), is_dir) for name, is_dir in found if name[0] != '.']
        waiting += [each for each in paths if each[0] not in skip]


def read_list(file: Path) -> Iterator[str]:
    """Give the paths that a file holds, one a line, relative ones from the file's folder."""
    folder = os.path.abspath(file.parent)
    with open(file, 'rb') as lines:  # names may hold any bytes
        for line in lines:
            if name := os.fsdecode(line.rstrip(b'\r\n')):
                yield os.path.normpath(os.path.join(folder, name))


def watch(
    folder: str,
    seconds: float,
    stopped: Callable[[], bool],
    seen: Collection[str],
    skip: Collection[str] = (),
) -> Iterator[str | Idle]:
    """Yield the paths of a folder's complete files until stopped.

    A file is complete when its size and modification time have not changed between two scans.
    After each scan follows :data:`~mmsxm.io.worker_pool.IDLE`.

    Args:
        folder: Its absolute path.
        seconds: Between two looks.
        stopped: Whether to stop.
        seen: Paths that need not be given, which may grow meanwhile.
        skip: Files and folders to leave out.
    """
    before: dict[str, tuple[int, int]] = {}
    while not stopped():
        now = {}
        for path in walk(folder, skip):
            if path in seen:
                continue
            try:
                status = os.stat(path)
                state = (status.st_size, status.st_mtime_ns)
            except FileNotFoundError:  # gone meanwhile, or a link whose target is yet to come
                continue
            except OSError:  # a link to itself, a drive that went: reading says so, if it stays
                state = (-1, -1)
            if before.get(path) == state:
                yield path
            else:
                now[path] = state
        before = now
        yield IDLE
        end = time.monotonic() + seconds
        while not stopped() and time.monotonic() < end:
            time.sleep(min(POLL_INTERVAL, seconds))
