"""Ways of running a trained network: PyTorch, ONNX Runtime, OpenVINO."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

from mmsxm.inference.backends.base import Backend, ModelInfo, Prediction

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['BACKENDS', 'Backend', 'ModelInfo', 'Prediction', 'load_backend']

BACKENDS = {'.onnx': 'onnxruntime', '.xml': 'openvino'}  # torch for all else


def load_backend(
    model: Union[str, Path, 'Config'],
    checkpoint: str | Path | None = None,
    backend: str | None = None,
    device: str | None = None,
    threads: int | None = None,
) -> Backend:
    """Load a trained network, ready to be asked.

    Args:
        model: A config, its path or a model's name; or a file of mmsxm export.
        checkpoint: The weights that go with a config.
        backend: ``'torch'``, ``'onnxruntime'`` or ``'openvino'``; the file says which without it.
        device: For PyTorch, a GPU where there is one; the others run on the CPU.
        threads: Of the CPU.

    Raises:
        FileNotFoundError: A file is not there.
        ImportError: The runtime of the file is not installed.
        ValueError: The file is not for that backend, or of another network.
    """
    wanted = BACKENDS.get(Path(model).suffix, 'torch') if isinstance(model, str | Path) else 'torch'
    if backend is not None and backend != wanted:
        raise ValueError(
            f'{model} is run by {wanted}, not by {backend}: onnxruntime takes the .onnx and '
            'openvino the .xml file that mmsxm export writes, torch a config with its checkpoint'
        )
    if wanted == 'torch':
        try:
            from mmsxm.inference.backends.torch_backend import TorchBackend
        except ModuleNotFoundError as error:
            raise ImportError(
                f'{model} is run by PyTorch, and {error.name} is not installed. Install a stack, '
                "pip install 'mmsxm[onedl]', or screen with an exported file: "
                'mmsxm export writes one on a machine that has PyTorch.'
            ) from error

        return TorchBackend(model, checkpoint, device, threads)
    if checkpoint is not None:
        raise ValueError(f'{model} has its weights inside: leave the checkpoint {checkpoint} out')
    if device not in (None, 'cpu'):
        raise ValueError(
            f'{model} is run on the CPU: leave the device {device} out, or name the config and '
            'its checkpoint, which PyTorch runs there'
        )
    if not Path(str(model)).is_file():
        raise FileNotFoundError(f'There is no exported network {model}.')
    if wanted == 'onnxruntime':
        from mmsxm.inference.backends.onnxruntime_backend import OnnxRuntimeBackend

        return OnnxRuntimeBackend(str(model), threads)
    from mmsxm.inference.backends.openvino_backend import OpenVINOBackend

    return OpenVINOBackend(str(model), threads)
