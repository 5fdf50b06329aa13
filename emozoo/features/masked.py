"""Statistics over some of the columns of a window."""

from __future__ import annotations

import torch
from torch import Tensor

BEHIND = 1e9
"""Above all values, so that what a mask leaves out is sorted behind them; infinity times 0 would be no number."""


class Masked:
    """Statistics of curves, float32 [batch, columns] or [batch, columns, values], over the columns that a mask, bool
    [batch, columns], names: float32 [batch, 1] or [batch, values]. Where it names none, they are 0."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        named = mask.float()
        self.count = named.sum(1, keepdim=True)
        self.weight = (named / self.count.clamp(min=1))[:, :, None]

    def mean(self, curve: Tensor) -> Tensor:
        return (_with_values(curve) * self.weight).sum(1)

    def deviation(self, curve: Tensor) -> Tensor:
        values = _with_values(curve)
        variance = self.mean((values - self.mean(curve)[:, None]).square())
        return torch.where(self.count > 0, (variance + 1e-8).sqrt(), 0.0)

    def quantiles(self, curve: Tensor, *shares: float) -> Tensor:
        """Between the two nearest in order, as NumPy does: float32 [batch, shares, values]."""
        values = _with_values(curve)
        in_order = torch.where(self.mask[:, :, None], values, BEHIND).sort(1).values
        last = (self.count - 1).clamp(min=0)
        place = last * values.new_tensor(shares)  # [batch, shares]
        low = place.floor()
        both = torch.cat([low, torch.minimum(low + 1, last)], 1).long()
        lower, upper = in_order.gather(1, both[:, :, None].expand(-1, -1, values.shape[2])).chunk(2, 1)
        found = torch.lerp(lower, upper, (place - low)[:, :, None])
        return torch.where(self.count[:, :, None] > 0, found, 0.0)

    def statistics(self, curve: Tensor) -> Tensor:
        """Of each value the mean, the deviation, and the tenths 1, 5 and 9: float32 [batch, values, 5]."""
        quantiles = self.quantiles(curve, 0.1, 0.5, 0.9)
        return torch.cat([self.mean(curve)[:, None], self.deviation(curve)[:, None], quantiles], 1).transpose(1, 2)


def correlation(inside: Masked, *pairs: tuple[Tensor, Tensor]) -> Tensor:
    """Pearson's, of pairs of curves [batch, columns]: float32 [batch, pairs]; 0 where one of them does not move."""
    first, second = (torch.stack(curves, 2) for curves in zip(*pairs, strict=True))
    first, second = (curves - inside.mean(curves)[:, None] for curves in (first, second))
    size = inside.mean(first.square()).sqrt() * inside.mean(second.square()).sqrt()
    return inside.mean(first * second) / size.clamp(min=1e-4)


def _with_values(curve: Tensor) -> Tensor:
    return curve if curve.dim() == 3 else curve[:, :, None]
