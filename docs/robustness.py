"""Measures a run on worse recordings than it was tested on, into results/: `python docs/robustness.py RUN COMMIT`.

RUN is the folder of a finished `emozoo train NAME --fold all`. The test clips of each fold are answered as they are, and
with noise, fainter, as over a telephone, and cut short; four emotions, of whose other logits nothing is made.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from answers import Answers
from corpora import FOUR, corpora_of
from torch import Tensor

from emozoo.evaluate import open_data
from emozoo.metrics import evaluate_predictions
from emozoo.model import load
from emozoo.run import read_options
from results import command_of

FILE = Path(__file__).resolve().parents[1] / "results" / "robustness.csv"
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
    """Four times as loud as the recorder can take."""
    peak = sound.abs().amax(1, keepdim=True)
    return sound.clamp(-peak / 4, peak / 4)


def only(seconds: float) -> Callable[[Tensor], Tensor]:
    """The loudest stretch of so many seconds."""
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


def main() -> None:
    run, commit = Path(sys.argv[1]), sys.argv[2]
    options = read_options(run / "fold1")
    assert options is not None
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    corpora = corpora_of(data, options)
    folds = [
        (load(run / f"fold{fold.number}", "cpu"), fold.test) for fold in data.folds(options.protocol, options.seed)
    ]
    command = command_of({**vars(options), "fold": None}, Path(str(options.data_dir)).name)
    rows = []
    for condition, change in CONDITIONS.items():
        row = {"architecture": options.architecture, "condition": condition}
        for corpus in sorted(set(corpora.tolist())):
            found = []
            for model, test in folds:
                answers = Answers(model, data, [each for each in test if corpora[each] == corpus], FOUR, change)
                found.append(evaluate_predictions(FOUR, answers.truth, answers.probabilities().argmax(1)).ua)
            row[corpus] = f"{statistics.fmean(found):.4f}"
        rows.append({**row, "command": command, "commit": commit})
        print(row, flush=True)
    kept = []
    if FILE.exists():
        with open(FILE, encoding="utf-8", newline="") as file:
            kept = [row for row in csv.DictReader(file) if row["command"] != command]
    with open(FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
