"""Recordings that a model answers in different ways, though it was not trained."""

from pathlib import Path
from typing import Any

import numpy as np

from support.make_media import write_sound
from support.models import small_model

RATE = 16_000


def sounds() -> list[np.ndarray]:
    """Noise of several colours and tones, 3 s each, which the model below tells apart."""
    rng, found = np.random.default_rng(0), []
    for number in range(8):
        noise = rng.normal(size=3 * RATE)
        kinds = (
            noise,
            np.cumsum(noise),
            np.diff(noise, prepend=0),
            np.sin(np.arange(3 * RATE) * (0.05 + number * 0.05)),
        )
        sound = kinds[number % 4] * (1 if number < 4 else np.sin(np.arange(3 * RATE) / 2000))
        found.append((0.8 * sound / np.abs(sound).max()).astype(np.float32))
    return found


def write_sounds(folder: Path) -> list[Path]:
    """The same as files 0.wav to 7.wav."""
    return [write_sound(folder / f"{n}.wav", sound[:, None], RATE) for n, sound in enumerate(sounds())]


def telling_model() -> Any:
    """A model that is sure of its answers to them, which differ."""
    found = small_model()
    last = [module for module in found.network.modules() if hasattr(module, "out_features")][-1]
    last.weight.data *= 100
    return found
