"""Inputs of a review page: the network, the results and the decision log."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsxm.imaging.images import MAX_PIXELS, read_image
from mmsxm.imaging.pixel_mapping import PixelMapping
from mmsxm.imaging.preprocessing import View
from mmsxm.imaging.reading import preprocess_file
from mmsxm.inference.backends import Backend
from mmsxm.inference.records import screen_files
from mmsxm.review.cases import Case, ResultsReader, Review
from mmsxm.review.decision_log import append_decision, read_decisions
from mmsxm.screening.record_validation import configs_differ

__all__ = ['Attention', 'Session']


class Attention(NamedTuple):
    """Attention map ``(h, w)`` over a view of the image."""

    map: np.ndarray
    view: View


class Session:
    """Inputs of a review, and the log of its decisions.

    Args:
        log: Decision log, new or existing.
        backend: The network. Without it, images cannot be added and attention is not shown.
        results: Results file of mmsxm screen, which may still be growing.

    Raises:
        OSError: The log cannot be written, or the results cannot be read.
        ValueError: There is nothing to review, or the network does not match the results.
    """

    def __init__(
        self, log: Path, backend: Backend | None = None, results: Path | None = None
    ) -> None:
        self.log, self.backend, self.results = log, backend, results
        self._reader = ResultsReader(results) if results else None
        self._cases = self._reader.read() if self._reader else []
        self._unchecked: list[Case] = []
        screened = [case.record for case in self._cases if 'error' not in case.record]
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
        self._check(self._cases)
        self.calibrated = [thresholds[class_name] for class_name in self.classes]
        self.name = f'{name} {self.model[:8]}'.strip()
        log.parent.mkdir(parents=True, exist_ok=True)
        log.open('ab').close()

    def _check(self, cases: Sequence[Case]) -> None:
        """Check that results are from the network of the session."""
        if cases and cases[0].record['model'] != self.model:
            raise ValueError(
                f'{self.results} is from the network {cases[0].record["model"][:8]}, but the '
                f'current network is {self.model[:8]}. Use the checkpoint that screened it.'
            )
        if self.backend and any(
            configs_differ(case.record.get('config_digest'), self.backend.info.config_digest)
            for case in cases
        ):
            raise ValueError(
                f'{self.results} was written with the same weights but another config. Use the '
                'config that screened it.'
            )
        if any(
            case.record['thresholds'].keys() != set(self.classes)
            for case in cases
            if 'error' not in case.record
        ):
            raise ValueError(
                f'{self.results} has other classes than the network ({", ".join(self.classes)}). '
                'Use the checkpoint that screened it.'
            )

    def review(self) -> Review:
        """Start a review of the results read so far, with the earlier decisions on them."""
        return Review(self.classes, self._cases, read_decisions(self.log))

    def read_new_cases(self) -> list[Case]:
        """Return the results that were written since the last call.

        Raises:
            OSError: The results cannot be read.
            ValueError: A new line is not a result of the network of the session. Each call raises
                the same error until the page starts again.
        """
        self._unchecked += self._reader.read() if self._reader else []
        self._check(self._unchecked)
        cases, self._unchecked = self._unchecked, []
        self._cases += cases
        return cases

    def screen(self, path: str, name: str) -> Case:
        """Screen a file whose case gets ``name``.

        Raises:
            ValueError: There is no network.
        """
        if self.backend is None:
            raise ValueError(
                'Images cannot be added without a network. Start the page with --model.'
            )
        file = preprocess_file(path, self.backend.info.preprocessing, MAX_PIXELS)
        return Case(name, path, screen_files(self.backend, [file])[0].record)

    def load_image(self, case: Case) -> np.ndarray:
        """Read the image of a bag, BGR ``(H, W, 3)`` uint8.

        Raises:
            ImageError, OSError: The file is no longer readable.
        """
        if self.backend:
            mapping = self.backend.info.preprocessing.mapping
        else:  # missing in old results, which then keep the upper 8 bits
            mapping = PixelMapping.from_dict(case.record)
        return read_image(case.path, mapping=mapping)

    def load_attention(self, case: Case) -> Attention | None:
        """Run the network on a bag again, because attention is not stored in the results.

        Returns:
            None without a network, for a network without attention, and for an unreadable file.
        """
        if self.backend is None:
            return None
        file = preprocess_file(case.path, self.backend.info.preprocessing, MAX_PIXELS)
        _, attention_map, view = screen_files(self.backend, [file])[0]
        if attention_map is None or view is None:
            return None
        return Attention(attention_map, view)

    def decide(self, review: Review, index: int, verdict: str, comment: str, operator: str) -> None:
        """Decide on a case permanently; if the log cannot be written, there is no decision."""
        thresholds = np.array(self.calibrated)
        decision = review.decide(index, verdict, comment, thresholds, operator)
        append_decision(self.log, decision)
        review.settle(index, decision)
