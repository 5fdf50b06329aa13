"""Tiny random classifiers of sound, built and saved by transformers: one of each kind that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES

KINDS = tuple(MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES)
LABELS = ("neutral", "happy", "angry", "sad")
ENCODER: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
WAVEFORM: dict[str, Any] = ENCODER | {
    "conv_dim": [16, 16, 16], "conv_stride": [5, 8, 8], "conv_kernel": [10, 8, 8], "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 8,
}  # fmt: skip
FIELDS: dict[str, dict[str, Any]] = {
    "whisper": {
        "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32, "num_mel_bins": 16,
        "decoder_layers": 1, "decoder_attention_heads": 2, "max_source_positions": 150, "classifier_proj_size": 8,
    },
    "audio-spectrogram-transformer": ENCODER | {"max_length": 200, "num_mel_bins": 32},
    "wav2vec2-bert": ENCODER | {"feature_projection_input_dim": 40, "classifier_proj_size": 8},
    "sew-d": WAVEFORM | {"max_position_embeddings": 64},
}  # fmt: skip
"""Sizes of the kinds that are not built like wav2vec 2.0."""


def extractor_of(kind: str, **fields: Any) -> Any:
    """The feature extractor that a tiny encoder of this kind takes."""
    if kind == "whisper":
        return transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=3, **fields)
    if kind == "audio-spectrogram-transformer":
        return transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=200, **fields)
    if kind == "wav2vec2-bert":
        return transformers.SeamlessM4TFeatureExtractor(num_mel_bins=20, feature_size=20, **fields)
    return transformers.Wav2Vec2FeatureExtractor(**fields)


def stir(model: torch.nn.Module, seed: int = 0) -> None:
    """Gives weights that make clips differ: fresh ones give all of them about the same probabilities."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))


def save_classifier(folder: Path, kind: str, extractor: dict[str, Any] | None = None, **fields: Any) -> Any:
    """Saves a tiny classifier of a kind with its feature extractor; gives the model."""
    config = transformers.CONFIG_MAPPING[kind](
        **FIELDS.get(kind, WAVEFORM),
        id2label=dict(enumerate(LABELS)),
        label2id={word: i for i, word in enumerate(LABELS)},
    )
    for field, value in fields.items():
        setattr(config, field, value)
    model = transformers.AutoModelForAudioClassification.from_config(config).eval()
    stir(model)
    model.save_pretrained(folder)
    extractor_of(kind, **(extractor or {})).save_pretrained(folder)
    return model


def clip(samples: int, seed: int = 0) -> np.ndarray:
    """float32 [samples]: a tone that glides, with noise."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / 16_000
    tone = np.sin(2 * np.pi * (200 + 300 * random.random() * time) * time)
    return (0.3 * tone + 0.05 * random.standard_normal(samples)).astype(np.float32)


def told(folder: Path, sound: np.ndarray) -> dict[str, float]:
    """The probabilities of transformers' own pipeline."""
    classify = transformers.pipeline("audio-classification", model=str(folder), device="cpu")
    return {each["label"]: each["score"] for each in classify(sound.copy(), top_k=None)}
