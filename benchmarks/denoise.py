"""Whether taking out noise helps: UA of trained models on their test clips, in noise of several strengths, with and without.

    python benchmarks/denoise.py RUN [RUN ...]

Each RUN is a folder that `emozoo train` made. Its own test clips get white or pink noise, so many dB below each clip's mean
power, and are answered as they are and once noise has been taken out, whatever the run was trained with.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from common import heading, table

from emozoo import media
from emozoo.data.protocols import Fold
from emozoo.denoise import denoised
from emozoo.evaluate import Data, open_data, pick_fold
from emozoo.metrics import evaluate_predictions
from emozoo.model import EmotionModel, load
from emozoo.predict import Window, clip_probabilities
from emozoo.preparation import PLAIN
from emozoo.run import read_options

RATIOS = (None, 20.0, 10.0, 0.0)
"""Signal to noise in dB; None: no noise is added."""
COLOURS = {"white": 0.0, "pink": 0.5}
"""Kinds of noise, and by which power of the frequency the amplitude falls."""


def noise(samples: int, falls: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [samples] of power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples), 20 / media.SAMPLING_RATE)  # below hearing it falls no further
    found = np.fft.irfft(spectrum / frequency**falls, samples)
    return found / found.std()


def with_noise(sound: np.ndarray, ratio: float | None, falls: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [samples] and the noise."""
    if ratio is None:
        return sound
    level = np.sqrt(np.mean(sound.astype(np.float64) ** 2) / 10 ** (ratio / 10))
    return (sound + level * noise(len(sound), falls, rng)).astype(np.float32)


class Sounds:
    """Sounds in the place of a `ClipStore`: float32 [samples] by row."""

    def __init__(self, sounds: Mapping[int, np.ndarray]) -> None:
        self.sounds = sounds

    def length(self, row: int) -> int:
        return len(self.sounds[row])

    def window(self, row: int, start: int) -> Window:
        return media.cut_window(self.sounds[row], None, start)


def ua(model: EmotionModel, data: Data, fold: Fold, ratio: float | None, falls: float, clean: bool) -> float:
    """Of the fold's test clips."""
    rng, sounds = np.random.default_rng(0), {}
    for row in fold.test:
        sound = with_noise(data.store.waveform(row).astype(np.float32) / 32768, ratio, falls, rng)
        sounds[row] = np.concatenate(list(denoised([sound]))) if clean else sound
    odds = clip_probabilities(model, Sounds(sounds), fold.test)  # type: ignore[arg-type]
    return evaluate_predictions(model.labels, data.store.labels[np.array(fold.test)], odds.argmax(1)).ua


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+", type=Path)
    print(heading("Noise removal"))
    columns, rows = ["noise added"], {(colour, ratio): [] for colour in COLOURS for ratio in RATIOS}
    for folder in parser.parse_args().run:
        model, options = load(folder, "cpu"), read_options(folder)
        assert options is not None, f"{folder} is no run"
        data = open_data(options.dataset, options.data_dir, model.labels, options.merge, video=False, preparation=PLAIN)
        fold = pick_fold(data.folds(options.protocol, options.seed), options.fold or 1, folder.name)
        columns += [f"{folder.parent.name}/{folder.name}: UA % as it is", "noise taken out"]
        for (colour, ratio), cells in rows.items():
            if ratio is None and colour != "white":
                continue
            cells += [f"{100 * ua(model, data, fold, ratio, COLOURS[colour], clean):.1f}" for clean in (False, True)]
    named = [
        ["none" if ratio is None else f"{colour}, {ratio:.0f} dB below the voice", *cells]
        for (colour, ratio), cells in rows.items()
        if cells
    ]
    print(table(columns, named))


if __name__ == "__main__":
    main()
