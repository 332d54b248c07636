"""Shared parts of exported networks: names in the graph, and metadata of the file."""

import json
from collections.abc import Iterable, Sequence

import numpy as np

from mmsxm.inference.backends.base import ModelInfo, Prediction
from mmsxm.io.safe_parsing import parse_json

__all__ = [
    'INPUT',
    'MAPS',
    'METADATA',
    'OUTPUTS',
    'PRECISION',
    'describe',
    'known_outputs',
    'read_description',
    'to_prediction',
]

INPUT = 'images'
OUTPUTS = ('scores', 'level_weights')  # of every network
MAPS = ('attention_map', 'class_maps')  # one of them follows if the network predicts maps
METADATA = 'mmsxm'  # key of the description in the metadata of a file
PRECISION = 'mmsxm_precision'  # metadata key of the inference precision, OpenVINO files only


def describe(info: ModelInfo) -> str:
    """Return JSON for the metadata of a file, with the input layout for third-party readers."""
    return json.dumps({**info.to_dict(), 'layout': 'NHWC', 'channel_order': 'BGR'})


def read_description(text: str | None, path: str) -> ModelInfo:
    """Parse the JSON of :func:`describe`.

    Raises:
        ValueError: The file has no description, or an invalid one.
    """
    try:
        return ModelInfo.from_dict(parse_json(text or ''))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} has no valid mmsxm metadata ({error}), so its scores have no known meaning. '
            'Use a file from mmsxm export.'
        ) from None


def known_outputs(inputs: Iterable[str], outputs: Iterable[str], path: str) -> tuple[str, ...]:
    """Return the outputs of a graph in the order of :data:`OUTPUTS`, then its maps if it has any.

    Raises:
        ValueError: The graph has other inputs or outputs.
    """
    names = set(outputs)
    allowed = [OUTPUTS, *((*OUTPUTS, name) for name in MAPS)]
    if set(inputs) != {INPUT} or names not in map(set, allowed):
        raise ValueError(
            f'{path} has other inputs and outputs than an exported network. Use a file from mmsxm '
            'export.'
        )
    return (*OUTPUTS, *(name for name in MAPS if name in names))


def to_prediction(outputs: Sequence[np.ndarray], info: ModelInfo, number: int) -> Prediction:
    """Convert the outputs for a number of images, in the order of :func:`known_outputs`.

    Raises:
        ValueError: The shapes or dtypes do not match a network with these classes.
    """
    scores, level_weights, *maps = outputs
    classes = len(info.classes)
    if (
        scores.shape != (number, classes)
        or level_weights.shape not in [(number, levels) for levels in range(4)]
        or any(array.shape[:-2] not in [(number,), (number, classes)] for array in maps)
        or not all(array.size for array in maps)
        or any(array.dtype != np.float32 for array in outputs)
    ):
        shapes = ', '.join(f'{array.shape} {array.dtype}' for array in outputs)
        raise ValueError(
            f'The network {info.name} returned {shapes} for {number} images, which does not match '
            'its classes. Use a file from mmsxm export.'
        )
    return Prediction.from_outputs(*outputs)
