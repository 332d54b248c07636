"""What operators decided: one JSON object a line, appended and never rewritten."""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from mmsxm.io.safe_parsing import parse_json

__all__ = ['VERDICTS', 'Decision', 'append_decision', 'read_decisions']

VERDICTS = ('confirm', 'clear', 'comment')
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Decision:
    """What was decided, and on what grounds.

    Args:
        time: Of the decision, ISO 8601 in UTC.
        image: Its path, or the name of an uploaded file.
        sha256: Of the image file; None where it is not there any more.
        screened: When the network saw it; with ``image`` it names a line of the results.
        labels: Alarms that the operator was shown.
        thresholds: Under which they are alarms, by class.
        decision: One of :data:`VERDICTS`; a comment alone decides nothing.
        comment: May be empty.
        model: SHA-256 of the checkpoint.

    Raises:
        ValueError: The decision is none.
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

    def __post_init__(self) -> None:
        texts = (self.time, self.image, self.screened, self.comment, self.model)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f'{self} is no decision: what should be a text is none')
        if self.decision not in VERDICTS:
            raise ValueError(f'{self.decision!r} is no decision: {", ".join(VERDICTS)}')


def append_decision(log: Path, decision: Decision) -> None:
    """Append a line; it is on the disk when this returns.

    A line that was torn when the power failed stays as it is, the next one starts below it.
    """
    line = json.dumps(asdict(decision), allow_nan=False).encode() + b'\n'
    with _one_at_a_time, open(log, 'a+b') as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b'\n' else b'\n' + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_decisions(log: Path) -> list[Decision]:
    """Give all decisions in their order; none where there is no log yet.

    Lines that are none are left out, and counted in the program's own log.
    """
    if not log.exists():
        return []
    decisions, broken = [], 0
    with open(log, 'rb') as lines:
        for line in lines:
            try:
                decisions.append(Decision(**parse_json(line)))
            except (TypeError, ValueError):
                broken += 1
    if broken:
        logging.getLogger('mmsxm').warning(
            '%s: skipped %d lines that are not decisions', log, broken
        )
    return decisions
