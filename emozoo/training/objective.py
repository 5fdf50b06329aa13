"""The loss of a batch, and the checks of what a plugin's network returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError

MEMORY = 64
"""Clips of the batches before, beside which the values of a batch are judged. A CCC over the few clips of a small batch says
little, and the mean over batches of CCCs is not that of all clips."""
TINY = 1e-8


class Objective(nn.Module):
    """The loss as one module: each step goes through its forward, as several processes that share it need."""

    def __init__(
        self,
        model: EmotionModel,
        class_weights: Tensor | None = None,
        label_smoothing: float = 0.0,
        dimension_weight: float = 1.0,
    ):
        super().__init__()
        self.model = model
        self.head: Callable[[Tensor, Tensor], Tensor] | None = None
        """Gives the outputs for features and lengths, where the network's frozen part is computed beforehand: `forward` then
        gets features for sound."""
        self.plugin = plugin_name(model)
        self.criterion = nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing)
        self.smoothing = label_smoothing
        self.dimension_weight = dimension_weight
        self.concordance = ConcordanceLoss(len(model.outputs.dimensions))

    def forward(
        self,
        sound: Tensor,
        frames: Tensor | None,
        lengths: Tensor,
        words: Tensor,
        ratings: Tensor,
        pretrain: bool,
    ) -> Tensor:
        """The loss of a batch: that of the words plus `dimension_weight` times that of the dimensions, where there are both.

        `lengths` are as for `EmotionModel.forward`. `words` are int64 [batch], or, of votes, several labels or mixed
        windows, float32 [batch, labels]; `ratings` are float32 [batch, dimensions], from 0 to 1, NaN where unknown."""
        if pretrain:
            try:
                return self.model.network.pretrain_loss(sound, frames, words)  # type: ignore[operator]
            except ValueError as error:
                raise EmozooError(f"{self.plugin} cannot be pretrained with these labels: {error}") from error
        given = self.head(sound, lengths) if self.head else self.model(sound, frames, lengths)
        outputs = self.model.outputs
        if problem := _wrong_outputs(given, len(sound), len(outputs.names)):
            raise EmozooError(f"{self.plugin} is broken: {problem}")
        values = given.float()
        losses = []
        if outputs.multi:
            shares = words.lerp(torch.full_like(words, 0.5), self.smoothing)
            losses.append(F.binary_cross_entropy_with_logits(values[:, outputs.of_labels], shares))
        elif outputs.labels:
            losses.append(self.criterion(values[:, outputs.of_labels], words))
        if outputs.dimensions:
            weight = self.dimension_weight if outputs.labels else 1.0
            losses.append(weight * self.concordance(values[:, outputs.of_dimensions], ratings))
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


class ConcordanceLoss(nn.Module):
    """1 - CCC (Lin 1989), the mean over dimensions, of a batch together with the `MEMORY` clips before it.

    The remembered values are those of slightly older weights and get no gradient. The gradient is scaled up to that of a
    batch that would be judged by itself, so that the weight of the loss does not depend on the memory."""

    def __init__(self, dimensions: int):
        super().__init__()
        self.dimensions = dimensions
        self.register_buffer("values", torch.zeros(MEMORY, dimensions), persistent=False)
        self.register_buffer("ratings", torch.full((MEMORY, dimensions), torch.nan), persistent=False)
        self.values: Tensor
        self.ratings: Tensor

    def forget(self) -> None:
        """Empties the memory, so that an epoch does not depend on the one before."""
        self.values.zero_()
        self.ratings.fill_(torch.nan)

    def forward(self, values: Tensor, ratings: Tensor) -> Tensor:
        """The loss of values float32 [batch, dimensions] against ratings of the same shape, NaN where unknown: without a
        known one 0, without gradient."""
        known = ratings.isfinite()
        among = torch.cat([self.values, values])
        against = torch.cat([self.ratings, ratings])
        count = against.isfinite().sum(0)
        scale = count / known.sum(0).clamp(min=1)
        loss = 1 - concordance(among, against)
        loss = loss.detach() + scale * (loss - loss.detach())
        counted = (known.any(0) & (count > 1)).float()
        if torch.is_grad_enabled():
            self.values = among.detach()[-MEMORY:].clone()
            self.ratings = against.detach()[-MEMORY:].clone()
        return (loss * counted).sum() / counted.sum().clamp(min=1)


def concordance(values: Tensor, ratings: Tensor) -> Tensor:
    """CCC float32 [dimensions] of values and ratings float32 [clips, dimensions], of which NaN ratings do not count; 0 where
    all ratings are alike."""
    known = ratings.isfinite()
    count = known.sum(0).clamp(min=1)
    truth = torch.where(known, ratings, torch.zeros_like(ratings))

    def mean(numbers: Tensor) -> Tensor:
        return torch.where(known, numbers, torch.zeros_like(numbers)).sum(0) / count

    mean_value, mean_truth = mean(values), mean(truth)
    from_value, from_truth = values - mean_value, truth - mean_truth
    together = mean(from_value * from_truth)
    return 2 * together / (mean(from_value**2) + mean(from_truth**2) + (mean_value - mean_truth) ** 2 + TINY)


def plugin_name(model: EmotionModel) -> str:
    """What errors call a model's plugin: its name, distribution and version."""
    return f"{model.architecture.name} ({model.origin.distribution} {model.origin.version})"


def _wrong_outputs(outputs: Any, batch: int, count: int) -> str | None:
    """How a network's answer differs from the contract, in words; None where it does not."""
    if not isinstance(outputs, Tensor):
        return f"forward returns a {type(outputs).__name__}, not logits float32 [batch, labels]"
    if tuple(outputs.shape) != (batch, count):
        return (
            f"forward returns logits {list(outputs.shape)} for {batch} clips and {count} labels, not {[batch, count]}"
        )
    if not outputs.is_floating_point():
        return f"forward returns logits of {str(outputs.dtype).removeprefix('torch.')}, not float32"
    if torch.is_grad_enabled() and not outputs.requires_grad:
        return "the logits depend on no trainable parameter: look for detach(), no_grad() and frozen layers"
    return None
