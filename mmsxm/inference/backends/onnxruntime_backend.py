"""An exported .onnx file, run by ONNX Runtime on the CPU."""

import numpy as np

from mmsxm.inference.backends.base import Prediction
from mmsxm.inference.backends.exported import (
    INPUT,
    METADATA,
    known_outputs,
    read_description,
    to_prediction,
)

__all__ = ['OnnxRuntimeBackend']


class OnnxRuntimeBackend:
    """Run a file of mmsxm export by ONNX Runtime.

    Args:
        path: The file.
        threads: Of the CPU; without it one for each core.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: The file is damaged, or not one of ours.
    """

    def __init__(self, path: str, threads: int | None = None) -> None:
        try:
            import onnxruntime as ort
        except ImportError:
            raise ImportError(f"{path} needs ONNX Runtime: pip install 'mmsxm[station]'") from None
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # threads that wait in a loop would take the cores from those that read images
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3  # errors
        try:
            self.session = ort.InferenceSession(path, options, ['CPUExecutionProvider'])
            metadata = self.session.get_modelmeta().custom_metadata_map
            inputs = [each.name for each in self.session.get_inputs()]
            outputs = [each.name for each in self.session.get_outputs()]
        except Exception as error:  # of classes that are ONNX Runtime's own
            raise ValueError(f'{path} is no network that ONNX Runtime can read') from error
        self.info = read_description(metadata.get(METADATA), path)
        self.outputs = known_outputs(inputs, outputs, path)

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of prepared images, BGR ``(N, h, w, 3)`` uint8.

        Raises:
            ValueError: The network can't be run on them.
        """
        try:
            outputs = self.session.run(self.outputs, {INPUT: images})
        except Exception as error:
            raise ValueError(f'the network {self.info.name} can not be run: {error}') from error
        return to_prediction(outputs, self.info, len(images))
