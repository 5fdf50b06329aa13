"""`WindowShape`: how much of a clip a network sees at once. Importing this costs no numpy."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emozoo.errors import EmozooError
from emozoo.text import shown

if TYPE_CHECKING:
    from numpy import ndarray

SAMPLING_RATE = 16_000
LEAST_SECONDS, MOST_SECONDS = 0.5, 60.0
"""Of a window."""
LEAST_HOP = 0.1
"""Seconds."""
Count = TypeVar("Count", int, "ndarray")
"""A number, or an array of them."""
MOST_FRAMES = (128, 512, 512)
"""Frames in a window, and their height and width, at most."""


@dataclass(frozen=True)
class FrameGrid:
    """How often the frames of a video are taken, and at which size."""

    step: int = 2400
    """Samples of sound that one frame stands for."""
    height: int = 60
    width: int = 100
    """In pixels."""

    def count(self, samples: Count) -> Count:
        """Frames beside so many samples of sound."""
        return -(-samples // self.step)


@dataclass(frozen=True)
class WindowShape:
    """The stretch of a clip that a network sees at once."""

    seconds: float = 3.0
    hop: float = 1.0
    """Seconds from one window's start to the next one's."""
    frames: tuple[int, int, int] = (20, 60, 100)
    """Frames in a window, their height and width, in pixels."""

    def __post_init__(self) -> None:
        """Raises EmozooError for what is no window."""
        if not (_is_number(self.seconds) and LEAST_SECONDS <= self.seconds <= MOST_SECONDS):
            raise EmozooError(f"a window has {LEAST_SECONDS:g} to {MOST_SECONDS:g} s, not {shown(self.seconds)}")
        if not (_is_number(self.hop) and LEAST_HOP <= self.hop <= self.seconds):
            raise EmozooError(
                f"a hop lies between {LEAST_HOP:g} and {self.seconds:g} s, so that no sound is left out: not "
                f"{shown(self.hop)}"
            )
        whole = isinstance(self.frames, tuple) and len(self.frames) == 3 and all(type(n) is int for n in self.frames)
        if not whole or not all(1 <= size <= most for size, most in zip(self.frames, MOST_FRAMES, strict=True)):
            most = " x ".join(map(str, MOST_FRAMES))
            raise EmozooError(f"frames are (count, height, width), {most} at most, not {shown(self.frames)}")

    @property
    def samples(self) -> int:
        return round(self.seconds * SAMPLING_RATE)

    @property
    def hop_samples(self) -> int:
        return round(self.hop * SAMPLING_RATE)

    @property
    def samples_per_frame(self) -> int:
        """One frame stands for so much sound."""
        return self.samples // self.frames[0]

    @property
    def grid(self) -> FrameGrid:
        """The frames of a clip from which those of its windows are taken."""
        return FrameGrid(self.samples_per_frame, *self.frames[1:])

    def every(self, hop: float | None) -> WindowShape:
        """The same windows, one every `hop` seconds; None: as they are. Raises EmozooError for what is no hop of theirs."""
        return self if hop is None else dataclasses.replace(self, hop=hop)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


DEFAULT_WINDOW = WindowShape()
DEFAULT_GRID = DEFAULT_WINDOW.grid
