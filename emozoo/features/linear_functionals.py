"""Linear layers over the statistics that the front end `Functionals` gives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emozoo.features.voice_statistics import Functionals


class Standardisation(nn.Module):
    """Features with mean 0 and deviation 1 over all that was seen in train mode, and no further than `FURTHEST` from 0:
    float32 [batch, features] -> the same."""

    FURTHEST = 4.0

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))

    def forward(self, features: Tensor) -> Tensor:
        if self.training:
            self.count += len(features)
            share = len(features) / self.count
            further = features.mean(0) - self.mean
            self.mean += share * further
            self.variance += share * (features.var(0, correction=0) - self.variance + (1 - share) * further.square())
        deviation = self.variance.clamp(min=1e-8).sqrt()
        return ((features - self.mean) / deviation).clamp(-self.FURTHEST, self.FURTHEST)


class LinearFunctionals(nn.Module):
    """Statistics of windows, float32 [batch, `Functionals.COUNT`] -> logits float32 [batch, labels]."""

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.standardisation = Standardisation(Functionals.COUNT)
        self.output = nn.Linear(Functionals.COUNT, num_labels)

    def forward(self, functionals: Tensor) -> Tensor:
        with torch.autocast(functionals.device.type, enabled=False):
            return self.output(self.standardisation(functionals.float()))


class FunctionalsPair(nn.Module):
    """Two such layers: `plain`, which learned from recordings as they are, and `changed`, which learned from noisy, narrow
    and short ones, too. The logits of a window that is like those that `plain` learned from are its own by `SHARE`, and
    those of `changed` by the rest. Of any other window, they are those of `changed`."""

    NEAR = 2.5
    """How far from what `plain` learned from its share is half of `SHARE`: the mean square of the standardised statistics,
    which is 1 over that training."""
    WIDTH = 0.1
    SHARE = 0.7

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.plain = LinearFunctionals(num_labels)
        self.changed = LinearFunctionals(num_labels)

    def forward(self, functionals: Tensor) -> Tensor:
        """Statistics of windows, float32 [batch, `Functionals.COUNT`] -> logits float32 [batch, labels]."""
        with torch.autocast(functionals.device.type, enabled=False):
            functionals = functionals.float()
            standardised = self.plain.standardisation(functionals)
            distance = standardised.square().mean(1, keepdim=True)
            share = self.SHARE * torch.sigmoid((self.NEAR - distance) / self.WIDTH)
            return torch.lerp(self.changed(functionals), self.plain.output(standardised), share)
