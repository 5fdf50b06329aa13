"""Windows become batches on a device: for emozoo's own use, not for plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emozoo.media.window import stack_frames, stack_sound
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape


class Batch(NamedTuple):
    """What a model's forward takes."""

    input_values: Tensor
    """float32 [batch, samples] in [-1, 1]."""
    pixel_values: Tensor | None
    """uint8 [batch, count, height, width, 3], black for a window without frames; None if no window has any."""
    lengths: Tensor
    """int64 [batch]: the samples of each window before the silence behind it."""


def to_batch(
    windows: Sequence[tuple[np.ndarray, np.ndarray | None]], device: torch.device, shape: WindowShape = DEFAULT_WINDOW
) -> Batch:
    """Stacks windows of `emozoo.media.window.cut_window`, with sound int16 or float32, on a device."""
    stacked, lengths = stack_sound([waveform for waveform, _ in windows], shape)
    sound = to_device(stacked, device)
    if sound.dtype == torch.int16:
        sound = sound.float() / 32768
    frames = stack_frames([frames for _, frames in windows], shape)
    return Batch(sound, None if frames is None else to_device(frames, device), to_device(lengths, device))


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on a device. Nothing waits for a copy to a GPU."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":  # a copy of memory that is not pinned would wait for all work so far
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
