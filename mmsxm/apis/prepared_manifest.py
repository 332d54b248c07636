"""``prepared.csv``: what every file of a prepared copy was made from, with digests of both."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmsxm.files import sha256_or_none, write_whole

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
    """The rows of a manifest, none of none; a line that a kill cut off is no row."""
    if not (dst / MANIFEST).is_file():
        return
    with open(dst / MANIFEST, encoding='utf-8', newline='') as file:
        for fields in csv.reader(file):
            if len(fields) == len(Row._fields) and len(fields[-1]) == 64:
                yield Row(*fields)


def write_rows(dst: Path, rows: Iterable[Row]) -> None:
    """Write a manifest whole, sorted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(Row._fields)
    writer.writerows(sorted(rows))
    write_whole(dst / MANIFEST, text.getvalue().encode())
