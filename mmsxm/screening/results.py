"""The file of results: a JSON object a line, written at once, gone on with at any time."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmsxm.inference.backends import ModelInfo
from mmsxm.io.files import atomic_file
from mmsxm.screening.record import Record, differs, read_record

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ['Results', 'Tally', 'read_results', 'write_table']

START = b'{"path": "'  # of every line
LONGEST = 1 << 20  # bytes that a line may have


@dataclass
class Tally:
    """What records add up to.

    Args:
        images: That the network has seen.
        alarms: Images with an alarm.
        by_class: Alarms of each class.
        errors: Files that it has not seen.
    """

    images: int = 0
    alarms: int = 0
    by_class: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    @property
    def files(self) -> int:
        """Lines in all."""
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
    """A file of results that is open for more.

    What a killed process left half written at its end is cut off. Names of files may hold any
    bytes: JSON escapes them all.

    Args:
        path: Need not be there yet.
        info: Of the network whose results they are.

    Raises:
        ValueError: the file is none of results, holds those of another network or of other
            thresholds, or another process writes to it.
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
        """Append a record; it is in the file when this returns."""
        self._file.write(json.dumps(record, allow_nan=False).encode() + b'\n')
        self._file.flush()
        self.tally.add(record)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f'another process is writing to {self.path}') from None

    def _read(self, info: ModelInfo) -> None:
        self._file.seek(0)
        whole = 0  # bytes
        for number, line in enumerate(iter(lambda: self._file.readline(LONGEST), b''), start=1):
            torn = not line.endswith(b'\n') and len(line) < LONGEST
            if torn and START.startswith(line[: len(START)]):
                break
            record = self._check(line, number, info)
            self.seen.add(record['path'])
            self.tally.add(record)
            whole += len(line)
        self._file.truncate(whole)

    def _check(self, line: bytes, number: int, info: ModelInfo) -> Record:
        place = f'{self.path}, line {number}'
        record = read_record(line)
        if record is None:
            raise ValueError(f'{place} is no result of mmsxm screen')
        if record['model'] != info.digest:
            raise ValueError(
                f'{place} is of the network {record["model"][:8]}, this one is '
                f'{info.digest[:8]}: give it an --out of its own'
            )
        if differs(record.get('config_digest'), info.config_digest):
            raise ValueError(
                f'{place} was written with the same weights under another config: give this one an '
                '--out of its own'
            )
        if 'error' not in record and record.get('thresholds') != info.calibration.thresholds:
            raise ValueError(
                f'{place} has other thresholds than the network has now: give these an --out of '
                'their own'
            )
        return record


def read_results(path: Path) -> Iterator[Record]:
    """Give the records of a finished file one by one; ValueError where a line is none."""
    with open(path, 'rb') as lines:
        for number, line in enumerate(lines, start=1):
            record = read_record(line)
            if record is None:
                raise ValueError(f'{path}, line {number} is no result of mmsxm screen')
            yield record


def write_table(results: Path, out: Path, classes: tuple[str, ...]) -> None:
    """Write a file of results as a csv table: path, labels, a score a class, error, time."""
    with (
        atomic_file(out) as unfinished,
        open(unfinished, 'w', newline='', encoding='utf-8', errors='surrogateescape') as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['path', 'labels', *classes, 'error', 'time'])
        for record in read_results(results):
            scores = record.get('scores', {})
            row = [record['path'], ';'.join(record.get('labels', ())), *map(scores.get, classes)]
            writer.writerow([*row, record.get('error'), record['time']])
