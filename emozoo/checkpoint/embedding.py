"""The features of a network: what it makes of a window before it decides.

They are what the network's own `embed` gives or, where it has none, what its last linear layer takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from emozoo.errors import EmozooError


class LastLinear(TorchFunctionMode):
    """Notes what linear layers take while it is entered. Like every mode of torch, it holds for its own thread, and leaves
    the network as it is: many threads may use one network at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Tensor | None = None
        """What the last of them took: [batch, ..., features]."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.linear:
            self.taken = args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def call(asked: Callable[..., Tensor], sound: Tensor, frames: Tensor | None, lengths: Tensor | None = None) -> Tensor:
    """What a network, or its `embed`, gives: it is asked with frames and lengths only where there are some."""
    given = (sound,) if frames is None else (sound, frames)
    return asked(*given) if lengths is None else asked(*given, lengths=lengths)


class WithFeatures(nn.Module):
    """A network whose forward gives its outputs, float32 [batch, outputs], and its features, float32 [batch, features].

    forward raises EmozooError, naming the model `name`, for a network that has none.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network: Any = network
        self.name = name

    def forward(
        self, input_values: Tensor, pixel_values: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        batch = (input_values, pixel_values, lengths)
        if has_embed(self.network):
            features = call(self.network.embed, *batch)
            return call(self.network, *batch), _checked(features, input_values.shape[0], self.name)
        with LastLinear() as last:
            outputs = call(self.network, *batch)
        if last.taken is None:
            raise EmozooError(
                f"{self.name} gives no embeddings: its network has no linear layer, and no method embed of its own"
            )
        return outputs, _checked(last.taken, input_values.shape[0], self.name)


def features_of(network: Any, batch: Sequence[Tensor | None], name: str) -> Tensor:
    """float32 [batch, features] of what a network's forward takes: sound and, where they are there, frames and lengths.
    Raises EmozooError, naming the model `name`, for a network that has none."""
    input_values, pixel_values, lengths = (*batch, None, None)[:3]
    assert input_values is not None
    if has_embed(network):
        return _checked(call(network.embed, input_values, pixel_values, lengths), len(input_values), name)
    return WithFeatures(network, name)(input_values, pixel_values, lengths)[1]


def has_embed(network: nn.Module) -> bool:
    """Whether a network offers `embed`: a method, for a layer may bear this name too."""
    return callable(getattr(type(network), "embed", None))


def _checked(features: Any, batch: int, name: str) -> Tensor:
    """As float32 [batch, features]; of a sequence [batch, ..., features], the mean over its steps."""
    if not isinstance(features, Tensor) or features.dim() < 2 or features.shape[0] != batch:
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise EmozooError(
            f"{name} gives no embeddings: its network's features are {found} for a batch of {batch}; it needs a method "
            "embed of its own"
        )
    steps = tuple(range(1, features.dim() - 1))
    return (features.float().mean(steps) if steps else features).to(torch.float32)
