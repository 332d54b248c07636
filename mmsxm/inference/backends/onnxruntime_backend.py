"""Backend that runs an exported .onnx file with ONNX Runtime on the CPU."""

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
    """Network from an .onnx file of mmsxm export, run with ONNX Runtime.

    Args:
        path: The file.
        threads: Number of CPU threads; by default one per core.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: The file is damaged, or not from mmsxm export.
    """

    def __init__(self, path: str, threads: int | None = None) -> None:
        try:
            import onnxruntime as ort
        except ImportError:
            raise ImportError(f"{path} needs ONNX Runtime: pip install 'mmsxm[station]'") from None
        ort.disable_telemetry_events()  # for Windows; see mmsxm/__init__.py
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # spinning threads would take CPU time from the threads that read images
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3  # errors
        try:
            self.session = ort.InferenceSession(path, options, ['CPUExecutionProvider'])
            metadata = self.session.get_modelmeta().custom_metadata_map
            inputs = [node.name for node in self.session.get_inputs()]
            outputs = [node.name for node in self.session.get_outputs()]
        except Exception as error:  # ONNX Runtime has its own exception classes
            raise ValueError(
                f'{path} is not a network that ONNX Runtime can read. Export it again with mmsxm '
                'export.'
            ) from error
        self.info = read_description(metadata.get(METADATA), path)
        self.outputs = known_outputs(inputs, outputs, path)

    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of preprocessed images, BGR ``(N, h, w, 3)`` uint8.

        Raises:
            ValueError: The network fails to run on the images.
        """
        try:
            outputs = self.session.run(self.outputs, {INPUT: images})
        except Exception as error:
            raise ValueError(f'The network {self.info.name} failed to run: {error}') from error
        named = dict(zip(self.outputs, outputs, strict=True))
        return to_prediction(named, self.info, len(images))
