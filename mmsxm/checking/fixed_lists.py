"""Lists without the images that a training must not have."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mmsxm.checking.checks import ERROR
from mmsxm.checking.report import Report
from mmsxm.io.files import atomic_write

__all__ = ['FixedList', 'write_fixed_lists']


class FixedList(NamedTuple):
    """A list that was written, or why not, and how many of its rows were dropped."""

    path: Path
    dropped: int
    reason: str = ''


def write_fixed_lists(report: Report, folder: str | os.PathLike[str]) -> list[FixedList]:
    """Write each list again without the rows of errors, in its own form and under its own name.

    Of lists with one name all but the first are called after their split, too. A list that can't
    be read is not written.

    Raises:
        ValueError: It would be written over one of the lists.
    """
    folder = Path(folder)
    files = [Path(checked.dataset.ann_file) for checked in report.lists]
    taken: Counter[str] = Counter()
    fixed = []
    for checked, file in zip(report.lists, files, strict=True):
        prefix = f'{checked.split.replace("/", "-")}_' if taken[file.name] else ''
        taken[file.name] += 1
        path = folder / f'{prefix}{file.name}'
        if path.resolve() in {known.resolve() for known in files}:
            raise ValueError(f'{path} is one of the lists themselves: name another folder')
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
