"""What exported networks have in common: the names in their graph, and what the file says."""

import json
from collections.abc import Sequence

import numpy as np

from .base import ModelInfo, Prediction

__all__ = [
    'INPUT',
    'METADATA',
    'OUTPUTS',
    'PRECISION',
    'describe',
    'read_description',
    'to_prediction',
]

INPUT = 'images'
OUTPUTS = ('scores', 'level_weights', 'attention_map')  # the last one if there is attention
METADATA = 'mmsxm'  # key of the description in a file's metadata
PRECISION = 'mmsxm_precision'  # to calculate in; another key, of OpenVINO's files alone


def describe(info: ModelInfo) -> str:
    """Write JSON for a file's metadata; readers other than ours learn of the input from it too."""
    return json.dumps({**info.to_dict(), 'layout': 'NHWC', 'channel_order': 'BGR'})


def read_description(text: str | None, path: str) -> ModelInfo:
    """Undo :func:`describe`; ValueError if a file has none, or one of another kind."""
    try:
        return ModelInfo.from_dict(json.loads(text or ''))
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f'{path} does not say what its scores mean: it is no network that tools/export.py wrote'
        ) from None


def to_prediction(outputs: Sequence[np.ndarray]) -> Prediction:
    """Take outputs in the order of :data:`OUTPUTS`."""
    scores, level_weights, *maps = outputs
    return Prediction(scores, maps[0] if maps else None, level_weights)
