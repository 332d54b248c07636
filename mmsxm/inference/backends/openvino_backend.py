"""Backend that runs an exported .xml file with OpenVINO on the CPU."""

from typing import TYPE_CHECKING

import numpy as np

from mmsxm.inference.backends.base import Prediction
from mmsxm.inference.backends.exported import (
    INPUT,
    INT8,
    METADATA,
    PRECISION,
    known_outputs,
    read_description,
    to_prediction,
)

if TYPE_CHECKING:
    from openvino import Model

__all__ = ['OpenVINOBackend']


class OpenVINOBackend:
    """Network from an .xml file of mmsxm export, run with OpenVINO.

    Args:
        path: The .xml file, next to the .bin file of the same name.
        threads: Number of CPU threads; by default one per core.

    Raises:
        ImportError: OpenVINO is not installed.
        ValueError: A file is damaged, or not from mmsxm export.
    """

    def __init__(self, path: str, threads: int | None = None) -> None:
        try:
            import openvino as ov
        except ImportError:
            raise ImportError(
                f"{path} needs OpenVINO: pip install 'mmsxm[station-openvino]'"
            ) from None
        settings = {
            'PERFORMANCE_HINT': 'LATENCY',  # all threads share one batch
            'ENABLE_CPU_PINNING': False,  # other threads read images on the same cores
            'INFERENCE_NUM_THREADS': threads or 0,
        }
        core = ov.Core()
        try:
            model = core.read_model(path)
            description = read_metadata(model, METADATA)
            # by default, OpenVINO uses bfloat16 on processors that support it
            precision = read_metadata(model, PRECISION) or 'f32'
            # operations that are not quantized run in float32
            settings['INFERENCE_PRECISION_HINT'] = 'f32' if precision == INT8 else precision
            inputs = [port.any_name for port in model.inputs]
            outputs = [port.any_name for port in model.outputs]
            self.model = core.compile_model(model, 'CPU', settings)
        except (RuntimeError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(
                f'{path} is not a network that OpenVINO can read. Export it again with mmsxm '
                'export.'
            ) from error
        self.info = read_description(description, path)
        self.outputs = known_outputs(inputs, outputs, path)

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of preprocessed images, BGR ``(N, h, w, 3)`` uint8.

        Raises:
            ValueError: The network fails to run on the images.
        """
        # calling the model itself shares one request, so threads would read each other's results
        try:
            results = self.model.create_infer_request().infer({INPUT: images})
        except (RuntimeError, ValueError) as error:
            raise ValueError(f'The network {self.info.name} failed to run: {error}') from error
        outputs = {name: results[name] for name in self.outputs}
        return to_prediction(outputs, self.info, len(images))


def read_metadata(model: 'Model', key: str) -> str | None:
    """Return a text in the metadata of a model; None if it is missing."""
    return model.get_rt_info(key).value if model.has_rt_info(key) else None
