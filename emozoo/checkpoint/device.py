"""The device that a network runs on."""

from __future__ import annotations

import torch

from emozoo.errors import EmozooError
from emozoo.text import one_line


def pick_device(name: str = "auto") -> torch.device:
    """`auto`: the first CUDA GPU, else Apple's, else the CPU. Raises EmozooError for a device that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = one_line(error)
        raise EmozooError(f"the device {name!r} cannot be used ({reason}); --device cpu always can") from error
    return device


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 faster than in float32: most CUDA GPUs, and CPUs with AVX-512 BF16."""
    if device.type == "cpu":
        # No public way: torch.cpu.get_capabilities is newer than the oldest torch that emozoo takes.
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
