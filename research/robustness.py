"""Measures a run on worse recordings than it was tested on: `python research/robustness.py RUN COMMIT`

Rows go into results/robustness.csv.
RUN is the folder of a finished `emozoo train NAME --fold all`, or a folder with its folds. The test clips of each fold are
answered as they are, and with noise, fainter, as over a telephone, and cut short. Only the logits of four emotions count.
RUN may also be what research/bundled.py makes the bundled model of: the network and the layers of a fold answer as one.
"""

from __future__ import annotations

import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from answers import Answers
from bundled import PARTS, merged, run_of
from corpora import FOUR, corpora_of
from torch import Tensor

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.run import read_options
from emozoo.evaluation.data import open_data
from emozoo.evaluation.metrics import evaluate_predictions, pool
from results import command_of, store

RATE = 16_000


def with_noise(decibels: float) -> Callable[[Tensor], Tensor]:
    """White noise, so many dB below the mean power of the window."""

    def change(sound: Tensor) -> Tensor:
        level = sound.square().mean(1, keepdim=True).sqrt() * 10 ** (-decibels / 20)
        return sound + level * torch.randn(sound.shape, generator=torch.Generator().manual_seed(0))

    return change


def band(lowest: float, highest: float) -> Callable[[Tensor], Tensor]:
    """Nothing but frequencies between two, in Hz."""

    def change(sound: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(sound)
        frequency = torch.fft.rfftfreq(sound.shape[1], 1 / RATE)
        return torch.fft.irfft(spectrum * ((frequency >= lowest) & (frequency <= highest)), sound.shape[1])

    return change


def clipped(sound: Tensor) -> Tensor:
    """Four times as loud as a recorder can take."""
    peak = sound.abs().amax(1, keepdim=True)
    return sound.clamp(-peak / 4, peak / 4)


def only(seconds: float) -> Callable[[Tensor], Tensor]:
    """The loudest so many seconds."""
    samples = round(seconds * RATE)

    def change(sound: Tensor) -> Tensor:
        energy = torch.nn.functional.avg_pool1d(sound.square()[:, None], samples, RATE // 100)[:, 0]
        first = energy.argmax(1, keepdim=True) * (RATE // 100)
        cut = sound.gather(1, first + torch.arange(samples))
        return torch.nn.functional.pad(cut, (0, sound.shape[1] - samples))

    return change


CONDITIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda sound: sound,
    "white noise at 30 dB": with_noise(30),
    "white noise at 20 dB": with_noise(20),
    "white noise at 10 dB": with_noise(10),
    "40 dB fainter": lambda sound: sound / 100,
    "clipped at a quarter": clipped,
    "telephone, 300 to 3400 Hz": band(300, 3400),
    "nothing above 4 kHz": band(0, 4000),
    "the loudest 1.5 s": only(1.5),
    "the loudest 0.8 s": only(0.8),
}


def rows_of(run: Path, commit: str) -> list[dict[str, str]]:
    """A row for each condition and corpus."""
    several = run_of(run, PARTS[0]).is_dir()
    parts = [run_of(run, part) for part in PARTS] if several else [run]
    options, *others = [each for one in parts if (each := read_options(one) or read_options(one / "fold1"))]
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    corpora = corpora_of(data, options)
    folds = [
        (merged(run, [name]) if several else load(run / name, "cpu"), fold.test)
        for fold in data.folds(options.protocol, options.folds_seed)
        if (parts[0] / (name := f"fold{fold.number}")).is_dir()
    ]
    same = {
        "command": " + ".join(map(command_of, [options, *others])),
        "commit": commit,
        "hardware": f"cpu ({platform.machine()}), {platform.system()}",
    }
    rows = []
    for condition, change in CONDITIONS.items():
        for corpus in sorted(set(corpora.tolist())):
            found = []
            for model, test in folds:
                answers = Answers(model, data, [each for each in test if corpora[each] == corpus], FOUR, change)
                speakers = [data.columns["speaker"][row] for row in answers.rows]
                found.append(evaluate_predictions(FOUR, answers.truth, answers.probabilities().argmax(1), speakers))
            low, high = pool(found).pooled.ua_interval
            rows.append(
                {
                    "architecture": " + ".join(each.architecture for each in [options, *others]),
                    "condition": condition,
                    "corpus": corpus,
                    "seed": str(options.seed),
                    "ua": f"{statistics.fmean(each.ua for each in found):.4f}",
                    "ua_low": f"{low:.4f}",
                    "ua_high": f"{high:.4f}",
                    **same,
                }
            )
            print(condition, corpus, rows[-1]["ua"], flush=True)
    return rows


def main() -> None:
    run, commit = sys.argv[1:]
    store("robustness.csv", rows_of(Path(run), commit))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
