"""The hidden states of an encoder's layers, without a trace of what lies behind a clip's end.

transformers masks the attention only: statistics over time, positions from convolutions and Whisper would still see the
padding. So the parts of its encoders are called one by one here, by the names that their weights have in files.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo_ssl.sound import MEL_STEP, SILENCE, within

# Of transformers' own call in WavLM: nothing that a user could do about it.
warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask and attn_mask")


@dataclass(frozen=True)
class States:
    """What an encoder makes of a batch."""

    layers: tuple[Tensor, ...]
    """The input of the first layer and the output of each, [batch, steps, size]: one more than layers."""
    mask: Tensor | None
    """Which steps are before the end of their clip, bool [batch, steps]; None: all."""


def sound_states(backbone: Any, waveform: Tensor, lengths: Tensor | None) -> States:
    """Of a wav2vec 2.0, HuBERT, WavLM or data2vec: `waveform` is float32 [batch, samples] and zero behind `lengths`."""
    convolutions = backbone.feature_extractor.conv_layers
    field = receptive_field(convolutions)
    if waveform.shape[1] < field:
        if lengths is None:
            lengths = torch.full((len(waveform),), waveform.shape[1], device=waveform.device)
        waveform = F.pad(waveform, (0, field - waveform.shape[1]))
    features = _convolved(convolutions, waveform[:, None], lengths)
    projected = backbone.feature_projection(features.transpose(1, 2))
    hidden = projected[0] if isinstance(projected, tuple) else projected
    mask = None if lengths is None else sound_mask(backbone, lengths, hidden.shape[1])
    return States(_transformed(backbone.encoder, hidden, mask), mask)


def sound_mask(backbone: Any, lengths: Tensor, steps: int) -> Tensor:
    """bool [batch, steps]: which of so many steps are made from the sound alone."""
    for layer in backbone.feature_extractor.conv_layers:
        lengths = _after(layer, lengths)
    return within(lengths, steps)


def _after(layer: Any, lengths: Tensor) -> Tensor:
    """The steps that a convolution leaves of each clip. Even one without sound has one: a mean over none would be no
    number."""
    kernel, stride = layer.conv.kernel_size[0], layer.conv.stride[0]
    return torch.div(lengths - kernel, stride, rounding_mode="floor").add(1).clamp(min=1)


def receptive_field(convolutions: Any) -> int:
    """Samples that the first step is made from."""
    field = 1
    for layer in reversed(convolutions):
        field = (field - 1) * layer.conv.stride[0] + layer.conv.kernel_size[0]
    return field


def _convolved(convolutions: Any, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """float32 [batch, 1, samples] -> [batch, features, steps]."""
    for layer in convolutions:
        if lengths is None:
            hidden = layer(hidden)
            continue
        lengths = _after(layer, lengths)
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.GroupNorm):
            hidden = layer.conv(hidden)
            hidden = layer.activation(_normalised(norm, hidden, within(lengths, hidden.shape[2])))
        else:
            hidden = layer(hidden)
    return hidden


def _normalised(norm: nn.GroupNorm, hidden: Tensor, mask: Tensor) -> Tensor:
    """Each channel of [batch, channels, steps] with mean 0 and variance 1 over the steps that `mask` has."""
    hidden = hidden.float()
    there = mask[:, None]
    count = there.sum(2, keepdim=True)
    mean = (hidden * there).sum(2, keepdim=True) / count
    variance = ((hidden - mean) * there).square().sum(2, keepdim=True) / count
    scaled = (hidden - mean) / (variance + norm.eps).sqrt()
    return scaled * norm.weight[:, None] + norm.bias[:, None]


def _transformed(encoder: Any, hidden: Tensor, mask: Tensor | None) -> tuple[Tensor, ...]:
    """The states [batch, steps, size] of the transformer that follows the convolutions."""
    stable = getattr(encoder.config, "do_stable_layer_norm", False)
    if mask is not None:
        hidden = hidden * mask[:, :, None]
    hidden = hidden + _positions(encoder.pos_conv_embed, hidden, mask)
    hidden = encoder.dropout(hidden if stable else encoder.layer_norm(hidden))
    states = [hidden]
    relative = hasattr(encoder.layers[0].attention, "gru_rel_pos_linear")  # WavLM
    bias = None
    for layer in encoder.layers:
        if relative:
            hidden, bias = layer(hidden, attention_mask=mask, position_bias=bias)[:2]
        else:
            hidden = _first(layer(hidden, attention_mask=_attended(mask)))
        states.append(hidden)
    if stable:
        states[-1] = encoder.layer_norm(hidden)
    return tuple(states)


def _positions(embedding: Any, hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Positions by convolution: [batch, steps, size] -> the same."""
    if mask is None:
        return embedding(hidden)
    there = mask[:, None]
    if layers := getattr(embedding, "layers", None):  # data2vec
        hidden = hidden.transpose(1, 2)
        for layer in layers:
            hidden = layer(hidden * there)
        return hidden.transpose(1, 2)
    if norm := getattr(embedding, "batch_norm", None):  # some HuBERT
        hidden = norm(hidden.transpose(1, 2)) * there
        return embedding.activation(embedding.padding(embedding.conv(hidden))).transpose(1, 2)
    return embedding(hidden)


def whisper_states(backbone: Any, spectrogram: Tensor, lengths: Tensor | None) -> States:
    """Of Whisper's encoder; `spectrogram` is that of `LogMel`, float32 [batch, mels, columns]."""
    hidden = F.gelu(backbone.conv2(F.gelu(backbone.conv1(spectrogram)))).transpose(1, 2)
    steps = hidden.shape[1] - SILENCE
    mask = None if lengths is None else whisper_mask(backbone, lengths, steps)
    hidden = hidden[:, :steps] + backbone.embed_positions.weight[:steps]
    hidden = F.dropout(hidden, backbone.dropout, backbone.training)
    states = [hidden]
    for layer in backbone.layers:
        hidden = _first(layer(hidden, _attended(mask)))
        states.append(hidden)
    states[-1] = backbone.layer_norm(hidden)
    return States(tuple(states), mask)


def whisper_mask(_: Any, lengths: Tensor, steps: int) -> Tensor:
    """bool [batch, steps]: which of so many steps have sound; of a clip without sound, the first."""
    return within(((lengths + MEL_STEP - 1) // MEL_STEP).clamp(min=1), steps)


def _attended(mask: Tensor | None) -> Tensor | None:
    """As attention takes it: bool [batch, 1, 1, steps]."""
    return None if mask is None else mask[:, None, None]


def _first(output: Any) -> Tensor:
    """The hidden states of a layer, which some releases of transformers return with others."""
    return output[0] if isinstance(output, tuple) else output
