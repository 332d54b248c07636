"""List of cases that all operators of a page share, and the decisions on them."""

from pathlib import Path
from threading import RLock
from typing import NamedTuple

import numpy as np

from mmsxm.io.safe_parsing import printable
from mmsxm.review.cases import Case, alarms, base_name, risk_order
from mmsxm.review.decision_log import VERDICTS, check_operator
from mmsxm.review.session import Attention, Session

__all__ = [
    'LONGEST_COMMENT',
    'MAX_UPLOADS',
    'Counts',
    'OutdatedError',
    'UploadLimitError',
    'Worklist',
]

LONGEST_COMMENT = 1000  # characters
# of the images that operators add, until the page stops
MAX_UPLOADS = 500
MAX_UPLOAD_BYTES = 2_000_000_000


class Counts(NamedTuple):
    """Numbers of cases; ``hidden`` are those without an alarm that an alarms-only page hides."""

    images: int
    alarms: int
    unreadable: int
    decided: int
    hidden: int


class OutdatedError(ValueError):
    """Error of a decision by an operator who has not seen the latest decision on the case."""


class UploadLimitError(ValueError):
    """Error of an added image that exceeds a limit."""


class Worklist:
    """Cases of a session by descending risk, shared by all operators. Methods are thread-safe.

    Indices of cases never change. Results that are still being written, and images that operators
    add, get the next indices.

    Args:
        session: The network, the results and the log.
        uploads: Existing folder for added images.
        alarms_only: Hide bags without an alarm: their cases, images and attention do not exist for
            operators. Unreadable files stay visible, because nothing has cleared them.
    """

    def __init__(self, session: Session, uploads: Path, alarms_only: bool = False) -> None:
        self.session, self.uploads, self.alarms_only = session, uploads, alarms_only
        self.thresholds = np.array(session.calibrated)
        self._lock = RLock()  # the list
        self._images = RLock()  # only one image is loaded at a time, to bound memory
        self._added = self._added_bytes = 0
        self.review = session.review()
        self._sort()

    def refresh(self) -> str:
        """Add results that were written since the last call; return the reason if this fails."""
        with self._lock:
            try:
                cases = self.session.read_new_cases()
            except (OSError, ValueError) as error:
                return printable(str(error))
            if cases:
                self.review.add(cases)
                self._sort()
            return ''

    def _sort(self) -> None:
        scores = self.review.scores
        self._alarms = np.asarray(alarms(scores, self.thresholds).any(axis=1))  # (N,)
        self._unreadable = np.asarray(np.isnan(scores).any(axis=1))  # (N,)
        self._visible = self._alarms | self._unreadable | (not self.alarms_only)  # (N,)
        order = risk_order(scores, self.thresholds)  # (N,)
        self._order = order[self._visible[order]]  # (visible,)

    def order(self, view: str = 'all') -> list[int]:
        """Return the visible indices by descending risk.

        Args:
            view: ``'all'``, ``'alarms'`` or ``'to do'``.
        """
        with self._lock:
            order = self._order
            if view == 'alarms':
                order = order[self._alarms[order]]
            indices: list[int] = order.tolist()
            if view == 'to do':
                return [index for index in indices if index not in self.review.verdicts]
            return indices

    def counts(self) -> Counts:
        """Return the numbers of cases."""
        with self._lock:
            return Counts(
                images=len(self.review.cases),
                alarms=int(self._alarms.sum()),
                unreadable=int(self._unreadable.sum()),
                decided=int(sum(self._visible[index] for index in self.review.verdicts)),
                hidden=int((~self._visible).sum()),
            )

    def case(self, index: int) -> Case:
        """Return a case.

        Raises:
            LookupError: There is no such case, or it is hidden.
        """
        with self._lock:
            if index not in range(len(self.review.cases)) or not self._visible[index]:
                raise LookupError('There is no such bag on this page.')
            return self.review.cases[index]

    def labels(self, index: int) -> list[str]:
        """Return the alarms of a case, the largest margin first."""
        return self.review.labels(index, self.thresholds)

    def load_image(self, index: int) -> np.ndarray:
        """Read the image of a case, BGR ``(H, W, 3)`` uint8.

        Raises:
            ImageError, OSError, ValueError: The file is no longer readable.
            LookupError: There is no such case, it is hidden, or it was not screened.
        """
        case = self.case(index)
        if 'error' in case.record:  # nothing has cleared it, but nothing raised an alarm either
            raise LookupError('This file was not screened, so there is no image to show.')
        with self._images:
            return self.session.load_image(case)

    def load_attention(self, index: int) -> Attention | None:
        """Return the attention of the network on a case, None if there is none.

        Raises:
            LookupError: There is no such case, or it is hidden.
        """
        case = self.case(index)
        if 'error' in case.record:
            return None
        with self._images:
            return self.session.load_attention(case)

    def decide(
        self, index: int, verdict: str, comment: str, operator: str, seen: int | None = None
    ) -> int | None:
        """Log a decision; return the next case to decide on, None if there is none.

        The next case is the riskiest one after this case, or else the riskiest of all.

        Args:
            index: Index of the case.
            verdict: One of :data:`~mmsxm.review.decision_log.VERDICTS`.
            comment: Comment, which may be empty unless it is the decision.
            operator: Name of the operator.
            seen: Number of decisions and comments on the case that the operator has seen; None for
                all.

        Raises:
            LookupError: There is no such case, or it is hidden.
            OSError: The log cannot be written.
            OutdatedError: Another operator decided or commented on the case meanwhile.
            ValueError: The verdict, the comment or the name of the operator is invalid.
        """
        operator, comment = check_operator(operator), comment.strip()
        if verdict not in VERDICTS:
            raise ValueError(f'{verdict!r} is not a decision. Use one of {", ".join(VERDICTS)}.')
        if len(comment) > LONGEST_COMMENT:
            raise ValueError(f'A comment can have at most {LONGEST_COMMENT:,} characters.')
        if verdict == 'comment' and not comment:
            raise ValueError('The comment is empty. Write a comment first.')
        with self._lock:
            self.case(index)
            history = self.review.history.get(index, [])
            if seen is not None and seen != len(history):
                by = f'{printable(history[-1].operator)} decided' if history else 'The list changed'
                raise OutdatedError(
                    f'{by} meanwhile, so your decision was not logged. Look at the bag again.'
                )
            self.session.decide(self.review, index, verdict, comment, operator)
            order = self.order()
            place = order.index(index)
            for other in (*order[place + 1 :], *order[:place]):
                if other not in self.review.verdicts:
                    return other
            return None

    def add(self, name: str, data: bytes) -> int | None:
        """Screen an image that an operator adds; return its index, None if it is hidden.

        Args:
            name: Name of the file; folders are removed.
            data: Content of the file.

        Raises:
            OSError: The disk is full.
            UploadLimitError: The image would exceed :data:`MAX_UPLOADS` or
                :data:`MAX_UPLOAD_BYTES`.
            ValueError: The name is empty, or there is no network.
        """
        name = base_name(name)
        if not name:
            raise ValueError('The name of the image is empty.')
        with self._images:
            if self._added == MAX_UPLOADS or self._added_bytes + len(data) > MAX_UPLOAD_BYTES:
                raise UploadLimitError(
                    f'At most {MAX_UPLOADS} images of {MAX_UPLOAD_BYTES / 1e9:g} GB together can '
                    'be added. Start the page again to add more.'
                )
            path = self.uploads / f'{self._added:06}'  # never a name from outside
            try:
                path.write_bytes(data)
                case = self.session.screen(str(path), name)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            self._added += 1
            self._added_bytes += len(data)
        with self._lock:
            index = len(self.review.cases)
            self.review.add([case])
            self._sort()
            if self._visible[index]:
                return index
        path.unlink()
        return None
