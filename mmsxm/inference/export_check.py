"""Comparison of an exported file with its PyTorch network.

An exporter can store the traced batch size as a constant. Such a file runs but returns wrong scores
for other batch sizes, so its own runtime must match PyTorch for several batch sizes.
"""

from pathlib import Path

import numpy as np
import torch

from mmsxm.inference.backends import BACKENDS, Prediction, load_backend
from mmsxm.models import ScreeningNetwork

__all__ = ['ANY_FINITE', 'BATCHES', 'TOLERANCE', 'largest_difference', 'predict', 'varied_images']

BATCHES = (1, 2, 3)  # fewer images than traced, as many, and more
TOLERANCE = 1e-4  # for scores, level weights and maps in float32, all in [0, 1]
ANY_FINITE = 1.0  # a tolerance that rejects only NaN, infinity and wrong shapes
BLOCKS = 8  # blocks of random color per image side; images of blocks differ more than noise images


def largest_difference(
    network: ScreeningNetwork, path: Path, tolerance: float = TOLERANCE
) -> float:
    """Return the largest difference between an exported file and PyTorch over all batch sizes.

    Args:
        network: Network on the CPU.
        path: An ``.onnx`` or ``.xml`` file.
        tolerance: Largest allowed difference.

    Raises:
        ValueError: The file fails to run on a batch, or differs by more than the tolerance.
    """
    runtime = BACKENDS[path.suffix]
    largest = 0.0
    backend = load_backend(path)
    for number in BATCHES:
        images = varied_images(number, backend.info.preprocessing.size)
        try:
            actual = backend(images)
        except ValueError as error:
            reason = ' '.join(str(error).split()).rstrip('.')  # runtimes report several lines
            raise ValueError(f'{runtime} cannot run a batch of {number}: {reason}') from error
        difference, output = max(differences(actual, predict(network, images)))
        if not difference <= tolerance:
            raise ValueError(
                f'for a batch of {number}, the {output} of {runtime} differ by {difference:.2g}, '
                f'but only {tolerance:g} is allowed'
            )
        largest = max(largest, difference)
    return largest


def predict(network: ScreeningNetwork, images: np.ndarray) -> Prediction:
    """Return what a network in PyTorch predicts for images ``(N, h, w, 3)`` uint8."""
    with torch.no_grad():
        outputs = network(torch.from_numpy(images))
    return Prediction.from_outputs(*(output.numpy() for output in outputs))


def differences(actual: Prediction, expected: Prediction) -> list[tuple[float, str]]:
    """Return the largest difference of each output; infinite for NaN or different shapes."""
    return [
        (_difference(getattr(actual, name), getattr(expected, name)), name.replace('_', ' '))
        for name in Prediction._fields
    ]


def _difference(actual: np.ndarray | None, expected: np.ndarray | None) -> float:
    if actual is None and expected is None:
        return 0.0
    if actual is None or expected is None or actual.shape != expected.shape:
        return float('inf')
    return float(np.nan_to_num(np.abs(actual - expected), nan=np.inf).max(initial=0.0))


def varied_images(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return distinct images ``(N, h, w, 3)`` uint8, the same on every call."""
    shape = (number, BLOCKS, BLOCKS, 3)
    colors = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows, columns = (np.arange(side) * BLOCKS // side for side in size)
    return np.ascontiguousarray(colors[:, rows][:, :, columns])  # (N, h, w, 3)
