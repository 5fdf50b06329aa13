"""The network: sound as the encoder wants it, the encoder, its layers weighted, pooling over time, a classifier."""

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
    """The waveform, float32 [batch, 48000], with `normalize` at mean 0 and variance 1, as transformers' own feature
    extractor does. The silence behind a short clip is part of the window. What is louder than full scale is turned down."""

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
    """Whisper's log-mel picture of a window: [batch, 48000] -> float32 [batch, mels, 300] (Radford et al. 2022)."""

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
    """A mean over time with learned weights, and with `statistics` the deviation under the same weights as well:
    [batch, steps, features] -> [batch, features], or twice as many (Okabe, Koshinaka and Shinoda 2018)."""

    def __init__(self, features: int, statistics: bool) -> None:
        super().__init__()
        self.statistics = statistics
        # No bias in the last: a softmax does not see what all its scores share.
        self.score = nn.Sequential(nn.Linear(features, features // 2 + 1), nn.Tanh())
        self.query = nn.Linear(features // 2 + 1, 1, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        with torch.autocast(
            sequence.device.type, enabled=False
        ):  # the deviation is a small difference of large numbers
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
        size, layers = (
            spec[key] for key in (("d_model", "encoder_layers") if whisper else ("hidden_size", "num_hidden_layers"))
        )
        self.sound = LogMel(spec["num_mel_bins"]) if whisper else Waveform(spec["normalize"])
        self.backbone: Any = build_encoder(spec)
        self.layer_weights = nn.Parameter(torch.zeros(layers + 1))  # softmax: the same for all
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
                self.backbone.feature_extractor._freeze_parameters()
            else:
                for convolution in (self.backbone.conv1, self.backbone.conv2):
                    convolution.requires_grad_(False)
        if self.config.gradient_checkpointing and self.config.freeze != "all":
            newer = getattr(
                self.backbone, "activation_checkpointing_enable", None
            )  # its name from transformers 5.24 on
            (newer or self.backbone.gradient_checkpointing_enable)({"use_reentrant": False})

    def train(self, mode: bool = True) -> SslNetwork:
        """As in torch, but a frozen encoder stays in eval mode: without dropout its answer is the same each time."""
        super().train(mode)
        if self.config.freeze == "all":
            self.backbone.eval()
        return self

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        weights = self.layer_weights.float().softmax(0)
        # Each layer at the same scale, so that the weights tell how much a layer matters, not how large its numbers are.
        mixed: Any = sum(
            weight * F.layer_norm(state.float(), state.shape[-1:])
            for weight, state in zip(weights, self.states(input_values), strict=True)
        )
        return self.classifier(self.pooling(self.projection(mixed)))

    def states(self, input_values: Tensor) -> tuple[Tensor, ...]:
        """What goes into the encoder's first layer and comes out of each: [batch, steps, size], one more than layers."""
        answer = self.backbone(self.sound(input_values), output_hidden_states=True)
        # Of the last, what the encoder gives: transformers keeps some kinds' state from before their final norm.
        return *answer.hidden_states[:-1], answer.last_hidden_state

    def load_pretrained(self, config: SslConfig) -> None:
        """Fills the encoder with what the config that was asked for names. Raises EmozooError."""
        recorded = self.config.backbone  # of the Hub: at the commit that was looked up
        reference = recorded if recorded.startswith("hub:") else config.backbone
        folder, name = pretrained_files(reference, FILES)
        load_weights(self.backbone, folder, name)

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """The head at the recipe's learning rate, the encoder, where it learns, at its own."""
        named = [(name, parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        head = [parameter for name, parameter in named if not name.startswith("backbone.")]
        encoder = [parameter for name, parameter in named if name.startswith("backbone.")]
        groups: list[dict[str, Any]] = [{"params": head, "lr": recipe.learning_rate}]
        if encoder:
            groups.append({"params": encoder, "lr": self.config.backbone_learning_rate})
        return groups
