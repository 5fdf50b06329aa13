"""`audio_classifier`: an encoder of transformers with its head, as a checkpoint of another library holds it.

`emozoo_foreign.spec` has the checks of its config, `emozoo_foreign.front_ends` what comes before the encoder.
transformers is imported when a network is built.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emozoo.architecture import Architecture, Recipe
from emozoo_foreign.any_length import free_of_length
from emozoo_foreign.front_ends import at_least, front_end
from emozoo_foreign.more_heads import AverageEncoder, StatisticsEncoder
from emozoo_foreign.spec import (
    LONGEST_WINDOW,
    OWN_EXTRACTOR,
    check_convolutions,
    check_extractor,
    check_fit,
    check_model,
    takes_seconds,
    transformers_config,
)

HEADS = ("transformers", "dense", "statistics", "average")
POOLINGS = ("mean", "sum", "max")
SMALL: dict[str, Any] = {
    "model_type": "wav2vec2",
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": [48, 48, 48],
    "conv_kernel": [10, 8, 8],
    "conv_stride": [5, 8, 8],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 48,
    "mask_time_prob": 0.0,
    "apply_spec_augment": False,
    "layerdrop": 0.0,
}
"""A small wav2vec 2.0, for a config that no checkpoint gave."""
MOST_WIDTH, MOST_LAYERS = 2**15, 16
"""Of a head."""
MOST_SAMPLES = 2**20
"""Samples that go through the encoder at a time in prediction: a minute, so that memory stays bounded."""


@dataclass(frozen=True)
class AudioClassifierConfig:
    """The encoder, its sound and its head. A reader fills in all of it; only the window is for users to choose."""

    model: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(SMALL))
    """transformers' config of the encoder: `model_type` and its fields."""
    extractor: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True}
    )
    """The fields of transformers' feature extractor."""
    head: str = "transformers"
    """`transformers`: the head of the kind's own class. `dense`: the encoder's last layer pooled over time, a linear
    layer, tanh, and a linear layer. `statistics` and `average`: those of `emozoo_foreign.more_heads`."""
    pooling: str = "mean"
    """Of the head `dense`: `mean`, `sum` or `max` over time."""
    width: int = 1024
    """Of the head `statistics`: the size of its hidden layers."""
    layers: int = 1
    """Of the head `statistics`: how many there are."""
    normalized: bool = False
    """Of the head `average`: whether the encoder's last layer is brought to mean 0 and variance 1."""
    bias: bool = True
    """Whether the last linear layer has one."""
    window: float = 3.0
    """Seconds that the network takes at once; a reader chooses more."""
    hop: float = 1.0
    """Seconds from one window to the next."""
    backbone_learning_rate: float = 1e-3
    """The encoder's; the last layer has the recipe's `learning_rate`. A reader chooses 2e-5, for trained encoders."""

    def __post_init__(self) -> None:
        check_model(self.model)
        kind = self.model["model_type"]
        check_extractor(self.extractor, kind)
        check_convolutions(self.model)
        check_fit(self.model, self.extractor)
        for name, choices in (("head", HEADS), ("pooling", POOLINGS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(choices)}")
        if self.head != "transformers" and kind in OWN_EXTRACTOR:
            raise ValueError(f"the head {self.head!r} is one of encoders that take waveforms, not of a {kind}")
        for name, most in (("width", MOST_WIDTH), ("layers", MOST_LAYERS)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from 1 to {most}, not {getattr(self, name)}")
        longest = min(LONGEST_WINDOW, takes_seconds(self.extractor))
        if not 0.1 <= self.window <= longest:
            raise ValueError(f"window must be from 0.1 to {longest:g} seconds, not {self.window}")
        if not 0.1 <= self.hop <= self.window:
            raise ValueError(f"hop must be from 0.1 seconds to the window's {self.window:g}, not {self.hop}")
        if not 0 < self.backbone_learning_rate <= 1:
            raise ValueError(
                f"backbone_learning_rate must be above 0, and 1 at most, not {self.backbone_learning_rate}"
            )


class StockEncoder(nn.Module):
    """A classifier of transformers without its last linear layer: what a front end gives -> float32 [batch, features]."""

    def __init__(self, config: Any) -> None:
        from transformers import AutoModelForAudioClassification

        super().__init__()
        self.model = AutoModelForAudioClassification.from_config(config, dtype=torch.float32)
        holder, name = (self.model, "classifier")
        if not isinstance(self.model.classifier, nn.Linear):
            holder, name = self.model.classifier, "dense"
        self.features = getattr(holder, name).in_features
        setattr(holder, name, nn.Identity())

    def forward(self, features: Tensor) -> Tensor:
        return self.model(features).logits


class DenseEncoder(nn.Module):
    """An encoder of transformers, its last layer pooled over time, a linear layer and tanh: what a front end gives ->
    float32 [batch, features]."""

    def __init__(self, config: Any, pooling: str) -> None:
        from transformers import AutoModel

        super().__init__()
        self.pooling = pooling
        self.features = config.hidden_size
        self.model = AutoModel.from_config(config, dtype=torch.float32)
        self.dense = nn.Linear(self.features, self.features)

    def forward(self, features: Tensor) -> Tensor:
        states = self.model(features).last_hidden_state
        if self.pooling == "mean":
            pooled = states.mean(1)
        else:
            pooled = states.sum(1) if self.pooling == "sum" else states.amax(1)
        return self.dense(pooled).tanh()


def _encoder(values: Any, config: AudioClassifierConfig) -> Any:
    """The encoder of transformers' config `values`, with the head's layers before the last."""
    if config.head == "transformers":
        return StockEncoder(values)
    if config.head == "statistics":
        return StatisticsEncoder(values, config.width, config.layers)
    return (
        AverageEncoder(values, config.normalized) if config.head == "average" else DenseEncoder(values, config.pooling)
    )


class AudioClassifier(nn.Module):
    """Waveforms float32 [batch, samples] -> outputs float32 [batch, outputs].

    With `lengths`, int64 [batch], what is behind a clip's own samples does not count: clips of the same length go through
    the encoder together and without padding, which gives what transformers gives for a clip alone.
    """

    def __init__(self, config: AudioClassifierConfig, outputs: int) -> None:
        super().__init__()
        self.front: Any = front_end(config.extractor, config.model)
        values = transformers_config(config.model)
        self.encoder = _encoder(values, config)
        free_of_length(self.encoder)
        self.output = nn.Linear(self.encoder.features, outputs, bias=config.bias)
        self.rate = config.backbone_learning_rate

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """The last layer with the recipe's learning rate, and the encoder with its own."""
        return [
            {"params": list(self.output.parameters()), "lr": recipe.learning_rate},
            {"params": list(self.encoder.parameters()), "lr": self.rate},
        ]

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.output(self.embed(input_values, lengths))

    def embed(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """float32 [batch, features]: what the last linear layer takes."""
        input_values = at_least(input_values, 1)
        if lengths is None:
            return self._encoded(input_values, None)
        lengths = lengths.clamp(1, input_values.shape[1])
        if self.front.fixed:
            return self._encoded(input_values, lengths)
        rows, found = [], []
        for length in lengths.unique().tolist():
            alike = (lengths == length).nonzero()[:, 0]
            rows.append(alike)
            found.append(self._encoded(input_values[alike, :length], None))
        return torch.cat(found)[torch.cat(rows).argsort()]

    def _encoded(self, input_values: Tensor, lengths: Tensor | None) -> Tensor:
        """The features of clips without padding or, where the front end masks it, with `lengths`."""
        if torch.compiler.is_exporting():
            return self.encoder(self.front(input_values))
        most = len(input_values) if self.training else max(MOST_SAMPLES // input_values.shape[1], 1)
        parts = []
        for first in range(0, len(input_values), most):
            part = input_values[first : first + most]
            own = (lengths[first : first + most],) if lengths is not None else ()
            parts.append(self.encoder(self.front(part, *own)))
        return torch.cat(parts)


architecture = Architecture(
    name="audio_classifier",
    modalities=("audio",),
    config=AudioClassifierConfig,
    build=AudioClassifier,
    recipe=Recipe(
        epochs=10,
        batch_size=8,
        learning_rate=1e-3,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        shift=0.2,
    ),
    summary="A speech classifier of transformers, as checkpoints of the Hub hold it; --from fine-tunes one",
    citation="The checkpoint's own.",
    card="card.md",
    lengths=True,
)
