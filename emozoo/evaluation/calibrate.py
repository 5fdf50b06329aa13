"""Calibrates a model on clips that it was not trained on, and writes the result into its config.json.

What is fitted, and by which formulas, is in `emozoo.inference.calibration` and `emozoo.inference.conformal`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.checkpoint import bundled
from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.config_file import parse, read_json
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.lock import locked
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.named import folder_of, leads_to
from emozoo.checkpoint.provenance import Leak, compare
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.checkpoint.whole import fold_folders
from emozoo.data.splits.fold import Fold, pick_fold
from emozoo.data.splits.kept import read_split
from emozoo.data.truth import UNDECIDED, Truth
from emozoo.errors import EmozooError
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import Data
from emozoo.evaluation.metrics import calibration_error
from emozoo.evaluation.remeasure import remeasure
from emozoo.evaluation.selection import Selection
from emozoo.filenames import CONFIG
from emozoo.hub.reference import is_reference
from emozoo.hub.reference import parse as parse_reference
from emozoo.inference.calibration import COVERAGES, TEMPERATURES, Calibration
from emozoo.inference.conformal import fit_margins, fit_temperature, fit_thresholds, scale
from emozoo.paths import user_path, write_text
from emozoo.target import Outputs

FEWEST = 20
"""Clips. With fewer, a coverage of 0.95 could not be promised (Vovk et al. 2005), and the temperature would be a guess."""
FEW = 100
"""With fewer clips than this, a reader is told that they are few."""
GROUPS = 10
"""Into which speakers are divided to measure the calibration error."""
EPOCH = (
    "the same dev clips chose the epoch of its weights, so that new speakers are answered somewhat less well than these"
)
SILENT = "clips without a voice have no answer and are left out"
ALL_RIGHT = (
    "every clip is answered rightly, so the temperature is the lowest that is fitted: calibrate it on harder clips"
)


@dataclass(frozen=True)
class Calibrated:
    """What was fitted to a model."""

    model: str
    """Its folder, as it was named."""
    calibration: Calibration
    error_before: float | None
    """The expected calibration error on these clips, of uncalibrated probabilities; None for dimensions alone."""
    error_after: float | None
    """The same, each speaker's with a temperature that was fitted to other speakers."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""
    test: Metrics | None = None
    """Of a run: what the calibrated model is worth on its test clips."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo calibrate --json` prints it."""
        return {
            "model": self.model,
            "calibration": self.calibration.to_dict(),
            "calibration_error_before": self.error_before,
            "calibration_error_after": self.error_after,
            "notes": list(self.notes),
            "test": self.test and _changed(self.test),
        }


def _changed(test: Metrics) -> dict[str, Any]:
    """Of the test clips, what a calibration changes."""
    document = test.to_dict()
    return {name: document[name] for name in ("confidence", "sets", "dimensions") if name in document}


def calibrate(
    folder: str | Path,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
    merge: Mapping[str, str] | None = None,
    device: str = "auto",
    scale: tuple[float, float] | None = None,
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
) -> list[Calibrated]:
    """Calibrates the model of a run's folder, or of each fold of a run over all folds, on the run's own dev clips; with a
    `dataset`, on all of its clips, none of which the model may have been trained on. `scale` is that of the dataset's
    ratings, where it does not say so itself; `columns` and `labels_as_is` are as in
    `emozoo.data.load_dataset`.

    Raises EmozooError where there are no dev clips, fewer than `FEWEST` clips, or as few ratings of a dimension, no clip of
    one of the labels, or clips that the model was trained on; for a model of several labels; and for a model of the Hub, a
    bundled one and a plugin's, whose folders are not the user's. Then no folder is changed.
    """
    name = leads_to(str(folder))
    if is_reference(name):
        repo = parse_reference(name).repo
        raise EmozooError(
            f"{name} is on the Hub: download it first (hf download {repo} --local-dir FOLDER), and name FOLDER"
        )
    if folder_of(name):
        kind = "a bundled model" if name in bundled.names() else "a plugin's model"
        raise EmozooError(f"{name} is {kind}, whose folder stays as it is: name a folder of your own")
    with ExitStack() as held:
        places = _places(name)
        for place in places:
            if Path(place).is_dir():
                held.enter_context(locked(user_path(place), place))
        asked = Selection(dataset, data_dir, merge or {}, scale=scale, columns=columns or {}, labels_as_is=labels_as_is)
        found = [_calibrated(place, asked, device) for place in places]
        return [_kept(each) for each in found]


def _kept(calibrated: Calibrated) -> Calibrated:
    """Writes a model's calibration, and what it makes of the run's results, which it then has as well."""
    folder = user_path(calibrated.model)
    outputs = write_calibration(folder, calibrated.calibration).outputs
    return replace(calibrated, test=remeasure(folder, outputs, calibrated.calibration))


def write_calibration(folder: Path, calibration: Calibration) -> CheckpointConfig:
    """Puts a calibration into config.json of a checkpoint, atomically, and leaves all else in it as it is."""
    path = folder / CONFIG
    document = {**read_json(path, str(path)), "calibration": calibration.to_dict()}
    config = parse(document, str(folder))
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return config


def fit(
    probabilities: np.ndarray, true: np.ndarray, speakers: Sequence[str], dataset: str, part: str
) -> tuple[Calibration, float, float]:
    """A calibration for uncalibrated probabilities float [clips, labels] and true labels, int [clips]; then the expected
    calibration error before it and after it, as `Calibrated` has them. A speaker is "" where unknown."""
    temperature = fit_temperature(probabilities, true)
    calibrated = scale(probabilities, temperature)
    calibration = Calibration(
        temperature=round(temperature, 6),
        coverages=COVERAGES,
        lac=fit_thresholds(calibrated, true, "lac"),
        aps=fit_thresholds(calibrated, true, "aps"),
        dataset=dataset,
        part=part,
        clips=len(true),
        speakers=len({*speakers} - {""}),
    )
    after = calibration_error(true, _scaled_by_others(probabilities, true, speakers))
    return calibration, calibration_error(true, probabilities), after


def _scaled_by_others(probabilities: np.ndarray, true: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Probabilities, each scaled by the temperature that fits the clips of other speakers best; of other clips, where fewer
    than two speakers are known."""
    names, owner = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    group = (np.arange(len(true)) if len(names) < 2 else owner) % GROUPS
    scaled = np.empty_like(probabilities)
    for number in np.unique(group):
        own = group == number
        scaled[own] = scale(probabilities[own], fit_temperature(probabilities[~own], true[~own]))
    return scaled


def _places(name: str) -> list[str]:
    """The folders of the models: the folder itself, or those of its folds."""
    folder = user_path(name)
    folds = [] if (folder / CONFIG).is_file() else fold_folders(folder)
    return [str(Path(name, each.name)) for each in folds if (each / CONFIG).is_file()] or [name]


@dataclass(frozen=True)
class _Part:
    """The rows to calibrate on."""

    rows: list[int]
    words: str
    notes: tuple[str, ...] = ()


def _calibrated(place: str, asked: Selection, device: str) -> Calibrated:
    model = load(place, device)
    if model.outputs.multi:
        raise EmozooError(
            f"{place} gives each label a probability of its own, and a temperature is for one label a clip: its "
            "probabilities stay as they are"
        )
    run = read_options(user_path(place))
    if asked.dataset is None:
        run = _with_dev(run, place)
        asked = asked.of_run(run)
        data = asked.open_for(model, place, video=model.video)
        part = _dev(user_path(place), run, data)
    else:
        data = asked.open_for(model, place, video=model.video)
        part = _Part(list(range(len(data.store))), "all clips")
    _check_trained(place, compare(model.provenance, data.clips, part.rows))
    _check_clips(place, model, data, part)
    answers = clip_probabilities(model, data.store, part.rows)
    answered = np.isfinite(answers).all(1)
    if not answered.all():
        part = replace(part, rows=np.asarray(part.rows)[answered].tolist(), notes=(*part.notes, SILENT))
        _check_clips(place, model, data, part)
    speakers = [data.speakers[row] for row in part.rows]
    found = fit_outputs(
        model.outputs, answers[answered], data.truth.rows(part.rows), speakers, data.corpus.name, part.words
    )
    return Calibrated(place, *found, part.notes + _notes(found[0]))


def fit_outputs(
    outputs: Outputs, answers: np.ndarray, said: Truth, speakers: Sequence[str], dataset: str, part: str
) -> tuple[Calibration, float | None, float | None]:
    """`fit` for words, of the clips that have one, and margins for dimensions, of the clips that have a rating, from answers
    float64 [clips, outputs] and what people `said` of the clips."""
    before = after = None
    nothing = (None,) * len(COVERAGES)
    speaking = len({*speakers} - {""})
    found = Calibration(1.0, COVERAGES, nothing, nothing, dataset, part, len(answers), speaking)
    if outputs.labels:
        decided = np.flatnonzero(said.words != UNDECIDED)
        who = [speakers[clip] for clip in decided.tolist()]
        found, before, after = fit(answers[decided, outputs.of_labels], said.words[decided], who, dataset, part)
    residuals, middles = {}, {}
    for place, name in enumerate(outputs.dimensions):
        values, rated = answers[:, outputs.of_dimensions][:, place], said.ratings[:, place]
        known = np.isfinite(rated)
        residuals[name] = fit_margins(values[known], rated[known], outputs.scale is not None)
        middles[name] = round(float(values.mean()), 6)
    return replace(found, residuals=residuals, middles=middles), before, after


def dev_clips(model: EmotionModel, place: str) -> tuple[Data, list[int]]:
    """The data of a run, opened for its model, and the rows of its dev clips. Raises EmozooError where it has none here."""
    run = _with_dev(read_options(user_path(place)), place)
    data = Selection().of_run(run).open_for(model, place, video=model.video)
    return data, _dev(user_path(place), run, data).rows


def _notes(calibration: Calibration) -> tuple[str, ...]:
    few = f"only {calibration.clips} clips: other {calibration.clips} would have given noticeably other thresholds"
    return tuple(
        note
        for note, holds in ((few, calibration.clips < FEW), (ALL_RIGHT, calibration.temperature <= TEMPERATURES[0]))
        if holds
    )


def _with_dev(run: RunOptions | None, place: str) -> RunOptions:
    """The run. Raises EmozooError where it has no dev clips."""
    other = "calibrate it on other recordings with --dataset and --data-dir"
    if run is None:
        raise EmozooError(f"{place} has no record of its training here: {other}")
    if not run.dev:
        raise EmozooError(f"{place} was trained with --no-dev, and so on its dev speakers as well: {other}")
    return run


def _dev(folder: Path, run: RunOptions, data: Data) -> _Part:
    """The dev clips of a run: as the run kept them, else split anew."""
    protocol = run.split_by(data.corpus.protocol)
    notes = [EPOCH]
    if kept := read_split(folder):
        found = kept.find(data.columns, data.classes)
        fold = pick_fold(kept.placed(found), run.fold or 1, protocol)
        was = pick_fold(kept.folds, run.fold or 1, protocol)
        if changed := kept.differences(found, was.dev):
            notes.append(changed)
        count = len(kept.folds)
    else:
        folds = data.folds_of(run)
        fold, count = pick_fold(folds, run.fold or 1, protocol), len(folds)
        notes.append("this run keeps no split, so its data were split anew")
    if not fold.dev:
        raise EmozooError(
            f"{folder} has no dev clips here: name the run's own data with --data-dir, or others with --dataset"
        )
    shared = _shares_speakers(data, fold)
    if shared:
        notes.append("speakers of the dev clips are among the training speakers, so new voices are covered less often")
    # Without the fold's name, which may hold names of people.
    return _Part(
        list(fold.dev),
        f"dev {'clips' if shared else 'speakers'} of {protocol} fold {fold.number} of {count}",
        tuple(notes),
    )


def _shares_speakers(data: Data, fold: Fold) -> bool:
    train, dev = ({data.speakers[row] for row in side} for side in (fold.train, fold.dev))
    return bool("" in dev or train & dev)


def _check_trained(place: str, leak: Leak) -> None:
    if leak.trained_clips:
        raise EmozooError(
            f"{place} was trained on {leak.trained_clips} of these {leak.clips} clips, which would make it look too sure: "
            "name recordings that it was not trained on"
        )


def _check_clips(place: str, model: EmotionModel, data: Data, part: _Part) -> None:
    """Raises EmozooError for too few clips, or none of a label, or too few ratings of a dimension."""
    said = data.truth.rows(part.rows)
    decided = said.words[said.words != UNDECIDED]
    clips = len(decided) if model.labels else len(part.rows)
    if clips < FEWEST:
        raise EmozooError(
            f"{place} cannot be calibrated on {clips} clips ({part.words}), for "
            f"that takes {FEWEST} or more: name other recordings with --dataset and --data-dir"
        )
    counts = Counter(decided.tolist())
    if lacking := [label for number, label in enumerate(model.labels) if not counts[number]]:
        raise EmozooError(
            f"{place} cannot be calibrated: none of the {len(part.rows)} clips ({part.words}) is {' or '.join(lacking)}; "
            "name other recordings with --dataset and --data-dir"
        )
    rated = np.isfinite(said.ratings).sum(axis=0)
    for name, count in zip(model.outputs.dimensions, rated, strict=True):
        if count < FEWEST:
            raise EmozooError(
                f"{place} cannot be calibrated: {count} of the {len(part.rows)} clips ({part.words}) have a rating of "
                f"{name}, and that takes {FEWEST} or more; name other recordings with --dataset and --data-dir"
            )
