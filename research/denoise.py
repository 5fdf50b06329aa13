"""Whether taking out noise helps, into results/: `python research/denoise.py COMMIT RUN...`.

Each RUN is a folder that `emozoo train` made. Its own test clips get white or pink noise, so many dB below each clip's mean
power, and are answered as they are and once noise has been taken out, whatever the run was trained with.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.run import read_options
from emozoo.data.splits.protocols import Fold, pick_fold
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import Metrics, evaluate_predictions
from emozoo.features.batches import to_batch
from emozoo.media.denoise import denoised
from emozoo.media.preparation import PLAIN
from emozoo.media.window import SAMPLING_RATE, cut_window
from results import command_of, store

RATIOS = (None, 20.0, 10.0, 0.0)
"""Signal to noise in dB; None: no noise is added."""
COLOURS = {"white": 0.0, "pink": 0.5}
"""Kinds of noise, and by which power of the frequency the amplitude falls."""


def noise(samples: int, falls: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [samples] of power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples), 20 / SAMPLING_RATE)  # below hearing it falls no further
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

    def batch(self, rows: np.ndarray, starts: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None]:
        cuts = zip(rows.tolist(), starts.tolist(), strict=True)
        return to_batch([cut_window(self.sounds[row], None, start) for row, start in cuts], device)


def measured(model: EmotionModel, data: Data, fold: Fold, ratio: float | None, falls: float, clean: bool) -> Metrics:
    """Of the fold's test clips."""
    rng, sounds = np.random.default_rng(0), {}
    for row in fold.test:
        sound = with_noise(data.store.waveform(row).astype(np.float32) / 32768, ratio, falls, rng)
        sounds[row] = np.concatenate(list(denoised([sound]))) if clean else sound
    probabilities = clip_probabilities(model, Sounds(sounds), fold.test)  # type: ignore[arg-type]
    speakers = [data.columns["speaker"][row] for row in fold.test]
    return evaluate_predictions(model.labels, data.store.labels[np.array(fold.test)], probabilities.argmax(1), speakers)


def rows_of(folder: Path, commit: str) -> list[dict[str, str]]:
    model, options = load(folder, "cpu"), read_options(folder)
    assert options is not None, f"{folder} is no run"
    data = open_data(options.dataset, options.data_dir, model.labels, options.merge, video=False, preparation=PLAIN)
    fold = pick_fold(data.folds(options.protocol, options.seed), options.fold or 1, folder.name)
    train = command_of(vars(options), Path(options.data_dir or "").name).replace(" --fold N", f" --fold {fold.number}")
    rows = []
    for colour, falls in COLOURS.items():
        for ratio in RATIOS:
            if ratio is None and falls:
                continue
            for taken_out in (False, True):
                metrics = measured(model, data, fold, ratio, falls, taken_out)
                shares = {"ua": metrics.ua, "ua_low": metrics.ua_interval[0], "ua_high": metrics.ua_interval[1]}
                rows.append(
                    {
                        "architecture": options.architecture,
                        "dataset": options.dataset,
                        "fold": str(fold.number),
                        "clips": str(metrics.count),
                        "seed": str(options.seed),
                        "noise": "none" if ratio is None else f"{colour}, {ratio:.0f} dB",
                        "taken_out": "yes" if taken_out else "no",
                        **{name: f"{share:.4f}" for name, share in shares.items()},
                        "command": train,
                        "commit": commit,
                        "hardware": f"cpu ({platform.machine()}), {platform.system()}",
                    }
                )
                print(folder.name, rows[-1]["noise"], taken_out, rows[-1]["ua"], flush=True)
    return rows


def main() -> None:
    commit, runs = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    store("denoise.csv", [row for run in runs for row in rows_of(run, commit)])


if __name__ == "__main__":
    main()
