"""Takes noise out of sound, with noisereduce (the extra `denoise`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window import SAMPLING_RATE

PIECE = 30 * SAMPLING_RATE
AROUND = 2 * SAMPLING_RATE
"""Samples that are worked on at a time, and those before and behind that are looked at with them."""
WINDOW = 400
REMOVED = 0.8
"""Samples of a spectrum, and the share of the noise that is taken out. Of the few values tried, on three
clips of speech in white noise, these distorted least; noisereduce's own (1024, 1.0) made speech in little noise worse."""


def denoised(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Sound at 16 kHz without its steady noise, in constant memory: blocks of float32 [samples], whatever their lengths.

    See `Denoiser`. Raises EmozooError where noisereduce is not installed.
    """
    denoiser = Denoiser()
    for block in blocks:
        yield from denoiser.push(block)
    yield from denoiser.finish()


class Denoiser:
    """Takes noise out of sound that comes block by block.

    Spectral gating (noisereduce, Sainburg 2019) against the noise of the moment, for it may change. What comes out depends
    on the sound alone, not on how it was cut into blocks.
    """

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._before = 0
        """The samples at the beginning of what is held that are done already."""

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """The next sound at 16 kHz, float32 [samples]; gives what can be done with it, `PIECE` at a time.

        Raises EmozooError where noisereduce is not installed.
        """
        self._held = np.concatenate([self._held, block])
        while len(self._held) >= (end := self._before + PIECE) + AROUND:
            yield _gated(self._held[: end + AROUND])[self._before : end]
            self._held, self._before = self._held[end - AROUND :], AROUND

    def finish(self) -> Iterator[np.ndarray]:
        """The rest, once all has been pushed."""
        if len(self._held) > self._before:
            yield _gated(self._held)[self._before :]


def _gated(sound: np.ndarray) -> np.ndarray:
    """float32 [samples], as many."""
    if not sound.any():  # a gate would divide by its power
        return sound
    cleaned = _import_noisereduce().reduce_noise(sound, SAMPLING_RATE, n_fft=WINDOW, prop_decrease=REMOVED)
    return np.nan_to_num(np.asarray(cleaned, np.float32))


def _import_noisereduce() -> Any:
    try:
        import noisereduce
    except ImportError as error:
        raise EmozooError(f"taking out noise needs noisereduce ({error}): pip install 'emozoo[denoise]'") from error
    return noisereduce
