"""8-bit quantization of an exported network with NNCF, after training.

Three settings matter for these networks. Each was measured on real bags (docs/int8.md):

- Constants are folded first. The exporter computes the shapes of depthwise weights and of biases in
  the graph, which hides them from NNCF. It would quantize depthwise weights along a wrong axis, so
  that OpenVINO runs them in float32, and would not correct the biases.
- The range of an activation covers all images. By default, NNCF averages the maxima of the images.
  Items are rare, so that would clip the activations of bags that contain them.
- Activations with negative values get an asymmetric range. Many have some, because the linear
  bottlenecks of MobileNetV2 and the levels of an FPN have no ReLU.
"""

import importlib.util
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import openvino as ov

__all__ = [
    'ScoreChange',
    'fold_constants',
    'quantize',
    'require_nncf',
    'score_change',
    'split_images',
]

CHECKED = 4  # one of this many images is checked and does not set ranges


class ScoreChange(NamedTuple):
    """Absolute change of the scores of ``images`` images: mean, 99th percentile and largest."""

    images: int
    mean: float
    percentile_99: float
    largest: float


def require_nncf() -> None:
    """Raise ImportError if NNCF is not installed."""
    if importlib.util.find_spec('nncf') is None:
        raise ImportError("Quantization needs NNCF: pip install 'mmsxm[int8]'")


def quantize(model: 'ov.Model', images: np.ndarray) -> 'ov.Model':
    """Return a network whose convolutions and linear layers run in 8-bit integers.

    Args:
        model: Network in float32. Its constants are folded in place.
        images: Preprocessed images that set the ranges of activations, BGR ``(N, h, w, 3)`` uint8.

    Raises:
        ImportError: NNCF is not installed.
    """
    require_nncf()
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    fold_constants(model)
    return nncf.quantize(
        model,
        nncf.Dataset([image[None] for image in images]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )


def fold_constants(model: 'ov.Model') -> None:
    """Replace each subgraph without inputs by its value, in place."""
    from openvino.passes import ConstantFolding, Manager

    passes = Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(model)


def split_images(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split images ``(N, h, w, 3)`` into those that set ranges and those that are checked."""
    is_checked = np.arange(len(images)) % CHECKED == CHECKED - 1
    return images[~is_checked], images[is_checked]


def score_change(actual: np.ndarray, expected: np.ndarray) -> ScoreChange:
    """Compare scores ``(N, C)`` with those before quantization."""
    change = np.abs(actual - expected)  # (N, C)
    return ScoreChange(
        len(change), float(change.mean()), float(np.quantile(change, 0.99)), float(change.max())
    )
