"""What a trained network says of images, run by PyTorch, ONNX Runtime or OpenVINO."""
