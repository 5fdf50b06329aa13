"""Makes the bundled model from a run's folds: `python research/bundled.py RUN FOLDER`.

RUN is a finished `emozoo train resnet_gru --dataset manifest --data-dir TABLE --labels all --fold all`, or a folder with its
folds, each perhaps trained further by `--from RUN/foldN --fold N`. FOLDER is emozoo/models/speech. The folds' networks form
an ensemble: each was trained without its fold's test and dev speakers, and together they were trained on all speakers.
Their last layers keep four labels, and are divided by the temperature that fits their predictions for their own test
speakers best (Guo et al. 2017), so the checkpoint gives calibrated probabilities.
Then research/recalibrate.py, with the speakers of its folds, writes the thresholds of prediction sets into config.json.

`python research/bundled.py --record TABLE FOLDER CORPUS...` writes provenance.json for a FOLDER whose networks kept none,
from the TABLE that they were trained on: the speakers of every corpus, and the clips of each CORPUS whose recordings are
still those of the training. Run it again where decoding has changed.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import sys
from pathlib import Path

import numpy as np
import torch
from answers import Answers, fit_temperature
from calibration import Calibration

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import Clips, Provenance, Side, unrecorded
from emozoo.checkpoint.run import read_options
from emozoo.evaluation.data import open_data
from emozoo.evaluation.metrics import calibration_error, evaluate_predictions

LABELS = ("angry", "happy", "neutral", "sad")


def main() -> None:
    run, target = Path(sys.argv[1]), Path(sys.argv[2])
    options = read_options(run / "fold1")
    if options is None:
        sys.exit(f"{run} is no run over folds")
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    folds = data.folds(options.protocol, options.seed)
    models = [load(run / f"fold{fold.number}", "cpu") for fold in folds]
    answers = [Answers(model, data, fold.test, LABELS) for model, fold in zip(models, folds, strict=True)]
    temperature = fit_temperature(answers)
    provenances = [
        model.provenance or unrecorded(f"fold{fold.number}") for model, fold in zip(models, folds, strict=True)
    ]
    provenances.append(
        data.clips.provenance(range(len(data.store)), ())
    )  # each fold's test speakers are in other folds' training
    ensemble = ensemble_of(models, temperature, functools.reduce(operator.or_, provenances))
    target.mkdir(parents=True, exist_ok=True)
    ensemble.save(target)
    truth = np.concatenate([each.truth for each in answers])
    before = np.concatenate([each.probabilities() for each in answers])
    after = np.concatenate(
        [each.probabilities(fit_temperature([other for other in answers if other is not each])) for each in answers]
    )
    calibration = Calibration(
        temperature=round(temperature, 3),
        expected_calibration_error_before=round(calibration_error(truth, before), 4),
        expected_calibration_error=round(calibration_error(truth, after), 4),
        clips=len(truth),
        wa=round(evaluate_predictions(LABELS, truth, after.argmax(1)).wa, 4),
        members=ensemble.config.members,
        recordings=len(data.store),
        seed=options.seed,
    )
    print(calibration.write(target), end="")


def ensemble_of(models: list[EmotionModel], temperature: float, provenance: Provenance) -> EmotionModel:
    """The networks of all models as members of one, with `LABELS` only, their logits divided by the temperature."""
    members = [(model, member) for model in models for member in model.network.members]
    config = dataclasses.replace(models[0].config, members=len(members))
    ensemble = EmotionModel(models[0].architecture, config, LABELS, provenance=provenance)
    for own, (model, member) in zip(ensemble.network.members, members, strict=True):
        weights = dict(member.state_dict())
        places = [model.labels.index(label) for label in LABELS]
        for name in ("classifier.output.weight", "classifier.output.bias"):
            weights[name] = weights[name][places] / temperature
        own.load_state_dict(weights)
    return ensemble


def record(table: str, target: str, *kept: str) -> None:
    """Writes provenance.json of a checkpoint from the table that it was trained on."""
    data = open_data("manifest", table, ("all",), {}, video=False)
    corpora = data.columns["corpus"]
    rows = [row for row, corpus in enumerate(corpora) if corpus in ("ravdess", "emodb", "nemo")]
    speakers = data.clips.side(rows).speakers | _as_readers_name_them(data.columns, rows)
    clips = data.clips.side(row for row in rows if corpora[row] in kept).clips
    Provenance(Side(speakers, clips)).write(Path(target))
    print(f"{len(rows)} clips, the sound of {len(clips)}")


def _as_readers_name_them(columns: dict[str, list[str]], rows: list[int]) -> frozenset[tuple[str, str]]:
    """The same speakers by the names that emozoo's readers give them: `Actor_01`, `03`, `EB0` for `ravdess_01`, ..."""
    names = {(columns["corpus"][row], columns["speaker"][row].rpartition("_")[2].strip()) for row in rows}
    pairs = [*names, *(("ravdess", f"Actor_{name}") for corpus, name in names if corpus == "ravdess")]
    corpora, speakers = zip(*sorted(pairs), strict=True)
    own = {"digest": [""] * len(pairs), "corpus": corpora, "speaker": speakers}
    return Clips.of(own).side(range(len(pairs))).speakers


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "--record":
        record(*sys.argv[2:])
    else:
        main()
