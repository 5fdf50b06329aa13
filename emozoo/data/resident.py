"""Decoded clips in a GPU's memory, where batches of windows are cut, as `emozoo.media.window.cut_window` does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from emozoo.features.batches import Batch, to_device
from emozoo.media.window_shape import DEFAULT_WINDOW, FrameGrid, WindowShape

SHARE = 0.5
"""The share of a GPU's free memory that clips may take; the rest is for the network."""


class Clips(Protocol):
    """Decoded clips by row, as `emozoo.data.store.ClipStore` holds them."""

    grid: FrameGrid

    @property
    def has_frames(self) -> bool: ...

    def __len__(self) -> int: ...

    def length(self, row: int) -> int: ...

    def waveform(self, row: int) -> np.ndarray: ...

    def frames(self, row: int) -> np.ndarray | None: ...


class ResidentClips:
    """A store's clips, concatenated, on a device."""

    def __init__(self, store: Clips, device: torch.device) -> None:
        rows = range(len(store))
        lengths = np.array([store.length(row) for row in rows])
        counts = store.grid.count(lengths)
        counts[[store.frames(row) is None for row in rows]] = 1  # a black one
        self.lengths, self.offsets = _to(lengths, device), _to(np.cumsum(lengths) - lengths, device)
        self.waveforms = torch.empty(int(lengths.sum()), dtype=torch.int16, device=device)
        self.frames: Tensor | None = None
        if store.has_frames:
            self.frame_counts, self.frame_offsets = _to(counts, device), _to(np.cumsum(counts) - counts, device)
            shape = (int(counts.sum()), store.grid.height, store.grid.width, 3)
            self.frames = torch.zeros(shape, dtype=torch.uint8, device=device)
        begin = first = 0
        for row in rows:
            self.waveforms[begin : begin + lengths[row]] = torch.from_numpy(store.waveform(row).copy())
            if self.frames is not None:
                frames = store.frames(row)
                self.frames[first : first + counts[row]] = 0 if frames is None else torch.from_numpy(frames.copy())
            begin += lengths[row]
            first += counts[row]

    def windows(self, rows: np.ndarray, starts: np.ndarray, shape: WindowShape = DEFAULT_WINDOW) -> Batch:
        """The windows of clips `rows` from samples `starts`."""
        device = self.waveforms.device
        clip, start = _to(rows, device), _to(starts, device)
        place = start[:, None] + torch.arange(shape.samples, device=device)
        inside = place < self.lengths[clip, None]
        sound = self.waveforms[(self.offsets[clip, None] + place) * inside] * inside
        lengths = (self.lengths[clip] - start).clamp(max=shape.samples)
        frames = None
        if self.frames is not None:
            step = shape.samples_per_frame
            number = (start[:, None] + step // 2) // step + torch.arange(shape.frames[0], device=device)
            frames = self.frames[self.frame_offsets[clip, None] + number.minimum(self.frame_counts[clip, None] - 1)]
        return Batch(sound.float() / 32768, frames, lengths)


def fits(store: Clips, device: torch.device) -> bool:
    """Whether the device is a GPU with room for all clips of the store."""
    if device.type != "cuda":
        return False  # for a CPU, the mapped file is as near
    lengths = np.array([store.length(row) for row in range(len(store))])
    size = 2 * lengths.sum()
    if store.has_frames:
        size += store.grid.count(lengths).sum() * store.grid.height * store.grid.width * 3
    return size <= SHARE * torch.cuda.mem_get_info(device)[0]


def _to(numbers: np.ndarray, device: torch.device) -> Tensor:
    return to_device(np.ascontiguousarray(numbers, np.int64), device)
