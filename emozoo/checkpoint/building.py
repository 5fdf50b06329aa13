"""How a checkpoint's network is built: as shapes first, within limits, and without torch's global random generator.

Each mode here holds for its own thread: others may train, load or build at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SPARE_TENSORS = 1000
SPARE_NUMBERS = 2**26
TIMES = 16
"""What may be made while a network is built, beside so many times its weights: tables that are not saved, and what initial
values are worked out from; an orthogonal matrix takes five."""
_SAME_MEMORY = {"__get__", "detach"}
"""Of functions whose result is a new tensor over the memory of another."""


class TooLarge(Exception):
    """A network that holds more than its checkpoint."""


class Limit(TorchFunctionMode):
    """Raises `TooLarge` once far more tensors, or numbers in them, were made than weights of these shapes need."""

    def __init__(self, shapes: Collection[tuple[int, ...]]) -> None:
        super().__init__()
        self._tensors = SPARE_TENSORS + TIMES * len(shapes)
        self._numbers = SPARE_NUMBERS + TIMES * sum(map(math.prod, shapes))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and _is_new(result, func, (*args, *kwargs.values())):
            self._tensors -= 1
            self._numbers -= result.numel()
            if min(self._tensors, self._numbers) < 0:
                raise TooLarge
        return result


def _is_new(result: Tensor, func: Any, given: tuple[Any, ...]) -> bool:
    # `_is_view`, for torch has no public way to tell a view.
    if result._is_view() or getattr(func, "__name__", "") in _SAME_MEMORY:
        return False
    return all(result is not each for each in given)


class ShapesOnly(TorchFunctionMode):
    """On the meta device, does without what only decides values: torch would import its compiler for window functions and
    random values, which takes longer than a whole prediction."""

    WINDOWS = {
        torch.hann_window,
        torch.hamming_window,
        torch.blackman_window,
        torch.bartlett_window,
        torch.kaiser_window,
    }
    RANDOM = {Tensor.normal_, Tensor.uniform_}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.WINDOWS:
            return torch.empty(args[0] if args else kwargs["window_length"])
        return args[0] if func in self.RANDOM else func(*args, **kwargs)


class OwnGenerator(TorchFunctionMode):
    """Random numbers on the CPU come from a generator of its own, always in the same state: a seeded training elsewhere
    is not disturbed, and the random values that a network keeps are the same each time."""

    RANDOM = {
        *("bernoulli", "binomial", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like"),
        *("randn", "randn_like", "randperm", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_"),
        *("normal_", "random_", "uniform_", "kaiming_normal_", "kaiming_uniform_"),
    }
    """Functions of torch, tensors and `torch.nn.init` that take a `generator`."""

    def __init__(self) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(0)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self.RANDOM and kwargs.get("generator") is None:
            tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
            place = kwargs.get("device") or (tensors[0].device if tensors else torch.get_default_device())
            if torch.device(place).type == "cpu":
                kwargs = {**kwargs, "generator": self._generator}
        return func(*args, **kwargs)
