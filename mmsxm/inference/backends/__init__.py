"""Backends that run a trained network: PyTorch, ONNX Runtime and OpenVINO."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

from mmsxm.inference.backends.base import Backend, ModelInfo, Prediction

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['BACKENDS', 'Backend', 'ModelInfo', 'Prediction', 'load_backend']

BACKENDS = {'.onnx': 'onnxruntime', '.xml': 'openvino'}  # torch for everything else


def load_backend(
    model: Union[str, Path, 'Config'],
    checkpoint: str | Path | None = None,
    backend: str | None = None,
    device: str | None = None,
    threads: int | None = None,
) -> Backend:
    """Load a trained network for inference.

    Args:
        model: A config, its path or the name of a model; or a file from mmsxm export.
        checkpoint: The weights of a config.
        backend: ``'torch'``, ``'onnxruntime'`` or ``'openvino'``; by default the one for the file.
        device: PyTorch device, by default a GPU if there is one. Other backends run on the CPU.
        threads: Number of CPU threads.

    Raises:
        FileNotFoundError: A file does not exist.
        ImportError: The runtime of the file is not installed.
        ValueError: The file is for another backend, or the weights are of another network.
    """
    required = 'torch'
    if isinstance(model, str | Path):
        required = BACKENDS.get(Path(model).suffix, 'torch')
    if backend is not None and backend != required:
        raise ValueError(
            f'{model} needs the backend {required}, not {backend}. onnxruntime runs .onnx and '
            'openvino .xml files from mmsxm export; torch runs a config with its checkpoint.'
        )
    if required == 'torch':
        try:
            from mmsxm.inference.backends.torch_backend import TorchBackend
        except ModuleNotFoundError as error:
            raise ImportError(
                f'{model} needs PyTorch, but {error.name} is not installed. Install a stack with '
                "pip install 'mmsxm[onedl]', or use an exported file: mmsxm export writes one on a "
                'machine with PyTorch.'
            ) from error

        return TorchBackend(model, checkpoint, device, threads)
    if checkpoint is not None:
        raise ValueError(f'{model} contains its weights. Remove the checkpoint {checkpoint}.')
    if device not in (None, 'cpu'):
        raise ValueError(
            f'{model} runs on the CPU. Remove the device {device}, or use the config and its '
            f'checkpoint, which PyTorch runs on {device}.'
        )
    if not Path(str(model)).is_file():
        raise FileNotFoundError(
            f'There is no exported network {model}. Check the path, or write it with mmsxm export.'
        )
    if required == 'onnxruntime':
        from mmsxm.inference.backends.onnxruntime_backend import OnnxRuntimeBackend

        return OnnxRuntimeBackend(str(model), threads)
    from mmsxm.inference.backends.openvino_backend import OpenVINOBackend

    return OpenVINOBackend(str(model), threads)
