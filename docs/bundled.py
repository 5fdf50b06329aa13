"""Makes the model in the box from the open corpora: `python docs/bundled.py RUN FOLDER`.

RUN is a finished `emozoo train resnet_gru --dataset manifest --data-dir TABLE --labels all --fold all`, or a folder
with its folds. Its answers for the folds' test speakers tell how sure the network may be. The model is then trained
with the run's settings on all speakers, its last layer cut down to four labels, and divided by the temperature that
fits those answers: so whoever loads the checkpoint gets calibrated probabilities. FOLDER is emozoo/models/speech;
calibration.json has the figures.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from answers import Answers, fit_temperature

from emozoo import registry
from emozoo.evaluate import open_data
from emozoo.metrics import calibration_error, evaluate_predictions
from emozoo.model import EmotionModel, load
from emozoo.progress import Progress
from emozoo.run import read_options
from emozoo.settings import apply_settings
from emozoo.trainer import Trainer

LABELS = ("angry", "happy", "neutral", "sad")


def main() -> None:
    run, target = Path(sys.argv[1]), Path(sys.argv[2])
    options = read_options(run / "fold1")
    if options is None:
        sys.exit(f"{run} is no run over folds")
    architecture = registry.get_architecture(options.architecture)
    config, recipe = apply_settings(architecture, options.settings)
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    folds = data.folds(options.protocol, options.seed)
    answers = [Answers(load(run / f"fold{fold.number}", "cpu"), data, fold.test, LABELS) for fold in folds]
    temperature = fit_temperature(answers)
    truth = np.concatenate([each.truth for each in answers])
    before = np.concatenate([each.probabilities() for each in answers])
    after = np.concatenate(
        [each.probabilities(fit_temperature([other for other in answers if other is not each])) for each in answers]
    )
    found = {
        "temperature": round(temperature, 3),
        "expected_calibration_error_before": round(calibration_error(truth, before), 4),
        "expected_calibration_error": round(calibration_error(truth, after), 4),
        "clips": len(truth),
        "ua": round(evaluate_predictions(LABELS, truth, after.argmax(1)).ua, 4),
    }
    print(json.dumps(found, indent=2), flush=True)
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
        device="cpu",
        progress=Progress(),
    )
    trainer.run()
    model = load(folder, "cpu")
    few = EmotionModel(architecture, config, LABELS)
    weights = model.network.state_dict()
    places = [data.labels.index(label) for label in LABELS]
    for name in ("classifier.output.weight", "classifier.output.bias"):
        weights[name] = weights[name][places] / temperature
    few.network.load_state_dict(weights)
    target.mkdir(parents=True, exist_ok=True)
    few.save(target)
    document = {**found, "recipe": dataclasses.asdict(recipe), "seed": options.seed, "training_clips": len(rows)}
    (target / "calibration.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
