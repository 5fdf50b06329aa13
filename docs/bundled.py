"""Makes the model in the box from the open corpora: `python docs/bundled.py TABLE RUN FOLDER`.

TABLE is the manifest of docs/open_corpora.py, RUN the finished `emozoo train resnet_gru --dataset manifest --data-dir TABLE
--labels happy,sad,angry,neutral --fold all ...` whose folds' test speakers say how sure the network may be. The model is then
trained with the run's settings on all speakers, and its last layer divided by the temperature that fits those answers best (Guo et
al. 2017), so that whoever loads the checkpoint gets calibrated probabilities. FOLDER is emozoo/models/speech.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from emozoo import registry
from emozoo.evaluate import Data, open_data
from emozoo.media import window_starts
from emozoo.metrics import calibration_error, evaluate_predictions
from emozoo.model import EmotionModel, load
from emozoo.progress import Progress
from emozoo.run import read_options
from emozoo.settings import apply_settings
from emozoo.trainer import Trainer


class Answers:
    """The logits of each window of some clips, and the clips' labels."""

    def __init__(self, model: EmotionModel, data: Data, rows: tuple[int, ...]) -> None:
        plan = [(row, start) for row in rows for start in window_starts(data.store.length(row))]
        places, starts = np.array([row for row, _ in plan]), np.array([start for _, start in plan])
        with torch.inference_mode():
            parts = np.array_split(np.arange(len(plan)), -(-len(plan) // 64))
            self.logits = np.concatenate(
                [model(*data.store.batch(places[part], starts[part], model.device)).double().numpy() for part in parts]
            )
        self.clip = np.searchsorted(rows, places)
        self.labels = data.store.labels[list(rows)]

    def probabilities(self, temperature: float) -> np.ndarray:
        """As `emozoo predict` gives them: the mean over a clip's windows, float64 [clips, labels]."""
        odds = np.exp(self.logits / temperature - (self.logits / temperature).max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        total = np.zeros((len(self.labels), odds.shape[1]))
        np.add.at(total, self.clip, odds)
        return total / np.bincount(self.clip)[:, None]


def fit_temperature(answers: list[Answers]) -> float:
    """The temperature with the least negative log-likelihood of the clips' labels."""

    def loss(log: float) -> float:
        odds = np.concatenate(
            [each.probabilities(np.exp(log))[np.arange(len(each.labels)), each.labels] for each in answers]
        )
        return float(-np.log(np.maximum(odds, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded").x))


def main() -> None:
    table, run, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    options = read_options(run)
    if options is None:
        sys.exit(f"{run} is no run")
    architecture = registry.get_architecture(options.architecture)
    config, recipe = apply_settings(architecture, options.settings)
    data = open_data("manifest", table, options.labels, {}, video=False)
    folds = data.folds(options.protocol, options.seed)
    answers = [Answers(load(run / f"fold{fold.number}"), data, fold.test) for fold in folds]
    temperature = fit_temperature(answers)
    truth = np.concatenate([each.labels for each in answers])
    before = np.concatenate([each.probabilities(1.0) for each in answers])
    after = np.concatenate(
        [each.probabilities(fit_temperature([other for other in answers if other is not each])) for each in answers]
    )
    held_out = {
        "temperature": round(temperature, 3),
        "ece_before": round(calibration_error(truth, before), 4),
        "ece": round(calibration_error(truth, after), 4),
        "ua_of_folds": [
            round(evaluate_predictions(data.labels, each.labels, each.probabilities(1).argmax(1)).ua, 4)
            for each in answers
        ],
    }
    print(json.dumps(held_out, indent=2), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="emozoo-bundled-"))
    rows = tuple(range(len(data.store)))
    trainer = Trainer(
        architecture,
        config,
        recipe,
        data.store,
        data.labels,
        rows,
        (),
        folder,
        seed=f"{options.seed} all",
        progress=Progress(),
    )
    trainer.run()
    model = load(folder, "cpu")
    with torch.no_grad():
        for parameter in model.network.classifier.output.parameters():
            parameter /= temperature
    model.save(target)
    (target / "calibration.json").write_text(json.dumps(held_out, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
