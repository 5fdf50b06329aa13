"""The moving average of weights."""

from __future__ import annotations

import itertools

import torch
from torch import nn


@torch.no_grad()
def average_weights(average: nn.Module, current: nn.Module, decay: float, steps: int) -> None:
    """Moves averaged weights towards the current ones by 1 - d, d rising with the steps t before this one as min(decay,
    (1 + t) / (10 + t)): else the first weights would stay in the average for long (as in TensorFlow's
    ExponentialMovingAverage). The first step takes them as they are.

    torch's AveragedModel counts in a tensor, and every step would wait for a GPU to get the count."""
    share = 1 - min(decay, (1 + steps) / (10 + steps)) if steps else 1.0
    tensors = (itertools.chain(module.parameters(), module.buffers()) for module in (average, current))
    for mean, value in zip(*tensors, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, share)
        else:
            mean.copy_(value)
