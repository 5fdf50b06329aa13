"""Measures a model on labelled clips: a fold of the dataset it was trained on, or another dataset as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.lock import locked
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.predictions import read_tested, write_predictions
from emozoo.checkpoint.provenance import Leak, Provenance, compare, marks
from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.data.splits.kept import read_split
from emozoo.data.splits.protocols import SPEAKER_DEPENDENT, Fold, pick_fold
from emozoo.errors import EmozooError
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import Metrics, evaluate_predictions
from emozoo.filenames import CONFUSION, PREDICTIONS, PROVENANCE, RUN
from emozoo.hub.files import commit_of
from emozoo.hub.reference import is_reference, name_of
from emozoo.inference.adaptation import adapt_to_speakers, adaptation_note
from emozoo.paths import user_path
from emozoo.plots.results import confusion_matrix

ADAPTATIONS = ("speaker",)
OLD_RUN = (
    "this run was made before runs kept their split, so its test clips are found by the ids in its predictions.csv"
)
DEALT_ANEW = "this run keeps no such split, so it is dealt anew"


@dataclass(frozen=True)
class Adaptation:
    """How the answers were adapted before they were compared."""

    to: str
    """One of `ADAPTATIONS`."""
    recordings: int | None
    """Other recordings of the speaker for each clip; None: all that there are."""
    note: str
    """The same in words, and which clips it passes by."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and on what."""

    model: str
    dataset: str
    part: str
    """In words: the fold, or the whole dataset."""
    metrics: Metrics
    leak: Leak = Leak()
    """What of the clips the model had been trained on."""
    note: str = ""
    """What a reader of the numbers must know, such as that they are speaker-dependent; "" for nothing."""
    adapted: Adaptation | None = None

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo evaluate --json` prints it."""
        named = {"model": self.model, "dataset": self.dataset, "part": self.part, "note": self.note}
        adapted = None if self.adapted is None else vars(self.adapted)
        return {**named, "leak": self.leak.to_dict(), "adapted": adapted, **self.metrics.to_dict()}


def measure(
    model: EmotionModel,
    data: Data,
    rows: Sequence[int],
    folder: Path | None = None,
    *,
    modality: str | None = None,
    adapted: Adaptation | None = None,
    provenance: Provenance | None = None,
) -> Metrics:
    """Answers for the rows, by one `modality` alone where it is named, and compares; with a folder, writes predictions.csv
    and confusion_matrix.png there. predictions.csv marks what `provenance` has of the rows."""
    probabilities = clip_probabilities(model, data.store, rows, modality=modality)
    truth = np.asarray(data.store.labels)[np.asarray(rows)]
    speakers = [data.speakers[row] for row in rows]
    if adapted is not None:
        probabilities = adapt_to_speakers(probabilities, speakers, adapted.recordings)
    metrics = evaluate_predictions(model.labels, truth, probabilities.argmax(1), speakers)
    if folder is not None:
        ids = [data.columns["utterance_id"][row] for row in rows]
        trained_on = marks(provenance, data.clips, rows)
        write_predictions(folder / PREDICTIONS, model.labels, ids, speakers, truth, probabilities, trained_on)
        confusion_matrix(metrics, folder / CONFUSION)
    return metrics


def evaluate(
    reference: str | Path,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
    merge: Mapping[str, str] | None = None,
    protocol: str | None = None,
    fold: int | None = None,
    adapt: str | None = None,
    recordings: int | None = None,
    modality: str | None = None,
    output: str | Path | None = None,
    device: str = "auto",
) -> Evaluation:
    """Measures a model: a run's folder, or `hub:user/name[@revision]`.

    Without `dataset`: on the test fold of the run that made it, or another `fold` of it. With one: on all of it, or on a
    `fold` of a `protocol`. With `adapt`, "speaker", each clip's answer is adapted with `recordings` other clips that are
    measured, or all, of its speaker: see `emozoo.inference.adaptation`. With a `modality`, `audio` or `video`, that
    alone reaches the
    model. Raises EmozooError for a model, dataset or fold that there is not, where the dataset has none of the model's
    labels, where the model cannot do without what is withheld, and where no speaker is known to adapt to.
    """
    if adapt not in (None, *ADAPTATIONS):
        raise EmozooError(f"cannot adapt to {adapt!r}: what there is to adapt to is {', '.join(ADAPTATIONS)}")
    if recordings is not None and (adapt is None or recordings < 1):
        raise EmozooError(f"--recordings {recordings}: goes with --adapt speaker, and is 1 or more")
    if output is not None and (user_path(output) / RUN).exists():
        raise EmozooError(f"{output} holds a run, whose own predictions stay: name another --output")
    folder, name = resolve(reference, extra=(PROVENANCE,)), name_of(reference)
    model = load(commit_of(reference, folder) if is_reference(reference) else folder, device)
    if modality and (lost := {*model.architecture.modalities} - {modality, *model.optional}):
        raise EmozooError(f"{name} cannot do without {', '.join(lost)}: leave --modality out")
    run = None if is_reference(reference) else read_options(folder)
    own = dataset is None
    if dataset is None:
        if run is None:
            raise EmozooError(f"{name} has no record of its training here: name the data with --dataset and --data-dir")
        asked = RunOptions(**{**vars(run), "data_dir": data_dir or run.data_dir, "protocol": protocol or run.protocol})
        merge = {**asked.merge, **(merge or {})}
        dataset, data_dir, protocol, fold = asked.dataset, asked.data_dir, asked.protocol, fold or asked.fold
    video = model.video and modality != "audio"
    model.preparation.require(name)
    data = open_data(
        dataset,
        data_dir,
        model.labels,
        merge or {},
        video=video,
        optional=model.optional,
        preparation=model.preparation,
        may_lack=True,
    )
    if own and run:
        part = _own_part(folder, run, data, protocol, fold or 1)
    elif fold is not None or protocol is not None:
        part = _dealt_part(data, protocol, fold or 1, run.seed if run else 0)
    else:
        part = _Part(list(range(len(data.store))), f"all {len(data.store)} clips")
    rows, words, notes = part.rows, part.words, list(part.notes)
    leak = compare(model.provenance, data.clips, rows)
    if part.dependent and not leak.disjoint:  # of a model that never heard the data, a split of them says nothing
        notes.insert(0, SPEAKER_DEPENDENT)
    notes.insert(0, leak.sentence)
    adapted = None
    if adapt is not None:
        speakers = [data.speakers[row] for row in rows]
        if not any(speakers):
            raise EmozooError(f"{dataset} does not tell who speaks in {words}: leave --adapt {adapt} out")
        adapted = Adaptation(adapt, recordings, adaptation_note(speakers, recordings))
    if modality:
        words += f", {modality} alone"
    elif model.video and (lacking := sum(data.store.frames(row) is None for row in rows)):
        notes.append(f"{lacking} of {len(rows)} clips have no picture: they were only heard")
    there = set(data.store.labels[rows].tolist())
    if absent := [label for number, label in enumerate(model.labels) if number not in there]:
        notes.append(f"no clip is {' or '.join(absent)}: UA and macro F1 are of the other {len(there)} classes")
    note = ". ".join(filter(None, notes))
    place = None if output is None else user_path(output)
    with locked(place, str(output)) if place else nullcontext():
        measured = measure(model, data, rows, place, modality=modality, adapted=adapted, provenance=model.provenance)
    return Evaluation(name, dataset, words, measured, leak, note, adapted)


@dataclass(frozen=True)
class _Part:
    """Some rows of a dataset, in words, and what is to be known of them."""

    rows: list[int]
    words: str
    notes: tuple[str, ...] = ()
    dependent: bool = False
    """Whether the fold that they are the test split of is speaker-dependent."""


def _own_part(folder: Path, run: RunOptions, data: Data, protocol: str | None, fold: int) -> _Part:
    """The test split of a fold of the run in `folder`: as it was kept, where it was, else dealt anew."""
    kept = read_split(folder) if protocol == run.protocol else None
    if kept is None:
        tested = read_tested(folder) if (protocol, fold) == (run.protocol, run.fold) else None
        rows = [row for row, name in enumerate(data.columns["utterance_id"]) if name in (tested or ())]
        if tested is None or not rows:
            return replace(_dealt_part(data, protocol, fold, run.seed), notes=(DEALT_ANEW,))
        note = f"{OLD_RUN}: {len(rows)} of {len(tested)} are there"
        words = f"{protocol or data.corpus.protocol} fold {fold}, {len(rows)} clips"
        return _Part(rows, words, (note,), dependent=run.protocol == "random")
    words = protocol or data.corpus.protocol
    found = kept.find(data.columns, data.labels)
    was, now = (pick_fold(folds, fold, words) for folds in (kept.folds, kept.placed(found)))
    if not now.test:
        raise EmozooError(
            f"none of the {len(was.test)} test clips of fold {fold} of {folder} is there: name the run's own data with "
            "--data-dir, or measure others with --dataset"
        )
    notes = [changed[:1].upper() + changed[1:]] if (changed := kept.differences(found, was.test)) else []
    if found.new:
        notes.append(f"clips that the run did not have are left out: {len(found.new)}")
    return _Part(list(now.test), _fold_words(words, now), tuple(notes), not now.speaker_disjoint)


def _dealt_part(data: Data, protocol: str | None, fold: int, seed: int) -> _Part:
    words = protocol or data.corpus.protocol
    split = pick_fold(data.folds(protocol, seed), fold, words)
    return _Part(list(split.test), _fold_words(words, split), dependent=not split.speaker_disjoint)


def _fold_words(protocol: str, fold: Fold) -> str:
    return f"{protocol} fold {fold.number} ({fold.name}), {len(fold.test)} clips"
