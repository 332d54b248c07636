"""What the operators of a review page share: the network, the results, the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsxm.imaging.images import MAX_PIXELS, read_image
from mmsxm.imaging.reading import prepare_file
from mmsxm.inference.backends import Backend
from mmsxm.review.cases import Case, Review, read_cases
from mmsxm.review.decision_log import append_decision, read_decisions
from mmsxm.screening.record import differs
from mmsxm.screening.screen import screen_files

__all__ = ['Look', 'Session']

BATCH = 8


class Look(NamedTuple):
    """A bag, BGR ``(H, W, 3)`` uint8, and attention ``(h, w)`` over a window of it, xyxy."""

    image: np.ndarray
    attention_map: np.ndarray | None
    window: tuple[int, ...]


class Session:
    """Where reviews start from, and where their decisions go.

    Args:
        log: Of decisions, need not be there yet.
        backend: The network; without it no images can be added, and attention is not shown.
        results: A file of mmsxm screen.

    Raises:
        OSError: The log can't be written, or the results can't be read.
        ValueError: There is nothing to review, or network and results do not belong together.
    """

    def __init__(
        self, log: Path, backend: Backend | None = None, results: Path | None = None
    ) -> None:
        self.log, self.backend, self.results = log, backend, results
        cases = read_cases(results) if results else []
        screened = [case.record for case in cases if 'error' not in case.record]
        if results and log.exists() and log.samefile(results):
            raise ValueError(f'{log} holds the results: give the decisions a log of their own')
        if backend:
            info = backend.info
            thresholds, self.model, name = info.calibration.thresholds, info.digest, info.name
            self.classes = info.classes
        else:
            if not screened:
                raise ValueError(
                    f'{results} holds no screened image'
                    if results
                    else 'there is neither a network nor a file of results'
                )
            thresholds, self.model, name = screened[0]['thresholds'], screened[0]['model'], ''
            self.classes = tuple(thresholds)
        if cases and cases[0].record['model'] != self.model:
            raise ValueError(
                f'{results} is of the network {cases[0].record["model"][:8]}, this one is '
                f'{self.model[:8]}: give the checkpoint that it was screened with'
            )
        if backend and any(
            differs(case.record.get('config_digest'), backend.info.config_digest) for case in cases
        ):
            raise ValueError(
                f'{results} was written with the same weights under another config: name the '
                'config that it was screened with'
            )
        if screened and screened[0]['thresholds'].keys() != set(self.classes):
            raise ValueError(
                f'{results} is of other classes than {", ".join(self.classes)}, those of the '
                'network: give the checkpoint that it was screened with'
            )
        self.calibrated = [thresholds[each] for each in self.classes]
        self.name = f'{name} {self.model[:8]}'.strip()
        log.parent.mkdir(parents=True, exist_ok=True)
        log.open('ab').close()

    def review(self) -> Review:
        """Begin a review of the results as they are now, with what was decided of them before."""
        cases = read_cases(self.results) if self.results else []
        return Review(self.classes, cases, read_decisions(self.log))

    def screen(self, paths: Sequence[str]) -> list[Case]:
        """Ask the network about files, which go by their names without folders.

        Raises:
            ValueError: There is no network.
        """
        if self.backend is None:
            raise ValueError('images can be added where the page was started with a network')
        cases = []
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            preparation = self.backend.info.preparation
            files = [prepare_file(path, preparation, MAX_PIXELS) for path in batch]
            cases += [
                Case(Path(path).name, path, each.record)
                for path, each in zip(batch, screen_files(self.backend, files), strict=True)
            ]
        return cases

    def look(self, case: Case) -> Look:
        """Read a bag; the network sees it again, since attention is not kept.

        Raises:
            ImageError, OSError: The file can't be read any more.
        """
        image = read_image(case.path)
        window: tuple[int, ...] = (0, 0, image.shape[1], image.shape[0])
        if self.backend is None:
            return Look(image, None, window)
        file = prepare_file(case.path, self.backend.info.preparation, MAX_PIXELS)
        _, attention_map, view = screen_files(self.backend, [file])[0]
        return Look(image, attention_map, view.window if view else window)

    def decide(
        self, review: Review, index: int, verdict: str, comment: str, thresholds: np.ndarray
    ) -> None:
        """Decide on a case, for good; what the log can't keep is not decided."""
        append_decision(self.log, review.decide(index, verdict, comment, thresholds))
        review.settle(index, verdict)
