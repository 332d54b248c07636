"""Ways of running a trained network: PyTorch, ONNX Runtime, OpenVINO."""

from .base import Backend, ModelInfo, Prediction

__all__ = ['Backend', 'ModelInfo', 'Prediction']
