"""``prepared.csv``: what every file of a prepared copy was made from, with digests of both."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmsxm.io.files import atomic_write, sha256_or_none
from mmsxm.io.safe_parsing import read_csv

__all__ = ['MANIFEST', 'Row', 'is_intact', 'read_rows', 'write_rows']

MANIFEST = 'prepared.csv'


class Row(NamedTuple):
    """A file of the copy, and what it was made from; paths are relative to the two roots."""

    file: str
    source: str
    source_sha256: str
    sha256: str


def is_intact(row: Row, src: Path, dst: Path) -> bool:
    """Whether both files are there, and as they were."""
    return (
        sha256_or_none(dst / row.file) == row.sha256
        and sha256_or_none(src / row.source) == row.source_sha256
    )


def read_rows(dst: Path) -> Iterator[Row]:
    """The rows of a manifest, none of none; a line that a kill cut off is no row.

    Raises:
        ValueError: It is no csv, or names a file out of the copy: files that it names may be
            removed.
    """
    if not (dst / MANIFEST).is_file():
        return
    folders: dict[str, bool] = {}  # whether they lie in the copy: a million rows name a few
    for line, fields in read_csv(dst / MANIFEST):
        if len(fields) == len(Row._fields) and len(fields[-1]) == 64:
            row = Row(*fields)
            folder, name = os.path.split(row.file)
            if folder not in folders:
                folders[folder] = _lies_in(dst, folder)
            if not folders[folder] or name in ('', '.', '..') or '\0' in name:
                raise ValueError(
                    f'{dst / MANIFEST}:{line}: {row.file!r} is no file of the copy: somebody '
                    'else has written this line, prepare the data set in another folder'
                )
            yield row


def _lies_in(root: Path, folder: str) -> bool:
    """Whether a folder, named relative to a root, lies in it also where links lead."""
    try:
        return (root / folder).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, or no name of a folder
        return False


def write_rows(dst: Path, rows: Iterable[Row]) -> None:
    """Write a manifest whole, sorted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(Row._fields)
    writer.writerows(sorted(rows))
    atomic_write(dst / MANIFEST, text.getvalue().encode())
