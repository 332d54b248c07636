"""Cases for review, the riskiest first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsxm.conventions import utc_now
from mmsxm.io.files import sha256_or_none
from mmsxm.review.decision_log import Decision
from mmsxm.screening.record_validation import Record, configs_differ, read_record

__all__ = [
    'Case',
    'ResultsReader',
    'Review',
    'alarms',
    'margins',
    'risk_order',
    'score_matrix',
]

NEAR_CERTAIN = 1e-7  # scores and thresholds are clipped this close to 0 and 1, for finite log-odds


class Case(NamedTuple):
    """File with the result of the network.

    ``name`` identifies the file on the page and in the log. ``path`` is where it is read from.
    ``record`` is a line of mmsxm screen (docs/screening.md).
    """

    name: str
    path: str
    record: Mapping[str, Any]


class ResultsReader:
    """Results file that may still be growing, read as far as it is written.

    Args:
        results: Results file of mmsxm screen.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self._offset = 0  # bytes that were read
        self._lines = 0
        self._model = ''
        self._config_digest: str | None = None  # missing in old files
        self._thresholds: Mapping[str, float] = {}

    def read(self) -> list[Case]:
        """Return the cases of the lines added since the last call; skip an unfinished last line.

        Raises:
            OSError: The file cannot be read.
            ValueError: A line is not a result, or has another network, config or thresholds than
                the lines before it; or the file became shorter.
        """
        cases: list[Case] = []
        offset, number = self._offset, self._lines
        with open(self.results, 'rb') as lines:
            if lines.seek(0, 2) < offset:
                raise ValueError(
                    f'{self.results} became shorter since it was read. Start the page again.'
                )
            lines.seek(offset)
            for line in lines:
                if not line.endswith(b'\n'):
                    break
                number += 1
                record = self._check(line, f'{self.results}, line {number}')
                cases.append(Case(record['path'], record['path'], record))
                offset += len(line)
        self._offset, self._lines = offset, number
        return cases

    def _check(self, line: bytes, place: str) -> Record:
        record = read_record(line)
        if record is None:
            raise ValueError(f'{place} is not a result of mmsxm screen. Delete the line.')
        self._model = self._model or record['model']
        if record['model'] != self._model:
            raise ValueError(
                f'{place} is from another network than line 1. Review them separately.'
            )
        if configs_differ(record.get('config_digest'), self._config_digest):
            raise ValueError(
                f'{place} was written with the same weights but another config than the lines '
                'before it. Review them separately.'
            )
        self._config_digest = self._config_digest or record.get('config_digest')
        if 'error' not in record:
            self._thresholds = self._thresholds or record['thresholds']
            if record['thresholds'] != self._thresholds:
                raise ValueError(
                    f'{place} has other thresholds than the lines before it. Review them '
                    'separately.'
                )
        return record


def base_name(path: str) -> str:
    """Return a path without its folders, with the separators of any system."""
    return path.replace('\\', '/').rsplit('/', 1)[-1]


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

    Alarms come first, then the rest, each sorted by the largest margin of any class over its
    threshold (C,). Log-odds make classes with low and high thresholds comparable. Files that were
    not screened come last, because there is no image to look at.
    """
    unseen = np.isnan(scores).any(axis=1)  # (N,)
    alarm = alarms(scores, thresholds).any(axis=1)  # (N,)
    risk = margins(scores, thresholds).max(axis=1, initial=-np.inf)  # (N,)
    return np.lexsort((-risk, ~alarm, unseen))


class Review:
    """Cases with their scores, and the decisions on them.

    Args:
        classes: Class names, in the order of scores and thresholds.
        cases: Initial cases; more can be added.
        decisions: Decisions of earlier reviews. A decision only counts for the same screening of
            the same file, because a file of that name may show another bag by now.

    Attributes:
        verdicts: The latest verdict on each decided case, by index.
        history: All decisions and comments on a case in order, by index.
    """

    def __init__(
        self, classes: Sequence[str], cases: Sequence[Case] = (), decisions: Sequence[Decision] = ()
    ) -> None:
        self.classes = tuple(classes)
        self.cases: list[Case] = []
        self.scores = score_matrix((), classes)
        self.verdicts: dict[int, str] = {}
        self.history: dict[int, list[Decision]] = {}
        self._earlier: dict[tuple[str, str], list[Decision]] = {}
        for decision in decisions:
            self._earlier.setdefault((decision.image, decision.screened), []).append(decision)
        self.add(cases)

    def add(self, cases: Sequence[Case]) -> None:
        """Add cases, with the earlier decisions on them."""
        for index, case in enumerate(cases, start=len(self.cases)):
            for decision in self._earlier.get((case.name, case.record['time']), ()):
                self.settle(index, decision)
        self.cases += cases
        scores = score_matrix(cases, self.classes)
        self.scores = np.concatenate([self.scores, scores])  # (N, C)

    def labels(self, index: int, thresholds: np.ndarray) -> list[str]:
        """Return the alarms of a case, the largest margin first."""
        scores = self.scores[index]
        return [
            self.classes[label]
            for label in np.argsort(-margins(scores, thresholds), kind='stable')
            if scores[label] >= thresholds[label]
        ]

    def decide(
        self, index: int, verdict: str, comment: str, thresholds: np.ndarray, operator: str
    ) -> Decision:
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
            operator=operator,
        )

    def settle(self, index: int, decision: Decision) -> None:
        """Apply a decision that is in the log; a comment is not a verdict."""
        self.history.setdefault(index, []).append(decision)
        if decision.decision != 'comment':
            self.verdicts[index] = decision.decision
