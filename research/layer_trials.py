"""Measures what helps a layer over the voice's statistics on a corpus never heard:
`python research/layer_trials.py TABLE FOLDER COMMIT`

TABLE is a manifest of several corpora with the column `corpus`. As research/statistics_left_out.py does, logistic regression
learns from all corpora but one, on the statistics of whole clips, and is tested on that one. Each trial changes one thing:
what sounds are heard (each training clip once more, changed by chance), what is learnt from, or how. Trials in which chance
has a part are the mean of three seeds. Rows go into results/layer_trials.csv, the statistics into FOLDER, so that the same
command goes on. It takes `pip install torchaudio pyroomacoustics imageio-ffmpeg scikit-learn`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from changed_sounds import Change, among, coded, faster, in_rooms, noisy
from left_out import LABELS
from statistics_left_out import sounds_of, statistics_of
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.features import Functionals
from emozoo.features.linear_functionals import Standardisation
from emozoo.inference.adaptation import SpeakerBias
from emozoo.paths import atomic
from emozoo.registry.loading import get_architecture
from results import store

SEEDS = (0, 1, 2)
PENALTY = get_architecture("functionals").recipe.weight_decay


@dataclass(frozen=True)
class Clips:
    """Statistics float64 [clips, statistics], with the corpus, speaker and emotion of each clip."""

    features: np.ndarray
    corpora: np.ndarray
    speakers: np.ndarray
    emotions: np.ndarray

    def of(self, chosen: np.ndarray) -> Clips:
        return Clips(self.features[chosen], self.corpora[chosen], self.speakers[chosen], self.emotions[chosen])

    def with_features(self, features: np.ndarray) -> Clips:
        return Clips(features, self.corpora, self.speakers, self.emotions)

    def and_also(self, *others: Clips) -> Clips:
        both = [self, *others]
        return Clips(*(np.concatenate([vars(each)[name] for each in both]) for name in vars(self)))


def heard(data: Data, folder: Path) -> tuple[Clips, dict[str, Clips]]:
    """All clips as they are, and each kind of changed copies of them."""
    sounds = sounds_of(data)
    truth = np.array(data.labels)[np.array(data.store.labels)]
    columns = [np.array(data.columns[name]) for name in ("corpus", "speaker")]
    kinds: dict[str, Callable[[], Change]] = {
        "noise": lambda: noisy,
        "room": in_rooms,
        "babble": lambda: among(sounds),
        "speed": lambda: faster,
    }

    def kept(name: str, made: Callable[[], Iterator[np.ndarray]]) -> Clips:
        path = folder / f"{name}.npy"
        if not path.exists():
            with atomic(path) as temporary, open(temporary, "wb") as file:
                np.save(file, statistics_of(made()))
            print(name, "heard", flush=True)
        return Clips(np.load(path), *columns, truth)

    def changed(name: str) -> Iterator[np.ndarray]:
        rng, change = np.random.default_rng(0), kinds[name]()
        return (change(sound, rng) for sound in sounds)

    plain = kept("plain", lambda: iter(sounds))
    copies = {"codec": kept("codec", lambda: iter(coded(sounds, np.random.default_rng(0), folder)))}
    return plain, copies | {name: kept(name, lambda name=name: changed(name)) for name in kinds}  # type: ignore[misc]


# Learners


Learner = Callable[[Clips, int], Callable[[np.ndarray], np.ndarray]]
"""Learns from clips with a seed. Gives probabilities float64 [clips, labels] for statistics."""


def weights_of(*columns: np.ndarray) -> np.ndarray:
    """So that each group of clips counts alike: mean 1."""
    names = np.array(["\n".join(map(str, row)) for row in zip(*columns, strict=True)])
    groups = np.unique(names, return_inverse=True)[1]
    weights = 1 / np.bincount(groups)[groups]
    return weights / weights.mean()


@dataclass(frozen=True)
class Logistic:
    """Logistic regression with the penalty of `functionals`."""

    balanced: tuple[str, ...] = ("corpora", "emotions")
    smoothing: float = 0.0
    prepare: Callable[[Clips, int], tuple[Clips, Callable[[np.ndarray], np.ndarray]]] | None = None
    """Changes scaled clips before the fit, and what is asked about in the same way."""

    def __call__(self, clips: Clips, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        from sklearn.linear_model import LogisticRegression

        scale = scaling(clips.features)
        prepared = clips.with_features(scale(clips.features))
        project: Callable[[np.ndarray], np.ndarray] = lambda features: features  # noqa: E731
        if self.prepare:
            prepared, project = self.prepare(prepared, seed)
        weights = weights_of(*(vars(prepared)[name] for name in self.balanced)) if self.balanced else None
        features, emotions = prepared.features, prepared.emotions
        if self.smoothing:
            features, emotions, weights = smoothed(features, emotions, weights, self.smoothing)
        machine = LogisticRegression(C=1 / (PENALTY * len(prepared.features)), max_iter=2000)
        machine.fit(features, emotions, weights)
        places = [list(machine.classes_).index(label) for label in LABELS]

        def answer(asked: np.ndarray) -> np.ndarray:
            shares = machine.predict_proba(project(scale(asked)))[:, places]
            return shares / shares.sum(1, keepdims=True)

        return answer


def scaling(features: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    mean, deviation = features.mean(0), features.std(0).clip(1e-4)
    return lambda asked: ((asked - mean) / deviation).clip(-Standardisation.FURTHEST, Standardisation.FURTHEST)


def smoothed(
    features: np.ndarray, emotions: np.ndarray, weights: np.ndarray | None, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips once for each label, with its share as weight."""
    names = np.unique(emotions)
    weights = np.ones(len(features)) if weights is None else weights
    parts = [share / len(names) + (1 - share) * (emotions == name) for name in names]
    return (
        np.concatenate([features] * len(names)),
        np.repeat(names, len(features)),
        np.concatenate([weights * part for part in parts]),
    )


def without_corpora(clips: Clips, seed: int) -> tuple[Clips, Callable[[np.ndarray], np.ndarray]]:
    """Projects out the directions in which the corpora's means differ, emotion by emotion (nuisance attribute projection,
    Solomonoff et al. 2005)."""
    means = np.array(
        [
            [clips.features[(clips.corpora == corpus) & (clips.emotions == label)].mean(0) for label in LABELS]
            for corpus in np.unique(clips.corpora)
        ]
    )
    directions = np.linalg.svd((means - means.mean(0)).mean(1), full_matrices=False)[2][: len(means) - 1]
    project = lambda features: features - features @ directions.T @ directions  # noqa: E731
    return clips.with_features(project(clips.features)), project


def without_pitch_level(clips: Clips, seed: int) -> tuple[Clips, Callable[[np.ndarray], np.ndarray]]:
    """Without the median of the pitch; all other statistics of pitch are relative to it."""
    groups = list(Functionals.GROUPS)
    place = sum(Functionals.GROUPS[name] for name in groups[: groups.index("pitch")])
    project = lambda features: np.delete(features, place, axis=1)  # noqa: E731
    return clips.with_features(project(clips.features)), project


def alike(names: str) -> Callable[[Clips, int], tuple[Clips, Callable[[np.ndarray], np.ndarray]]]:
    """Training clips with mean 0 and deviation 1 in each corpus or speaker; those that are asked about as they are."""

    def prepare(clips: Clips, seed: int) -> tuple[Clips, Callable[[np.ndarray], np.ndarray]]:
        features = clips.features.copy()
        for name in np.unique(vars(clips)[names]):
            some = vars(clips)[names] == name
            features[some] = (features[some] - features[some].mean(0)) / features[some].std(0).clip(0.1)
        return clips.with_features(features), lambda asked: asked

    return prepare


def mixed_styles(clips: Clips, seed: int) -> tuple[Clips, Callable[[np.ndarray], np.ndarray]]:
    """Copies with the mean and deviation of a mixture of two corpora (MixStyle, Zhou et al. 2021)."""
    rng = np.random.default_rng(seed)
    names = np.unique(clips.corpora)
    means = np.array([clips.features[clips.corpora == name].mean(0) for name in names])
    deviations = np.array([clips.features[clips.corpora == name].std(0).clip(0.1) for name in names])
    own = np.searchsorted(names, clips.corpora)
    copies = []
    for _ in range(3):
        share, other = rng.beta(0.3, 0.3, len(own))[:, None], rng.integers(len(names), size=len(own))
        mean, deviation = (share * each[own] + (1 - share) * each[other] for each in (means, deviations))
        copies.append(clips.with_features((clips.features - means[own]) / deviations[own] * deviation + mean))
    return clips.and_also(*copies), lambda asked: asked


class Embedding(nn.Module):
    """Statistics -> 48 features -> labels."""

    def __init__(self, statistics: int, labels: int, layered: bool) -> None:
        super().__init__()
        hidden = [nn.Linear(statistics, 128), nn.ReLU(), nn.Dropout(0.3)] if layered else []
        self.features = nn.Sequential(*hidden, nn.Linear(128 if layered else statistics, 48))
        self.labels = nn.Linear(48, labels)


@dataclass(frozen=True)
class Gradient:
    """A small network by gradient descent, with losses beside that of the labels."""

    layered: bool = False
    adversarial: float = 0.0
    contrastive: float = 0.0
    epochs: int = 30
    averaged: int = 0
    """Of the last so many epochs the weights are averaged (Izmailov et al. 2018)."""

    def __call__(self, clips: Clips, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        torch.manual_seed(seed)
        scale = scaling(clips.features)
        features = torch.from_numpy(scale(clips.features)).float()
        emotions = torch.from_numpy(np.searchsorted(sorted(LABELS), clips.emotions))
        names, corpora = np.unique(clips.corpora, return_inverse=True)
        weights = torch.from_numpy(weights_of(clips.corpora, clips.emotions))
        network = Embedding(features.shape[1], len(LABELS), self.layered)
        critic = nn.Sequential(nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, len(names)))
        optimizer = torch.optim.AdamW([*network.parameters(), *critic.parameters()], lr=2e-3, weight_decay=0.1)
        own = torch.from_numpy(corpora)
        average = torch.optim.swa_utils.AveragedModel(network)
        for epoch in range(self.epochs):
            drawn = torch.multinomial(weights, len(weights), replacement=True)
            for rows in drawn.split(128):
                found = network.features(features[rows])
                loss = F.cross_entropy(network.labels(found), emotions[rows], label_smoothing=0.1)
                if self.adversarial:
                    loss = loss + F.cross_entropy(critic(_Reversed.apply(found, self.adversarial)), own[rows])
                if self.contrastive:
                    loss = loss + self.contrastive * contrast(found, emotions[rows], own[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if epoch >= self.epochs - self.averaged:
                average.update_parameters(network)
        final = average.module if self.averaged else network
        places = [sorted(LABELS).index(label) for label in LABELS]

        def answer(asked: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                given = torch.from_numpy(scale(asked)).float()
                return final.eval().labels(final.features(given)).softmax(1).double().numpy()[:, places]

        return answer


class _Reversed(torch.autograd.Function):
    """Gives what it takes, and its gradient turned round (Ganin et al. 2016)."""

    @staticmethod
    def forward(context, values: Tensor, size: float) -> Tensor:  # type: ignore[no-untyped-def, override]
        context.size = size
        return values.view_as(values)

    @staticmethod
    def backward(context, gradient: Tensor):  # type: ignore[no-untyped-def, override]
        return -context.size * gradient, None


def contrast(features: Tensor, emotions: Tensor, corpora: Tensor) -> Tensor:
    """Supervised contrast (Khosla et al. 2020) with clips of the same emotion in other corpora."""
    unit = F.normalize(features, dim=1)
    likeness = unit @ unit.T / 0.1
    likeness = likeness.masked_fill(torch.eye(len(unit), dtype=torch.bool), -1e9)
    same = (emotions[:, None] == emotions) & (corpora[:, None] != corpora)
    logs = likeness.log_softmax(1)
    some = same.any(1)
    return -((logs * same).sum(1)[some] / same.sum(1)[some]).mean()


# Trials


def trials(plain: Clips, copies: dict[str, Clips]) -> Iterator[tuple[str, Sequence[Clips], Learner, bool, bool]]:
    """Name, what is learnt from beside the clips, how, whether other emotions are learnt, and whether chance has a part."""
    yield "as it is", (), Logistic(), False, False
    for name, others in copies.items():
        yield f"each clip once more: {name}", (others,), Logistic(), False, False
    yield "each clip five times more: all of these", (*copies.values(),), Logistic(), False, False
    yield "without the median of the pitch", (), Logistic(prepare=without_pitch_level), False, False
    yield "labels balanced, corpora as large as they are", (), Logistic(("emotions",)), False, False
    yield "speakers balanced", (), Logistic(("corpora", "speakers", "emotions")), False, False
    yield "labels smoothed by 0.2", (), Logistic(smoothing=0.2), False, False
    yield "other emotions learnt, too", (), Logistic(), True, False
    yield "differences of corpora projected out", (), Logistic(prepare=without_corpora), False, False
    yield "training corpora normalised, each by itself", (), Logistic(prepare=alike("corpora")), False, False
    yield "training speakers normalised, each by itself", (), Logistic(prepare=alike("speakers")), False, False
    yield "styles of corpora mixed", (), Logistic(prepare=mixed_styles), False, True
    yield "two linear layers", (), Gradient(), False, True
    yield "two linear layers, adversarial to the corpus", (), Gradient(adversarial=0.3), False, True
    yield "two linear layers, contrast across corpora", (), Gradient(contrastive=0.3), False, True
    yield "a hidden layer", (), Gradient(layered=True), False, True
    yield "a hidden layer, averaged over ten epochs", (), Gradient(layered=True, averaged=10), False, True
    yield "a hidden layer, adversarial to the corpus", (), Gradient(layered=True, adversarial=0.3), False, True
    yield "a hidden layer, contrast across corpora", (), Gradient(layered=True, contrastive=0.3), False, True


def main(table: str, folder: str, commit: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    plain, copies = heard(open_data("manifest", table, None, {}, video=False), Path(folder))
    made = {"commit": commit, "hardware": f"cpu ({platform.machine()}), {platform.system()}"}
    four = np.isin(plain.emotions, LABELS)
    rows = []
    for name, others, learner, all_emotions, chance in trials(plain, copies):
        found = []
        for corpus in np.unique(plain.corpora):
            asked = plain.of(four & (plain.corpora == corpus))
            truth = np.array([LABELS.index(label) for label in asked.emotions])
            taken = (plain.corpora != corpus) & (four | all_emotions)
            learnt = plain.of(taken).and_also(*(each.of(taken) for each in others))
            for seed in SEEDS if chance else SEEDS[:1]:
                shares = learner(learnt, seed)(asked.features)
                adapted = SpeakerBias.from_probabilities(shares).apply(shares)
                uas = [evaluate_predictions(LABELS, truth, each.argmax(1)).ua for each in (shares, adapted)]
                found.append(uas)
                row = {"trial": name, "corpus": str(corpus), "seed": str(seed) if chance else ""}
                figures = {"ua": f"{uas[0]:.4f}", "ua_adapted": f"{uas[1]:.4f}"}
                rows.append({**row, **figures, "command": "python research/layer_trials.py open.csv FOLDER", **made})
        print(f"{name:50}", *(f"{100 * value:.1f}" for value in np.mean(found, 0)), flush=True)
    store("layer_trials.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
