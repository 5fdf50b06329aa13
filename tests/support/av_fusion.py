"""A small model that takes sound, pictures, or both."""

import torch
from emozoo_av_fusion import architecture

from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.settings import apply_settings

LABELS = ("angry", "sad")
SMALL = {"audio_filters": "4,4,4,4", "audio_hidden": "4", "video_filters": "4,4,4", "video_hidden": "4"}


def small_model() -> EmotionModel:
    torch.manual_seed(3)
    return EmotionModel(architecture, apply_settings(architecture, SMALL)[0], LABELS, synthetic=True).eval()
