"""Decision log of the operators: one JSON object per line, appended and never rewritten."""

import json
import logging
import os
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from mmsxm.io.safe_parsing import parse_json

__all__ = ['VERDICTS', 'Decision', 'append_decision', 'check_operator', 'read_decisions']

VERDICTS = ('confirm', 'clear', 'comment')
LONGEST_NAME = 80  # characters of an operator's name
_write_lock = Lock()


@dataclass(frozen=True)
class Decision:
    """Decision of an operator, with the information it is based on.

    Args:
        time: Time of the decision, ISO 8601 in UTC.
        image: Path of the image, or the name of an uploaded file.
        sha256: SHA-256 of the image file; None if the file no longer exists.
        screened: Time of the screening. Together with ``image``, it identifies a line of the
            results.
        labels: Alarms shown to the operator.
        thresholds: Thresholds of these alarms, by class.
        decision: One of :data:`VERDICTS`; a comment alone is not a decision.
        comment: Comment, possibly empty.
        model: SHA-256 of the checkpoint.
        operator: Name of the operator; '' in logs written before it was stored.

    Raises:
        ValueError: The decision is invalid.
    """

    time: str
    image: str
    sha256: str | None
    screened: str
    labels: list[str]
    thresholds: dict[str, float]
    decision: str
    comment: str
    model: str
    operator: str = ''

    def __post_init__(self) -> None:
        for field in ('time', 'image', 'screened', 'comment', 'model', 'operator'):
            if not isinstance(getattr(self, field), str):
                raise ValueError(f'invalid decision: `{field}` must be a string in {self}')
        if self.decision not in VERDICTS:
            raise ValueError(
                f'{self.decision!r} is not a valid decision. Use one of {", ".join(VERDICTS)}.'
            )


def check_operator(name: str) -> str:
    """Return the name of an operator, with single spaces and composed characters.

    Raises:
        ValueError: The name is empty, too long, or contains characters that cannot be printed.
    """
    name = unicodedata.normalize('NFC', ' '.join(name.split()))
    if not name:
        raise ValueError('The name of the operator is empty. Enter your name.')
    if len(name) > LONGEST_NAME:
        raise ValueError(
            f'The name of the operator has {len(name):,} characters. Use at most {LONGEST_NAME}.'
        )
    if not name.isprintable():
        raise ValueError(
            'The name of the operator contains characters that cannot be printed. Use letters.'
        )
    return name


def append_decision(log: Path, decision: Decision) -> None:
    """Append a decision; it is on disk when this function returns.

    A line left incomplete by a power failure stays as it is; the next decision starts a new line.
    """
    line = json.dumps(asdict(decision), allow_nan=False).encode() + b'\n'
    with _write_lock, open(log, 'a+b') as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b'\n' else b'\n' + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_decisions(log: Path) -> list[Decision]:
    """Return all decisions in order; an empty list if there is no log yet.

    Lines that are not decisions are skipped, and their number is logged as a warning.
    """
    if not log.exists():
        return []
    decisions, invalid = [], 0
    with open(log, 'rb') as lines:
        for line in lines:
            try:
                decisions.append(Decision(**parse_json(line)))
            except (TypeError, ValueError):
                invalid += 1
    if invalid:
        logging.getLogger('mmsxm').warning(
            '%s: skipped %d lines that are not decisions', log, invalid
        )
    return decisions
