"""Resamples sound that comes piece by piece to 16 kHz, and removes a constant offset, in constant memory.

Files and streams both come through here, so they get the same answers. soxr is imported for other rates than 16 kHz.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.text import shown

LOWEST_RATE = 1000
HIGHEST_RATE = 1_000_000
"""Samples a second. Fewer hold no speech, and no recording or microphone has more."""
NOTEWORTHY_OFFSET = 0.01
"""Of full scale. A smaller offset stays, so that nearly all recordings keep every bit."""
OFFSET_SECONDS = 3.0
"""At the beginning, whose mean decides. A window is as long, so no answer comes later for it."""


def check_rate(rate: int) -> None:
    """Raises EmozooError for a sampling rate that no recording of speech has, or that is no whole number."""
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real) or rate != rate // 1:
        raise EmozooError(f"a sampling rate is a whole number of samples a second, such as 16000, not {shown(rate)}")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise EmozooError(f"sound has {LOWEST_RATE} to {HIGHEST_RATE} samples a second, not {rate}: check the rate")


class Resampler:
    """Resamples sound of any rate, in pieces of any length, to blocks at 16 kHz, in constant memory.

    Blocks have no seams, and do not depend on where the pieces were cut. Sound at 16 kHz stays as it is.
    """

    def __init__(self, rate: int, block_seconds: float) -> None:
        """`rate` is in samples a second; blocks are of about `block_seconds`."""
        self._rate = rate
        self._step = max(1, round(block_seconds * rate))
        self._block = max(1, round(block_seconds * SAMPLING_RATE))
        self._buffer: list[np.ndarray] = []
        self._held = 0
        """Samples in the buffer."""
        self._taken = 0
        """Samples that were resampled."""
        self._given = 0
        """Samples that came of them."""
        self._stream = None
        if rate != SAMPLING_RATE:
            import soxr

            self._stream = soxr.ResampleStream(rate, SAMPLING_RATE, 1, dtype="float32", quality="HQ")

    def push(self, piece: np.ndarray) -> Iterator[np.ndarray]:
        """The next sound float32 [samples]; gives the blocks float32 [samples] that are complete with it."""
        self._buffer.append(piece)
        self._held += len(piece)
        if self._held < self._step:
            return
        whole, first = np.concatenate(self._buffer), 0
        while len(whole) - first >= self._step:
            yield from self._resampled(whole[first : first + self._step], last=False)
            first += self._step
        self._buffer, self._held = [whole[first:]], len(whole) - first

    def finish(self) -> Iterator[np.ndarray]:
        """The rest, once all has been pushed."""
        rest = np.concatenate([np.zeros(0, np.float32), *self._buffer])
        if self._taken or len(rest):
            yield from self._resampled(rest, last=True)

    def _resampled(self, sound: np.ndarray, last: bool) -> Iterator[np.ndarray]:
        self._taken += len(sound)
        if self._stream is not None:
            sound = self._stream.resample_chunk(np.ascontiguousarray(sound, np.float32), last=last)
        self._given += len(sound)
        if last:  # soxr rounds the length; it is to be rounded up
            missing = math.ceil(self._taken * SAMPLING_RATE / self._rate) - self._given
            sound = np.pad(sound, (0, missing)) if missing > 0 else sound[: len(sound) + missing]
        for first in range(0, len(sound), self._block):  # soxr gives much at once, and late
            yield sound[first : first + self._block]


class OffsetRemover:
    """Removes a noteworthy constant offset from sound at 16 kHz that comes block by block.

    The mean of the first 3 s is the offset. A shorter clip must have a larger one, because its mean is a worse estimate.
    Silence before the first sample that is not 0 stays silence. Sound without such an offset stays as it is, bit by bit.
    """

    def __init__(self) -> None:
        self._held: list[np.ndarray] | None = []
        """Blocks that wait until the offset is known; None: it is known."""
        self._count = 0
        self.offset = np.float32(0)
        """Of full scale; 0: none, or not yet known."""

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """The next sound float32 [samples]; gives blocks float32 [samples] without the offset, once it is known."""
        if self._held is None:
            yield block - self.offset if self.offset else block
            return
        self._held.append(block)
        self._count += len(block)
        if self._count >= OFFSET_SECONDS * SAMPLING_RATE:
            yield from self.finish()

    def finish(self) -> Iterator[np.ndarray]:
        """The rest, once all has been pushed."""
        held, self._held = self._held or [], None
        if not held:
            return
        begin = np.concatenate(held)[: round(OFFSET_SECONDS * SAMPLING_RATE)]
        silent = int(np.argmax(begin != 0))
        mean = float(begin[silent:].mean(dtype=np.float64))
        if abs(mean) > NOTEWORTHY_OFFSET * max(1.0, SAMPLING_RATE / (len(begin) - silent)):
            self.offset = np.float32(mean)
        for block in held:
            if self.offset:
                first = min(silent, len(block))
                silent -= first
                block = np.concatenate([block[:first], block[first:] - self.offset])
            yield block
