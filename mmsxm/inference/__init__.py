"""Inference with trained networks in PyTorch, ONNX Runtime or OpenVINO."""
