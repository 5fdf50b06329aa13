"""What binds a network of transformers to the length of one batch, replaced: same numbers, and one graph for all lengths."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


def free_of_length(network: nn.Module) -> None:
    """Changes the modules of a network that an exported graph would have for the length of its example only."""
    for module in network.modules():
        if hasattr(module, "cached_rotary_positional_embedding"):
            module.register_forward_hook(_forget_positions)
        if isinstance(upsample := getattr(module, "upsample", None), nn.Module):  # of SEW and SEW-D
            upsample.register_forward_hook(_fill_step)
            module.register_forward_hook(_cut_steps)


def _forget_positions(module: Any, *_: Any) -> None:
    """Rotary positions are computed for each batch, not kept for the next of the same length. Those that prediction left
    could not be trained with either."""
    module.cached_sequence_length = module.cached_rotary_positional_embedding = None


def _fill_step(upsample: Any, _: Any, steps: Tensor) -> Tensor:
    """Zeros for the steps that a division by the squeeze factor lost, as if it had lost as many as it can: the encoder adds
    those that it misses, and then misses none."""
    return F.pad(steps, (0, 0, 0, upsample.squeeze_factor - 1))


def _cut_steps(_: Any, given: Any, output: Any) -> Any:
    """The encoder gives as many steps as it takes."""
    output.last_hidden_state = output.last_hidden_state[:, : given[0].shape[1]]
    return output
