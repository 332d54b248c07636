"""Lists without the rows that must not be used in training."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mmsxm.checking.findings import ERROR
from mmsxm.checking.report import Report
from mmsxm.io.files import atomic_write

__all__ = ['FixedList', 'write_fixed_lists']


class FixedList(NamedTuple):
    """List that was written with its number of removed rows, or the reason why it was not."""

    path: Path
    dropped: int
    reason: str = ''


def write_fixed_lists(report: Report, folder: str | os.PathLike[str]) -> list[FixedList]:
    """Write each list again without its error rows, in its own format and under its own name.

    If several lists have the same name, all but the first are prefixed with their split. An
    unreadable list is not written.

    Raises:
        ValueError: A list would overwrite one of the original lists.
    """
    folder = Path(folder)
    files = [Path(checked.dataset.ann_file) for checked in report.lists]
    taken: Counter[str] = Counter()
    fixed = []
    for checked, file in zip(report.lists, files, strict=True):
        name = checked.dataset.list_name
        prefix = f'{checked.split.replace("/", "-")}_' if taken[name] else ''
        taken[name] += 1
        path = folder / f'{prefix}{name}'
        if path.resolve() in {known.resolve() for known in files}:
            raise ValueError(f'{path} is one of the original lists. Choose another folder.')
        lines = {
            finding.row.line
            for finding in report.findings
            if finding.severity == ERROR and finding.row and finding.row.file == str(file)
        }
        try:
            text = checked.dataset.list_without(lines)
        except (OSError, ValueError) as error:
            fixed.append(FixedList(path, 0, str(error)))
            continue
        atomic_write(path, text.encode())
        fixed.append(FixedList(path, len(lines)))
    return fixed
