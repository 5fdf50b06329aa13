"""Sounds changed by chance: noise, rooms, babble, codecs and speed, for research/layer_trials.py."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from emozoo.media.window_shape import SAMPLING_RATE

ROOMS = 60
"""Simulated rooms that clips are put in."""
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""float32 [samples] at 16 kHz -> the same, changed by chance."""


def faster(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    import torchaudio

    factor = float(rng.choice([0.85, 0.9, 1.1, 1.18]))
    return torchaudio.functional.speed(torch.from_numpy(sound), SAMPLING_RATE, factor)[0].numpy()


def noisy(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White or pink noise, 5 to 25 dB below the sound."""
    spectrum = np.fft.rfft(rng.normal(size=len(sound)))
    if rng.random() < 0.5:
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return _beside(sound, np.fft.irfft(spectrum, len(sound)), rng.uniform(5, 25))


def _beside(sound: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    import torchaudio

    ratio = torch.tensor(decibels)
    return torchaudio.functional.add_noise(
        torch.from_numpy(sound), torch.from_numpy(other.astype(np.float32)), ratio
    ).numpy()


def among(sounds: Sequence[np.ndarray]) -> Change:
    """Babble of three other clips, 5 to 20 dB below the sound."""

    def change(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        others = sum(np.resize(sounds[number], len(sound)) for number in rng.integers(len(sounds), size=3))
        return _beside(sound, np.asarray(others), rng.uniform(5, 20))

    return change


def in_rooms() -> Change:
    """Shoebox rooms of 0.2 to 0.9 s reverberation, by pyroomacoustics' image sources."""
    import pyroomacoustics
    import torchaudio

    rng = np.random.default_rng(0)
    responses = []
    for _ in range(ROOMS):
        size = rng.uniform([2.5, 2.5, 2.2], [9, 7, 3.5])
        absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.2, 0.9), size)
        room = pyroomacoustics.ShoeBox(
            size, fs=SAMPLING_RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 12)
        )
        room.add_source(rng.uniform(0.3, size - 0.3))
        room.add_microphone(rng.uniform(0.3, size - 0.3))
        room.compute_rir()
        response = room.rir[0][0].astype(np.float32)
        responses.append(torch.from_numpy(response[np.abs(response).argmax() :]))

    def change(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        response = responses[rng.integers(len(responses))]
        return torchaudio.functional.fftconvolve(torch.from_numpy(sound), response).numpy()[: len(sound)]

    return change


CODECS = (
    ("mp3", ("-c:a", "libmp3lame", "-b:a", "24k")),
    ("ogg", ("-c:a", "libopus", "-b:a", "10k")),
    ("amr", ("-c:a", "libopencore_amrnb", "-ar", "8000", "-b:a", "7.95k")),
)


def coded(sounds: Sequence[np.ndarray], rng: np.random.Generator, folder: Path) -> list[np.ndarray]:
    """Each sound through one of three codecs; all of one codec are coded as one long sound."""
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    found: list[np.ndarray] = [np.zeros(0)] * len(sounds)
    chosen = rng.integers(len(CODECS), size=len(sounds))
    raw = ("-f", "f32le", "-ac", "1", "-ar", str(SAMPLING_RATE))
    for number, (suffix, options) in enumerate(CODECS):
        rows = np.flatnonzero(chosen == number)
        whole = np.concatenate([sounds[row] for row in rows])
        file = folder / f"coded.{suffix}"
        words = [program, "-v", "error", "-y", *raw, "-i", "-", "-ac", "1", *options, file]
        subprocess.run(words, input=whole.tobytes(), check=True)
        back = subprocess.run([program, "-v", "error", "-i", file, *raw, "-"], capture_output=True, check=True).stdout
        file.unlink()
        decoded = np.frombuffer(back, np.float32)
        decoded = np.pad(decoded, (0, max(0, len(whole) - len(decoded))))
        ends = np.cumsum([len(sounds[row]) for row in rows])
        for row, part in zip(rows, np.split(decoded[: len(whole)], ends[:-1]), strict=True):
            found[row] = part
    return found
