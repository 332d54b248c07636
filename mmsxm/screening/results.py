"""Results file: one JSON object per line, written immediately, resumable at any time."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.records import Record
from mmsxm.io.files import atomic_file
from mmsxm.screening.record_validation import configs_differ, read_record

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ['Results', 'Tally', 'read_results', 'write_table']

START = b'{"path": "'  # start of every line
LONGEST = 1 << 20  # bytes, the maximum length of a line


@dataclass
class Tally:
    """Totals of records.

    Args:
        images: Number of screened images.
        alarms: Number of images with an alarm.
        by_class: Number of alarms of each class.
        errors: Number of files that could not be screened.
    """

    images: int = 0
    alarms: int = 0
    by_class: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    @property
    def files(self) -> int:
        """Total number of lines."""
        return self.images + self.errors

    def add(self, record: Record) -> None:
        """Count one record."""
        if 'error' in record:
            self.errors += 1
            return
        self.images += 1
        self.alarms += bool(record['labels'])
        self.by_class.update(record['labels'])


class Results:
    """Results file, open for appending.

    A half-written last line of a killed process is removed. File names can contain any bytes,
    because JSON escapes them.

    Args:
        path: New or existing file.
        info: Metadata of the network that produces the results.

    Raises:
        ValueError: The file is not a results file, contains results of another network, config or
            thresholds, or another process is writing to it.
    """

    def __init__(self, path: Path, info: ModelInfo) -> None:
        self.path = path
        self.seen: set[str] = set()
        self.tally = Tally()
        if path.exists() and not path.is_file():
            raise ValueError(f'{path} is not a regular file. Use another --out.')
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, 'a+b')  # noqa: SIM115, closed by __exit__
        try:
            self._lock()
            self._read(info)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> 'Results':
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, record: Record) -> None:
        """Append a record; it is in the file when this method returns."""
        self._file.write(json.dumps(record, allow_nan=False).encode() + b'\n')
        self._file.flush()
        self.tally.add(record)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f'Another process is writing to {self.path}. Wait for it, or use another --out.'
            ) from None

    def _read(self, info: ModelInfo) -> None:
        self._file.seek(0)
        valid = 0  # bytes
        for number, line in enumerate(iter(lambda: self._file.readline(LONGEST), b''), start=1):
            unfinished = not line.endswith(b'\n') and len(line) < LONGEST
            if unfinished and START.startswith(line[: len(START)]):
                break
            record = self._check(line, number, info)
            self.seen.add(record['path'])
            self.tally.add(record)
            valid += len(line)
        self._file.truncate(valid)

    def _check(self, line: bytes, number: int, info: ModelInfo) -> Record:
        place = f'{self.path}, line {number}'
        record = read_record(line)
        if record is None:
            raise ValueError(
                f'{place} is not a result of mmsxm screen. Delete the line, or use another --out.'
            )
        if record['model'] != info.digest:
            raise ValueError(
                f'{place} is from the network {record["model"][:8]}, but the current network is '
                f'{info.digest[:8]}. Use another --out.'
            )
        if configs_differ(record.get('config_digest'), info.config_digest):
            raise ValueError(
                f'{place} was written with the same weights but another config. Use another --out '
                'for the current config.'
            )
        if 'error' not in record and record.get('thresholds') != info.calibration.thresholds:
            raise ValueError(
                f'{place} has other thresholds than the current network. Use another --out for the '
                'current thresholds.'
            )
        return record


def read_results(path: Path) -> Iterator[Record]:
    """Yield the records of a finished file.

    Raises:
        ValueError: A line is not a record.
    """
    with open(path, 'rb') as lines:
        for number, line in enumerate(lines, start=1):
            record = read_record(line)
            if record is None:
                raise ValueError(
                    f'{path}, line {number} is not a result of mmsxm screen. Delete the line.'
                )
            yield record


def write_table(results: Path, out: Path, classes: tuple[str, ...]) -> None:
    """Write a results file as CSV: path, labels, one score per class, error and time."""
    with (
        atomic_file(out) as unfinished,
        open(
            unfinished,
            'w',
            newline='',
            encoding='utf-8',
            errors=sys.getfilesystemencodeerrors(),  # names of files that are not text
        ) as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['path', 'labels', *classes, 'error', 'time'])
        for record in read_results(results):
            scores = record.get('scores', {})
            row = [record['path'], ';'.join(record.get('labels', ())), *map(scores.get, classes)]
            writer.writerow([*row, record.get('error'), record['time']])
