"""Interface of all backends: predictions, and metadata of the network."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.calibration import Calibration

__all__ = ['Backend', 'ModelInfo', 'Prediction']


class Prediction(NamedTuple):
    """Outputs of a network for N images, all float32.

    ``scores`` (N, C) are probabilities after calibration. ``attention_maps`` (N, h, w) cover the
    input; they are None for a network without maps. ``level_weights`` (N, L) are ordered
    fine to coarse (P3, P4, P5 in our configs). ``class_maps`` (N, C, h, w) are None unless the
    network predicts one map per class; ``attention_maps`` are then their maximum over the classes.
    """

    scores: np.ndarray
    attention_maps: np.ndarray | None
    level_weights: np.ndarray
    class_maps: np.ndarray | None = None

    @classmethod
    def from_outputs(
        cls, scores: np.ndarray, level_weights: np.ndarray, maps: np.ndarray | None = None
    ) -> 'Prediction':
        """Create an instance from the outputs of a network.

        Args:
            scores: ``(N, C)``.
            level_weights: ``(N, L)``.
            maps: One map for all classes, ``(N, h, w)``, or one map per class, ``(N, C, h, w)``.
        """
        if maps is None or maps.ndim == 3:
            return cls(scores, maps, level_weights)
        return cls(scores, maps.max(axis=1), level_weights, maps)

    def image(self, index: int) -> 'Prediction':
        """Return the outputs for one image, without the dimension N."""
        return Prediction._make(None if output is None else output[index] for output in self)


@dataclass(frozen=True)
class ModelInfo:
    """Metadata of a trained network.

    Args:
        name: Name of the config.
        classes: Class names, in the order of the scores.
        preprocessing: Preprocessing of the input.
        calibration: Thresholds and score scaling.
        digest: SHA-256 of the checkpoint, also in files exported from it.
        config_digest: SHA-256 of the settings that affect results besides the weights. Empty for
            files that were exported before it existed.

    Raises:
        ValueError: A name is not a printable string, there are no classes, or class names repeat.
    """

    name: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    calibration: Calibration
    digest: str
    config_digest: str = ''

    def __post_init__(self) -> None:
        for text in (self.name, self.digest, self.config_digest, *self.classes):
            if not (isinstance(text, str) and text.isprintable()):  # it is printed to terminals
                raise ValueError(
                    f'Invalid network metadata: {text!r} is not a printable string. Export the '
                    'network again with mmsxm export.'
                )
        if not 0 < len(set(self.classes)) == len(self.classes):
            raise ValueError(
                f'Invalid classes {self.classes}: a network needs at least one class, and class '
                'names must be unique. Export the network again with mmsxm export.'
            )

    @property
    def preparation(self) -> Preprocessing:
        """Old name of ``preprocessing``, kept for one release."""
        warnings.warn(
            'ModelInfo.preparation is now called ModelInfo.preprocessing.',
            DeprecationWarning,
            stacklevel=2,
        )
        return self.preprocessing

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'ModelInfo':
        """Create an instance from :meth:`to_dict`, also after a JSON round trip."""
        # the key 'preparation' is older than the name of the attribute
        classes = tuple(values['classes'])
        return cls(
            name=values['name'],
            classes=classes,
            preprocessing=Preprocessing.from_dict(values['preparation']),
            calibration=Calibration.from_dict(values['calibration'], classes),
            digest=values['digest'],
            config_digest=values.get('config_digest', ''),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the metadata of an exported network."""
        return {
            'name': self.name,
            'classes': list(self.classes),
            'preparation': self.preprocessing.to_dict(),
            'calibration': self.calibration.to_dict(),
            'digest': self.digest,
            'config_digest': self.config_digest,
        }


class Backend(Protocol):
    """Trained network, loaded for inference."""

    info: ModelInfo

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of preprocessed images, BGR ``(N, h, w, 3)`` uint8."""
        ...
