"""Measures runs on each of their corpora, into results/: `python research/corpora.py COMMIT RUN...`.

RUN is the folder of a finished `emozoo train NAME --fold all`, of one corpus or of a table of several, or a folder with its
folds. Several RUNs differ in their seeds only, and so in their folds; then there are rows for each seed and for their mean.
A row is for one corpus and one label set: all of the corpus' labels, or the usual four, for which other logits are left out.
Each is also measured with every clip adapted to its speaker by 1, 5, 20 and all other recordings of the test fold.
"""

from __future__ import annotations

import dataclasses
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from answers import Answers

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.run import RunOptions, read_options, read_record
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import Metrics, calibration_error, evaluate_predictions, pool
from emozoo.inference.adaptation import SpeakerBias
from emozoo.plots.results import confusion_matrix
from results import RESULTS, command_of, dataset_of, store

COLUMNS = (
    "architecture,corpus,labels,protocol,folds,seed,clips,recordings,ua,ua_std,ua_low,ua_high,wa,macro_f1,"
    "calibration_error,command,commit,hardware"
).split(",")
FOUR = ("happy", "sad", "angry", "neutral")
RECORDINGS = (0, 1, 5, 20, -1)
"""Other recordings of a clip's speaker that it is adapted with; -1: all."""
SAMPLES = 5
"""How often few recordings are sampled. The results are means over these."""


def adapted(probabilities: np.ndarray, speakers: np.ndarray, recordings: int, rng: np.random.Generator) -> np.ndarray:
    """Each clip's probabilities adapted by so many others of its speaker, float64 [clips, labels]."""
    result = probabilities.copy()
    for clip, speaker in enumerate(speakers):
        others = np.flatnonzero((speakers == speaker) & (np.arange(len(probabilities)) != clip))
        sampled = others if recordings < 0 else rng.permutation(others)[:recordings]
        result[clip] = SpeakerBias.from_probabilities(probabilities[sampled]).apply(probabilities[clip : clip + 1])[0]
    return result


@dataclass(frozen=True)
class Fold:
    """The clips of one corpus in a fold's test split: their speakers, their labels' numbers, and the answers of a run."""

    speakers: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray


def folds_of(run: Path, data: Data, corpus: str, labels: Sequence[str]) -> list[Fold]:
    options = read_options(next(run.glob("fold*")))
    assert options is not None
    corpora = corpora_of(data, options)
    speakers = np.array(data.columns["speaker"])
    found = []
    for fold in data.folds(options.protocol, options.folds_seed):
        test = [row for row in fold.test if corpora[row] == corpus]
        if test and (folder := run / f"fold{fold.number}").is_dir():
            answers = Answers(load(folder, "cpu"), data, test, labels)
            if len(answers.rows):
                found.append(Fold(speakers[answers.rows], answers.truth, answers.probabilities()))
    return found


def measured(folds: list[Fold], labels: Sequence[str], recordings: int) -> tuple[list[Metrics], dict[str, float]]:
    """The folds' metrics for the first sample of recordings, and the means over folds and samples."""
    samples: list[list[Metrics]] = []
    error = []
    for seed in range(SAMPLES if recordings > 0 else 1):
        rng = np.random.default_rng(seed)
        samples.append([])
        for fold in folds:
            probabilities = (
                adapted(fold.probabilities, fold.speakers, recordings, rng) if recordings else fold.probabilities
            )
            error.append(calibration_error(fold.truth, probabilities))
            samples[-1].append(
                evaluate_predictions(labels, fold.truth, probabilities.argmax(1), fold.speakers.tolist())
            )
    means = {
        name: statistics.fmean(statistics.fmean(getattr(fold, name) for fold in one) for one in samples)
        for name in ("ua", "wa", "macro_f1")
    }
    return samples[0], {**means, "calibration_error": statistics.fmean(error)}


def rows_of(
    runs: list[Path], data: Data, corpus: str, labels: Sequence[str], figure: Path | None
) -> list[dict[str, str]]:
    """A corpus' rows, without what is the same for all. `figure`: where the confusion matrix of all runs is drawn."""
    folds = {str(seed_of(run)): folds_of(run, data, corpus, labels) for run in runs}
    first = next(iter(folds.values()))
    rows: list[dict[str, str]] = []
    if not first:  # one speaker out, of another corpus
        return rows
    same = {
        "corpus": corpus,
        "labels": " ".join(labels),
        "folds": str(len(first)),
        "clips": str(sum(len(fold.truth) for fold in first)),
    }
    for recordings in RECORDINGS:
        found = {seed: measured(each, labels, recordings) for seed, each in folds.items()}
        if len(runs) > 1:
            found[" ".join(folds)] = _mean_of(list(found.values()))
        for seed, (metrics, means) in found.items():
            pooled = pool(metrics, apart=" " not in seed).pooled  # each seed tests all speakers
            if figure and not recordings and seed == " ".join(folds):
                confusion_matrix(pooled, figure, len(metrics), heading_of(runs, data, corpus))
            rows.append(
                {
                    **same,
                    "seed": seed,
                    "recordings": "all" if recordings < 0 else str(recordings),
                    **_shares(metrics, means, pooled),
                }
            )
            print(corpus, len(labels), seed, recordings, rows[-1]["ua"], flush=True)
    return rows


def heading_of(runs: list[Path], data: Data, corpus: str) -> tuple[str, str]:
    """What the confusion matrix of all runs is headed."""
    options = read_options(next(runs[0].glob("fold*")))
    assert options is not None
    seeds = [str(seed_of(run)) for run in runs]
    split = f"{options.protocol or data.corpus.protocol}, {'seeds' if len(seeds) > 1 else 'seed'} {', '.join(seeds)}"
    return f"{options.architecture} on {corpus}", split + (": each clip once a seed" if len(seeds) > 1 else "")


def _mean_of(found: list[tuple[list[Metrics], dict[str, float]]]) -> tuple[list[Metrics], dict[str, float]]:
    """The metrics of all seeds, and the means over the seeds."""
    every = [means for _, means in found]
    mean = {name: statistics.fmean(each[name] for each in every) for name in every[0]}
    return [fold for metrics, _ in found for fold in metrics], mean


def _shares(metrics: list[Metrics], means: dict[str, float], pooled: Metrics) -> dict[str, str]:
    spread = [fold.ua for fold in metrics]
    low, high = pooled.ua_interval
    deviation = statistics.stdev(spread) if len(spread) > 1 else 0.0
    shares = {**means, "ua_std": deviation, "ua_low": low, "ua_high": high}
    return {name: f"{share:.4f}" for name, share in shares.items()}


def corpora_of(data: Data, options: RunOptions) -> np.ndarray:
    """Each row's corpus. A dataset without that column is one corpus."""
    return np.array([name or dataset_of(options) for name in data.columns["corpus"]])


def seed_of(run: Path) -> int:
    options = read_options(next(run.glob("fold*")))
    assert options is not None
    return options.seed


def main() -> None:
    commit, runs = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    first = min(runs[0].glob("fold*"))
    options, record = read_options(runs[0]) or read_options(first), read_record(first)
    assert options is not None and record is not None
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    protocol = options.protocol or data.corpus.protocol
    corpora = corpora_of(data, options)
    alone = "" if protocol.startswith("group") else f"_{protocol}"
    same: dict[str, Any] = {
        "architecture": options.architecture,
        "protocol": protocol,
        "command": command_of(dataclasses.replace(options, seed=0)),
        "commit": commit,
        "hardware": f"{record.training.device}, {platform.system()}",
    }
    rows = []
    for corpus in sorted(set(corpora)):
        own = {data.labels[number] for number in data.store.labels[corpora == corpus]}
        for labels in dict.fromkeys((FOUR, tuple(label for label in data.labels if label in own))):
            if not own.issuperset(labels) or (labels != FOUR and len(labels) == len(FOUR)):
                continue
            name = f"confusion_{options.architecture}_{corpus}_{len(labels)}{alone}.png"
            figure = None if protocol == "corpus" else RESULTS / name
            rows += [{**same, **row} for row in rows_of(runs, data, corpus, labels, figure)]
    store("corpora.csv", [{name: row[name] for name in COLUMNS} for row in rows])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
