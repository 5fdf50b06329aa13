"""Measures what travels to a corpus never heard: `python research/left_out.py TABLE COMMIT [RUN...]`

Rows go into results/left_out.csv.

TABLE is a manifest of several corpora with the column `corpus`. RUN is the folder of a finished `emozoo train NAME --dataset
manifest --data-dir TABLE --labels happy,sad,angry,neutral --protocol corpus --fold all --seeds 0,1,2`, whose folds leave one
corpus out each. It gives rows for single networks by seed, for their mean, and for the ensemble of the seeds, whose
probabilities are averaged. COMMIT is the code that it ran with. Of several runs, rows are also given for all together.

Without RUN, a classic baseline is measured: a linear support vector machine on the 88 functionals of eGeMAPS (Eyben et al.
2016) by openSMILE: `pip install opensmile scikit-learn`. openSMILE's licence allows research and private use, not products.

Adapted, a network's bias towards each label over all recordings of the corpus is taken off, and the baseline's features are
normalised over each corpus. Neither needs a label; both suppose that the recordings are of mixed moods.
"""

from __future__ import annotations

import platform
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.checkpoint.predictions import read_predictions
from emozoo.checkpoint.run import read_options, read_record
from emozoo.checkpoint.whole import fold_folders
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import Metrics, evaluate_predictions
from emozoo.filenames import PREDICTIONS
from emozoo.inference.adaptation import FLOOR, SpeakerBias
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.paths import cache_root
from results import command_of, store

LABELS = ("happy", "sad", "angry", "neutral")
PENALTY = 0.01
"""C of the support vector machine."""


@dataclass(frozen=True)
class Heard:
    """The clips of a corpus that was left out, and the probabilities float64 [clips, labels] of a network."""

    ids: list[str]
    speakers: list[str]
    truth: np.ndarray
    probabilities: np.ndarray

    def measured(self, adapted: bool) -> Metrics:
        shares = self.probabilities
        if adapted:
            shares = SpeakerBias.from_probabilities(shares).apply(shares)
        return evaluate_predictions(LABELS, self.truth, shares.argmax(1), self.speakers)


def heard(folder: Path) -> tuple[str, Heard]:
    """The corpus that a fold left out, and its answers to it."""
    record = read_record(folder)
    assert record is not None, f"{folder} is not finished"
    rows = sorted((row["utterance_id"], row) for row in read_predictions(folder / PREDICTIONS) if row["predicted"])
    return record.data.fold_name, Heard(
        [name for name, _ in rows],
        [row["speaker"] for _, row in rows],
        np.array([LABELS.index(row["label"]) for _, row in rows]),
        np.array([[float(row[label]) for label in LABELS] for _, row in rows]),
    )


def networks(run: Path) -> dict[str, dict[str, Heard]]:
    """The answers of a run over seeds by corpus and seed, and those of the `ensemble` of all seeds."""
    found: dict[str, dict[str, Heard]] = {}
    for seed in sorted(run.glob("seed*"), key=lambda folder: int(folder.name.removeprefix("seed"))):
        for folder in fold_folders(seed):
            corpus, answers = heard(folder)
            found.setdefault(corpus, {})[seed.name.removeprefix("seed")] = answers
    for seeds in found.values():
        first, *others = seeds.values()
        assert all(each.ids == first.ids for each in others)
        mean = np.mean([each.probabilities for each in seeds.values()], axis=0)
        seeds["ensemble"] = Heard(first.ids, first.speakers, first.truth, mean)
    return found


def together(runs: Sequence[Mapping[str, Mapping[str, Heard]]]) -> dict[str, dict[str, Heard]]:
    """The answers of several runs as one, by corpus and seed: the mean of the logarithms of their probabilities."""
    found: dict[str, dict[str, Heard]] = {}
    first, *others = runs
    for corpus, seeds in first.items():
        for seed, own in seeds.items():
            each = [own, *(other[corpus][seed] for other in others)]
            assert all(one.ids == own.ids for one in each)
            shares = np.exp(np.mean([np.log(one.probabilities.clip(FLOOR)) for one in each], axis=0))
            shares /= shares.sum(axis=1, keepdims=True)
            found.setdefault(corpus, {})[seed] = Heard(own.ids, own.speakers, own.truth, shares)
    return found


def rows_of(answers: Mapping[str, Mapping[str, Heard]], system: str, command: str) -> Iterator[dict[str, str]]:
    for corpus, seeds in answers.items():
        single = {seed: answers for seed, answers in seeds.items() if seed != "ensemble"}
        for adapted in (False, True):
            found = {seed: each.measured(adapted) for seed, each in seeds.items()}
            for seed, metrics in found.items():
                yield _row(system, corpus, seed, adapted, metrics, command)
            mean = {name: statistics.fmean(getattr(found[seed], name) for seed in single) for name in ("ua", "wa")}
            row = _row(system, corpus, "mean", adapted, next(iter(found.values())), command)
            yield {**row, "ua_low": "", "ua_high": "", **{name: f"{value:.4f}" for name, value in mean.items()}}


def network_rows(*runs: Path) -> Iterator[dict[str, str]]:
    """Of each run alone, and of several runs together."""
    every = [networks(run) for run in runs]
    options = [each for each in map(read_options, runs) if each]
    systems = [(own.architecture, command_of(own)) for own in options]
    for answers, (system, command) in zip(every, systems, strict=True):
        yield from rows_of(answers, system, command)
    if len(runs) > 1:
        system, command = (" + ".join(words) for words in zip(*systems, strict=True))
        yield from rows_of(together(every), system, command)


def functionals(data: Data) -> np.ndarray:
    """eGeMAPS of each clip, float64 [clips, 88]; kept, because they take minutes."""
    import opensmile

    kept = cache_root() / "egemaps.npz"
    if kept.is_file() and (found := np.load(kept))["digest"].tolist() == data.columns["digest"]:
        return found["features"]
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    sound = (data.store.waveform(row).astype(np.float32) / 32768 for row in range(len(data.store)))
    features = np.array([smile.process_signal(each, SAMPLING_RATE).to_numpy()[0] for each in sound], dtype=np.float64)
    np.savez(kept, features=features, digest=data.columns["digest"])
    return features


def baseline_rows(data: Data) -> Iterator[dict[str, str]]:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    corpora = np.array(data.columns["corpus"])
    features, truth = functionals(data), np.array(data.store.labels)
    alone = features.copy()
    for corpus in np.unique(corpora):
        alone[corpora == corpus] = StandardScaler().fit_transform(features[corpora == corpus])
    for corpus in np.unique(corpora):
        train = corpora != corpus
        sizes = {name: np.sum(corpora == name) for name in np.unique(corpora[train])}
        weights = np.array([train.sum() / len(sizes) / sizes[name] for name in corpora[train]])
        for adapted, taken in ((False, features), (True, alone)):
            scaler = StandardScaler().fit(taken[train])
            machine = LinearSVC(C=PENALTY, class_weight="balanced", max_iter=20_000, random_state=0)
            machine.fit(scaler.transform(taken[train]), truth[train], weights)
            answers = machine.predict(scaler.transform(taken[~train]))
            speakers = np.array(data.speakers)[~train].tolist()
            metrics = evaluate_predictions(LABELS, truth[~train], answers, speakers)
            yield _row("eGeMAPS, linear SVM", corpus, "", adapted, metrics, "python research/left_out.py open.csv")


def _row(system: str, corpus: str, seed: str, adapted: bool, metrics: Metrics, command: str) -> dict[str, str]:
    low, high = metrics.ua_interval
    row = {
        "system": system,
        "corpus": corpus,
        "labels": " ".join(LABELS),
        "seed": seed,
        "adapted": "recordings" if adapted else "",
        "clips": str(metrics.count),
        "speakers": str(len(metrics.per_speaker)),
        **{name: f"{value:.4f}" for name, value in (("ua", metrics.ua), ("ua_low", low), ("ua_high", high))},
        "wa": f"{metrics.wa:.4f}",
        "command": command,
    }
    print(system, corpus, seed or "-", row["adapted"] or "as it is", row["ua"], flush=True)
    return row


def main(table: str, commit: str, *runs: str) -> None:
    rows = list(network_rows(*map(Path, runs)))
    if not runs:
        rows = list(baseline_rows(open_data("manifest", table, LABELS, {}, video=False)))
    made = {"commit": commit, "hardware": f"cpu ({platform.machine()}), {platform.system()}"}
    store("left_out.csv", [row | made for row in rows])


if __name__ == "__main__":
    main(*sys.argv[1:])
