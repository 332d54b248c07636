"""Compare an exported file with the network that it comes from.

An exporter can keep the size of the batch that it traced: such a file runs, and gives wrong scores
for other batches. So a file counts only after its own runtime has agreed with PyTorch on several.
"""

from pathlib import Path

import numpy as np
import torch

from mmsxm.inference.backends import BACKENDS, Prediction, load_backend
from mmsxm.models import ScreeningNetwork

__all__ = ['ANY_FINITE', 'BATCHES', 'TOLERANCE', 'largest_difference', 'varied_images']

BATCHES = (1, 2, 3)  # fewer images than are traced, as many, and more
TOLERANCE = 1e-4  # of scores, level weights and maps in float32, all in [0, 1]
ANY_FINITE = 1.0  # a tolerance that refuses nothing but NaN, infinity and other shapes
BLOCKS = 8  # of random colors, per side of an image; they differ more than noise does


def largest_difference(
    network: ScreeningNetwork, path: Path, tolerance: float = TOLERANCE
) -> float:
    """Return the largest difference between an exported file and PyTorch, over all batches.

    Args:
        network: On the CPU.
        path: An ``.onnx`` or an ``.xml`` file.
        tolerance: The difference allowed.

    Raises:
        ValueError: The file cannot be run on a batch, or its results differ by more.
    """
    runtime = BACKENDS[path.suffix]
    largest = 0.0
    backend = load_backend(path)
    for number in BATCHES:
        images = varied_images(number, backend.info.preparation.size)
        try:
            got = backend(images)
        except ValueError as error:
            reason = ' '.join(str(error).split()).rstrip('.')  # of a runtime, in several lines
            raise ValueError(f'{runtime} cannot run a batch of {number}: {reason}') from error
        with torch.no_grad():
            scores, level_weights, *maps = (
                each.numpy() for each in network(torch.from_numpy(images))
            )
        want = Prediction(scores, maps[0] if maps else None, level_weights)
        difference, output = max(differences(got, want))
        if not difference <= tolerance:
            raise ValueError(
                f'for a batch of {number}, the {output} of {runtime} differ by {difference:.2g}, '
                f'and {tolerance:g} is allowed'
            )
        largest = max(largest, difference)
    return largest


def differences(got: Prediction, want: Prediction) -> list[tuple[float, str]]:
    """Return the largest difference of each output; infinite for other shapes, or for NaN."""
    return [
        (_difference(getattr(got, name), getattr(want, name)), name.replace('_', ' '))
        for name in Prediction._fields
    ]


def _difference(got: np.ndarray | None, want: np.ndarray | None) -> float:
    if got is None and want is None:
        return 0.0
    if got is None or want is None or got.shape != want.shape:
        return float('inf')
    return float(np.nan_to_num(np.abs(got - want), nan=np.inf).max(initial=0.0))


def varied_images(number: int, size: tuple[int, int]) -> np.ndarray:
    """Draw images that a network tells apart, the same on every call: ``(N, h, w, 3)`` uint8."""
    colors = np.random.default_rng(0).integers(0, 256, (number, BLOCKS, BLOCKS, 3), dtype=np.uint8)
    rows, columns = (np.arange(side) * BLOCKS // side for side in size)
    return np.ascontiguousarray(colors[:, rows][:, :, columns])
