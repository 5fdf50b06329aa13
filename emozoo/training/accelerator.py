"""The device, precision and processes of a training, by Hugging Face's accelerate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from emozoo.architecture import Architecture, Recipe
from emozoo.checkpoint.device import computes_bf16, pick_device
from emozoo.training.job import Compute

if TYPE_CHECKING:
    from accelerate import Accelerator


def new_accelerator(compute: Compute, architecture: Architecture, recipe: Recipe) -> Accelerator:
    """An accelerator for one training. Raises EmozooError for a device that cannot be used."""
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.utils import patch_environment

    device = pick_device(compute.device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)  # accelerate takes the current one
    precision = compute.precision
    if precision == "auto":
        precision = "bf16" if computes_bf16(device) else "fp32"
    # Pretraining gives the classifier no gradients; a batch without video gives none to the layers that read it.
    unused = recipe.pretrain_epochs > 0 or bool(architecture.optional_modalities)
    _forget_precision()
    with patch_environment(
        ACCELERATE_USE_FSDP="false"
    ):  # accelerate does it on GPUs only; see `emozoo.training.shards`
        return Accelerator(
            mixed_precision="no" if precision == "fp32" else precision,
            cpu=device.type == "cpu",
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=unused)],
        )


def _forget_precision() -> None:
    """Lets a process train again in another precision.

    accelerate keeps the first accelerator's precision for the whole process and refuses another. Nothing public resets it;
    accelerate's own tests use this method.
    """
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()
