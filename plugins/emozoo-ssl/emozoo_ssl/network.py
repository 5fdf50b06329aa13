"""The network: the encoder's input, the encoder, a weighting of its layers, pooling over time, a classifier."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Recipe
from emozoo.pretrained import pretrained_files
from emozoo_ssl.backbone import FILES, build_encoder, load_weights

if TYPE_CHECKING:
    from emozoo_ssl import SslConfig


class Waveform(nn.Module):
    """The waveform, float32 [batch, 48000]; with `normalize`, mean 0 and variance 1, as by transformers' feature extractor.

    The silence after a short clip is part of the window. Audio above full scale is scaled down."""

    def __init__(self, normalize: bool) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, input_values: Tensor) -> Tensor:
        waveform = input_values.float()
        waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=1.0)
        if not self.normalize:
            return waveform
        variance, mean = torch.var_mean(waveform, 1, correction=0, keepdim=True)
        return (waveform - mean) / (variance + 1e-7).sqrt()


class LogMel(nn.Module):
    """Whisper's log-mel spectrogram of a window: [batch, 48000] -> float32 [batch, mels, 300] (Radford et al. 2022)."""

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int) -> None:
        from transformers.audio_utils import mel_filter_bank

        super().__init__()
        filters = mel_filter_bank(201, mels, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
        self.register_buffer("window", torch.hann_window(400), persistent=False)
        self.register_buffer("filters", torch.as_tensor(filters, dtype=torch.float32), persistent=False)

    def forward(self, input_values: Tensor) -> Tensor:
        with torch.autocast(input_values.device.type, enabled=False):
            waveform = input_values.float()
            waveform = waveform / waveform.abs().amax(1, keepdim=True).clamp(min=1.0)
            spectrum = torch.stft(waveform, 400, 160, window=self.window, return_complex=True)[..., :-1]
            power = spectrum.real.square() + spectrum.imag.square()
            decades = (self.filters.T @ power).clamp(min=1e-10).log10()
            decades = torch.maximum(decades, decades.amax((1, 2), keepdim=True) - 8.0)
            return (decades + 4.0) / 4.0


class AttentivePooling(nn.Module):
    """A mean over time with learned weights; with `statistics`, also the deviation with the same weights: [batch, steps,
    features] -> [batch, features], or twice as many (Okabe, Koshinaka and Shinoda 2018)."""

    def __init__(self, features: int, statistics: bool) -> None:
        super().__init__()
        self.statistics = statistics
        # No bias in the last layer: a softmax ignores a constant in all scores.
        self.score = nn.Sequential(nn.Linear(features, features // 2 + 1), nn.Tanh())
        self.query = nn.Linear(features // 2 + 1, 1, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        # In float32: the deviation is a small difference of large numbers.
        with torch.autocast(sequence.device.type, enabled=False):
            sequence = sequence.float()
            weights = self.query(self.score(sequence)).softmax(1)
            mean = (weights * sequence).sum(1)
            if not self.statistics:
                return mean
            variance = (weights * (sequence - mean.unsqueeze(1)).square()).sum(1)
            return torch.cat([mean, (variance + 1e-6).sqrt()], 1)


class SslNetwork(nn.Module):
    """Waveform float32 [batch, 48000] -> logits [batch, labels]."""

    def __init__(self, config: SslConfig, num_labels: int) -> None:
        super().__init__()
        spec = config.backbone_config
        self.config = config
        whisper = spec["model_type"] == "whisper"
        size = spec["d_model" if whisper else "hidden_size"]
        layers = spec["encoder_layers" if whisper else "num_hidden_layers"]
        self.sound = LogMel(spec["num_mel_bins"]) if whisper else Waveform(spec["normalize"])
        self.backbone: Any = build_encoder(spec)
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
            if hasattr(self.backbone, "feature_extractor"):
                # Private, but with requires_grad_(False) alone gradients would still be computed through the convolutions.
                self.backbone.feature_extractor._freeze_parameters()
            else:
                for convolution in (self.backbone.conv1, self.backbone.conv2):
                    convolution.requires_grad_(False)
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

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        weights = self.layer_weights.float().softmax(0)
        # All layers have the same scale, so that the weights say how much a layer matters, not how large its numbers are.
        mixed: Any = sum(
            weight * F.layer_norm(state.float(), state.shape[-1:])
            for weight, state in zip(weights, self.states(input_values), strict=True)
        )
        return self.classifier(self.pooling(self.projection(mixed)))

    def states(self, input_values: Tensor) -> tuple[Tensor, ...]:
        """The input of the encoder's first layer and the output of each: [batch, steps, size], one more than layers."""
        output = self.backbone(self.sound(input_values), output_hidden_states=True)
        # For some kinds, transformers' last hidden state is that before their final norm: take the encoder's output.
        return *output.hidden_states[:-1], output.last_hidden_state

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
