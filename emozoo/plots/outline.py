"""What a recording sounds like, at as many points as a picture can show: the outline of its wave, and its spectrogram.

The whole recording in memory that does not grow with its length. How it is drawn is `emozoo.plots.results`' matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.media.reading import has_sound, stream_audio
from emozoo.media.window import SAMPLING_RATE

COLUMNS = 1024
"""A recording that is long enough has so many columns, and none has twice as many."""
FINE = 16
HOP = 160
WINDOW = 400
"""In samples: steps of 1 ms for the wave, of 10 ms for the spectrogram, which looks at the 25 ms around each."""
RANGE = 80.0
"""dB from the loudest to what counts as silence."""
QUIETEST = 0.01
"""The least power that counts as loudest, that of a tone 60 dB below full scale: so the hiss of silence stays unseen."""


@dataclass(frozen=True)
class Outline:
    """A recording, in columns of equal length; the last one may reach beyond its end."""

    seconds: float
    """The recording's length."""
    wave_step: float
    """How many seconds of the wave are in a column."""
    lowest: np.ndarray
    """The least sample in each column, float32 [columns]; full scale is -1 to 1."""
    highest: np.ndarray
    """The greatest sample in each column, float32 [columns]."""
    step: float
    """How many seconds of the spectrogram are in a column."""
    decibels: np.ndarray
    """float32 [201, columns]: mean power, -80 to 0 dB below the loudest; row k is 40 k Hz."""


def read_outline(path: str | Path) -> Outline | None:
    """The outline of a file's sound, None where it has no sound track. Raises EmozooError for a file that cannot be read."""
    return outline(stream_audio(path)) if has_sound(path) else None


def outline(blocks: Iterable[np.ndarray]) -> Outline:
    """The outline of a sound in blocks, float32 [samples] each, 16 kHz. Raises ValueError where there is no sample."""
    lowest, highest, power = _Columns(np.minimum), _Columns(np.maximum), _Columns(np.add)
    samples, held = 0, np.zeros((WINDOW - HOP) // 2, np.float32)
    for chunk in _chunks(blocks, COLUMNS * HOP):
        samples += len(chunk)
        steps = np.arange(0, len(chunk), FINE)
        lowest.add(np.minimum.reduceat(chunk, steps))
        highest.add(np.maximum.reduceat(chunk, steps))
        held = np.concatenate([held, chunk])
        whole = max(0, (len(held) - WINDOW) // HOP + 1)
        power.add(_powers(held, whole))
        held = held[whole * HOP :]
    if not samples:
        raise ValueError("no sound to outline")
    left = math.ceil(samples / HOP) - power.steps
    power.add(_powers(np.pad(held, (0, left * HOP + WINDOW - len(held))), left))
    mean = power.values() / power.lengths()[:, None]
    decibels = 10 * np.log10(np.maximum(mean, 1e-30) / max(mean.max(), QUIETEST))
    return Outline(
        seconds=samples / SAMPLING_RATE,
        wave_step=lowest.span * FINE / SAMPLING_RATE,
        lowest=lowest.values(),
        highest=highest.values(),
        step=power.span * HOP / SAMPLING_RATE,
        decibels=np.maximum(decibels, -RANGE).T.astype(np.float32),
    )


class _Columns:
    """Values that come step by step; once they are 2 * COLUMNS, neighbours are joined, and so on."""

    def __init__(self, join: np.ufunc) -> None:
        self.join, self.steps, self.span = join, 0, 1
        self.held: np.ndarray | None = None

    def add(self, values: np.ndarray) -> None:
        """Further steps, [steps, ...]."""
        if not len(values):
            return
        if self.held is None:
            self.held = np.empty((2 * COLUMNS, *values.shape[1:]), values.dtype)
        first, self.steps = self.steps, self.steps + len(values)
        while math.ceil(self.steps / self.span) > 2 * COLUMNS:
            old = self.held[: math.ceil(first / self.span)]
            joined = self.join.reduceat(old, np.arange(0, len(old), 2)) if len(old) else old
            self.held[: len(joined)] = joined
            self.span *= 2
        place = np.arange(first, self.steps) // self.span
        begins = np.flatnonzero(np.diff(place, prepend=-1))
        groups = self.join.reduceat(values, begins)
        if first % self.span:  # the last column had room
            groups[0] = self.join(self.held[place[0]], groups[0])
        self.held[place[begins]] = groups

    def values(self) -> np.ndarray:
        """[columns, ...]."""
        assert self.held is not None
        return self.held[: math.ceil(self.steps / self.span)]

    def lengths(self) -> np.ndarray:
        """How many steps are in each column, [columns]."""
        return np.diff(np.append(np.arange(0, self.steps, self.span), self.steps))


def _chunks(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same sound in chunks of `size` samples, the last one shorter."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held


def _powers(sound: np.ndarray, count: int) -> np.ndarray:
    """The power of the first `count` spectra, float64 [count, 201]; a full-scale sine has about 10,000, 40 dB."""
    views = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:count] if count else np.zeros((0, WINDOW))
    spectra = np.fft.rfft(views * np.hanning(WINDOW + 1)[:-1])
    return spectra.real**2 + spectra.imag**2
