"""Write a trained network to a file that runs without PyTorch: ONNX, or OpenVINO's format.

Uint8 pixels go in; scores, level weights and the attention map come out. Normalisation, fusion, the
sigmoid and the calibration are in the graph; classes, thresholds and the preparation of the input
are in the file's metadata. Both formats hold one graph, with weights in float32.
"""

import os
import tempfile
import warnings
from pathlib import Path
from typing import cast

import torch

from mmsxm.files import write_whole
from mmsxm.models import ScreeningNetwork

from .backends.base import ModelInfo
from .backends.exported import INPUT, METADATA, OUTPUTS, PRECISION, describe

__all__ = ['export', 'to_onnx', 'write_openvino']


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
    with torch.no_grad(), warnings.catch_warnings():
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
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        whole = Path(folder) / out.name
        ov.save_model(model, whole, compress_to_fp16=False)
        for path in (whole.with_suffix('.bin'), whole):  # the .xml is what a reader looks for
            os.replace(path, out.with_name(path.name))


def export(network: ScreeningNetwork, info: ModelInfo, out: Path, precision: str = 'f32') -> None:
    """Write a network to an ``.onnx`` or an ``.xml`` file.

    Args:
        network: On the CPU.
        info: What belongs to it.
        out: The file.
        precision: See :func:`write_openvino`.

    Raises:
        ImportError: A package of the extra ``[onnx]`` or ``[openvino]`` is missing.
        ValueError: The file is to end otherwise, or cannot note the precision.
    """
    if out.suffix not in ('.onnx', '.xml'):
        raise ValueError(f'{out} ends in neither .onnx nor .xml, by which its format is known')
    if out.suffix == '.onnx' and precision != 'f32':
        raise ValueError(f'{out} is calculated in f32: OpenVINO alone knows {precision}')
    onnx = to_onnx(network, info)
    if out.suffix == '.onnx':
        write_whole(out, onnx)
    else:
        write_openvino(onnx, info, out, precision)
