"""Files that are there in full or not at all, and their fingerprints."""

import hashlib
import os
import stat
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file at once, in a folder that need not be there yet.

    Whoever reads finds the old file or the new one, also when the process is killed, and two
    processes may write the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'{path.name}.{os.getpid()}.part')
    unfinished.write_bytes(data)
    os.replace(unfinished, path)


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
