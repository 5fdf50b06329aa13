"""Several processes that train one fold together, on one machine or on several: what the main one knows, all know.

Only the main process reads and writes the run's folder, so machines need not share a disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from emozoo.checkpoint.device import pick_device
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from accelerate import PartialState

T = TypeVar("T")
log = logging.getLogger("emozoo")
TIMEOUT = timedelta(minutes=10)
"""How long a process waits for the others, who do the same work at the same time. One that was killed is noticed at once,
and a machine that vanished after this time."""
PATIENCE = timedelta(days=1)
"""How long it waits while others decode."""


def joined(device: str) -> PartialState:
    """The processes that were started together, of which this is one."""
    from accelerate import PartialState

    if "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        log.warning("accelerate launch started a single process: for several, add --multi_gpu, on CPUs as well")
    return PartialState(cpu=pick_device(device).type == "cpu", timeout=TIMEOUT)


def several() -> bool:
    """Whether there are other processes."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def from_main(work: Callable[[], T]) -> T:
    """What `work` gives in the main process, which alone does it. Where it raises an EmozooError there, all do."""
    if not several():
        return work()
    told: list[Any] = [None, None]
    problem: EmozooError | None = None
    if dist.get_rank() == 0:
        try:
            told[0] = work()
        except EmozooError as error:
            problem = error
            told[1] = str(error)
    dist.broadcast_object_list(told, 0)
    if told[1] is not None:
        raise problem or EmozooError(told[1])
    return told[0]


def check_same(value: object, sentence: str) -> None:
    """Raises EmozooError with `sentence` in all processes where they do not have the same `value`."""
    if several():
        values: list[object] = [None] * dist.get_world_size()
        dist.all_gather_object(values, value)
        if any(each != values[0] for each in values):
            raise EmozooError(sentence)


def meeting() -> Callable[[], None]:
    """A place where the processes wait for each other, also for hours. It is made while none is far ahead of the others."""
    if not several():
        return lambda: None
    patient: Any = dist.new_group(timeout=PATIENCE)

    def meet() -> None:
        dist.barrier(patient)

    return meet


def send(tensors: Iterable[Tensor]) -> None:
    """Gives all processes the main one's values, in place."""
    if several():
        for tensor in tensors:
            whole = tensor.detach().contiguous()
            dist.broadcast(whole, 0)
            tensor.detach().copy_(whole)


def sent(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The main process' tensors by name, in all, on the CPU; `device` is that of the process, on which they travel."""
    kinds = from_main(lambda: {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()})
    found = {}
    for name, (shape, dtype) in kinds.items():
        mine = dist.get_rank() == 0
        travels = (
            tensors[name].detach().to(device).contiguous() if mine else torch.empty(shape, dtype=dtype, device=device)
        )
        dist.broadcast(travels, 0)
        found[name] = travels.cpu()
    return found
