"""What an operator goes through: cases, the riskiest first, and what other thresholds would do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsxm.io.files import sha256_or_none
from mmsxm.review.decision_log import Decision
from mmsxm.screening.record import differs, now, read_record

__all__ = [
    'STEP',
    'VIEWS',
    'Case',
    'Review',
    'alarms',
    'margins',
    'read_cases',
    'risk_order',
    'score_matrix',
    'thresholds_at',
]

NEAR_CERTAIN = 1e-7  # scores and thresholds this near to 0 or 1 have finite log-odds
VIEWS = ('All', 'Alarms', 'To do')
STEP = 0.001  # of a threshold slider


class Case(NamedTuple):
    """A file and what the network said of it.

    ``name`` is what people and the log call it, ``path`` where it is read, ``record`` a line of
    mmsxm screen (docs/screening.md).
    """

    name: str
    path: str
    record: Mapping[str, Any]


def read_cases(results: Path) -> list[Case]:
    """Read a file of results, which may still be written to: a last line without end is left out.

    Raises:
        ValueError: A line is no result, or of another network or other thresholds than the first.
    """
    cases: list[Case] = []
    first: Mapping[str, Any] = {}
    config_digest: str | None = None  # missing in old files
    with open(results, 'rb') as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b'\n'):
                break
            place = f'{results}, line {number}'
            record = read_record(line)
            if record is None:
                raise ValueError(f'{place} is no result of mmsxm screen')
            if cases and record['model'] != cases[0].record['model']:
                raise ValueError(f'{place} is of another network than line 1: review them apart')
            if differs(record.get('config_digest'), config_digest):
                raise ValueError(
                    f'{place} was written with the same weights as the lines before under another '
                    'config: review them apart'
                )
            config_digest = config_digest or record.get('config_digest')
            if 'error' not in record:
                first = first or record
                if record['thresholds'] != first['thresholds']:
                    raise ValueError(f'{place} has other thresholds than before: review them apart')
            cases.append(Case(record['path'], record['path'], record))
    return cases


def score_matrix(cases: Sequence[Case], classes: Sequence[str]) -> np.ndarray:
    """Scores (N, C), float64; NaN for files that the network has not seen."""
    rows = [[case.record.get('scores', {}).get(name, np.nan) for name in classes] for case in cases]
    return np.array(rows, dtype=np.float64).reshape(len(cases), len(classes))


def alarms(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Which scores (N, C) reach their thresholds (C,), as in screening."""
    reached: np.ndarray = np.greater_equal(scores, thresholds)
    return reached


def margins(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """By how much scores (N, C) are above their thresholds (C,), in log-odds."""
    return _log_odds(scores) - _log_odds(thresholds)


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = p.clip(NEAR_CERTAIN, 1 - NEAR_CERTAIN)
    return np.log(p) - np.log1p(-p)


def risk_order(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Indices (N,) of images with scores (N, C), by falling risk.

    First what the network has not seen: nobody looked there yet. Then alarms, then the rest, each
    by the largest margin of any class over its threshold (C,). Log-odds make classes with low and
    high thresholds comparable.
    """
    unseen = np.isnan(scores).any(axis=1)
    alarm = alarms(scores, thresholds).any(axis=1)
    risk = margins(scores, thresholds).max(axis=1, initial=-np.inf)
    return np.lexsort((-risk, ~alarm, ~unseen))


def thresholds_at(positions: Sequence[float], calibrated: Sequence[float]) -> np.ndarray:
    """Thresholds (C,) where sliders stand; one at its calibrated mark means exactly that."""
    return np.array(
        [
            mark if abs(position - mark) <= STEP / 2 + 1e-9 else position
            for position, mark in zip(positions, calibrated, strict=True)
        ]
    )


class Review:
    """What one operator goes through.

    Args:
        classes: Names, in the order of scores and thresholds.
        cases: May be none: others can be added.
        decisions: Of earlier reviews. They count for the same screening of the same file alone: a
            file of that name may hold another bag by now.
    """

    def __init__(
        self, classes: Sequence[str], cases: Sequence[Case] = (), decisions: Sequence[Decision] = ()
    ) -> None:
        self.classes = tuple(classes)
        self.cases: list[Case] = []
        self.scores = score_matrix((), classes)
        self.verdicts: dict[int, str] = {}
        self.add(cases)
        decided = {
            (each.image, each.screened): each.decision
            for each in decisions
            if each.decision != 'comment'
        }
        for index, case in enumerate(cases):
            if verdict := decided.get((case.name, case.record['time'])):
                self.verdicts[index] = verdict

    def add(self, cases: Sequence[Case]) -> None:
        """Take more cases."""
        self.cases += cases
        self.scores = np.concatenate([self.scores, score_matrix(cases, self.classes)])

    def order(self, thresholds: np.ndarray, which: str = 'All') -> list[int]:
        """Indices of the cases by falling risk: of all, those with alarms, or those to do."""
        order: list[int] = risk_order(self.scores, thresholds).tolist()
        if which == 'Alarms':
            reached = set(alarms(self.scores, thresholds).nonzero()[0].tolist())
            return [each for each in order if each in reached]
        if which == 'To do':
            return [each for each in order if each not in self.verdicts]
        return order

    def labels(self, index: int, thresholds: np.ndarray) -> list[str]:
        """Alarms of a case, the largest margin first."""
        scores = self.scores[index]
        return [
            self.classes[label]
            for label in np.argsort(-margins(scores, thresholds), kind='stable')
            if scores[label] >= thresholds[label]
        ]

    def count(self, thresholds: np.ndarray) -> list[int]:
        """Alarms of each class (C,)."""
        counts: list[int] = alarms(self.scores, thresholds).sum(axis=0).tolist()
        return counts

    def decide(self, index: int, verdict: str, comment: str, thresholds: np.ndarray) -> Decision:
        """Make a decision on a case, which :meth:`settle` lets count once it is kept."""
        case = self.cases[index]
        return Decision(
            time=now(),
            image=case.name,
            sha256=sha256_or_none(case.path),
            screened=case.record['time'],
            labels=self.labels(index, thresholds),
            thresholds=dict(zip(self.classes, thresholds.tolist(), strict=True)),
            decision=verdict,
            comment=comment,
            model=case.record['model'],
        )

    def settle(self, index: int, verdict: str) -> None:
        """Let a decision count that the log holds; a comment decides nothing."""
        if verdict != 'comment':
            self.verdicts[index] = verdict
