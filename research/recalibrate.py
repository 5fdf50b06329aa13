"""Calibrates the bundled model, and measures it: `python research/recalibrate.py OPEN UNHEARD`.

OPEN is the manifest that its networks were trained on, and UNHEARD one of a corpus that none of them was trained on. Every
speaker of OPEN is in the training data of four of the five networks, so the fifth alone answers that speaker's clips; the
temperature and the thresholds (see `emozoo.inference.conformal`) are fitted to these answers, and written into config.json.
The weights stay as they are. results/calibration.csv gets what is measured: on OPEN, each network on its unseen speakers,
calibrated by the answers of the others; on UNHEARD, all networks together, as `emozoo predict` answers.
"""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from emozoo.checkpoint.bundled import DEFAULT, FOLDER
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.evaluation.calibrate import fit, write_calibration
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.confidence import COVERAGE, confidence, measured_sets
from emozoo.evaluation.data import Data, open_data
from emozoo.inference.calibration import METHODS, Calibration
from emozoo.inference.conformal import inside
from results import store

HELD_OUT = {
    "ravdess": ("03 15 19 20 21", "05 09 10 14 23", "01 02 07 08 22", "06 11 16 17 24", "04 12 13 18"),
    "emodb": ("08 12", "03 11", "09 13", "10 14", "15 16"),
    "nemo": ("IC0 MK0", "KD0 MP0", "SM0 TP0", "KS0", "EB0 WR0"),
}
"""The speakers that each of the five networks was not trained on: the test speakers of `group-5`, seed 0, as commit ad3c548,
which made the bundled model, split them."""
CORPORA = tuple(HELD_OUT)
DATASET = "RAVDESS, EMO-DB and nEMO"
PART = "each network's unseen speakers"

TESTED_ON = ("unseen speakers", "unseen corpus")


def main() -> None:
    folder = FOLDER / DEFAULT
    model = load(folder, "cpu")
    model.calibration = None
    data = open_data("manifest", sys.argv[1], model.labels, {}, video=False)
    true, network = np.asarray(data.store.labels), networks_of(data)
    answers = np.stack([clip_probabilities(each, data.store, range(len(true))) for each in alone(model)])
    check_held_out(answers, true, data.speakers, network)
    held_out = answers[network, np.arange(len(true))]
    calibration, before, after = fit(held_out, true, data.speakers, DATASET, PART)
    print(f"temperature {calibration.temperature:.3f}, calibration error {before:.4f} before, {after:.4f} after")
    write_calibration(folder, calibration)
    rows = on_unseen_speakers(held_out, data, network, model.labels)
    rows += on_unseen_corpus(model, calibration, sys.argv[2])
    command = " ".join(["python research/recalibrate.py", *(Path(name).name for name in sys.argv[1:])])
    machine = f"cpu ({platform.machine()}), {platform.system()}"
    store("calibration.csv", [{**row, "command": command, "hardware": machine} for row in rows])


def alone(model: EmotionModel) -> Iterator[EmotionModel]:
    """Each network of an ensemble as a model of its own."""
    config = dataclasses.replace(model.config, members=1)
    for member in model.network.members:
        own = EmotionModel(model.architecture, config, model.labels, model.origin, model.preparation).eval()
        own.network.members[0].load_state_dict(member.state_dict())
        yield own


def networks_of(data: Data) -> np.ndarray:
    """For each row, the number of the network, from 0, that was not trained on its speaker."""
    homes = {
        (corpus, name): number
        for corpus, folds in HELD_OUT.items()
        for number, names in enumerate(folds)
        for name in names.split()
    }
    names = (name.rpartition("_")[2].strip() for name in data.columns["speaker"])
    return np.array([homes[pair] for pair in zip(data.columns["corpus"], names, strict=True)])


def check_held_out(answers: np.ndarray, true: np.ndarray, speakers: Sequence[str], network: np.ndarray) -> None:
    """Stops where a speaker is not answered worst, by log-likelihood, by the network that is said not to know the voice:
    then `HELD_OUT` is not of these networks."""
    loss = -np.log(answers[:, np.arange(len(true)), true])
    for speaker in sorted(set(speakers)):
        own = np.array([name == speaker for name in speakers])
        if loss[:, own].mean(1).argmax() != network[own][0]:
            sys.exit(f"{speaker} is not answered worst by the network that was not trained on this voice")


def on_unseen_speakers(
    probabilities: np.ndarray, data: Data, network: np.ndarray, labels: Sequence[str]
) -> list[dict[str, str]]:
    """A row for each corpus and for all: each network's answers for its unseen speakers, by what fits the others'."""
    true = np.asarray(data.store.labels)
    scaled = np.empty_like(probabilities)
    fitted: dict[int, Calibration] = {}
    for number in sorted(set(network.tolist())):
        others = network != number
        speakers = [data.speakers[row] for row in np.flatnonzero(others)]
        fitted[number], _, _ = fit(probabilities[others], true[others], speakers, DATASET, PART)
        scaled[~others] = fitted[number].apply(probabilities[~others])
    sets = {method: np.zeros(probabilities.shape, bool) for method in METHODS}
    for method, found in sets.items():
        for number, calibration in fitted.items():
            own = network == number
            found[own] = inside(scaled[own], calibration.threshold(COVERAGE, method), method)
    corpora = np.array(data.columns["corpus"])
    parts = {name: np.flatnonzero(corpora == name) for name in CORPORA}
    parts["all three"] = np.arange(len(true))
    rows = []
    for name, own in parts.items():
        speakers = [data.speakers[row] for row in own]
        some = {method: found[own] for method, found in sets.items()}
        rows += rows_of(TESTED_ON[0], name, labels, true[own], scaled[own], speakers, some)
    return rows


def on_unseen_corpus(model: EmotionModel, calibration: Calibration, table: str) -> list[dict[str, str]]:
    """A row for each method: the ensemble, as it is calibrated, on a corpus that none of its networks was trained on."""
    data = open_data("manifest", table, model.labels, {}, video=False)
    true = np.asarray(data.store.labels)
    scaled = calibration.apply(clip_probabilities(model, data.store, range(len(true))))
    sets = {method: inside(scaled, calibration.threshold(COVERAGE, method), method) for method in METHODS}
    return rows_of(TESTED_ON[1], Path(table).stem, model.labels, true, scaled, data.speakers, sets)


def rows_of(
    tested_on: str,
    corpus: str,
    labels: Sequence[str],
    true: np.ndarray,
    probabilities: np.ndarray,
    speakers: Sequence[str],
    sets: Mapping[str, np.ndarray],
) -> list[dict[str, str]]:
    """A row for each method."""
    worth = confidence(true, probabilities, speakers)
    low, high = worth.calibration_error_interval
    shares = {
        "wa": float((probabilities.argmax(1) == true).mean()),
        "calibration_error": worth.calibration_error,
        "calibration_error_low": low,
        "calibration_error_high": high,
        "aurc": worth.aurc,
        "risk_of_half": worth.risks[4],
    }
    rows = []
    for method, found in sets.items():
        measured = measured_sets(method, COVERAGE, found, true, speakers)
        of_class = dict(zip(labels, measured.class_coverage, strict=True))
        row = {
            **shares,
            "asked": COVERAGE,
            "coverage": measured.coverage,
            "coverage_low": measured.coverage_interval[0],
            "coverage_high": measured.coverage_interval[1],
            "size": measured.size,
            **of_class,
        }
        counts = {"clips": str(len(true)), "speakers": str(len(set(speakers)))}
        text = {name: "" if value is None else f"{value:.4f}" for name, value in row.items()}
        rows.append({"tested_on": tested_on, "corpus": corpus, **counts, "method": method, **text})
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
