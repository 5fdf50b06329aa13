"""Where decoded sound belongs in time: `Clock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.media.decoders.container import is_one_of, seconds_of, start_of, video_stream

if TYPE_CHECKING:
    import av.container

JITTER_SECONDS = 0.1
OGG_JITTER_SECONDS = 0.25
"""Timestamps that are off by less mean nothing. Within an Ogg page, ffmpeg guesses them."""
LATE_SECONDS = 0.05
"""A sound track that begins later than the video by more than this keeps its place beside it."""
LONGEST_HOLE_SECONDS = 600.0
"""A longer hole is left out, and not filled with silence."""


class Clock:
    """The place of the next sample, in samples from the file's beginning. Timestamps say it, except where they jump."""

    def __init__(self, container: av.container.InputContainer, rate: int) -> None:
        self.rate = rate
        self.position = 0
        self.zero = start_of(container)
        """What the container's own clock shows at the file's beginning, in seconds."""
        self.holes = 0
        """Holes that were filled with silence."""
        self.left_out = 0.0
        """Seconds of the holes that were not filled."""
        self._jitter = OGG_JITTER_SECONDS if is_one_of(container, ["ogg"]) else JITTER_SECONDS
        self._late = LATE_SECONDS if video_stream(container) else self._jitter
        self._offset = 0
        """Samples that are added to timestamps."""
        self._decoded = 0
        """Samples of sound so far."""
        self._filled = 0
        """Samples of silence in holes so far."""

    @property
    def filled_seconds(self) -> float:
        return self._filled / self.rate

    @property
    def seconds(self) -> float:
        return self.position / self.rate

    def set_rate(self, rate: int) -> None:
        """From here on, there are so many samples a second."""
        if rate != self.rate:
            self.position = round(self.position * rate / self.rate)
            self._offset = round(self._offset * rate / self.rate)
            self._decoded = round(self._decoded * rate / self.rate)
            self._filled = round(self._filled * rate / self.rate)
            self.rate = rate

    def silence_before(self, time: float | None, trusted: bool = False) -> int:
        """Samples of silence that belong before sound of this time, in seconds on the container's clock.

        A `trusted` time is followed exactly: that of sound that is not decoded, or of the first that is.
        """
        if time is None:
            return 0
        gap = round((time - self.zero) * self.rate) + self._offset - self.position
        first = not self._decoded
        if abs(gap) <= (self._late if first else self._jitter) * self.rate:
            self.position += gap if trusted else 0
            return 0
        if gap < 0 or self._is_too_long(gap):
            self._offset -= gap
            self.left_out += max(0, gap) / self.rate
            return 0
        if not first:
            self.holes += 1
            self._filled += gap
        return gap

    def _is_too_long(self, gap: int) -> bool:
        """A file may be silent for hours where nobody speaks, but not much longer than it has sound."""
        longest = LONGEST_HOLE_SECONDS * self.rate
        return gap > longest or self._filled + gap > longest + 10 * self._decoded

    def leave_out(self, packet: av.Packet) -> float:
        """Goes on as if a packet were not there; returns its seconds."""
        seconds = seconds_of(packet)
        self._offset -= round(seconds * self.rate)
        return seconds

    def advance(self, samples: int) -> None:
        """So many samples of sound were placed."""
        self.position += samples
        self._decoded += samples
