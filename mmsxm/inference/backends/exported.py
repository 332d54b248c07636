"""What exported networks have in common: the names in their graph, and what the file says."""

import json
from collections.abc import Iterable, Sequence

import numpy as np

from mmsxm.inference.backends.base import ModelInfo, Prediction
from mmsxm.io.safe_parsing import parse_json

__all__ = [
    'INPUT',
    'METADATA',
    'OUTPUTS',
    'PRECISION',
    'describe',
    'known_outputs',
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
        return ModelInfo.from_dict(parse_json(text or ''))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} does not say what its scores mean: it is no network that mmsxm export '
            f'wrote ({error})'
        ) from None


def known_outputs(inputs: Iterable[str], outputs: Iterable[str], path: str) -> tuple[str, ...]:
    """The outputs of a graph in our order; ValueError if it has other ones, or other inputs."""
    names = set(outputs)
    if set(inputs) != {INPUT} or names not in (set(OUTPUTS[:2]), set(OUTPUTS)):
        raise ValueError(
            f'{path} has other inputs and outputs than a network that mmsxm export wrote'
        )
    return OUTPUTS[: len(names)]


def to_prediction(outputs: Sequence[np.ndarray], info: ModelInfo, number: int) -> Prediction:
    """Take outputs of a number of images, in the order of :data:`OUTPUTS`.

    Raises:
        ValueError: They are of other shapes than those of a network that knows these classes.
    """
    scores, level_weights, *maps = outputs
    if (
        scores.shape != (number, len(info.classes))
        or level_weights.shape not in [(number, levels) for levels in range(4)]
        or not all(each.ndim == 3 and len(each) == number and each.size for each in maps)
        or any(each.dtype != np.float32 for each in outputs)
    ):
        shapes = ', '.join(f'{each.shape} {each.dtype}' for each in outputs)
        raise ValueError(
            f'the network {info.name} says {shapes} of {number} images: it is none that '
            'mmsxm export wrote'
        )
    return Prediction(scores, maps[0] if maps else None, level_weights)
