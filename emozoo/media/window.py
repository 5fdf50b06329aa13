"""Sizes of windows and frames, and how sound and frames are cut into windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emozoo.errors import EmozooError

SAMPLING_RATE = 16_000
WINDOW_SECONDS = 3.0
WINDOW_SAMPLES = round(WINDOW_SECONDS * SAMPLING_RATE)
HOP_SECONDS = 1.0
"""From one window's start to the next one's, by default."""
HOP_SAMPLES = round(HOP_SECONDS * SAMPLING_RATE)
LEAST_NEW_SAMPLES = SAMPLING_RATE // 10
"""A last window that ends with the clip is cut only where it adds so much sound; less is shorter than a speech sound."""
FRAMES_PER_WINDOW = 20
FRAME_HEIGHT = 60
FRAME_WIDTH = 100
SAMPLES_PER_FRAME = WINDOW_SAMPLES // FRAMES_PER_WINDOW
"""One frame stands for 0.15 s of sound."""
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


def hop_samples(seconds: float) -> int:
    """The samples from one window to the next. Raises EmozooError for a hop that is not above 0 and at most a window."""
    if not 0.1 <= seconds <= WINDOW_SECONDS:  # also where it is NaN
        raise EmozooError(
            f"a hop lies between 0.1 and {WINDOW_SECONDS:g} s, so that no sound is left out: not {seconds:g}"
        )
    return round(seconds * SAMPLING_RATE)


def window_starts(samples: int, hop: int = HOP_SAMPLES) -> list[int]:
    """The first sample of every window of a clip: one every `hop` samples while it fits, and a last one that ends with the
    clip, if that adds a tenth of a second or more.

    A clip shorter than a window has one, at 0.
    """
    last = max(samples - WINDOW_SAMPLES, 0)
    starts = list(range(0, last + 1, hop))
    return [*starts, last] if last - starts[-1] >= LEAST_NEW_SAMPLES else starts


class WindowCutter:
    """Cuts sound that comes block by block into the windows of `window_starts`, in constant memory."""

    def __init__(self, hop: int = HOP_SAMPLES) -> None:
        self._hop = hop
        self._held = np.zeros(0, np.float32)
        self._first = 0
        """The sample at which what is held begins."""
        self._start = 0
        """The sample at which the next window begins."""

    def push(self, block: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The next sound at 16 kHz, float32 [samples]; gives the windows that are complete with it: first sample, sound."""
        self._held = np.concatenate([self._held, block])
        while self._first + len(self._held) - self._start >= WINDOW_SAMPLES:
            yield self._start, self._held[self._start - self._first :][:WINDOW_SAMPLES]
            self._start += self._hop
        # The last window is kept: the sound may end with this block.
        drop = max(0, len(self._held) - WINDOW_SAMPLES)
        self._held = self._held[drop:]
        self._first += drop

    def finish(self) -> Iterator[tuple[int, np.ndarray]]:
        """The last window, once all has been pushed, where the others leave out a tenth of a second or more; it may be
        short."""
        last = max(0, self._first + len(self._held) - WINDOW_SAMPLES)
        if self._start == 0 or last - (self._start - self._hop) >= LEAST_NEW_SAMPLES:
            yield last, self._held[last - self._first :]


def cut_window(waveform: np.ndarray, frames: np.ndarray | None, start: int) -> tuple[np.ndarray, np.ndarray | None]:
    """One window of a clip: sound [48000] of the same dtype and, where there are frames, uint8 [20, 60, 100, 3].

    Behind the clip's end there is silence, and the last frame is held. `start` is a sample of the clip. Frames are those
    nearest to the window's moments, at most 0.075 s off.
    """
    sound = np.zeros(WINDOW_SAMPLES, waveform.dtype)
    piece = waveform[start : start + WINDOW_SAMPLES]
    sound[: len(piece)] = piece
    if frames is None:
        return sound, None
    numbers = (start + SAMPLES_PER_FRAME // 2) // SAMPLES_PER_FRAME + np.arange(FRAMES_PER_WINDOW)
    return sound, frames[np.minimum(numbers, len(frames) - 1)]


def stack_frames(frames: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The frames of windows, uint8 [20, 60, 100, 3] each, as uint8 [windows, 20, 60, 100, 3]. A window without frames gets
    black ones. None where all are without."""
    if all(each is None for each in frames):
        return None
    black = np.zeros((FRAMES_PER_WINDOW, FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
    return np.stack([black if each is None else each for each in frames])


def modalities_of(sound: np.ndarray, frames: np.ndarray | None) -> set[str]:
    """Which of `audio` and `video` a window has, as `cut_window` gives it."""
    peak = max(float(sound.max()), -float(sound.min())) / (32768 if sound.dtype == np.int16 else 1)
    found = {"audio"} if peak > SILENT else set()
    return found | ({"video"} if frames is not None and frames.max() > DARK else set())
