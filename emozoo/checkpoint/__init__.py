"""A trained model's folder: its config, its weights, ONNX, and where a model reference leads."""
