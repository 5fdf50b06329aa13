"""The outline of a recording's wave and its spectrogram, with as many points as a figure can show.

Memory does not grow with the recording's length. `emozoo.plots.over_time` draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.media.reading import has_sound, stream_audio
from emozoo.media.window_shape import SAMPLING_RATE

COLUMNS = 1024
"""A long recording has at least so many columns, and fewer than twice as many."""
WAVE_STEP_SAMPLES = 16
SPECTRUM_HOP_SAMPLES = 160
SPECTRUM_SAMPLES = 400
"""Steps of 1 ms for the wave and of 10 ms for the spectrogram, whose spectra are of 25 ms."""
DECIBEL_RANGE = 80.0
"""From the loudest to what counts as silence."""
LEAST_LOUDEST_POWER = 0.01
"""That of a tone 60 dB below full scale. No recording's loudest counts for less, so the hiss of silence stays unseen."""


@dataclass(frozen=True)
class Outline:
    """A recording, in columns of equal length. The last column may reach beyond its end."""

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
    """The outline of a file's sound; None where it has no sound track. Raises EmozooError for a file that cannot be read."""
    return outline(stream_audio(path)) if has_sound(path) else None


def outline(blocks: Iterable[np.ndarray]) -> Outline:
    """The outline of a sound in blocks, float32 [samples] each, 16 kHz. Raises ValueError where there is no sample."""
    lowest = _Columns(np.minimum)
    highest = _Columns(np.maximum)
    power = _Columns(np.add)
    samples = 0
    held = np.zeros((SPECTRUM_SAMPLES - SPECTRUM_HOP_SAMPLES) // 2, np.float32)
    for chunk in _chunks(blocks, COLUMNS * SPECTRUM_HOP_SAMPLES):
        samples += len(chunk)
        steps = np.arange(0, len(chunk), WAVE_STEP_SAMPLES)
        lowest.add(np.minimum.reduceat(chunk, steps))
        highest.add(np.maximum.reduceat(chunk, steps))
        held = np.concatenate([held, chunk])
        whole = max(0, (len(held) - SPECTRUM_SAMPLES) // SPECTRUM_HOP_SAMPLES + 1)
        power.add(_powers(held, whole))
        held = held[whole * SPECTRUM_HOP_SAMPLES :]
    if not samples:
        raise ValueError("no sound to outline")
    left = math.ceil(samples / SPECTRUM_HOP_SAMPLES) - power.steps
    power.add(_powers(np.pad(held, (0, left * SPECTRUM_HOP_SAMPLES + SPECTRUM_SAMPLES - len(held))), left))
    mean = power.values() / power.lengths()[:, None]
    decibels = 10 * np.log10(np.maximum(mean, 1e-30) / max(mean.max(), LEAST_LOUDEST_POWER))
    return Outline(
        seconds=samples / SAMPLING_RATE,
        wave_step=lowest.span * WAVE_STEP_SAMPLES / SAMPLING_RATE,
        lowest=lowest.values(),
        highest=highest.values(),
        step=power.span * SPECTRUM_HOP_SAMPLES / SAMPLING_RATE,
        decibels=np.maximum(decibels, -DECIBEL_RANGE).T.astype(np.float32),
    )


class _Columns:
    """Joins values that come step by step: whenever there are 2 * COLUMNS, neighbours are joined."""

    def __init__(self, join: np.ufunc) -> None:
        self.join = join
        self.steps = 0
        self.span = 1
        """Steps in a column."""
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
        """Steps in each column, [columns]."""
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
    """The power of the first `count` spectra, float64 [count, 201]. A full-scale sine has about 10,000, 40 dB."""
    views = (
        np.lib.stride_tricks.sliding_window_view(sound, SPECTRUM_SAMPLES)[::SPECTRUM_HOP_SAMPLES][:count]
        if count
        else np.zeros((0, SPECTRUM_SAMPLES))
    )
    spectra = np.fft.rfft(views * np.hanning(SPECTRUM_SAMPLES + 1)[:-1])
    return spectra.real**2 + spectra.imag**2
