"""An exported .xml file, run by OpenVINO on the CPU."""

from typing import TYPE_CHECKING

import numpy as np

from mmsxm.inference.backends.base import Prediction
from mmsxm.inference.backends.exported import (
    INPUT,
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
    """Run a file of mmsxm export by OpenVINO.

    Args:
        path: The .xml file; the .bin file of the same name lies beside it.
        threads: Of the CPU; without it one for each core.

    Raises:
        ImportError: OpenVINO is not installed.
        ValueError: A file is damaged, or not one of ours.
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
            'ENABLE_CPU_PINNING': False,  # the cores also read images
            'INFERENCE_NUM_THREADS': threads or 0,
        }
        core = ov.Core()
        try:
            model = core.read_model(path)
            description = _note(model, METADATA)
            # OpenVINO's own choice would be bfloat16 wherever the processor has it
            settings['INFERENCE_PRECISION_HINT'] = _note(model, PRECISION) or 'f32'
            inputs = [each.any_name for each in model.inputs]
            outputs = [each.any_name for each in model.outputs]
            self.model = core.compile_model(model, 'CPU', settings)
        except (RuntimeError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f'{path} is no network that OpenVINO can read') from error
        self.info = read_description(description, path)
        self.outputs = known_outputs(inputs, outputs, path)

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of prepared images, BGR ``(N, h, w, 3)`` uint8.

        Raises:
            ValueError: The network can't be run on them.
        """
        # the model's own call shares one request, in which threads would read each other's results
        try:
            results = self.model.create_infer_request().infer({INPUT: images})
        except (RuntimeError, ValueError) as error:
            raise ValueError(f'the network {self.info.name} can not be run: {error}') from error
        outputs = [results[name] for name in self.outputs]
        return to_prediction(outputs, self.info, len(images))


def _note(model: 'Model', key: str) -> str | None:
    return model.get_rt_info(key).value if model.has_rt_info(key) else None
