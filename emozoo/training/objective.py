"""The loss of a batch, and the checks of what a plugin's network returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError


class Objective(nn.Module):
    """The loss as one module: each step goes through its forward, as several processes that share it need."""

    def __init__(self, model: EmotionModel, class_weights: Tensor | None, label_smoothing: float):
        super().__init__()
        self.model = model
        self.head: Callable[[Tensor, Tensor], Tensor] | None = None
        """Gives the outputs for features and lengths, where the network's frozen part is computed beforehand: `forward` then
        gets features for sound."""
        self.plugin = plugin_name(model)
        self.criterion = nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing)

    def forward(self, sound: Tensor, frames: Tensor | None, lengths: Tensor, labels: Tensor, pretrain: bool) -> Tensor:
        """The loss of a batch. `lengths` are as for `EmotionModel.forward`; `labels` are int64 [batch], or, of mixed
        windows, shares float32 [batch, labels]."""
        if pretrain:
            try:
                return self.model.network.pretrain_loss(sound, frames, labels)  # type: ignore[operator]
            except ValueError as error:
                raise EmozooError(f"{self.plugin} cannot be pretrained with these labels: {error}") from error
        logits = self.head(sound, lengths) if self.head else self.model(sound, frames, lengths)
        if problem := _wrong_logits(logits, len(sound), len(self.model.labels)):
            raise EmozooError(f"{self.plugin} is broken: {problem}")
        return self.criterion(logits.float(), labels)


def plugin_name(model: EmotionModel) -> str:
    """What errors call a model's plugin: its name, distribution and version."""
    return f"{model.architecture.name} ({model.origin.distribution} {model.origin.version})"


def _wrong_logits(logits: Any, batch: int, labels: int) -> str | None:
    """How a network's answer differs from the contract, in words; None where it does not."""
    if not isinstance(logits, Tensor):
        return f"forward returns a {type(logits).__name__}, not logits float32 [batch, labels]"
    if tuple(logits.shape) != (batch, labels):
        return (
            f"forward returns logits {list(logits.shape)} for {batch} clips and {labels} labels, not {[batch, labels]}"
        )
    if not logits.is_floating_point():
        return f"forward returns logits of {str(logits.dtype).removeprefix('torch.')}, not float32"
    if torch.is_grad_enabled() and not logits.requires_grad:
        return "the logits depend on no trainable parameter: look for detach(), no_grad() and frozen layers"
    return None
