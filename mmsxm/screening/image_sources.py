"""Sources of images to screen: a file, a folder, a list, or a watched folder."""

import codecs
import fnmatch
import os
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from mmsxm.io.worker_pool import IDLE, Idle

__all__ = ['NameFilter', 'find_paths', 'is_hidden', 'read_list', 'unseen', 'walk', 'watch']

POLL_INTERVAL = 0.1  # seconds between two checks for a stop request


class NameFilter:
    """Filter of the files of a folder by their names. It remembers the files that it leaves out.

    Upper and lower case differ where they differ for the system: on Linux, but not on Windows.

    Args:
        patterns: Shell patterns such as ``*.png``, one of which must match the name of a file
            without its folders.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self.left_out: set[str] = set()

    def __call__(self, path: str) -> bool:
        """Return whether a file passes.

        Links to folders pass, so that the images behind them are not lost without an error.
        """
        name = os.path.basename(path)
        passes = any(fnmatch.fnmatch(name, pattern) for pattern in self.patterns)
        if passes or os.path.isdir(path):
            return True
        self.left_out.add(path)
        return False


def _any(path: str) -> bool:
    return True


def find_paths(
    source: Path, skip: Collection[str] = (), include: Callable[[str], bool] = _any
) -> Iterator[str]:
    """Yield the absolute paths of the files of a folder, a list (.txt) or a single image.

    Args:
        source: Existing path.
        skip: Files and folders in a folder to skip.
        include: Return whether to yield a file of a folder.
    """
    if source.is_dir():
        yield from walk(os.path.abspath(source), skip, include)
    elif source.suffix == '.txt':
        yield from read_list(source)
    else:
        yield os.path.abspath(source)


def unseen(
    paths: Iterable[str | Idle], seen: set[str], stopped: Callable[[], bool]
) -> Iterator[str | Idle]:
    """Yield each path that is not in ``seen``, and add it to ``seen``, until stopped.

    :data:`~mmsxm.io.worker_pool.IDLE` is passed through.
    """
    for path in paths:
        if stopped():
            return
        if isinstance(path, Idle):
            yield path
        elif path not in seen:
            seen.add(path)
            yield path


def walk(
    folder: str, skip: Collection[str] = (), include: Callable[[str], bool] = _any
) -> Iterator[str]:
    """Yield the paths of all files below a folder, sorted within each folder.

    Files of any name are included, because reading them reports what is not an image. Hidden files
    are skipped. Links to folders are not followed: their own paths are yielded, like those of
    folders that cannot be listed.

    Args:
        folder: Absolute path of the folder.
        skip: Files and folders to skip. Upper and lower case differ where they differ for the
            system.
        include: Return whether to yield a file.
    """
    skip = set(map(os.path.normcase, skip))
    pending = [(folder, True)]  # not recursive: folders can be nested deeper than the limit
    while pending:
        path, is_folder = pending.pop()
        if not is_folder:
            if include(path):
                yield path
            continue
        try:
            with os.scandir(path) as entries:
                found = sorted(
                    (
                        (entry.name, entry.is_dir(follow_symlinks=False))
                        for entry in entries
                        if not is_hidden(entry)
                    ),
                    reverse=True,
                )
        except OSError:
            yield path
            continue
        paths = [(os.path.join(path, name), is_dir) for name, is_dir in found]
        pending += [(path, is_dir) for path, is_dir in paths if os.path.normcase(path) not in skip]


def is_hidden(entry: os.DirEntry[str]) -> bool:
    """Return whether a file is hidden: by a dot or, on Windows, by its attribute (Thumbs.db)."""
    if entry.name[0] == '.':
        return True
    if sys.platform != 'win32':
        return False
    attributes = entry.stat(follow_symlinks=False).st_file_attributes
    return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)


def read_list(file: Path) -> Iterator[str]:
    """Yield the paths in a file, one per line; relative paths start at the folder of the file.

    Raises:
        ValueError: The file is UTF-16, which PowerShell writes, or not UTF-8 on Windows. Elsewhere,
            names can contain any bytes.
    """
    folder = os.path.abspath(file.parent)
    with open(file, 'rb') as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1:
                if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise ValueError(f'{file} is UTF-16. Save it as UTF-8.')
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                name = os.fsdecode(line.rstrip(b'\r\n'))
            except UnicodeDecodeError:
                raise ValueError(f'{file}:{number} is not UTF-8. Save the list as UTF-8.') from None
            if name:
                yield os.path.normpath(os.path.join(folder, name))


def watch(
    folder: str,
    seconds: float,
    stopped: Callable[[], bool],
    seen: Collection[str],
    skip: Collection[str] = (),
    include: Callable[[str], bool] = _any,
) -> Iterator[str | Idle]:
    """Yield the paths of a folder's complete files until stopped.

    A file is complete when its size and modification time have not changed between two scans. Each
    scan ends with :data:`~mmsxm.io.worker_pool.IDLE`.

    Args:
        folder: Absolute path of the folder.
        seconds: Time between two scans.
        stopped: Return whether to stop.
        seen: Paths to skip; the caller can add to it.
        skip: Files and folders to skip.
        include: Return whether to yield a file.
    """
    previous: dict[str, tuple[int, int]] = {}
    while not stopped():
        current = {}
        for path in walk(folder, skip, include):
            if path in seen:
                continue
            try:
                status = os.stat(path)
                state = (status.st_size, status.st_mtime_ns)
            except FileNotFoundError:  # just deleted, or a link without target so far
                continue
            except OSError:  # a link to itself or a removed drive: reading reports it
                state = (-1, -1)
            if previous.get(path) == state:
                yield path
            else:
                current[path] = state
        previous = current
        yield IDLE
        end = time.monotonic() + seconds
        while not stopped() and time.monotonic() < end:
            time.sleep(min(POLL_INTERVAL, seconds))
