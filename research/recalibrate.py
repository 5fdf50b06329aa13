"""Calibrates the bundled model, and measures it: `python research/recalibrate.py RUNS LEFT`

RUNS is what research/bundled.py makes the model of. LEFT has the same three runs with `--protocol corpus`, by the commands
under "How the bundled model is made" in docs/results.md: each fold leaves a corpus out. The network and the layers of a fold
together answer that corpus. The temperature and the thresholds (see `emozoo.inference.conformal`) are fitted to these
answers, because a user's recordings are of no corpus that the model knows. They are written into config.json.

results/calibration.csv gets what is measured: for each corpus that was left out, calibrated by the other corpora; and for
the unseen speakers of each fold of RUNS, by what the model now has.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bundled import LABELS, PARTS, merged, run_of

from emozoo.checkpoint.bundled import DEFAULT, FOLDER
from emozoo.checkpoint.run import read_options
from emozoo.evaluation.calibrate import fit, write_calibration
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.confidence import COVERAGE, confidence, measured_sets
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.inference.calibration import METHODS, Calibration
from emozoo.inference.conformal import inside
from results import store

DATASET = "RAVDESS, EMO-DB, nEMO and ASED"
PART = "each corpus, left out of the training"
UNSEEN_SPEAKERS, UNSEEN_CORPUS = "unseen speakers", "unseen corpus"
ALL = "all"


@dataclass(frozen=True)
class Answered:
    """Clips that a network and a layer did not know, and their probabilities float64 [clips, labels]."""

    corpora: np.ndarray
    speakers: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray

    def where(self, chosen: np.ndarray) -> Answered:
        return Answered(self.corpora[chosen], self.speakers[chosen], self.truth[chosen], self.probabilities[chosen])

    def fitted(self) -> Calibration:
        calibration, before, after = fit(self.probabilities, self.truth, self.speakers.tolist(), DATASET, PART)
        print(f"temperature {calibration.temperature:.3f}, calibration error {before:.4f} before, {after:.4f} after")
        return calibration


def main(runs: str, left: str) -> None:
    elsewhere = answered(Path(left))
    calibration = elsewhere.fitted()
    write_calibration(FOLDER / DEFAULT, calibration)
    rows = []
    for corpus in sorted(set(elsewhere.corpora.tolist())):
        own = elsewhere.corpora == corpus
        rows.append((UNSEEN_CORPUS, corpus, elsewhere.where(own), elsewhere.where(~own).fitted()))
    here = answered(Path(runs))
    for corpus in (*sorted(set(here.corpora.tolist())), ALL):
        own = np.full(len(here.truth), True) if corpus == ALL else here.corpora == corpus
        rows.append((UNSEEN_SPEAKERS, corpus, here.where(own), calibration))
    command = "python research/recalibrate.py RUNS LEFT"
    machine = f"cpu ({platform.machine()}), {platform.system()}"
    found = [row for each in rows for row in rows_of(*each)]
    store("calibration.csv", [{**row, "command": command, "hardware": machine} for row in found])


def answered(runs: Path) -> Answered:
    """The test clips of the folds that were trained, each answered by its fold's network and layers."""
    networks = run_of(runs, PARTS[0])
    options = read_options(networks / "fold1")
    assert options is not None, f"{networks} has no fold1"
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    parts = []
    for fold in data.folds(options.protocol, options.folds_seed):
        if not (networks / f"fold{fold.number}").is_dir():
            continue
        model = merged(runs, [f"fold{fold.number}"])
        parts.append(_answered(data, list(fold.test), clip_probabilities(model, data.store, fold.test)))
    return Answered(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _answered(data: Data, rows: Sequence[int], probabilities: np.ndarray) -> tuple[np.ndarray, ...]:
    truth = [LABELS.index(data.labels[data.store.labels[row]]) for row in rows]
    return np.array(data.columns["corpus"])[rows], np.array(data.speakers)[rows], np.array(truth), probabilities


def rows_of(tested_on: str, corpus: str, clips: Answered, calibration: Calibration) -> list[dict[str, str]]:
    """A row for each method."""
    scaled, speakers = calibration.apply(clips.probabilities), clips.speakers.tolist()
    worth = confidence(clips.truth, scaled, speakers)
    metrics = evaluate_predictions(LABELS, clips.truth, scaled.argmax(1), speakers)
    shares: Mapping[str, float | None] = {
        "ua": metrics.ua,
        **dict(zip(("ua_low", "ua_high"), metrics.ua_interval, strict=True)),
        "wa": metrics.wa,
        "calibration_error": worth.calibration_error,
        **dict(zip(("calibration_error_low", "calibration_error_high"), worth.calibration_error_interval, strict=True)),
        "aurc": worth.aurc,
        "risk_of_half": worth.risks[4],
    }
    rows = []
    for method in METHODS:
        found = inside(scaled, calibration.threshold(COVERAGE, method), method)
        measured = measured_sets(method, COVERAGE, found, clips.truth, speakers)
        row = {
            **shares,
            "asked": COVERAGE,
            "coverage": measured.coverage,
            **dict(zip(("coverage_low", "coverage_high"), measured.coverage_interval, strict=True)),
            "size": measured.size,
            **dict(zip(LABELS, measured.class_coverage, strict=True)),
        }
        counts = {"clips": str(len(clips.truth)), "speakers": str(len(set(speakers)))}
        text = {name: "" if value is None else f"{value:.4f}" for name, value in row.items()}
        rows.append({"tested_on": tested_on, "corpus": corpus, **counts, "method": method, **text})
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
