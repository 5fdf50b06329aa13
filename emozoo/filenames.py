"""The names of files in the folders of checkpoints and runs, and the limits of what is read from them."""

from __future__ import annotations

# A checkpoint.
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PREPROCESSOR = "preprocessor_config.json"
README = "README.md"
"""The model card."""
PROVENANCE = "provenance.json"
"""What the checkpoint was trained on."""
ONNX = "model.onnx"
"""The weights once more, with the network, where `emozoo export` wrote it."""

# What a run keeps beside its checkpoint.
RUN = "run.json"
METRICS = "metrics.json"
SUMMARY = "summary.json"
"""The metrics of all folds together."""
PREDICTIONS = "predictions.csv"
CONFUSION = "confusion_matrix.png"
CURVES = "training_curves.png"
RISK = "risk_coverage.png"
SPLIT = "split.json"
PREPARED = "prepared.json"
"""The network's config as its plugin's `prepare` made it when the run began; only where the plugin has one."""
RESUME = "resume.safetensors"
"""What an interrupted training goes on from."""

LARGEST_JSON = 2**20
"""Bytes of a config.json that is read."""
MOST_LABELS = 1000
LONGEST_TEXT = 1000
"""Characters of a text in a config.json."""
