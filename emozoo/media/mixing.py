"""Samples of any kind become mono sound: the mean of the channels."""

from __future__ import annotations

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window import SILENT

SAMPLE_TYPES = ("uint8", "int16", "int32", "float32", "float64")
MOST_CHANNELS = 64
"""More are samples in place of channels."""
CANCELLED = 0.05
"""Channels cancel each other out where their mean's peak is below this share of the loudest channel's."""


class Mixer:
    """Mixes the channels of sound that comes piece by piece, and notices where they cancel each other out."""

    def __init__(self) -> None:
        self._loudest = 0.0
        self._mixed = 0.0

    def mix(self, sound: np.ndarray) -> np.ndarray:
        """As `mean_of_channels`."""
        mono = mean_of_channels(sound)
        if sound.shape[1] > 1 and len(mono):
            self._loudest = max(
                self._loudest, *(float(np.abs(mean_of_channels(each)).max()) for each in _single(sound))
            )
            self._mixed = max(self._mixed, float(np.abs(mono).max()))
        return mono

    @property
    def remark(self) -> str | None:
        """What is wrong with the mix, in a sentence."""
        if self._loudest > SILENT and self._mixed < CANCELLED * self._loudest:
            return "its channels cancel each other out when they are mixed: give one of them"
        return None


def mean_of_channels(sound: np.ndarray) -> np.ndarray:
    """float32 [samples], a copy, of samples [samples, channels]: uint8 around 128, signed integers, or floats in [-1, 1]."""
    if sound.dtype.kind == "u":
        sound = sound.astype(np.int16) - 128
        return (sound / 128).astype(np.float32).mean(axis=1)
    scale = 2.0 ** (8 * sound.dtype.itemsize - 1) if sound.dtype.kind == "i" else 1.0
    return (sound / scale).astype(np.float32).mean(axis=1)


def checked_mono(samples: np.ndarray, what: str, mixer: Mixer) -> np.ndarray:
    """float32 [samples], a copy, of samples [samples] or [samples, channels] of one of `SAMPLE_TYPES`.

    Errors call them `what`. Raises EmozooError for samples of another kind or shape, and for such that are no numbers.
    """
    sound = np.asarray(samples)
    if sound.dtype.name not in SAMPLE_TYPES:
        raise EmozooError(f"{what} holds {', '.join(SAMPLE_TYPES)}, not {sound.dtype.name}")
    if sound.ndim == 2 and sound.shape[1] > MOST_CHANNELS:
        raise EmozooError(
            f"{what} has {sound.shape[1]:,} channels: numpy arrays are [samples, channels], and torch tensors "
            "[channels, samples], so transpose it"
        )
    if sound.ndim not in (1, 2) or sound.shape[1:] == (0,):
        raise EmozooError(f"{what} is [samples] or [samples, channels], not of shape {list(sound.shape)}")
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is found below
        mono = mixer.mix(sound.reshape(len(sound), -1) if len(sound) else np.zeros((0, 1), np.float32))
    if not np.isfinite(mono).all():
        raise EmozooError(f"{what} holds samples that are NaN or infinite: check the format of its samples")
    return mono


def _single(sound: np.ndarray) -> list[np.ndarray]:
    """Each channel, [samples, 1]."""
    return [sound[:, number : number + 1] for number in range(sound.shape[1])]
