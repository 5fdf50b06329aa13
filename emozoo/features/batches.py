"""Windows become batches on a device: for emozoo's own use, not for plugins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from emozoo.media.window import stack_frames


def to_batch(
    windows: Sequence[tuple[np.ndarray, np.ndarray | None]], device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Stacks windows of `emozoo.media.window.cut_window` on a device, for a network's forward.

    Audio int16 or float32 [48000] -> float32 [batch, 48000] in [-1, 1]; frames -> uint8 [batch, 20, 60, 100, 3], black for a
    window without frames; None if no window has any.
    """
    sound = to_device(np.stack([waveform for waveform, _ in windows]), device)
    if sound.dtype == torch.int16:
        sound = sound.float() / 32768
    frames = stack_frames([frames for _, frames in windows])
    return sound, None if frames is None else to_device(frames, device)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on a device. Nothing waits for a copy to a GPU."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":  # a copy of memory that is not pinned would wait for all work so far
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
