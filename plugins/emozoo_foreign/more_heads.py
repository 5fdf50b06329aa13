"""Heads of other libraries over a speech encoder of transformers: each maps what a front end gives to float32 [batch,
features], which a last linear layer takes.

Clips come without padding, so a head looks at all steps of the encoder's last layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_VARIANCE = 1e-5
"""Below it, the variance of the steps counts as this much, as in the networks that were trained so."""


class StatisticsEncoder(nn.Module):
    """The head of the Odyssey 2024 challenge's baseline (Goncalves et al. 2024): attentive statistics (Okabe et al. 2018)
    of the encoder's last layer, then `layers` of a linear layer, layer norm and ReLU, each `width` wide."""

    def __init__(self, config: Any, width: int, layers: int) -> None:
        from transformers import AutoModel

        super().__init__()
        self.features = width
        self.model = AutoModel.from_config(config, dtype=torch.float32)
        self.score = nn.Linear(config.hidden_size, config.hidden_size)
        self.vector = nn.Parameter(torch.randn(config.hidden_size, 1))
        taken = [2 * config.hidden_size, *[width] * (layers - 1)]
        self.hidden = nn.Sequential(
            *(nn.Sequential(nn.Linear(size, width), nn.LayerNorm(width), nn.ReLU(), nn.Dropout(0.5)) for size in taken)
        )

    def forward(self, features: Tensor) -> Tensor:
        states = self.model(features).last_hidden_state
        weights = (self.score(states).tanh() @ self.vector).softmax(1)
        mean = (weights * states).sum(1)
        variance = (weights * states.square()).sum(1) - mean.square()
        return self.hidden(torch.cat([mean, variance.clamp(min=LEAST_VARIANCE).sqrt()], 1))


class AverageEncoder(nn.Module):
    """The head of SpeechBrain's emotion recipe (Ravanelli et al. 2021; Wang et al. 2021): the mean of the encoder's last
    layer over time. With `normalized`, all its values together have mean 0 and variance 1 first.

    SpeechBrain adds noise of about 1e-5 to the mean; it is not here.
    """

    def __init__(self, config: Any, normalized: bool) -> None:
        from transformers import AutoModel

        super().__init__()
        self.features = config.hidden_size
        self.normalized = normalized
        self.model = AutoModel.from_config(config, dtype=torch.float32)

    def forward(self, features: Tensor) -> Tensor:
        states = self.model(features).last_hidden_state
        if self.normalized:
            states = F.layer_norm(states, states.shape[1:])
        return states.mean(1)
