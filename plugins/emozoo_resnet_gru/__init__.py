"""A small residual CNN over a mel spectrogram, a GRU along time, and attentive statistics of its output."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emozoo.architecture import Architecture, Recipe
from emozoo.features import Functionals, FunctionalsPair, LinearFunctionals, LogMel, check_config
from emozoo_resnet_gru.recurrence import outputs_of


@dataclass(frozen=True)
class ResnetGruConfig:
    """The sizes of the network."""

    channels: tuple[int, ...] = (16, 32, 64, 96)
    """Of the first convolution and of each residual block; each halves the rows, all but the last of them the columns."""
    squeeze: int = 8
    """How many channels share one unit of the squeeze and excitation."""
    features: int = 128
    """Features of each column that the GRU takes."""
    hidden: int = 96
    """Features of the GRU in each direction."""
    attention: int = 64
    dropout: float = 0.3
    members: int = 1
    """How many networks of these sizes form the ensemble; each is trained on windows of its own."""
    functionals: bool = False
    """Whether each member has a linear layer over statistics of the voice beside it, trained on windows of its own."""
    pairs: bool = False
    """Whether there are two of these layers instead, one for recordings like those of its training, one for others
    (`emozoo.features.FunctionalsPair`)."""
    window: float = 3.0
    """Seconds that the network sees at once."""

    def __post_init__(self) -> None:
        check_config(
            self, sizes=("channels", "squeeze", "features", "hidden", "attention", "members"), shares=("dropout",)
        )
        if self.pairs and not self.functionals:
            raise ValueError("pairs needs functionals: set functionals=true as well")
        if not 2 <= len(self.channels) <= 6:  # 64 rows can be halved six times
            raise ValueError(f"channels must name a convolution and 1 to 5 residual blocks, not {len(self.channels)}")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with squeeze and excitation (Hu et al. 2018) and a shortcut: [batch, *, rows, columns]."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], squeeze: int) -> None:
        super().__init__()
        units = max(outputs // squeeze, 4)
        self.main = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                norm1=nn.BatchNorm2d(outputs),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
                norm2=nn.BatchNorm2d(outputs),
            )
        )
        self.excitation = nn.Sequential(
            OrderedDict(
                squeeze=nn.Linear(outputs, units),
                relu=nn.ReLU(),
                excite=nn.Linear(units, outputs),
                gate=nn.Sigmoid(),
            )
        )
        self.plain = nn.Sequential(
            OrderedDict(
                pool=nn.AvgPool2d(stride, ceil_mode=True),
                conv=nn.Conv2d(inputs, outputs, 1, bias=False),
                norm=nn.BatchNorm2d(outputs),
            )
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        found = self.main(feature_map)
        gate = self.excitation(found.mean((2, 3)))[:, :, None, None]
        return (found * gate + self.plain(feature_map)).relu()


class AttentiveStatistics(nn.Module):
    """Weighted mean and deviation over time: [batch, steps, features] -> [batch, 2 * features] (Okabe et al. 2018)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(features, units), nn.Tanh(), nn.Linear(units, 1))

    def forward(self, sequence: Tensor) -> Tensor:
        weights = self.score(sequence).softmax(1)
        mean = (weights * sequence).sum(1)
        variance = (weights * (sequence - mean[:, None]).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d that treats a batch of one as in prediction, because it has no deviation."""

    def forward(self, features: Tensor) -> Tensor:
        if self.training and len(features) == 1:
            return nn.functional.batch_norm(features, self.running_mean, self.running_var, self.weight, self.bias)
        return super().forward(features)


class Member(nn.Module):
    """Spectrogram float32 [batch, 1, 64, columns] -> logits [batch, labels]."""

    def __init__(self, config: ResnetGruConfig, num_labels: int) -> None:
        super().__init__()
        first, *others = config.channels
        self.first = nn.Sequential(
            OrderedDict(conv=nn.Conv2d(1, first, 5, (2, 1), 2, bias=False), norm=nn.BatchNorm2d(first), relu=nn.ReLU())
        )
        blocks = []
        inputs = first
        rows = 32
        for number, outputs in enumerate(others, 1):
            stride = (2, 1 if number == len(others) else 2)
            blocks.append(ResidualBlock(inputs, outputs, stride, config.squeeze))
            inputs = outputs
            rows //= 2
        self.blocks = nn.Sequential(*blocks)
        self.columns = nn.Sequential(
            OrderedDict(
                dropout=nn.Dropout(config.dropout),
                linear=nn.Linear(inputs * rows, config.features),
                norm=nn.LayerNorm(config.features),
                relu=nn.ReLU(),
            )
        )
        self.recurrent = nn.GRU(config.features, config.hidden, batch_first=True, bidirectional=True)
        self.statistics = AttentiveStatistics(2 * config.hidden, config.attention)
        self.classifier = nn.Sequential(
            OrderedDict(
                norm=BatchNorm(4 * config.hidden),
                dropout=nn.Dropout(config.dropout),
                output=nn.Linear(4 * config.hidden, num_labels),
            )
        )

    def forward(self, spectrogram: Tensor) -> Tensor:
        steps = self.steps(spectrogram)
        with torch.autocast(spectrogram.device.type, enabled=False):
            return self.answer(self.recurrent(steps)[0])

    def steps(self, spectrogram: Tensor) -> Tensor:
        """float32 [batch, columns, features]: what the GRU takes."""
        feature_map = self.blocks(self.first(spectrogram))
        return self.columns(feature_map.permute(0, 3, 1, 2).flatten(2)).float()

    def answer(self, sequence: Tensor) -> Tensor:
        """float32 [batch, columns, 2 * hidden], of the GRU -> logits."""
        return self.classifier(self.statistics(sequence))

    def embed(self, sequence: Tensor) -> Tensor:
        """The same -> float32 [batch, 4 * hidden]: what the classifier's linear layer takes."""
        return self.classifier[:-1](self.statistics(sequence))


class ResnetGru(nn.Module):
    """Waveform float32 [batch, samples] -> logits [batch, labels].

    With several members, the logits are the logarithm of their mean probabilities (Lakshminarayanan et al. 2017). With
    `functionals`, they are the mean of these logits and of those that the linear layers give in the same way. In train
    mode, each member and each layer gets a part of the batch of its own, so that they differ, and an epoch takes as long as
    for one.
    """

    def __init__(self, config: ResnetGruConfig, num_labels: int) -> None:
        super().__init__()
        self.front = LogMel(config.window)
        self.members: Any = nn.ModuleList(Member(config, num_labels) for _ in range(config.members))
        if config.functionals:
            self.functionals = Functionals()
            kind = FunctionalsPair if config.pairs else LinearFunctionals
            self.layers: Any = nn.ModuleList(kind(num_labels) for _ in range(config.members))
        else:
            self.layers = ()

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        if self.training:
            return self._shared(input_values)
        spectrogram = self.spectrogram(input_values)
        logits = _mean_of(self._of_members(Member.answer, spectrogram))
        if not self.layers:
            return logits
        functionals = self.functionals(input_values, spectrogram)
        return (logits + _mean_of([layer(functionals) for layer in self.layers])) / 2

    def _shared(self, input_values: Tensor) -> Tensor:
        """The logits of each part of a batch by the member or layer that learns from it."""
        learners = [(self.spectrogram, member) for member in self.members]
        learners += [(self.functionals, layer) for layer in self.layers]
        shares = input_values.tensor_split(len(learners))
        return torch.cat(
            [learner(front(share)) for (front, learner), share in zip(learners, shares, strict=True) if len(share)]
        )

    def embed(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        """float32 [batch, members * 4 * hidden]: the members' features side by side."""
        spectrogram = self.spectrogram(input_values)
        return torch.cat(self._of_members(Member.embed, spectrogram), 1)

    def _of_members(self, what: Callable[[Member, Tensor], Tensor], spectrogram: Tensor) -> list[Tensor]:
        """What each member makes of what its GRU gives."""
        steps = [member.steps(spectrogram) for member in self.members]
        with torch.autocast(spectrogram.device.type, enabled=False):
            sequences = outputs_of([member.recurrent for member in self.members], steps)
            return [what(member, sequence) for member, sequence in zip(self.members, sequences, strict=True)]

    def spectrogram(self, input_values: Tensor) -> Tensor:
        spectrogram = self.front(input_values)
        if spectrogram.device.type == "cpu":
            return spectrogram.contiguous(memory_format=torch.channels_last)
        return spectrogram


def _mean_of(logits: list[Tensor]) -> Tensor:
    """The logarithm of the mean probabilities; of one, its logits as they are."""
    if len(logits) == 1:
        return logits[0]
    return torch.stack([each.log_softmax(-1) for each in logits]).logsumexp(0) - math.log(len(logits))


architecture = Architecture(
    name="resnet_gru",
    modalities=("audio",),
    config=ResnetGruConfig,
    build=ResnetGru,
    recipe=Recipe(
        epochs=40,
        batch_size=16,
        learning_rate=2e-3,
        weight_decay=0.02,
        schedule="cosine",
        warmup=0.1,
        clip_norm=2.0,
        label_smoothing=0.1,
        ema_decay=0.99,
        noise=0.15,
        shift=0.1,
        stretch=0.2,
        formants=0.1,
        channel=2.0,
        time_mask=30,
        freq_mask=10,
    ),
    summary="A small residual CNN over a mel spectrogram, and a GRU along time",
    card="card.md",
)
