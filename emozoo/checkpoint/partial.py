"""Checkpoints that leave out what others have published: tensors that a network's `load_pretrained` always finds the same.

A network may have `pretrained_names()`: the names of these tensors. They are not saved, and loading has `load_pretrained`
fill them. The rule that every tensor of a network is filled holds for them, too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.building import Limit, OwnGenerator, ShapesOnly, TooLarge
from emozoo.errors import EmozooError, blamed
from emozoo.shared_context import SharedContext

MOST_LEFT_OUT = 2**32
"""Numbers that a checkpoint may leave out."""


def left_out(network: nn.Module) -> frozenset[str]:
    """The names of the tensors that a network's checkpoints do not hold. Raises EmozooError for names that cannot be."""
    names = getattr(network, "pretrained_names", None)
    if not callable(names):
        return frozenset()
    found: frozenset[str] = frozenset(names())
    tensors = network.state_dict()
    for name in found:
        if name not in tensors or not tensors[name].is_floating_point():
            raise EmozooError(
                f"the network is broken: pretrained_names gives {name!r}, which is no tensor of floats of it"
            )
    if found and not hasattr(network, "load_pretrained"):
        raise EmozooError("the network is broken: it has pretrained_names, and no load_pretrained to fill them")
    return found


def described(architecture: Architecture, config: Any, labels: int, held: list[tuple[int, ...]]) -> nn.Module:
    """The network that a config describes, on torch's meta device, whose tensors have shapes only.

    Building stops where it has grown far beyond the weights at hand, whose shapes are `held`, and what may be left out. A
    network that cannot be built there is built as usual, and may leave nothing out. Raises `TooLarge`, or what the plugin
    raises."""
    try:
        return _as_shapes(architecture, config, labels, held)
    except TooLarge:
        network = _as_shapes(architecture, config, labels, [*held, (MOST_LEFT_OUT,)])
        left = left_out(network)
        if not left or sum(network.state_dict()[name].numel() for name in left) > MOST_LEFT_OUT:
            raise
        return network
    except (NotImplementedError, RuntimeError):
        with Limit(held), OwnGenerator():
            return architecture.build(config, labels)


def _as_shapes(architecture: Architecture, config: Any, labels: int, held: Iterable[tuple[int, ...]]) -> nn.Module:
    with torch.device("meta"), Limit(list(held)), ShapesOnly():
        return architecture.build(config, labels)


def fill_pretrained(network: Any, config: Any, plugin: str, name: str) -> None:
    """Has `load_pretrained` fill what the checkpoint `name` leaves out; on the meta device, that compares shapes only.

    Raises EmozooError where the pretrained weights cannot be had, are others, or leave a tensor without values."""
    names = left_out(network)
    if not names:
        return
    tensors = network.state_dict()
    with torch.no_grad():
        for tensor in names:
            tensors[tensor].fill_(math.nan)
    try:
        with _quiet, blamed(plugin, "cannot load its pretrained weights"):
            network.load_pretrained(config)
    except EmozooError as error:
        raise EmozooError(f"{name} leaves pretrained weights out, and these cannot be had: {error}") from error
    for tensor in sorted(names):
        if not tensors[tensor].is_meta and not torch.isfinite(tensors[tensor]).all():
            raise EmozooError(f"{plugin} is broken: its load_pretrained leaves {tensor!r} without values")


@contextmanager
def _silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*copying from a non-meta parameter")
        yield


_quiet = SharedContext(_silent)
"""Keeps back torch's warning that tensors on the meta device hold no values: nobody wants them to."""
