"""Calibrates the bundled model, and measures it: `python research/recalibrate.py OPEN UNHEARD`.

OPEN is the manifest that its networks were trained on, and UNHEARD one of a corpus that none of them was trained on. Every
speaker of OPEN is in the training data of four of the five networks, so the fifth alone answers that speaker's clips; the
temperature and the thresholds (see `emozoo.inference.conformal`) are fitted to these answers, and written into config.json.
The weights stay as they are. results/calibration.csv gets what is measured: on OPEN, each network on its unseen speakers,
calibrated by the answers of the others; on UNHEARD, all networks together, as `emozoo predict` answers.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np
import torch

from emozoo.checkpoint.bundled import DEFAULT, FOLDER
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.evaluation.calibrate import fit, write_calibration
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.confidence import COVERAGE, confidence, set_metrics
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.inference.calibration import Calibration
from results import RESULTS, write

HELD_OUT = {
    "ravdess": ("03 15 19 20 21", "05 09 10 14 23", "01 02 07 08 22", "06 11 16 17 24", "04 12 13 18"),
    "emodb": ("08 12", "03 11", "09 13", "10 14", "15 16"),
    "nemo": ("IC0 MK0", "KD0 MP0", "SM0 TP0", "KS0", "EB0 WR0"),
}
"""The speakers that each of the five networks was not trained on: the test speakers of `group-5`, seed 0, as commit ad3c548,
which made the bundled model, split them."""
DATASET = "RAVDESS, EMO-DB and nEMO"
PART = "each network's unseen speakers"


def main() -> None:
    folder = FOLDER / DEFAULT
    model = load(folder, "cpu")
    data = open_data("manifest", sys.argv[1], model.labels, {}, video=False)
    true = np.asarray(data.store.labels)
    network = networks_of(data)
    answers = np.stack([clip_probabilities(each, data.store, range(len(true))) for each in alone(model)])
    check_held_out(answers, true, data.speakers, network)
    held_out = answers[network, np.arange(len(true))]
    calibration, before, after = fit(held_out, true, data.speakers, DATASET, PART)
    print(f"temperature {calibration.temperature:.3f}, calibration error {before:.4f} before, {after:.4f} after")
    write_calibration(folder, calibration)

    scaled, calibrations = by_others(held_out, true, data.speakers, network)
    corpora = np.array(data.columns["corpus"])
    rows = [
        row_of(f"{corpus}, unseen speakers", model.labels, true[own], scaled[own], [data.speakers[row] for row in own], thresholds)
        for corpus in sorted(set(corpora.tolist()))
        for own, thresholds in [(np.flatnonzero(corpora == corpus), calibrations)]
    ]
    write(RESULTS / "calibration.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
