"""Write a trained network to a file that runs without PyTorch: ONNX, or OpenVINO's format.

Uint8 pixels go in; scores, level weights and the attention map come out. Normalization, fusion, the
sigmoid and the calibration are in the graph; classes, thresholds and the preparation of the input
are in the file's metadata. Both formats contain one graph, with weights in float32. A file is put
in its place only after it agreed with PyTorch (:mod:`.export_check`).
"""

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from mmsxm.inference.backends import BACKENDS
from mmsxm.inference.backends.base import ModelInfo
from mmsxm.inference.backends.exported import INPUT, METADATA, OUTPUTS, PRECISION, describe
from mmsxm.inference.export_check import ANY_FINITE, largest_difference
from mmsxm.io.files import atomic_write
from mmsxm.models import ScreeningNetwork

__all__ = ['export', 'to_onnx', 'write_openvino']

EXTRAS = {'.onnx': 'onnx', '.xml': 'openvino'}


def to_onnx(network: ScreeningNetwork, info: ModelInfo) -> bytes:
    """Turn a network on the CPU into an ONNX file, for batches of any size.

    Raises:
        ImportError: A package of the extra ``[onnx]`` is missing.
    """
    try:
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError:
        raise ImportError("exporting needs onnxscript: pip install 'mmsxm[onnx]'") from None
    images = torch.zeros((2, *info.preparation.size, 3), dtype=torch.uint8)
    with torch.no_grad(), batch_left_open(network), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # torch's, about itself
        program = torch.onnx.export(
            network,
            (images,),
            input_names=[INPUT],
            output_names=OUTPUTS[: len(network(images))],
            dynamic_shapes=({0: torch.export.Dim('batch')},),
            dynamo=True,
            verbose=False,
        )
    model = cast(torch.onnx.ONNXProgram, program).model_proto  # None without dynamo
    for node in model.graph.node:
        node.ClearField('metadata_props')  # in which file of this machine it was written
    model.metadata_props.add(key=METADATA, value=describe(info))
    return model.SerializeToString()


def write_openvino(onnx: bytes, info: ModelInfo, out: Path, precision: str = 'f32') -> None:
    """Write what :func:`to_onnx` gives as an ``.xml`` file and, beside it, a ``.bin`` of weights.

    Args:
        onnx: The graph.
        info: What belongs to it.
        out: The ``.xml`` file.
        precision: To calculate in: ``'f32'``, or ``'bf16'`` where the processor has it.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    try:
        import openvino as ov
    except ImportError:
        raise ImportError("exporting needs OpenVINO: pip install 'mmsxm[openvino]'") from None
    model = ov.Core().read_model(onnx)
    model.set_rt_info(describe(info), METADATA)
    model.set_rt_info(precision, PRECISION)
    with moved_into_place(out) as unfinished:
        ov.save_model(model, unfinished, compress_to_fp16=False)


def export(network: ScreeningNetwork, info: ModelInfo, out: Path, precision: str = 'f32') -> float:
    """Write a network to an ``.onnx`` or an ``.xml`` file, and check it in its own runtime.

    A file for bfloat16 is checked in float32 first, which shows whether its graph is right. What
    the rounding then does to the results is returned, but not judged: it depends on the network and
    its thresholds. An earlier file survives an error.

    Args:
        network: On the CPU.
        info: What belongs to it.
        out: The file.
        precision: See :func:`write_openvino`.

    Returns:
        The largest difference from PyTorch, of scores, level weights and attention maps, in the
        precision asked for.

    Raises:
        ImportError: A package of the extra ``[onnx]`` or ``[openvino]`` is missing.
        ValueError: ``out`` has another suffix or cannot store the precision, or the file does not
            agree with PyTorch.
    """
    if out.suffix not in EXTRAS:
        raise ValueError(f'{out} ends in neither .onnx nor .xml, by which its format is known')
    if out.suffix == '.onnx' and precision != 'f32':
        raise ValueError(f'{out} is calculated in f32: OpenVINO alone knows {precision}')
    require_packages(out.suffix)
    onnx = to_onnx(network, info)
    with moved_into_place(out) as unchecked:
        if out.suffix == '.onnx':
            atomic_write(unchecked, onnx)
        else:
            write_openvino(onnx, info, unchecked)
        try:
            difference = largest_difference(network, unchecked)
            if precision != 'f32':
                write_openvino(onnx, info, unchecked, precision)
                difference = largest_difference(network, unchecked, tolerance=ANY_FINITE)
        except ValueError as error:
            raise ValueError(
                f'{out} was not written, because it does not agree with PyTorch: {error}. A '
                'backbone may compute the batch size in a way that cannot be exported. Run this '
                'network with PyTorch: pass its config and checkpoint instead of an exported file.'
            ) from error
    return difference


def require_packages(suffix: str) -> None:
    """Raise ImportError if a package to export a format, or to check the file, is missing."""
    for package in ('onnxscript', BACKENDS[suffix]):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'exporting to {suffix} needs {package}, which writes or checks the file: '
                f"pip install 'mmsxm[{EXTRAS[suffix]}]'"
            )


@contextmanager
def moved_into_place(out: Path) -> Iterator[Path]:
    """Give a path in a folder beside ``out``; what is written there is moved when the block ends.

    After an error nothing is moved, and the folder is removed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        unfinished = Path(folder) / out.name
        yield unfinished
        # weights beside the file come first: the file is what a reader looks for
        for path in sorted(Path(folder).iterdir(), key=unfinished.__eq__):
            os.replace(path, out.with_name(path.name))


@contextmanager
def batch_left_open(network: nn.Module) -> Iterator[None]:
    """Let shifted windows (Swin) be traced for batches of any size.

    mmpretrain divides floats to find the batch size, and the exporter takes the result for a
    constant. The same reshaping without that number is used meanwhile.
    """
    modules: list[Any] = [each for each in network.modules() if hasattr(each, 'window_reverse')]
    for module in modules:
        module.window_reverse = window_reverse
    try:
        yield
    finally:
        for module in modules:
            del module.window_reverse  # the class has its own


def window_reverse(windows: Tensor, height: int, width: int, side: int) -> Tensor:
    """Put windows ``(N * windows, side, side, C)`` together: ``(N, height, width, C)``."""
    channels = windows.shape[-1]
    x = windows.view(-1, height // side, width // side, side, side, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
