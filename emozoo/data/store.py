"""Decoded clips as arrays, straight from the mapped file."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pyarrow as pa

from emozoo.media.window import cut_window
from emozoo.media.window_shape import DEFAULT_GRID, DEFAULT_WINDOW, FrameGrid, WindowShape

if TYPE_CHECKING:
    import torch

    from emozoo.data.resident import ResidentClips
    from emozoo.features.batches import Batch


class ClipStore:
    """The decoded clips of a dataset of `load_dataset`, as arrays straight from the mapped file.

    Rows are counted as in that dataset. Arrays are read-only views.
    """

    def __init__(self, dataset: datasets.Dataset, grid: FrameGrid = DEFAULT_GRID) -> None:
        """`grid`: which frames the dataset was loaded with, as `window.grid` of `load_dataset`."""
        if dataset._indices is not None:  # private; nothing public says that rows were selected
            raise ValueError("a dataset of selected rows: give load_dataset's own, and select by row number")
        self.grid = grid
        self.labels = np.array(dataset["label"][:], np.int64)
        """int64 [rows]."""
        self.corpora = np.array(dataset["corpus"][:])
        """The name of each row's corpus, "" if unknown."""
        self._waveforms = _Lists(dataset.data.column("waveform"))
        self._frames = _Lists(dataset.data.column("frames")) if "frames" in dataset.column_names else None
        self._resident: dict[torch.device, ResidentClips | None] = {}
        self._withheld: frozenset[int] = frozenset()

    def without(self, rows: Iterable[int]) -> ClipStore:
        """The same clips, of which those in `rows` are empty: what is withheld cannot be used by mistake."""
        found = copy.copy(self)
        found._withheld = self._withheld | frozenset(rows)
        found._resident = {}
        return found

    def __len__(self) -> int:
        return len(self.labels)

    def length(self, row: int) -> int:
        """Samples of the row's clip."""
        return len(self.waveform(row))

    def waveform(self, row: int) -> np.ndarray:
        """int16 [samples]."""
        return self._waveforms[row][:0] if row in self._withheld else self._waveforms[row]

    def frames(self, row: int) -> np.ndarray | None:
        """uint8 [grid.count(samples), height, width, 3]; None if the clip, or the loaded dataset, has none."""
        if self._frames is None or row in self._withheld or not len(self._frames[row]):
            return None
        return self._frames[row].reshape(-1, self.grid.height, self.grid.width, 3)

    @property
    def has_frames(self) -> bool:
        """Whether the dataset was loaded with video."""
        return self._frames is not None

    def batch(
        self, rows: np.ndarray, starts: np.ndarray, device: torch.device, shape: WindowShape = DEFAULT_WINDOW
    ) -> Batch:
        """Windows of clips `rows` from samples `starts`, on a device. A GPU with room for all clips gets them once, and cuts
        the windows. Raises ValueError where the dataset was loaded with other frames than `shape` has."""
        import torch

        from emozoo.data.resident import ResidentClips, fits
        from emozoo.features.batches import to_batch

        if self.has_frames and shape.grid != self.grid:
            raise ValueError(f"the dataset was loaded with frames of {self.grid}, and {shape.grid} is asked for")
        device = torch.empty(0, device=device).device  # "cuda" gets its number: else a GPU could hold the clips twice
        if device not in self._resident:
            self._resident[device] = ResidentClips(self, device) if fits(self, device) else None
        if clips := self._resident[device]:
            return clips.windows(rows, starts, shape)
        cuts = [self.window(int(row), int(start), shape) for row, start in zip(rows, starts, strict=True)]
        return to_batch(cuts, device, shape)

    def window(self, row: int, start: int, shape: WindowShape = DEFAULT_WINDOW) -> tuple[np.ndarray, np.ndarray | None]:
        """`emozoo.media.window.cut_window` from sample `start`: int16 [samples], and frames or None."""
        return cut_window(self.waveform(row), self.frames(row), start, shape)


class _Lists:
    """The rows of an Arrow list column as views on its buffers."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._chunks = [
            (chunk.offsets.to_numpy(), chunk.values.to_numpy(zero_copy_only=True)) for chunk in column.chunks
        ]
        self._begins = np.cumsum([0, *(len(chunk) for chunk in column.chunks)])

    def __getitem__(self, row: int) -> np.ndarray:
        if not 0 <= row < self._begins[-1]:
            raise IndexError(f"row {row} of {self._begins[-1]}")
        chunk = int(np.searchsorted(self._begins, row, side="right")) - 1
        offsets, values = self._chunks[chunk]
        within = row - self._begins[chunk]
        return values[offsets[within] : offsets[within + 1]]
