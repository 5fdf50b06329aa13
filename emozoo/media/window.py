"""How sound and frames are cut into windows, and what silence and darkness are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE, WindowShape

LEAST_NEW_SAMPLES = SAMPLING_RATE // 10
"""A last window that ends with the clip is cut only where it adds so much sound; less is shorter than a speech sound."""
SLACK_SECONDS = 0.1
"""A span may end this much after the file: times in label files are rounded."""
SILENT = 1e-4
"""Sound whose peak is not above this (80 dB below full scale) is silent."""
DARK = 16
"""Frames are black where no value, of 255, is above this. A network that does without sound or video takes silent sound and
black frames for missing."""


@dataclass(frozen=True)
class Crop:
    """A part of a frame; edges are fractions of its height and width, from 0 (top, left) to 1 (bottom, right)."""

    top: float
    bottom: float
    left: float
    right: float

    def __post_init__(self) -> None:
        for low, high in ((self.top, self.bottom), (self.left, self.right)):
            if not (0 <= low and high <= 1 and high - low >= 0.04):  # also where one is NaN
                raise EmozooError(f"{self} is no part of a frame: edges lie in 0 to 1, at least 0.04 apart")


WHOLE_FRAME = Crop(0.0, 1.0, 0.0, 1.0)


def window_starts(samples: int, shape: WindowShape = DEFAULT_WINDOW) -> list[int]:
    """The first sample of every window of a clip: one every hop while it fits, and a last one that ends with the clip, if
    that adds a tenth of a second or more.

    A clip shorter than a window has one, at 0.
    """
    last = max(samples - shape.samples, 0)
    starts = list(range(0, last + 1, shape.hop_samples))
    return [*starts, last] if last - starts[-1] >= LEAST_NEW_SAMPLES else starts


class WindowCutter:
    """Cuts sound that comes block by block into the windows of `window_starts`, in constant memory."""

    def __init__(self, shape: WindowShape = DEFAULT_WINDOW) -> None:
        self._window, self._hop = shape.samples, shape.hop_samples
        self._held = np.zeros(0, np.float32)
        self._first = 0
        """The sample at which what is held begins."""
        self._start = 0
        """The sample at which the next window begins."""

    def push(self, block: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The next sound at 16 kHz, float32 [samples]; gives the windows that are complete with it: first sample, sound."""
        self._held = np.concatenate([self._held, block])
        while self._first + len(self._held) - self._start >= self._window:
            yield self._start, self._held[self._start - self._first :][: self._window]
            self._start += self._hop
        # The last window is kept: the sound may end with this block.
        drop = max(0, len(self._held) - self._window)
        self._held = self._held[drop:]
        self._first += drop

    def finish(self) -> Iterator[tuple[int, np.ndarray]]:
        """The last window, once all has been pushed, where the others leave out a tenth of a second or more; it may be
        short."""
        last = max(0, self._first + len(self._held) - self._window)
        if self._start == 0 or last - (self._start - self._hop) >= LEAST_NEW_SAMPLES:
            yield last, self._held[last - self._first :]


def cut_window(
    waveform: np.ndarray, frames: np.ndarray | None, start: int, shape: WindowShape = DEFAULT_WINDOW
) -> tuple[np.ndarray, np.ndarray | None]:
    """One window of a clip: sound [samples] of the same dtype, shorter where the clip ends, and, where there are frames,
    uint8 [count, height, width, 3].

    Behind the clip's end the last frame is held. `start` is a sample of the clip. Frames are those nearest to the window's
    moments, at most half a frame off.
    """
    sound = waveform[start : start + shape.samples]
    if frames is None:
        return sound, None
    step = shape.samples_per_frame
    numbers = (start + step // 2) // step + np.arange(shape.frames[0])
    return sound, frames[np.minimum(numbers, len(frames) - 1)]


def stack_sound(sounds: Sequence[np.ndarray], shape: WindowShape = DEFAULT_WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """The sound of windows, [samples] each and of one dtype: [windows, samples] with silence behind shorter ones, and the
    samples of each before that, int64 [windows]."""
    lengths = np.array([len(sound) for sound in sounds], np.int64)
    if (lengths == shape.samples).all():
        return np.stack(sounds), lengths
    stacked = np.zeros((len(sounds), shape.samples), sounds[0].dtype)
    for row, sound in enumerate(sounds):
        stacked[row, : len(sound)] = sound
    return stacked, lengths


def stack_frames(frames: Sequence[np.ndarray | None], shape: WindowShape = DEFAULT_WINDOW) -> np.ndarray | None:
    """The frames of windows, uint8 [count, height, width, 3] each, as uint8 [windows, count, height, width, 3]. A window
    without frames gets black ones. None where all are without."""
    if all(each is None for each in frames):
        return None
    black = np.zeros((*shape.frames, 3), np.uint8)
    return np.stack([black if each is None else each for each in frames])


def modalities_of(sound: np.ndarray, frames: np.ndarray | None) -> set[str]:
    """Which of `audio` and `video` a window has, as `cut_window` gives it."""
    peak = max(float(sound.max()), -float(sound.min())) / (32768 if sound.dtype == np.int16 else 1) if len(sound) else 0
    found = {"audio"} if peak > SILENT else set()
    return found | ({"video"} if frames is not None and frames.max() > DARK else set())
