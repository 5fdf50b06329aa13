"""The moving average of weights."""

from __future__ import annotations

import itertools

import torch
from torch import nn


@torch.no_grad()
def average_weights(average: nn.Module, current: nn.Module, decay: float, steps: int) -> None:
    """Moves averaged weights towards the current ones: average = d x average + (1 - d) x current.

    After t `steps`, d = min(decay, (1 + t) / (10 + t)), and 0 for the first, so that early weights fade soon (as in
    TensorFlow's ExponentialMovingAverage). torch's AveragedModel counts steps in a tensor: each step would wait for the GPU.
    """
    share = 1 - min(decay, (1 + steps) / (10 + steps)) if steps else 1.0
    tensors = (itertools.chain(module.parameters(), module.buffers()) for module in (average, current))
    for mean, value in zip(*tensors, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, share)
        else:
            mean.copy_(value)
