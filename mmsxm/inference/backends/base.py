"""What every way of running a trained network has in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from mmsxm.imaging.preparation import Preparation
from mmsxm.inference.calibration import Calibration

__all__ = ['Backend', 'ModelInfo', 'Prediction']


class Prediction(NamedTuple):
    """What a network says of N images.

    ``scores`` (N, C) are probabilities after calibration, ``attention_maps`` (N, h, w) span the
    input, ``level_weights`` are (N, L), order P3, P4, P5; all float32. A network without attention
    has no maps.
    """

    scores: np.ndarray
    attention_maps: np.ndarray | None
    level_weights: np.ndarray


@dataclass(frozen=True)
class ModelInfo:
    """What belongs to a trained network beside its weights.

    Args:
        name: Of its config.
        classes: Names, in the order of the scores.
        preparation: Of its input.
        calibration: Thresholds, and the scaling of the scores.
        digest: SHA-256 of the checkpoint, also for what was exported from it.
        config_digest: SHA-256 of the settings that decide results beside the weights; empty for
            files that were exported before it existed.

    Raises:
        ValueError: A name is no printable text, or there are no classes, or two of one name.
    """

    name: str
    classes: tuple[str, ...]
    preparation: Preparation
    calibration: Calibration
    digest: str
    config_digest: str = ''

    def __post_init__(self) -> None:
        for text in (self.name, self.digest, self.config_digest, *self.classes):
            if not (isinstance(text, str) and text.isprintable()):  # it goes to terminals
                raise ValueError(
                    f'a network, its classes and its digest are named by texts, not {text!r}'
                )
        if not 0 < len(set(self.classes)) == len(self.classes):
            raise ValueError(f'the classes of a network must differ, not be {self.classes}')

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'ModelInfo':
        """Undo :meth:`to_dict`, also after a way through JSON."""
        classes = tuple(values['classes'])
        return cls(
            name=values['name'],
            classes=classes,
            preparation=Preparation.from_dict(values['preparation']),
            calibration=Calibration.from_dict(values['calibration'], classes),
            digest=values['digest'],
            config_digest=values.get('config_digest', ''),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the metadata of an exported network."""
        return {
            'name': self.name,
            'classes': list(self.classes),
            'preparation': self.preparation.to_dict(),
            'calibration': self.calibration.to_dict(),
            'digest': self.digest,
            'config_digest': self.config_digest,
        }


class Backend(Protocol):
    """A trained network, ready to be asked."""

    info: ModelInfo

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of prepared images, BGR ``(N, h, w, 3)`` uint8."""
        ...
