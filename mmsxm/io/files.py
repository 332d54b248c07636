"""Files that are there in full or not at all, and their fingerprints."""

import csv
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_file(path: Path, sync: bool = True, alone: bool = False) -> Iterator[Path]:
    """Give a file beside ``path`` to write to, which takes its place when the block is left.

    Whoever reads finds the old file or the new one, also when the process is killed. An error in
    the block leaves the old one, and nothing beside it. The folder need not be there yet.

    Args:
        path: Where the file is to stand.
        sync: Whether its content is on the disk before its name is, so that a loss of power can't
            leave the name alone.
        alone: No other process writes the same file meanwhile; what one left that was killed is
            then written over, and doesn't pile up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'{path.name}.part' if alone else f'{path.name}.{os.getpid()}.part')
    try:
        yield unfinished
        if sync:
            with unfinished.open('r+b') as file:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def atomic_write(path: Path, data: bytes, sync: bool = True, alone: bool = False) -> None:
    """Write a :func:`atomic_file` at once.

    Raises:
        OSError: There is no room for it, or its folder can't be written to.
    """
    try:
        with atomic_file(path, sync, alone) as unfinished:
            unfinished.write_bytes(data)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{path} could not be written ({error.strerror}): it needs {len(data):,} bytes, and '
            f'{_free(path.parent)} are free',
        ) from error


def _free(folder: Path) -> str:
    try:
        return f'{shutil.disk_usage(folder).free:,}'
    except OSError:
        return 'an unknown number'


def sha256(path: str | os.PathLike[str]) -> str:
    """The digest of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def sha256_or_none(path: str | os.PathLike[str]) -> str | None:
    """The digest of a file's content, None where it can't be read or is a pipe or a device."""
    try:
        return sha256(path) if stat.S_ISREG(os.stat(path).st_mode) else None
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys under a header of these; an old table stays until all is written."""
    with (
        atomic_file(path) as unfinished,
        unfinished.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
