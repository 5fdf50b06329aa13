"""The config of a speech encoder, from the shapes of its tensors, where a checkpoint names the encoder only.

wav2vec 2.0, HuBERT and WavLM share a design (Baevski et al. 2020; Hsu et al. 2021; Chen et al. 2022). What shapes do not
tell is the same for all that were published: the strides of the convolutions over the waveform, GELU, and that encoders
with a norm in each of these convolutions also have it before each layer instead of after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emozoo import EmozooError
from emozoo_foreign.spec import model_of

Shapes = Mapping[str, tuple[int, ...]]
KINDS = {"wavlm": "wavlm", "hubert": "hubert", "wav2vec2": "wav2vec2", "wav2vec": "wav2vec2"}
"""The kind of an encoder, by a word in its name."""
HEADS = {768: 12}
"""Attention heads of encoders of this width; all others that were published have 16."""
USUAL_HEADS = 16
FIRST_STRIDE, STRIDE = 5, 2
LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
"""What large encoders differ in from base ones."""
CONVOLUTION = "feature_extractor.conv_layers.{}.conv.weight"
POSITION = ("encoder.pos_conv_embed.conv.weight_v", "encoder.pos_conv_embed.conv.parametrizations.weight.original1")
"""The convolution over positions, by the old and the new name of torch's weight norm."""
INNER = "encoder.layers.0.feed_forward.intermediate_dense.weight"


def kind_of(name: Any) -> str:
    """The kind of the encoder of this name, such as `microsoft/wavlm-large`. Raises EmozooError for others."""
    words = re.findall(r"[a-z0-9]+", name.lower().rpartition("/")[2]) if isinstance(name, str) else []
    for word in words:
        if word in KINDS and not {"conformer", "bert"} & set(words):
            return KINDS[word]
    raise EmozooError(f"its encoder is {ascii(name)[:60]}; emozoo knows wav2vec 2.0, HuBERT and WavLM there")


def encoder_config(name: Any, shapes: Shapes) -> dict[str, Any]:
    """The config of the encoder of this name, checked, whose tensors have these shapes, by their names in transformers.

    Without any shapes, before the weights are there, the usual one of that name. Raises EmozooError for another encoder.
    """
    kind = kind_of(name)
    if not shapes:
        return model_of({"model_type": kind, **(LARGE if "large" in name.lower() else {})}, masked=True)
    try:
        fields = _fields(kind, shapes)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise EmozooError(
            f"its weights are not those of a {kind}: {ascii(str(error))[:80]} is missing or odd"
        ) from error
    return model_of({"model_type": kind, **fields}, masked="masked_spec_embed" in shapes)


def _fields(kind: str, shapes: Shapes) -> dict[str, Any]:
    """What the shapes tell. Raises KeyError or ValueError for what is missing or odd."""
    convolutions: list[tuple[int, ...]] = []
    while (name := CONVOLUTION.format(len(convolutions))) in shapes:
        convolutions.append(_sizes(shapes, name, 3))
    first = _sizes(shapes, CONVOLUTION.format(0), 3)
    norms = sum(f"feature_extractor.conv_layers.{row}.layer_norm.weight" in shapes for row in range(len(convolutions)))
    inner, width = _sizes(shapes, INNER, 2)
    position = next((name for name in POSITION if name in shapes), POSITION[1])
    _, group, reach = _sizes(shapes, position, 3)
    layers = 0
    while INNER.replace(".0.", f".{layers}.", 1) in shapes:
        layers += 1
    each = norms == len(convolutions) and norms > 1
    fields = {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS.get(width, USUAL_HEADS),
        "conv_dim": [sizes[0] for sizes in convolutions],
        "conv_kernel": [sizes[2] for sizes in convolutions],
        "conv_stride": [FIRST_STRIDE, *[STRIDE] * (len(convolutions) - 1)],
        "conv_bias": CONVOLUTION.format(0).replace("weight", "bias") in shapes,
        "num_feat_extract_layers": len(convolutions),
        "feat_extract_norm": "layer" if each else "group",
        "do_stable_layer_norm": each,
        "num_conv_pos_embeddings": reach,
        "num_conv_pos_embedding_groups": width // group,
    }
    if first[1] != 1:
        raise ValueError(CONVOLUTION.format(0))
    if kind == "wavlm":
        buckets, heads = _sizes(shapes, "encoder.layers.0.attention.rel_attn_embed.weight", 2)
        fields |= {"num_attention_heads": heads, "num_buckets": buckets}
    if kind == "hubert":
        fields["feat_proj_layer_norm"] = "feature_projection.layer_norm.weight" in shapes
    return fields


def _sizes(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    sizes = shapes[name]
    if len(sizes) != dimensions or 0 in sizes:
        raise ValueError(name)
    return sizes
