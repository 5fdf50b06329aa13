"""A small model that was not trained, and its checkpoint with other words in it."""

import json
from pathlib import Path

import torch

from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from support.small import NETWORK

LABELS = ("happy", "sad", "angry", "neutral")


def small_model(name: str = "cnn") -> EmotionModel:
    architecture = get_architecture(name)
    config, _ = apply_settings(architecture, NETWORK)
    torch.manual_seed(3)
    return EmotionModel(architecture, config, LABELS).eval()


def edit(checkpoint: Path, **changes: object) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    for key, value in changes.items():
        if value is None:
            del config[key]
        else:
            config[key] = value
    (checkpoint / "config.json").write_text(json.dumps(config))
