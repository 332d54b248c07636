"""State that all operators of a review page share: the network, the results and the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsxm.imaging.images import MAX_PIXELS, read_image
from mmsxm.imaging.reading import preprocess_file
from mmsxm.inference.backends import Backend
from mmsxm.inference.records import screen_files
from mmsxm.review.cases import Case, Review, read_cases
from mmsxm.review.decision_log import append_decision, read_decisions
from mmsxm.screening.record_validation import configs_differ

__all__ = ['CaseImage', 'Session']

BATCH = 8


class CaseImage(NamedTuple):
    """Image of a bag, BGR ``(H, W, 3)`` uint8, with attention ``(h, w)`` over a window, xyxy."""

    image: np.ndarray
    attention_map: np.ndarray | None
    window: tuple[int, ...]


class Session:
    """Inputs of all reviews, and the log of their decisions.

    Args:
        log: Decision log, new or existing.
        backend: The network. Without it, images cannot be added and attention is not shown.
        results: Results file of mmsxm screen.

    Raises:
        OSError: The log cannot be written, or the results cannot be read.
        ValueError: There is nothing to review, or the network does not match the results.
    """

    def __init__(
        self, log: Path, backend: Backend | None = None, results: Path | None = None
    ) -> None:
        self.log, self.backend, self.results = log, backend, results
        cases = read_cases(results) if results else []
        screened = [case.record for case in cases if 'error' not in case.record]
        if results and log.exists() and log.samefile(results):
            raise ValueError(
                f'{log} is the results file. Use another file for the decisions, with --log.'
            )
        if backend:
            info = backend.info
            thresholds, self.model, name = info.calibration.thresholds, info.digest, info.name
            self.classes = info.classes
        else:
            if not screened:
                raise ValueError(
                    f'{results} contains no screened image. Screen images first, with mmsxm screen.'
                    if results
                    else 'There is neither a network nor a results file. Use --model or --results.'
                )
            thresholds, self.model, name = screened[0]['thresholds'], screened[0]['model'], ''
            self.classes = tuple(thresholds)
        if cases and cases[0].record['model'] != self.model:
            raise ValueError(
                f'{results} is from the network {cases[0].record["model"][:8]}, but the current '
                f'network is {self.model[:8]}. Use the checkpoint that screened it.'
            )
        if backend and any(
            configs_differ(case.record.get('config_digest'), backend.info.config_digest)
            for case in cases
        ):
            raise ValueError(
                f'{results} was written with the same weights but another config. Use the config '
                'that screened it.'
            )
        if screened and screened[0]['thresholds'].keys() != set(self.classes):
            raise ValueError(
                f'{results} has other classes than the network ({", ".join(self.classes)}). Use '
                'the checkpoint that screened it.'
            )
        self.calibrated = [thresholds[class_name] for class_name in self.classes]
        self.name = f'{name} {self.model[:8]}'.strip()
        log.parent.mkdir(parents=True, exist_ok=True)
        log.open('ab').close()

    def review(self) -> Review:
        """Start a review of the current results, with the earlier decisions on them."""
        cases = read_cases(self.results) if self.results else []
        return Review(self.classes, cases, read_decisions(self.log))

    def screen(self, paths: Sequence[str]) -> list[Case]:
        """Screen files; their cases are named without folders.

        Raises:
            ValueError: There is no network.
        """
        if self.backend is None:
            raise ValueError(
                'Images cannot be added without a network. Start the page with --model.'
            )
        cases = []
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            preprocessing = self.backend.info.preprocessing
            files = [preprocess_file(path, preprocessing, MAX_PIXELS) for path in batch]
            cases += [
                Case(Path(path).name, path, screened.record)
                for path, screened in zip(batch, screen_files(self.backend, files), strict=True)
            ]
        return cases

    def load_image(self, case: Case) -> CaseImage:
        """Read a bag and run the network again, because attention is not stored.

        Raises:
            ImageError, OSError: The file is no longer readable.
        """
        image = read_image(case.path)
        window: tuple[int, ...] = (0, 0, image.shape[1], image.shape[0])
        if self.backend is None:
            return CaseImage(image, None, window)
        file = preprocess_file(case.path, self.backend.info.preprocessing, MAX_PIXELS)
        _, attention_map, view = screen_files(self.backend, [file])[0]
        return CaseImage(image, attention_map, view.window if view else window)

    def decide(
        self, review: Review, index: int, verdict: str, comment: str, thresholds: np.ndarray
    ) -> None:
        """Decide on a case permanently; if the log cannot be written, there is no decision."""
        append_decision(self.log, review.decide(index, verdict, comment, thresholds))
        review.settle(index, verdict)
