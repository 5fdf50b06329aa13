"""The network: an encoder, a weighting of its layers, pooling over time, a classifier."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.pretrained import pretrained_files
from emozoo_ssl.backbone import FILES, build_encoder, load_weights
from emozoo_ssl.sound import LogMel, Waveform
from emozoo_ssl.states import States, sound_states, whisper_states

if TYPE_CHECKING:
    from emozoo_ssl import SslConfig


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
        if self.config.freeze == "all":
            self.backbone.requires_grad_(False)
        elif self.config.freeze == "convolutions":
            convolutions = (
                (self.backbone.conv1, self.backbone.conv2) if self.whisper else (self.backbone.feature_extractor,)
            )
            for module in convolutions:
                module.requires_grad_(False)
        if self.config.gradient_checkpointing and self.config.freeze != "all":
            # Its name from transformers 5.24 on.
            newer = getattr(self.backbone, "activation_checkpointing_enable", None)
            (newer or self.backbone.gradient_checkpointing_enable)({"use_reentrant": False})

    def train(self, mode: bool = True) -> SslNetwork:
        """As in torch, but a frozen encoder stays in eval mode: without dropout, its output is the same each time."""
        super().train(mode)
        if self.config.freeze == "all":
            self.backbone.eval()
        return self

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.states(input_values, lengths)
        weights = self.layer_weights.float().softmax(0)
        mixed: Any = sum(weight * _scaled(state) for weight, state in zip(weights, states.layers, strict=True))
        return self.classifier(self.pooling(self.projection(mixed), states.mask))

    def states(self, input_values: Tensor, lengths: Tensor | None = None) -> States:
        """What the encoder makes of waveforms float32 [batch, samples], of which `lengths` int64 [batch] are sound."""
        sound = self.sound(input_values, lengths)
        return (whisper_states if self.whisper else sound_states)(self.backbone, sound, lengths)

    def load_pretrained(self, config: SslConfig) -> None:
        """Loads the weights of the encoder that the user's config names. Raises EmozooError."""
        recorded = self.config.backbone  # on the Hub: with the commit
        reference = recorded if recorded.startswith("hub:") else config.backbone
        folder, name = pretrained_files(reference, FILES)
        load_weights(self.backbone, folder, name)

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """The head with the recipe's learning rate, and the encoder, unless it is frozen, with its own."""
        named = [(name, parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        head = [parameter for name, parameter in named if not name.startswith("backbone.")]
        encoder = [parameter for name, parameter in named if name.startswith("backbone.")]
        groups: list[dict[str, Any]] = [{"params": head, "lr": recipe.learning_rate}]
        if encoder:
            groups.append({"params": encoder, "lr": self.config.backbone_learning_rate})
        return groups


def _scaled(state: Tensor) -> Tensor:
    """A layer's states with the scale of all others: the weights then say how much a layer matters, not how large its
    numbers are."""
    return F.layer_norm(state.float(), state.shape[-1:])
