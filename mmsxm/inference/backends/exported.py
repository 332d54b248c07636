"""Shared parts of exported networks: names in the graph, and metadata of the file."""

import json
from collections.abc import Iterable, Mapping

import numpy as np

from mmsxm.conventions import MAX_LEVELS
from mmsxm.inference.backends.base import ModelInfo, Prediction
from mmsxm.io.safe_parsing import parse_json

__all__ = [
    'INPUT',
    'INT8',
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
INT8 = 'int8'  # precision of quantized files


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


def to_prediction(outputs: Mapping[str, np.ndarray], info: ModelInfo, number: int) -> Prediction:
    """Convert the outputs for a number of images, by the names of :func:`known_outputs`.

    Raises:
        ValueError: The shapes or dtypes do not match a network with these classes.
    """
    classes = len(info.classes)
    for name, array in outputs.items():
        expected, is_valid = {
            'scores': (f'({number}, {classes})', array.shape == (number, classes)),
            'level_weights': (
                f'({number}, L) with at most {MAX_LEVELS} levels',
                array.shape in [(number, levels) for levels in range(MAX_LEVELS + 1)],
            ),
            'attention_map': (
                f'({number}, h, w)',
                array.ndim == 3 and array.shape[0] == number and array.size > 0,
            ),
            'class_maps': (
                f'({number}, {classes}, h, w)',
                array.ndim == 4 and array.shape[:2] == (number, classes) and array.size > 0,
            ),
        }[name]
        if not is_valid or array.dtype != np.float32:
            raise ValueError(
                f'The network {info.name} returned {name} {array.shape} {array.dtype} for {number} '
                f'images, but {name} must be {expected} and float32. Use a file from mmsxm export.'
            )
    maps = next((outputs[name] for name in MAPS if name in outputs), None)
    return Prediction.from_outputs(outputs['scores'], outputs['level_weights'], maps)
