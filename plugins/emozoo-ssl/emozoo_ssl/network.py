"""The network: an encoder, a weighting of its layers, pooling over time, a classifier."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.pretrained import pretrained_files
from emozoo_ssl.adapter import OWN, add_adapter, encoder_tensors, merged_tensors
from emozoo_ssl.backbone import FILES, build_encoder, load_weights
from emozoo_ssl.sound import LogMel, Waveform
from emozoo_ssl.states import States, sound_mask, sound_states, whisper_mask, whisper_states

if TYPE_CHECKING:
    from emozoo_ssl import SslConfig

AT_COMMIT = re.compile(r"^hub:.*@[0-9a-f]{40}$")
LAYER = re.compile(r"(?:encoder\.)?layers\.(\d+)\.")
LAST_NORM = re.compile(r"(?:encoder\.)?layer_norm\.")
"""Names in an encoder."""


class AttentivePooling(nn.Module):
    """A mean over time with learned weights; with `statistics`, also the deviation with the same weights: [batch, steps,
    features] -> [batch, features], or twice as many (Okabe, Koshinaka and Shinoda 2018)."""

    def __init__(self, features: int, statistics: bool) -> None:
        super().__init__()
        self.statistics = statistics
        # No bias in the last layer: a softmax ignores a constant in all scores.
        self.score = nn.Sequential(nn.Linear(features, features // 2 + 1), nn.Tanh())
        self.query = nn.Linear(features // 2 + 1, 1, bias=False)

    def forward(self, sequence: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` is bool [batch, steps]: the steps that are pooled; None: all."""
        # In float32: the deviation is a small difference of large numbers.
        with torch.autocast(sequence.device.type, enabled=False):
            sequence = sequence.float()
            scores = self.query(self.score(sequence))
            if mask is not None:
                scores = scores.masked_fill(~mask[:, :, None], float("-inf"))
            weights = scores.softmax(1)
            mean = (weights * sequence).sum(1)
            if not self.statistics:
                return mean
            variance = (weights * (sequence - mean.unsqueeze(1)).square()).sum(1)
            return torch.cat([mean, (variance + 1e-6).sqrt()], 1)


class SslNetwork(nn.Module):
    """Waveform float32 [batch, samples], and its length int64 [batch] where silence was added -> logits [batch, labels]."""

    def __init__(self, config: SslConfig, num_labels: int) -> None:
        super().__init__()
        spec = config.backbone_config
        self.config = config
        self.whisper = spec["model_type"] == "whisper"
        size = spec["d_model" if self.whisper else "hidden_size"]
        layers = spec["encoder_layers" if self.whisper else "num_hidden_layers"]
        self.sound = LogMel(spec["num_mel_bins"]) if self.whisper else Waveform(spec["normalize"])
        self.backbone: Any = build_encoder(spec, config.window)
        self.layer_weights = nn.Parameter(torch.zeros(layers + 1))  # equal weights after softmax
        self.projection = nn.Sequential(nn.Linear(size, config.hidden), nn.ReLU())
        self.pooling = AttentivePooling(config.hidden, config.pooling == "statistics")
        features = config.hidden * (2 if config.pooling == "statistics" else 1)
        self.classifier = nn.Sequential(
            OrderedDict(dropout=nn.Dropout(config.dropout), output=nn.Linear(features, num_labels))
        )
        self._freeze()

    def _freeze(self) -> None:
        freeze = self.config.freeze
        if freeze == "all":
            self.backbone.requires_grad_(False)
            return
        if freeze == "lora":
            add_adapter(self.backbone, self.config.backbone_config["model_type"], self.config.rank)
        if hasattr(self.backbone, "masked_spec_embed"):  # UniSpeech-SAT's, for masks that only pretraining has
            self.backbone.masked_spec_embed.requires_grad_(False)
        if freeze == "convolutions":
            for module in self._convolutions():
                module.requires_grad_(False)
        if self.config.gradient_checkpointing:
            # Its name from transformers 5.24 on.
            newer = getattr(self.backbone, "activation_checkpointing_enable", None)
            (newer or self.backbone.gradient_checkpointing_enable)({"use_reentrant": False})

    def _convolutions(self) -> tuple[nn.Module, ...]:
        """Those that make the first features of the sound."""
        return (self.backbone.conv1, self.backbone.conv2) if self.whisper else (self.backbone.feature_extractor,)

    def train(self, mode: bool = True) -> SslNetwork:
        """As in torch, but a frozen encoder stays in eval mode: without dropout, its output is the same each time. Beside an
        adapter, nothing of the encoder changes, its batch norm's statistics neither."""
        super().train(mode)
        if self.config.freeze == "all":
            self.backbone.eval()
        if self.config.freeze == "lora":
            for module in self.backbone.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.eval()
        return self

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.states(input_values, lengths)
        weights = self.layer_weights.float().softmax(0)
        mixed: Any = sum(weight * _scaled(state) for weight, state in zip(weights, states.layers, strict=True))
        return self._decided(mixed, states.mask)

    def _decided(self, sequence: Tensor, mask: Tensor | None) -> Tensor:
        return self.classifier(self.pooling(self.projection(sequence), mask))

    @property
    def frozen_features(self) -> Callable[..., Tensor] | None:
        """Where the encoder is frozen: makes of what `forward` takes the scaled states of all its layers, float32 [batch,
        layers + 1, steps, size]."""
        return self._features if self.config.freeze == "all" else None

    def _features(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            return torch.stack([_scaled(state) for state in self.states(input_values, lengths).layers], 1)

    def forward_features(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`forward`, for what `frozen_features` gave."""
        weights = self.layer_weights.float().softmax(0)
        mask = None
        if lengths is not None:
            of = whisper_mask if self.whisper else sound_mask
            mask = of(self.backbone, lengths, features.shape[2])
        return self._decided((weights[:, None, None] * features).sum(1), mask)

    def states(self, input_values: Tensor, lengths: Tensor | None = None) -> States:
        """What the encoder makes of waveforms float32 [batch, samples], of which `lengths` int64 [batch] are sound."""
        sound = self.sound(input_values, lengths)
        return (whisper_states if self.whisper else sound_states)(self.backbone, sound, lengths)

    def sharded_layers(self) -> list[nn.Module]:
        """Those that are put together one after the other where processes train shards of the network."""
        return list(self.backbone.layers if self.whisper else self.backbone.encoder.layers)

    def load_pretrained(self, config: SslConfig) -> None:
        """Loads the weights of the encoder that the user's config names. Raises EmozooError."""
        recorded = self.config.backbone  # on the Hub: with the commit
        reference = recorded if recorded.startswith("hub:") else config.backbone
        folder, name = pretrained_files(reference, FILES)
        load_weights(encoder_tensors(self.backbone), folder, name)

    def pretrained_names(self) -> list[str]:
        """The tensors that a checkpoint leaves out, for `load_pretrained` always finds the same: those of an encoder of the
        Hub beside an adapter."""
        if self.config.freeze != "lora" or not AT_COMMIT.search(self.config.backbone):
            return []
        tensors = self.backbone.state_dict().items()
        return [f"backbone.{name}" for name, value in tensors if OWN not in name and value.is_floating_point()]

    def merged(self) -> tuple[SslConfig, dict[str, Tensor]] | None:
        """The config and the tensors of a network with the same answers and no adapter; None where there is none."""
        if self.config.freeze != "lora":
            return None
        return dataclasses.replace(self.config, freeze="none"), merged_tensors(self)

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """The head with the recipe's learning rate, and what is trained of the encoder with its own, layer by layer."""
        named = [(name, parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        rates: dict[float, list[nn.Parameter]] = {}
        for name, parameter in named:
            rate = recipe.learning_rate
            if name.startswith("backbone."):
                rate = self._rate(name.removeprefix("backbone."))
            rates.setdefault(rate, []).append(parameter)
        return [{"params": parameters, "lr": rate} for rate, parameters in rates.items()]

    def _rate(self, name: str) -> float:
        """The learning rate of an encoder's parameter: that of the highest layer, times `layer_decay` for each below."""
        config = self.config
        highest = config.adapter_learning_rate if config.freeze == "lora" else config.backbone_learning_rate
        layers = len(self.layer_weights) - 1
        below = layers
        if found := LAYER.match(name):
            below = layers - 1 - int(found[1])
        elif LAST_NORM.match(name) and (self.whisper or config.backbone_config.get("do_stable_layer_norm")):
            below = 0
        return highest * config.layer_decay**below


def _scaled(state: Tensor) -> Tensor:
    """A layer's states with the scale of all others: the weights then say how much a layer matters, not how large its
    numbers are."""
    return F.layer_norm(state.float(), state.shape[-1:])
