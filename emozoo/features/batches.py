"""Windows become batches on a device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from emozoo.media.window import stack_frames


def to_batch(
    windows: Sequence[tuple[np.ndarray, np.ndarray | None]], device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Stacks windows, as `emozoo.media.window.cut_window` gives them, on a device: what a network's forward takes.

    Sound int16 or float32 [48000] -> float32 [batch, 48000] in [-1, 1]; frames -> uint8 [batch, 20, 60, 100, 3], black for a
    window without, or None where all are without.
    """
    sound = to_device(np.stack([waveform for waveform, _ in windows]), device)
    if sound.dtype == torch.int16:
        sound = sound.float() / 32768
    frames = stack_frames([frames for _, frames in windows])
    return sound, None if frames is None else to_device(frames, device)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on a device. A GPU fetches it when it gets there: nothing waits for that."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":  # out of pinned memory; a copy of any other would first wait for all work so far
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
