"""Measures whether noise removal helps, into results/: `python research/denoise.py COMMIT RUN...`.

Each RUN is a folder that `emozoo train` made. White or pink noise is added to its test clips, so many dB below each clip's
mean power. They are answered with and without noise removal, whatever the run was trained with.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.run import read_options
from emozoo.data.splits.fold import Fold, pick_fold
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import Metrics, evaluate_predictions
from emozoo.features.batches import Batch, to_batch
from emozoo.media.denoise import denoised
from emozoo.media.preparation import PLAIN
from emozoo.media.window import SAMPLING_RATE, cut_window
from emozoo.media.window_shape import WindowShape
from results import command_of, store

COLUMNS = "architecture,dataset,fold,clips,seed,noise,taken_out,ua,ua_low,ua_high,command,commit,hardware".split(",")
COLOURS = {"white": 0.0, "pink": 0.5}
"""For each kind of noise, the power of the frequency by which its amplitude falls."""
CONDITIONS: list[tuple[str, float | None, float]] = [
    ("none", None, 0.0),
    *((f"{colour}, {ratio:.0f} dB", ratio, falls) for colour, falls in COLOURS.items() for ratio in (20.0, 10.0, 0.0)),
]
"""The noise's name, the signal to noise in dB, and how the noise's amplitude falls."""


def noise(samples: int, falls: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [samples] of power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples), 20 / SAMPLING_RATE)  # below 20 Hz it falls no further
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

    def batch(self, rows: np.ndarray, starts: np.ndarray, device: torch.device, shape: WindowShape) -> Batch:
        cuts = zip(rows.tolist(), starts.tolist(), strict=True)
        return to_batch([cut_window(self.sounds[row], None, start, shape) for row, start in cuts], device, shape)


def measured(model: EmotionModel, data: Data, fold: Fold, ratio: float | None, falls: float, removed: bool) -> Metrics:
    """Of the fold's test clips."""
    rng = np.random.default_rng(0)
    sounds = {}
    for row in fold.test:
        sound = with_noise(data.store.waveform(row).astype(np.float32) / 32768, ratio, falls, rng)
        sounds[row] = np.concatenate(list(denoised([sound]))) if removed else sound
    probabilities = clip_probabilities(model, Sounds(sounds), fold.test)  # type: ignore[arg-type]
    speakers = [data.columns["speaker"][row] for row in fold.test]
    return evaluate_predictions(model.labels, data.store.labels[np.array(fold.test)], probabilities.argmax(1), speakers)


def rows_of(folder: Path, commit: str) -> list[dict[str, str]]:
    model, options = load(folder, "cpu"), read_options(folder)
    assert options is not None, f"{folder} is no run"
    data = open_data(options.dataset, options.data_dir, model.labels, options.merge, video=False, preparation=PLAIN)
    fold = pick_fold(data.folds(options.protocol, options.folds_seed), options.fold or 1, folder.name)
    train = command_of(options).replace(" --fold N", f" --fold {fold.number}")
    same = {
        "architecture": options.architecture,
        "dataset": options.dataset,
        "fold": str(fold.number),
        "seed": str(options.seed),
        "command": train,
        "commit": commit,
        "hardware": f"cpu ({platform.machine()}), {platform.system()}",
    }
    rows = []
    for noise_name, ratio, falls in CONDITIONS:
        for removed in (False, True):
            metrics = measured(model, data, fold, ratio, falls, removed)
            low, high = metrics.ua_interval
            own = {
                "clips": str(metrics.count),
                "noise": noise_name,
                "taken_out": "yes" if removed else "no",
                "ua": f"{metrics.ua:.4f}",
                "ua_low": f"{low:.4f}",
                "ua_high": f"{high:.4f}",
            }
            rows.append({name: {**same, **own}[name] for name in COLUMNS})
            print(folder.name, noise_name, removed, own["ua"], flush=True)
    return rows


def main() -> None:
    commit, runs = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    store("denoise.csv", [row for run in runs for row in rows_of(run, commit)])


if __name__ == "__main__":
    main()
