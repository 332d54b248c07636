"""Export of a trained network to an OpenVINO file that runs in 8-bit integers."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmsxm.inference.backends import ModelInfo, load_backend
from mmsxm.inference.backends.exported import INT8
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.export import (
    moved_into_place,
    require_packages,
    to_onnx,
    write_openvino,
    write_openvino_model,
)
from mmsxm.inference.export_check import ANY_FINITE, largest_difference, predict
from mmsxm.inference.quantization import (
    ScoreChange,
    quantize,
    require_nncf,
    score_change,
    split_images,
)
from mmsxm.models import ScreeningNetwork

__all__ = ['LARGEST_MEAN_CHANGE', 'MIN_IMAGES', 'export_int8']

BATCH = 8
MIN_IMAGES = 40  # so that at least 30 set ranges and 10 are checked
LARGEST_MEAN_CHANGE = 0.03  # of a score, over the checked images and all classes


def export_int8(
    network: ScreeningNetwork, info: ModelInfo, out: Path, images: np.ndarray
) -> ScoreChange:
    """Export a network to an ``.xml`` file that runs in 8-bit integers, and check the file.

    The graph is first checked in float32, as by :func:`~mmsxm.inference.export.export`. Then three
    quarters of the images set the ranges of activations. The mean change of the scores of the
    others must be at most :data:`LARGEST_MEAN_CHANGE`. Single scores change more, so the file has
    no thresholds: those of the float network do not fit it. The scaling of scores stays.

    Args:
        network: Network on the CPU.
        info: Metadata of the network.
        out: Output file.
        images: At least :data:`MIN_IMAGES` preprocessed images from the scanner of the station, BGR
            ``(N, h, w, 3)`` uint8. They need no labels.

    Returns:
        The change of the scores of the checked images.

    Raises:
        ImportError: A package of the extra ``[int8]`` is missing.
        ValueError: ``out`` is not an ``.xml`` file, there are too few images, or the check failed.
            An existing file stays.
    """
    if out.suffix != '.xml':
        raise ValueError(
            f'{out} cannot run in int8, which only OpenVINO supports. Use an .xml file.'
        )
    if len(images) < MIN_IMAGES:
        raise ValueError(
            f'Quantization needs at least {MIN_IMAGES} readable images, not {len(images)}. Use '
            'training images of the network.'
        )
    require_packages('.xml')
    require_nncf()
    import openvino as ov

    ranges, checked = split_images(images)
    onnx = to_onnx(network, info)
    with moved_into_place(out) as unchecked:
        try:
            write_openvino(onnx, info, unchecked)
            largest_difference(network, unchecked)
            model = quantize(ov.Core().read_model(onnx), ranges)
            write_openvino_model(model, quantized_info(info, ranges), unchecked, INT8)
            largest_difference(network, unchecked, tolerance=ANY_FINITE)
        except ValueError as error:
            raise ValueError(
                f'{out} was not written, because it does not match PyTorch: {error}. Export in '
                'float32, without --precision int8.'
            ) from error
        change = score_change(
            scores_of_file(unchecked, checked),
            in_batches(lambda batch: predict(network, batch).scores, checked),
        )
        if change.mean > LARGEST_MEAN_CHANGE:
            raise ValueError(
                f'{out} was not written: 8-bit integers change the scores of {change.images} '
                f'images by {change.mean:.3f} on average, but only {LARGEST_MEAN_CHANGE} is '
                'allowed. Use more images of the scanner, or --precision bf16.'
            )
    return change


def quantized_info(info: ModelInfo, images: np.ndarray) -> ModelInfo:
    """Return metadata without thresholds, whose config digest includes the images."""
    calibration = replace(
        info.calibration, thresholds=Calibration.default(info.classes).thresholds, origin={}
    )
    digest = hashlib.sha256(f'{INT8} {info.config_digest}'.encode())
    digest.update(np.ascontiguousarray(images).data)
    return replace(info, calibration=calibration, config_digest=digest.hexdigest())


def scores_of_file(path: Path, images: np.ndarray) -> np.ndarray:
    """Return the scores ``(N, C)`` of an exported file.

    The file is not in use when this returns: Windows cannot move files that are.
    """
    backend = load_backend(path)
    return in_batches(lambda batch: backend(batch).scores, images)


def in_batches(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """Return the scores ``(N, C)`` of images, computed in batches."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([run(images[start : start + BATCH]) for start in starts])
