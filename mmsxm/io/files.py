"""Atomic file writes, and file digests."""

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
    """Yield a temporary path next to ``path``, which replaces ``path`` when the block ends.

    Readers find either the old file or the new one, even if the process is killed. After an error
    in the block, the old file stays and the temporary file is deleted. Missing folders are created.

    Args:
        path: Path of the final file.
        sync: Write the content to disk before renaming, so that a power failure cannot leave an
            empty file under the final name.
        alone: No other process writes the same file at the same time. The temporary name is then
            fixed, so leftovers of killed processes are overwritten and do not accumulate.
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
    """Write data to a file with :func:`atomic_file`.

    Raises:
        OSError: The disk is full, or the folder is not writable.
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
    """Return the hexadecimal SHA-256 of the content of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def sha256_or_none(path: str | os.PathLike[str]) -> str | None:
    """Return the SHA-256 of a file; None if it is unreadable, a pipe or a device."""
    try:
        return sha256(path) if stat.S_ISREG(os.stat(path).st_mode) else None
    except (OSError, ValueError):  # ValueError: an invalid file name
        return None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with equal keys to a CSV file with a header, atomically.

    An existing file stays until all rows are written.
    """
    with (
        atomic_file(path) as unfinished,
        unfinished.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
