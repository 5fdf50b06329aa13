"""The files of a checkpoint and of a run, and the limits of what is read from them."""

from __future__ import annotations

README = "README.md"

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PREPROCESSOR = "preprocessor_config.json"
ONNX = "model.onnx"
"""The weights once more, with the network, where `emozoo export` wrote it."""
LARGEST_JSON = 2**20
"""Bytes of a config.json that is read."""
MOST_LABELS = 1000
LONGEST_TEXT = 1000

SPLIT = "split.json"

CONFUSION = "confusion_matrix.png"
METRICS = "metrics.json"

PROVENANCE = "provenance.json"

RUN = "run.json"
PREDICTIONS = "predictions.csv"
SUMMARY = "summary.json"
RESUME = "resume.safetensors"
PREPARED = "prepared.json"
"""The network's config as its plugin's `prepare` made it when the run began; only where the plugin has one."""
CURVES = "training_curves.png"
