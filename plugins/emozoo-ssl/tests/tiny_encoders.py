"""Tiny encoders with random weights, made and saved by transformers, and networks of `ssl` on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import emozoo_ssl
import torch
import transformers
from emozoo_ssl import SslConfig, architecture

SOUND = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "conv_dim": (8, 8, 12),
    "conv_kernel": (10, 8, 4), "conv_stride": (5, 8, 8), "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
WHISPER = {
    "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_layers": 2,
    "decoder_attention_heads": 2, "decoder_ffn_dim": 24, "vocab_size": 60, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 3, "num_mel_bins": 20,
}  # fmt: skip
MODELS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "wav2vec2": (transformers.Wav2Vec2Model, SOUND),
    "wav2vec2 with a head": (transformers.Wav2Vec2ForCTC, SOUND | {"vocab_size": 12}),
    "wav2vec2 large": (
        transformers.Wav2Vec2Model,
        SOUND | {"do_stable_layer_norm": True, "feat_extract_norm": "layer"},
    ),
    "unispeech": (transformers.UniSpeechModel, SOUND),
    "unispeech-sat": (transformers.UniSpeechSatModel, SOUND),
    "hubert": (transformers.HubertModel, SOUND),
    "hubert large": (transformers.HubertModel, SOUND | {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}),
    "wavlm": (transformers.WavLMModel, SOUND | {"num_buckets": 16, "max_bucket_distance": 40}),
    "data2vec-audio": (
        transformers.Data2VecAudioModel,
        SOUND | {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2},
    ),
    "whisper": (transformers.WhisperForConditionalGeneration, WHISPER),
}


def save_backbone(folder: Path, name: str, normalize: bool = True, **changes: Any) -> Path:
    """A tiny encoder with random weights, as transformers saves it."""
    kind, sizes = MODELS[name]
    torch.manual_seed(7)
    kind(kind.config_class(**{**sizes, **changes})).save_pretrained(folder)
    if name == "whisper":
        transformers.WhisperFeatureExtractor(feature_size=20).save_pretrained(folder)
    else:
        transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize).save_pretrained(folder)
    return folder


def network(folder: Path, **fields: Any) -> Any:
    """As a training begins: prepared, built, filled."""
    asked = SslConfig(backbone=str(folder), **{"hidden": 8, **fields})
    torch.manual_seed(0)
    built: Any = architecture.build(emozoo_ssl.prepare(asked), 4)
    built.load_pretrained(asked)
    return built


def sounds(batch: int = 3) -> torch.Tensor:
    return torch.randn(batch, 48_000, generator=torch.Generator().manual_seed(1)) * 0.1
