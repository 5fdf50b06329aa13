"""Gradient accumulation: a batch in parts, whose gradients add up to those of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class Part:
    """Some clips of a batch."""

    places: np.ndarray
    """int64: which of the batch's."""
    share: float
    """Of the batch's loss, which is a mean; the shares of all parts are 1 together."""
    last: bool


def parts(weights: np.ndarray, count: int) -> list[Part]:
    """A batch of clips, each with a weight in the loss, in `count` parts, or fewer where it has fewer clips."""
    places = [each for each in np.array_split(np.arange(len(weights)), count) if len(each)]
    total = weights.sum()
    return [Part(each, float(weights[each].sum() / total), each is places[-1]) for each in places]


@contextmanager
def sharing(accelerator: Accelerator, module: Any, part: Part) -> Iterator[None]:
    """Processes share the gradients of a step's last part, with which those of the others have been added up; of a module in
    shards, those of each part, which are then in shards as well."""
    with nullcontext() if part.last or not hasattr(module, "no_sync") else accelerator.no_sync(module):
        yield
