"""Measures adaptation to the recordings at hand, into results/adaptation.csv: `python research/adaptation.py COMMIT RUN...`

RUN is the folder of a finished `emozoo train NAME --dataset manifest --data-dir TABLE --labels happy,sad,angry,neutral
--protocol corpus --fold all --seeds 0,1,2`, as for research/left_out.py: its networks answer corpora that they never heard.
COMMIT is the code that it ran with. Recordings of each corpus are sampled, of these moods: mixed evenly, half of them of one
mood, 70 % of one, of two moods, or all of one; always averaged over which mood it is.

The methods: `none`; `bias`, as for a speaker; `guarded`, what --adapt recordings does; and `prior`, the shift of the labels'
prior by expectation-maximisation (Saerens, Latinne and Decaestecker 2002), which takes frequent answers for frequent moods.
"""

from __future__ import annotations

import itertools
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from left_out import LABELS, networks

from emozoo.checkpoint.run import read_options
from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.recordings import RecordingsBias
from results import command_of, store

COUNTS = (5, 20, 100)
SAMPLES = 24
"""Sets of recordings for each corpus, network, number and moods."""
STEPS = 50
"""Of expectation-maximisation."""


def moods() -> Iterator[tuple[str, tuple[float, ...]]]:
    """What the recordings are of, and the share of each label."""
    count = len(LABELS)
    yield "mixed", (1 / count,) * count
    for name, share in (("half of one mood", 0.5), ("70 % of one mood", 0.7), ("all of one mood", 1.0)):
        for mood in range(count):
            yield name, tuple(share if label == mood else (1 - share) / (count - 1) for label in range(count))
    for pair in itertools.combinations(range(count), 2):
        yield "two moods", tuple(0.5 * (label in pair) for label in range(count))


def sampled(rng: np.random.Generator, truth: np.ndarray, count: int, shares: Sequence[float]) -> np.ndarray:
    """Which of the clips: `count` of them, with labels in these shares; one may come twice where a corpus has too few."""
    sizes = np.floor(count * np.array(shares) + 1e-9).astype(int)
    for label in rng.choice(len(shares), count - sizes.sum(), p=shares):
        sizes[label] += 1
    own = (np.flatnonzero(truth == label) for label in range(len(shares)))
    drawn = [rng.choice(rows, size, size > len(rows)) for rows, size in zip(own, sizes, strict=True) if size]
    return np.concatenate(drawn)


def shifted(probabilities: np.ndarray) -> np.ndarray:
    """The answers float64 [recordings, labels] with the prior of the recordings in place of an even one."""
    prior = np.full(probabilities.shape[1], 1 / probabilities.shape[1])
    found = probabilities
    for _ in range(STEPS):
        found = probabilities * prior
        found = found / found.sum(axis=1, keepdims=True)
        prior = found.mean(axis=0)
    return found


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda answers: answers,
    "bias": lambda answers: SpeakerBias.from_probabilities(answers).apply(answers),
    "guarded": lambda answers: RecordingsBias.from_probabilities(answers).apply(answers),
    "prior": shifted,
}


def measured(
    probabilities: np.ndarray, truth: np.ndarray, seed: int = 0
) -> dict[tuple[str, int, str], tuple[float, float]]:
    """UA and accuracy by moods, number of recordings and method, from answers float64 [clips, labels]. UA is the mean recall
    of the labels that are there."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, int, str], list[tuple[float, float]]] = {}
    there = set(np.unique(truth).tolist())
    for name, shares in moods():
        if any(share and label not in there for label, share in enumerate(shares)):
            continue  # the corpus has no such clips
        for count, _ in itertools.product(COUNTS, range(SAMPLES)):
            rows = sampled(rng, truth, count, shares)
            for method, adapted in METHODS.items():
                right = adapted(probabilities[rows]).argmax(axis=1) == truth[rows]
                recalls = [right[truth[rows] == label].mean() for label in np.unique(truth[rows])]
                found.setdefault((name, count, method), []).append((float(np.mean(recalls)), float(right.mean())))
    return {key: tuple(np.mean(each, axis=0).tolist()) for key, each in found.items()}


def rows_of(run: Path) -> Iterator[dict[str, str]]:
    """For each corpus the mean over the seeds of a run."""
    options = read_options(run)
    assert options is not None, f"{run} is no run"
    for corpus, seeds in networks(run).items():
        each = [measured(own.probabilities, own.truth) for seed, own in seeds.items() if seed != "ensemble"]
        for moods_, count, method in each[0]:
            ua, accuracy = np.mean([one[moods_, count, method] for one in each], axis=0)
            yield {
                "architecture": options.architecture,
                "corpus": corpus,
                "moods": moods_,
                "recordings": str(count),
                "method": method,
                "ua": f"{ua:.4f}",
                "accuracy": f"{accuracy:.4f}",
                "command": command_of(options),
            }


def main(commit: str, *runs: str) -> None:
    made = {"commit": commit, "hardware": f"cpu ({platform.machine()}), {platform.system()}"}
    store("adaptation.csv", [row | made for run in runs for row in rows_of(Path(run))])


if __name__ == "__main__":
    main(*sys.argv[1:])
