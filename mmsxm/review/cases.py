"""Cases for review, the riskiest first, and the effect of other thresholds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsxm.conventions import utc_now
from mmsxm.io.files import sha256_or_none
from mmsxm.review.decision_log import Decision
from mmsxm.screening.record_validation import configs_differ, read_record

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

NEAR_CERTAIN = 1e-7  # scores and thresholds are clipped this close to 0 and 1, for finite log-odds
VIEWS = ('All', 'Alarms', 'To do')
STEP = 0.001  # of a threshold slider


class Case(NamedTuple):
    """File with the result of the network.

    ``name`` identifies the file on the page and in the log. ``path`` is where it is read from.
    ``record`` is a line of mmsxm screen (docs/screening.md).
    """

    name: str
    path: str
    record: Mapping[str, Any]


def read_cases(results: Path) -> list[Case]:
    """Read a results file, which may still be growing; skip an unfinished last line.

    Raises:
        ValueError: A line is not a result, or has another network, config or thresholds than the
            first.
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
                raise ValueError(f'{place} is not a result of mmsxm screen. Delete the line.')
            if cases and record['model'] != cases[0].record['model']:
                raise ValueError(
                    f'{place} is from another network than line 1. Review them separately.'
                )
            if configs_differ(record.get('config_digest'), config_digest):
                raise ValueError(
                    f'{place} was written with the same weights but another config than the lines '
                    'before it. Review them separately.'
                )
            config_digest = config_digest or record.get('config_digest')
            if 'error' not in record:
                first = first or record
                if record['thresholds'] != first['thresholds']:
                    raise ValueError(
                        f'{place} has other thresholds than the lines before it. Review them '
                        'separately.'
                    )
            cases.append(Case(record['path'], record['path'], record))
    return cases


def score_matrix(cases: Sequence[Case], classes: Sequence[str]) -> np.ndarray:
    """Return scores (N, C), float64; NaN for files that were not screened."""
    rows = [[case.record.get('scores', {}).get(name, np.nan) for name in classes] for case in cases]
    return np.array(rows, dtype=np.float64).reshape(len(cases), len(classes))  # (N, C)


def alarms(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return which scores (N, C) reach their thresholds (C,), as in screening."""
    reached: np.ndarray = np.greater_equal(scores, thresholds)
    return reached


def margins(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the margins of scores (N, C) over their thresholds (C,), in log-odds."""
    return _log_odds(scores) - _log_odds(thresholds)


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = p.clip(NEAR_CERTAIN, 1 - NEAR_CERTAIN)
    return np.log(p) - np.log1p(-p)


def risk_order(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the indices (N,) of images with scores (N, C), by descending risk.

    Files that were not screened come first, because nobody has looked at them. Then come alarms,
    then the rest, each sorted by the largest margin of any class over its threshold (C,). Log-odds
    make classes with low and high thresholds comparable.
    """
    unseen = np.isnan(scores).any(axis=1)  # (N,)
    alarm = alarms(scores, thresholds).any(axis=1)  # (N,)
    risk = margins(scores, thresholds).max(axis=1, initial=-np.inf)  # (N,)
    return np.lexsort((-risk, ~alarm, ~unseen))


def thresholds_at(positions: Sequence[float], calibrated: Sequence[float]) -> np.ndarray:
    """Return the thresholds (C,) of slider positions; near a calibrated mark, return the mark."""
    return np.array(
        [
            mark if abs(position - mark) <= STEP / 2 + 1e-9 else position
            for position, mark in zip(positions, calibrated, strict=True)
        ]
    )


class Review:
    """Cases of one operator, with their scores and verdicts.

    Args:
        classes: Class names, in the order of scores and thresholds.
        cases: Initial cases; more can be added.
        decisions: Decisions of earlier reviews. A decision only counts for the same screening of
            the same file, because a file of that name may show another bag by now.
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
            (decision.image, decision.screened): decision.decision
            for decision in decisions
            if decision.decision != 'comment'
        }
        for index, case in enumerate(cases):
            if verdict := decided.get((case.name, case.record['time'])):
                self.verdicts[index] = verdict

    def add(self, cases: Sequence[Case]) -> None:
        """Add cases."""
        self.cases += cases
        scores = score_matrix(cases, self.classes)
        self.scores = np.concatenate([self.scores, scores])  # (N, C)

    def order(self, thresholds: np.ndarray, which: str = 'All') -> list[int]:
        """Return the indices of cases by descending risk: all, alarms, or those to do."""
        order: list[int] = risk_order(self.scores, thresholds).tolist()
        if which == 'Alarms':
            reached = set(alarms(self.scores, thresholds).nonzero()[0].tolist())
            return [index for index in order if index in reached]
        if which == 'To do':
            return [index for index in order if index not in self.verdicts]
        return order

    def labels(self, index: int, thresholds: np.ndarray) -> list[str]:
        """Return the alarms of a case, the largest margin first."""
        scores = self.scores[index]
        return [
            self.classes[label]
            for label in np.argsort(-margins(scores, thresholds), kind='stable')
            if scores[label] >= thresholds[label]
        ]

    def count(self, thresholds: np.ndarray) -> list[int]:
        """Return the number of alarms of each class (C,)."""
        counts: list[int] = alarms(self.scores, thresholds).sum(axis=0).tolist()
        return counts

    def decide(self, index: int, verdict: str, comment: str, thresholds: np.ndarray) -> Decision:
        """Create the decision on a case. Call :meth:`settle` after it is stored."""
        case = self.cases[index]
        return Decision(
            time=utc_now(),
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
        """Apply a decision that is in the log; a comment is not a decision."""
        if verdict != 'comment':
            self.verdicts[index] = verdict
