"""Files that are there in full or not at all, and their fingerprints."""

import hashlib
import os
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
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def sha256_or_none(path: str | os.PathLike[str]) -> str | None:
    """The digest of a file's content, None where it can't be read."""
    try:
        return sha256(path)
    except OSError:
        return None
