"""The GRUs of an ensemble, computed side by side: on a CPU, starting each small operation costs more than the operation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def outputs_of(layers: Sequence[nn.GRU], steps: Sequence[Tensor]) -> Sequence[Tensor]:
    """What each bidirectional GRU gives for its steps: of each [batch, steps, features] -> [batch, steps, 2 * hidden]."""
    if len(layers) == 1 or steps[0].device.type != "cpu" or torch.compiler.is_compiling():
        return [layer(each)[0] for layer, each in zip(layers, steps, strict=True)]
    return side_by_side(layers, torch.stack([*steps])).unbind()


def side_by_side(layers: Sequence[nn.GRU], steps: Tensor) -> Tensor:
    """The same for layers of one size, both directions at once: [layers, batch, steps, features] -> [layers, batch, steps,
    2 * hidden]. The gates are those of `torch.nn.GRU`."""

    def each(name: str) -> Tensor:
        return torch.stack([getattr(layer, f"{name}_l0{way}") for layer in layers for way in ("", "_reverse")])

    size = layers[0].hidden_size
    both = torch.stack([steps, steps.flip(2)], 1).flatten(0, 1)
    gates = torch.baddbmm(each("bias_ih")[:, None], both.flatten(1, 2), each("weight_ih").mT)
    gates = gates.unflatten(1, both.shape[1:3])
    weight, bias = each("weight_hh").mT.contiguous(), each("bias_hh")[:, None]
    state = gates.new_zeros(*gates.shape[:2], size)
    states = []
    for of_both, of_new in zip(gates[..., : 2 * size].unbind(2), gates[..., 2 * size :].unbind(2), strict=True):
        recurrent = torch.baddbmm(bias, state, weight)
        reset, update = (of_both + recurrent[..., : 2 * size]).sigmoid().chunk(2, -1)
        new = torch.addcmul(of_new, reset, recurrent[..., 2 * size :]).tanh()
        state = torch.lerp(new, state, update)
        states.append(state)
    forward, backward = torch.stack(states, 2).unflatten(0, (len(layers), 2)).unbind(1)
    return torch.cat([forward, backward.flip(2)], -1)
