"""Several networks of one architecture as one: an ensemble answers with the mean of what each of them answers.

Its checkpoint has one config, whose `members` says how many they are, and the tensors of network 0 as `members.0.NAME`. How
the folds of a run become one is in `emozoo.checkpoint.merge`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Architecture
from emozoo.checkpoint.embedding import call, features_of
from emozoo.checkpoint.partial import left_out
from emozoo.target import Outputs


def together(architecture: Architecture, members: int, outputs: Outputs) -> Architecture:
    """The architecture whose networks are ensembles of so many of its own, with the same config; itself for one."""
    if members == 1:
        return architecture

    def build(config: Any, count: int) -> nn.Module:
        return Ensemble([architecture.build(config, count) for _ in range(members)], outputs, architecture.name)

    return dataclasses.replace(architecture, build=build)


def members_of(network: nn.Module) -> int:
    """How many networks it is; 1 for one that is no `Ensemble`."""
    return len(network.members) if isinstance(network, Ensemble) else 1


class Ensemble(nn.Module):
    """Networks that take the same and have the same outputs: waveforms float32 [batch, samples] and, where the architecture
    takes them, frames and lengths, to outputs float32 [batch, outputs].

    Of words, the outputs are the logarithm of the mean probabilities (Lakshminarayanan et al. 2017); of several labels a
    clip, the logit of each label's mean probability; of dimensions, the mean value.
    """

    def __init__(self, networks: list[nn.Module], outputs: Outputs, name: str) -> None:
        """`name`: what errors call the model."""
        super().__init__()
        self.members: Any = nn.ModuleList(networks)
        self.outputs = outputs
        self.name = name

    def forward(
        self, input_values: Tensor, pixel_values: Tensor | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        found = torch.stack([call(member, input_values, pixel_values, lengths) for member in self.members])
        words, values = found[..., self.outputs.of_labels], found[..., self.outputs.of_dimensions]
        parts = []
        if self.outputs.multi:
            parts.append(F.logsigmoid(words).logsumexp(0) - F.logsigmoid(-words).logsumexp(0))
        elif self.outputs.labels:
            parts.append(words.log_softmax(-1).logsumexp(0) - math.log(len(self.members)))
        if self.outputs.dimensions:
            parts.append((values.clamp(0, 1) if self.outputs.scale else values).mean(0))
        return torch.cat(parts, -1)

    def embed(self, input_values: Tensor, pixel_values: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """float32 [batch, features]: the features of all networks side by side."""
        batch = (input_values, pixel_values, lengths)
        return torch.cat([features_of(member, batch, self.name) for member in self.members], 1)

    def pretrained_names(self) -> tuple[str, ...]:
        """As of its networks: see `emozoo.checkpoint.partial`."""
        return tuple(f"members.{place}.{name}" for place, each in enumerate(self.members) for name in left_out(each))

    def load_pretrained(self, config: Any) -> None:
        for member in self.members:
            member.load_pretrained(config)
