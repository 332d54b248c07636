"""``prepared.csv``: the source of each file in a prepared copy, with the digests of both."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmsxm.io.files import atomic_write, sha256_or_none
from mmsxm.io.safe_parsing import read_csv

__all__ = ['MANIFEST', 'ManifestRow', 'is_intact', 'read_rows', 'write_rows']

MANIFEST = 'prepared.csv'


class ManifestRow(NamedTuple):
    """File of the copy and its source. Paths are relative to the two roots."""

    file: str
    source: str
    source_sha256: str
    sha256: str


def is_intact(row: ManifestRow, src: Path, dst: Path) -> bool:
    """Return whether both files exist and are unchanged."""
    return (
        sha256_or_none(dst / row.file) == row.sha256
        and sha256_or_none(src / row.source) == row.source_sha256
    )


def read_rows(dst: Path) -> Iterator[ManifestRow]:
    """Read the rows of a manifest. Yield nothing if there is no manifest.

    A line that was cut off by a kill is skipped.

    Raises:
        ValueError: The manifest is not a CSV file, or names a file outside the copy. This must be
            an error because named files may be deleted.
    """
    if not (dst / MANIFEST).is_file():
        return
    # folder -> whether it is in the copy; a million rows name only a few folders
    folders: dict[str, bool] = {}
    for line, fields in read_csv(dst / MANIFEST):
        if len(fields) == len(ManifestRow._fields) and len(fields[-1]) == 64:
            row = ManifestRow(*fields)
            folder, name = os.path.split(row.file)
            if folder not in folders:
                folders[folder] = _lies_in(dst, folder)
            if not folders[folder] or name in ('', '.', '..') or '\0' in name:
                raise ValueError(
                    f'{dst / MANIFEST}:{line}: {row.file!r} is not a file of the copy. mmsxm '
                    'prepare did not write this line. Prepare the dataset in another folder.'
                )
            yield row


def _lies_in(root: Path, folder: str) -> bool:
    """Return whether a folder, relative to a root, lies inside it after following links."""
    try:
        return (root / folder).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, or an invalid folder name
        return False


def write_rows(dst: Path, rows: Iterable[ManifestRow]) -> None:
    """Write a complete, sorted manifest."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(ManifestRow._fields)
    writer.writerows(sorted(rows))
    atomic_write(dst / MANIFEST, text.getvalue().encode())
