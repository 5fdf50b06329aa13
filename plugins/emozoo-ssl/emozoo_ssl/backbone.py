"""Pretrained encoders: their kinds, the fields that each is built from, and how weights are read.

A *spec* is a JSON object from which an encoder is built: kind, sizes, switches, whether it needs normalised audio, and a
name. It is part of checkpoints, also of strangers, so it is checked before anything is built. transformers gives configs
and modules; it downloads, unpickles and runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emozoo import EmozooError
from emozoo.pretrained import weight_files

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PREPROCESSOR = "preprocessor_config.json"
FILES = (CONFIG, WEIGHTS)
OPTIONAL = (PREPROCESSOR,)
LARGEST_JSON = 2**22
"""Bytes of a JSON file that is read."""
SAMPLING_RATE = 16_000
SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of a window."""
MOST_STEPS = 2000
"""Steps of a window in the transformer."""
MOST_VALUES = 2**26
"""Numbers in the output of a convolution."""
POSITIONS = 50
"""Of Whisper's encoder for a second. It was trained on 30 s, most of which would be silence here."""

Rule = tuple[Any, ...]
SWITCH: Rule = (bool,)
SHARE: Rule = (float, 0, 1)
ACTIVATION: Rule = (str, "gelu", "gelu_fast", "gelu_new", "quick_gelu", "relu", "silu", "swish")
NORM: Rule = (str, "group", "layer")
SOUND: dict[str, Rule] = {
    "hidden_size": (int, 1, 8192),
    "num_hidden_layers": (int, 1, 100),
    "num_attention_heads": (int, 1, 256),
    "intermediate_size": (int, 1, 2**16),
    "hidden_act": ACTIVATION,
    "hidden_dropout": SHARE,
    "activation_dropout": SHARE,
    "attention_dropout": SHARE,
    "feat_proj_dropout": SHARE,
    "initializer_range": SHARE,
    "layer_norm_eps": SHARE,
    "feat_extract_activation": ACTIVATION,
    "conv_dim": (list, 1, 8192),
    "conv_stride": (list, 1, 1000),
    "conv_kernel": (list, 1, 1000),
    "conv_bias": SWITCH,
    "num_conv_pos_embeddings": (int, 1, 1024),
    "num_conv_pos_embedding_groups": (int, 1, 1024),
    "normalize": SWITCH,
}
STABLE: dict[str, Rule] = {"feat_extract_norm": NORM, "do_stable_layer_norm": SWITCH}
KINDS: dict[str, dict[str, Rule]] = {
    "wav2vec2": SOUND | STABLE,
    "unispeech": SOUND | STABLE,
    "unispeech-sat": SOUND | STABLE,
    "hubert": SOUND | STABLE | {"feat_proj_layer_norm": SWITCH, "conv_pos_batch_norm": SWITCH},
    "wavlm": SOUND | STABLE | {"num_buckets": (int, 4, 10_000), "max_bucket_distance": (int, 4, 100_000)},
    "data2vec-audio": SOUND | {"conv_pos_kernel_size": (int, 1, 1024)},
    "whisper": {
        "d_model": (int, 2, 8192),
        "encoder_layers": (int, 1, 100),
        "encoder_attention_heads": (int, 1, 256),
        "encoder_ffn_dim": (int, 1, 2**16),
        "activation_function": ACTIVATION,
        "dropout": SHARE,
        "attention_dropout": SHARE,
        "activation_dropout": SHARE,
        "init_std": SHARE,
        "num_mel_bins": (int, 8, 512),
        "scale_embedding": SWITCH,
    },
}
"""Kinds of encoders, by transformers' names, and their fields: the type of each, and its range or choices."""
NOT_MASKED: dict[str, Any] = {
    "layerdrop": 0.0, "mask_time_prob": 0.0, "mask_feature_prob": 0.0, "apply_spec_augment": False,
}  # fmt: skip
"""Masks for pretraining, which would leave parameters without gradients."""
FIXED: dict[str, dict[str, Any]] = dict.fromkeys(KINDS, NOT_MASKED) | {
    "whisper": {"encoder_layerdrop": 0.0, "apply_spec_augment": False}
}
BASE: dict[str, Any] = {
    "model_type": "hubert",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "activation_dropout": 0.1,
    "attention_dropout": 0.1,
    "feat_proj_dropout": 0.0,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-5,
    "feat_extract_activation": "gelu",
    "feat_extract_norm": "group",
    "feat_proj_layer_norm": True,
    "conv_dim": [512] * 7,
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_bias": False,
    "conv_pos_batch_norm": False,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "do_stable_layer_norm": False,
    "normalize": True,
}
"""HuBERT of base size (Hsu et al. 2021), for a config that was not prepared."""


def check_spec(spec: Any, seconds: float = 3.0) -> None:
    """Raises ValueError for a spec from which no encoder can be built, or that would take too much memory for a window of so
    many seconds."""
    kind = spec.get("model_type") if isinstance(spec, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"backbone_config is of no known kind ({', '.join(KINDS)})")
    rules = KINDS[kind]
    if wrong := sorted(map(str, spec.keys() ^ {*rules, "model_type", "name"})):
        raise ValueError(f"backbone_config of a {kind} lacks {wrong[0]!r}, or should not have it")
    if not isinstance(spec["name"], str):
        raise ValueError("backbone_config has no name")
    for field, rule in rules.items():
        if not _fits(spec[field], rule):
            raise ValueError(f"backbone_config: {field} is {ascii(spec[field])[:60]}, which no {kind} has")
    if kind == "whisper":
        if spec["d_model"] % 2 or spec["d_model"] % spec["encoder_attention_heads"]:
            raise ValueError("backbone_config: d_model must be even, and a multiple of encoder_attention_heads")
        return
    _check_convolutions(spec, seconds)
    for divisor in ("num_attention_heads", "num_conv_pos_embedding_groups"):
        if spec["hidden_size"] % spec[divisor]:
            raise ValueError(f"backbone_config: hidden_size must be a multiple of {divisor}")


def _check_convolutions(spec: dict[str, Any], seconds: float) -> None:
    shapes = [spec[name] for name in ("conv_dim", "conv_kernel", "conv_stride")]
    if len({len(shape) for shape in shapes}) != 1:
        raise ValueError("backbone_config: conv_dim, conv_kernel and conv_stride must have the same length")
    steps = round(seconds * SAMPLING_RATE)
    for width, kernel, stride in zip(*shapes, strict=True):
        steps = (steps - kernel) // stride + 1
        if steps < 1 or steps * width > MOST_VALUES:
            raise ValueError(f"backbone_config: the convolutions do not fit a window of {seconds:g} s")
    if steps > MOST_STEPS:
        raise ValueError(f"backbone_config: the convolutions leave {steps} steps of a window, more than {MOST_STEPS}")


def _fits(value: Any, rule: Rule) -> bool:
    kind, *limits = rule
    if kind is bool:
        return isinstance(value, bool)
    if kind is str:
        return isinstance(value, str) and value in limits
    if kind is list:
        return isinstance(value, list) and 1 <= len(value) <= 16 and all(_fits(item, (int, *limits)) for item in value)
    number = isinstance(value, int) or kind is float and isinstance(value, float)
    return number and not isinstance(value, bool) and limits[0] <= value <= limits[1]


def read_spec(folder: Path, name: str, seconds: float = 3.0) -> dict[str, Any]:
    """The spec of the encoder that transformers saved in `folder`, for windows of so many seconds.

    Raises EmozooError for any other model."""
    import transformers

    values = _read_json(folder / CONFIG, f"{name}/{CONFIG}")
    kind = values.get("model_type")
    if kind == "emozoo":
        raise EmozooError(f"{name} is a trained model of emozoo, not a backbone: emozoo train --from fine-tunes it")
    if not isinstance(kind, str) or kind not in KINDS:
        raise EmozooError(
            f"{name} is no speech encoder that emozoo-ssl knows: its model_type is {ascii(kind)[:60]}, "
            f"not {', '.join(KINDS)}"
        )
    rules = KINDS[kind]
    try:
        told = transformers.CONFIG_MAPPING[kind](**{key: values[key] for key in rules if key in values})
        spec = {key: getattr(told, key) for key in rules if key != "normalize"}
    except Exception as error:  # noqa: BLE001 - transformers may raise anything for unexpected values
        reason = " ".join(str(error).split())[:200]
        raise EmozooError(f"{name}/{CONFIG} is not a config of a {kind}: {reason}") from error
    spec = {key: list(value) if isinstance(value, tuple) else value for key, value in spec.items()}
    extractor = _read_json(folder / PREPROCESSOR, f"{name}/{PREPROCESSOR}") if (folder / PREPROCESSOR).exists() else {}
    if (rate := extractor.get("sampling_rate", SAMPLING_RATE)) != SAMPLING_RATE:
        raise EmozooError(f"{name} needs audio of {ascii(rate)[:20]} Hz; emozoo has {SAMPLING_RATE} Hz")
    if "normalize" in rules:
        spec["normalize"] = extractor.get("do_normalize", True)  # transformers' default
    spec = {"model_type": kind, **spec, "name": name}
    try:
        check_spec(spec, seconds)
    except ValueError as error:
        raise EmozooError(f"{name} cannot be used: {error}") from error
    return spec


def _read_json(path: Path, name: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError("too large")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"{name} is damaged: not readable as JSON") from error
    if not isinstance(values, dict):
        raise EmozooError(f"{name} is damaged: not a JSON object")
    return values


def build_encoder(spec: dict[str, Any], seconds: float = 3.0) -> nn.Module:
    """transformers' encoder with fresh weights, from a checked spec, for windows of so many seconds."""
    import transformers
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    kinds = {
        "wav2vec2": transformers.Wav2Vec2Model,
        "unispeech": transformers.UniSpeechModel,
        "unispeech-sat": transformers.UniSpeechSatModel,
        "hubert": transformers.HubertModel,
        "wavlm": transformers.WavLMModel,
        "data2vec-audio": transformers.Data2VecAudioModel,
        "whisper": WhisperEncoder,
    }
    kind = spec["model_type"]
    fields = {key: spec[key] for key in KINDS[kind] if key != "normalize"}
    if kind == "whisper":
        fields["max_source_positions"] = math.ceil(seconds * POSITIONS)
    return kinds[kind](transformers.CONFIG_MAPPING[kind](**fields, **FIXED[kind]))


@torch.no_grad()
def load_weights(wanted: Mapping[str, Tensor], folder: Path, name: str) -> None:
    """Fills an encoder's tensors from the weights that transformers saved, in one file or several, with or without heads. On
    the meta device, only shapes are compared.

    Raises EmozooError for weights that are damaged, or of another encoder."""
    from safetensors import SafetensorError, safe_open

    weights = {}
    mistaken = f"{name} does not hold the encoder that its {CONFIG} describes"
    try:
        with ExitStack() as opened:
            parts = [opened.enter_context(safe_open(folder / f, framework="pt")) for f in weight_files(folder, WEIGHTS)]
            places = {_modern(key): (part, key) for part in parts for key in part.keys()}  # noqa: SIM118 - not a dict
            prefix = _prefix(places, next(iter(wanted)))
            for key, own in wanted.items():
                if prefix + key not in places:
                    raise EmozooError(f"{mistaken}: it lacks {key!r}")
                value = _read(*places[prefix + key], own.is_meta)
                if key == "embed_positions.weight":  # Whisper's sinusoids: the first ones suffice
                    value = value[: len(own)]
                if value.shape != own.shape:
                    raise EmozooError(f"{mistaken}: {key!r} is {list(value.shape)}, not {list(own.shape)}")
                if value.is_floating_point() and not value.is_meta and not torch.isfinite(value).all():
                    raise EmozooError(f"{name}/{WEIGHTS} is damaged: {key!r} holds values that are not finite")
                weights[key] = value
    except (SafetensorError, OSError, ValueError) as error:
        raise EmozooError(f"{name}/{WEIGHTS} is damaged: {error}") from error
    for key, value in weights.items():
        wanted[key].copy_(value)


def _read(file: Any, key: str, shape_only: bool) -> Tensor:
    return torch.empty(file.get_slice(key).get_shape(), device="meta") if shape_only else file.get_tensor(key)


def _prefix(names: Iterable[str], first: str) -> str:
    """The prefix of an encoder's names in a model with heads, such as `wav2vec2.`, by its first weight."""
    found = {name.removesuffix(first) for name in names if name == first or name.endswith(f".{first}")}
    return min(found, key=len, default="")


def _modern(key: str) -> str:
    """A weight's name as torch's weight norm names it now."""
    return key.replace(".weight_g", ".parametrizations.weight.original0").replace(
        ".weight_v", ".parametrizations.weight.original1"
    )
