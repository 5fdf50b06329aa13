"""Weights of which each process holds a part (FSDP2 of PyTorch), so that none has the gradients and moments of all.

Layers are put together when they compute, one after the other. Between epochs, each process has a whole model on the CPU,
which is measured and saved as any other.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from emozoo.architecture import Architecture
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError
from emozoo.training.processes import send


def wants_shards(architecture: Architecture) -> bool:
    """Whether `accelerate launch --use_fsdp` started this process. Raises EmozooError for what cannot be done with it."""
    if not (_is_set("ACCELERATE_USE_FSDP") and dist.is_available() and dist.is_initialized()):
        return False
    if architecture.optional_modalities:
        raise EmozooError(
            f"{architecture.name} cannot be trained with --use_fsdp, for some of its layers answer to some clips only: "
            "leave --use_fsdp out, and give --multi_gpu"
        )
    if _is_set("FSDP_OFFLOAD_PARAMS"):
        raise EmozooError("weights cannot wait on the CPU in training: leave --fsdp_offload_params out")
    if _is_set("FSDP_ACTIVATION_CHECKPOINTING"):
        raise EmozooError(
            "a network computes its activations twice by a setting of its own, such as --set gradient_checkpointing=true: "
            "leave --fsdp_activation_checkpointing out"
        )
    return True


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true")


Moments = dict[int, dict[str, Tensor]]
"""An optimizer's state of each parameter, by its number."""


class Shards:
    """A model of which each process holds a part, and the whole one that it comes from and goes back to."""

    def __init__(self, whole: EmotionModel, device: torch.device):
        """`whole` is on the CPU; the shards will be on `device`."""
        self.whole = whole
        self.device = device
        self.part = copy.deepcopy(whole)

    def cut(self, root: nn.Module) -> None:
        """Leaves this process its shards of `root`, which is `part` or holds it: of each layer, then of the rest.

        Raises ValueError for a network that torch cannot cut."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(self.device.type, (dist.get_world_size(),))
        for module in self.part.modules():
            setattr(module, "_is_fsdp_managed_module", True)  # noqa: B010 - transformers then skips no layer at random
        for layer in [*_layers(self.part), root]:
            fully_shard(layer, mesh=mesh)

    @torch.no_grad()
    def spread(self) -> None:
        """Takes the weights of the whole network."""
        weights = self.whole.state_dict()
        for name, value in self.part.state_dict().items():
            value.copy_(_shard(weights[name].to(self.device), value))

    @torch.no_grad()
    def gather(self) -> None:
        """Gives the weights to the whole network, in all processes at once. Buffers are the main process' own."""
        whole = self.whole.state_dict()
        for name, value in self.part.state_dict().items():
            together = _gathered(value)
            if together is value:
                send([value])
            whole[name].copy_(together)


def _layers(model: EmotionModel) -> list[nn.Module]:
    """What is put together at a time: layers of the classes that the launcher names, or else those that the network does."""
    network: Any = model.network
    kinds = {name.strip() for name in os.environ.get("FSDP_TRANSFORMER_CLS_TO_WRAP", "").split(",")}
    named = [module for module in network.modules() if type(module).__name__ in kinds]
    return named or (list(network.sharded_layers()) if hasattr(network, "sharded_layers") else [])


def within(module: nn.Module, context: Callable[[], AbstractContextManager[Any]]) -> None:
    """Has `module` computed in a context, such as that of autocast."""
    forward = module.forward

    def inside(*given: Any) -> Any:
        with context():
            return forward(*given)

    module.forward = inside


def whole_moments(optimizer: torch.optim.Optimizer, keeps: bool) -> Moments:
    """The optimizer's state, for a process that keeps it. All processes give what they have of it, at once."""
    moments: Moments = {}
    for number, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            whole = _gathered(value)
            if keeps:
                moments.setdefault(number, {})[name] = whole.cpu()
    return moments


def cut_moments(optimizer: torch.optim.Optimizer, moments: Moments) -> Moments:
    """The shards of an optimizer's state that belong to those of its parameters."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {
        number: {name: _shard(value, parameters[number]) for name, value in values.items()}
        for number, values in moments.items()
    }


def _shard(whole: Tensor, like: Tensor) -> Tensor:
    """This process' shard of a tensor that all have, cut as `like`; the tensor itself where `like` is not cut."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor) or whole.shape != like.shape:
        return whole
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def _gathered(value: Tensor) -> Tensor:
    """A tensor of which each process may have a shard, whole, in all of them at once."""
    from torch.distributed.tensor import DTensor

    return value.full_tensor() if isinstance(value, DTensor) else value
