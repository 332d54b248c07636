"""Export of a trained network to ONNX or OpenVINO, to run it without PyTorch.

The input is uint8 pixels; the outputs are scores, level weights and maps. The graph
includes normalization, fusion, the sigmoid and the calibration. The metadata of the file contains
classes, thresholds and the preprocessing of the input. Both formats contain the same graph, with
weights in float32. A file is only moved into place after it matches PyTorch (:mod:`.export_check`).
"""

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from mmsxm.inference.backends import BACKENDS
from mmsxm.inference.backends.base import ModelInfo
from mmsxm.inference.backends.exported import INPUT, MAPS, METADATA, OUTPUTS, PRECISION, describe
from mmsxm.inference.export_check import ANY_FINITE, largest_difference
from mmsxm.io.files import atomic_write
from mmsxm.models import ScreeningNetwork

if TYPE_CHECKING:
    import openvino as ov

__all__ = ['export', 'to_onnx', 'write_openvino', 'write_openvino_model']

EXTRAS = {'.onnx': 'onnx', '.xml': 'openvino'}


def to_onnx(network: ScreeningNetwork, info: ModelInfo) -> bytes:
    """Convert a network on the CPU to the bytes of an ONNX file, for any batch size.

    Raises:
        ImportError: A package of the extra ``[onnx]`` is missing.
    """
    try:
        import onnxscript  # noqa: F401  used by the exporter of torch
    except ImportError:
        raise ImportError("Export needs onnxscript: pip install 'mmsxm[onnx]'") from None
    names = (*OUTPUTS, MAPS[network.model.has_class_maps])
    images = torch.zeros((2, *info.preprocessing.size, 3), dtype=torch.uint8)  # (2, h, w, 3)
    with torch.no_grad(), dynamic_batch(network), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # from torch, about its own code
        program = torch.onnx.export(
            network,
            (images,),
            input_names=[INPUT],
            output_names=names[: len(network(images))],
            dynamic_shapes=({0: torch.export.Dim('batch')},),
            dynamo=True,
            verbose=False,
        )
    model = cast(torch.onnx.ONNXProgram, program).model_proto  # None without dynamo
    for node in model.graph.node:
        node.ClearField('metadata_props')  # source file paths of this machine
    model.metadata_props.add(key=METADATA, value=describe(info))
    return model.SerializeToString()


def write_openvino(onnx: bytes, info: ModelInfo, out: Path, precision: str = 'f32') -> None:
    """Write the result of :func:`to_onnx` as an ``.xml`` file and a ``.bin`` file of weights.

    Args:
        onnx: Bytes of the ONNX file.
        info: Metadata of the network.
        out: Path of the ``.xml`` file; the ``.bin`` file is written next to it.
        precision: Precision of inference: ``'f32'``, or ``'bf16'`` on processors that support it.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    try:
        import openvino as ov
    except ImportError:
        raise ImportError("Export needs OpenVINO: pip install 'mmsxm[openvino]'") from None
    write_openvino_model(ov.Core().read_model(onnx), info, out, precision)


def write_openvino_model(model: 'ov.Model', info: ModelInfo, out: Path, precision: str) -> None:
    """Write a network with its metadata as an ``.xml`` file and a ``.bin`` file of weights."""
    import openvino as ov

    model.set_rt_info(describe(info), METADATA)
    model.set_rt_info(precision, PRECISION)
    with moved_into_place(out) as unfinished:
        ov.save_model(model, unfinished, compress_to_fp16=False)


def export(network: ScreeningNetwork, info: ModelInfo, out: Path, precision: str = 'f32') -> float:
    """Export a network to an ``.onnx`` or ``.xml`` file and check the file in its own runtime.

    A bfloat16 file is first checked in float32, to verify its graph. The difference caused by
    rounding is then returned but not limited, because its effect depends on the network and its
    thresholds. If the export fails, an existing file stays.

    Args:
        network: Network on the CPU.
        info: Metadata of the network.
        out: Output file.
        precision: See :func:`write_openvino`.

    Returns:
        The largest difference from PyTorch over scores, level weights and maps, in the
        given precision.

    Raises:
        ImportError: A package of the extra ``[onnx]`` or ``[openvino]`` is missing.
        ValueError: ``out`` has another suffix, its format does not support the precision, or the
            file does not match PyTorch.
    """
    if out.suffix not in EXTRAS:
        raise ValueError(f'{out} has an unknown format. Use the suffix .onnx or .xml.')
    if out.suffix == '.onnx' and precision != 'f32':
        raise ValueError(
            f'{out} cannot run in {precision}, which only OpenVINO supports. Use an .xml file, or '
            'the precision f32.'
        )
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
                f'{out} was not written, because it does not match PyTorch: {error}. The '
                'backbone may compute the batch size in a way that cannot be exported. Run this '
                'network with PyTorch: pass its config and checkpoint instead of an exported file.'
            ) from error
    return difference


def require_packages(suffix: str) -> None:
    """Raise ImportError if a package that writes or checks a format is missing."""
    for package in ('onnxscript', BACKENDS[suffix]):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'Export to {suffix} needs {package}, which writes or checks the file: '
                f"pip install 'mmsxm[{EXTRAS[suffix]}]'"
            )


@contextmanager
def moved_into_place(out: Path) -> Iterator[Path]:
    """Yield a path in a temporary folder; move the files there next to ``out`` after the block.

    After an error, nothing is moved and the folder is deleted.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        unfinished = Path(folder) / out.name
        yield unfinished
        # move the weights first: a reader looks for the file itself
        for path in sorted(Path(folder).iterdir(), key=unfinished.__eq__):
            os.replace(path, out.with_name(path.name))


@contextmanager
def dynamic_batch(network: nn.Module) -> Iterator[None]:
    """Make the shifted windows of Swin traceable for any batch size.

    mmpretrain computes the batch size by dividing floats, which the exporter stores as a constant.
    Within the block, an equivalent reshape without that number is used.
    """
    modules: list[Any] = [
        module for module in network.modules() if hasattr(module, 'window_reverse')
    ]
    for module in modules:
        module.window_reverse = window_reverse
    try:
        yield
    finally:
        for module in modules:
            del module.window_reverse  # restore the method of the class


def window_reverse(windows: Tensor, height: int, width: int, side: int) -> Tensor:
    """Merge windows ``(N * windows, side, side, C)`` into ``(N, height, width, C)``."""
    channels = windows.shape[-1]
    rows, columns = height // side, width // side
    x = windows.view(-1, rows, columns, side, side, channels)  # (N, rows, columns, side, side, C)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)  # (N, height, width, C)
