"""Measures a model on labelled clips: a fold of the dataset it was trained on, or another dataset as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emozoo import hub, plots, registry
from emozoo.adaptation import adapt_to_speakers, adaptation_note
from emozoo.data import hub_dataset, load_dataset, manifest
from emozoo.data.cache import ClipStore
from emozoo.data.corpus import Corpus
from emozoo.data.protocols import Fold, make_folds, speaker_note
from emozoo.errors import EmozooError
from emozoo.metrics import Metrics, evaluate_predictions
from emozoo.model import EmotionModel, load
from emozoo.predict import clip_probabilities
from emozoo.preparation import PLAIN, Preparation
from emozoo.reference import name_of
from emozoo.run import PREDICTIONS, RunOptions, read_options, read_predictions, write_predictions

CONFUSION = "confusion_matrix.png"
ADAPTATIONS = ("speaker",)


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
    note: str = ""
    """What a reader of the numbers must know, such as that they are speaker-dependent; "" for nothing."""
    adapted: Adaptation | None = None

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo evaluate --json` prints it."""
        named = {"model": self.model, "dataset": self.dataset, "part": self.part, "note": self.note}
        adapted = None if self.adapted is None else vars(self.adapted)
        return {**named, "adapted": adapted, **self.metrics.to_dict()}


@dataclass(frozen=True)
class Data:
    """A decoded dataset, ready to be split and cut."""

    corpus: Corpus
    store: ClipStore
    columns: dict[str, list[Any]]
    labels: tuple[str, ...]

    def folds(self, protocol: str | None, seed: int) -> list[Fold]:
        """The folds of a protocol, or of the corpus' usual one."""
        words = [self.labels[number] for number in self.columns["label"]]
        return make_folds({**self.columns, "label": words}, protocol or self.corpus.protocol, seed=seed)


def open_data(
    dataset: str,
    data_dir: str | None,
    labels: Sequence[str] | None,
    merge: Mapping[str, str],
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
) -> Data:
    """Finds, decodes and opens a dataset; with `manifest`, `data_dir` may be one of the Hub, `hub:user/name[@revision]`.

    Raises EmozooError for one that is unknown or not at hand."""
    corpus = registry.get_corpus(dataset)
    if data_dir is not None and hub.is_reference(data_dir):
        if corpus is not manifest.corpus:
            raise EmozooError(f"{data_dir} is a dataset of the Hub, which --dataset manifest reads, not {dataset}")
        data_dir = str(hub_dataset.fetch(data_dir))
    rows = load_dataset(
        corpus,
        data_dir=data_dir,
        labels=labels,
        merge=merge,
        video=video,
        optional=optional,
        preparation=preparation,
    )
    columns = {name: rows[name][:] for name in rows.column_names if name not in ("waveform", "frames")}
    return Data(corpus, ClipStore(rows), columns, tuple(rows.features["label"].names))


def pick_fold(folds: Sequence[Fold], number: int, what: str) -> Fold:
    """A fold by its number. Raises EmozooError for one that there is not."""
    if not 1 <= number <= len(folds):
        raise EmozooError(f"there is no fold {number}: {what} has folds 1 to {len(folds)}")
    return folds[number - 1]


def measure(
    model: EmotionModel,
    data: Data,
    rows: Sequence[int],
    folder: Path | None = None,
    *,
    modality: str | None = None,
    adapted: Adaptation | None = None,
) -> Metrics:
    """Answers for the rows, by one `modality` alone where it is named, and compares; with a folder, writes predictions.csv
    and confusion_matrix.png there."""
    odds = clip_probabilities(model, data.store, rows, modality=modality)
    truth = np.asarray(data.store.labels)[np.asarray(rows)]
    speakers = [data.columns["speaker"][row] for row in rows]
    if adapted is not None:
        odds = adapt_to_speakers(odds, speakers, adapted.recordings)
    metrics = evaluate_predictions(model.labels, truth, odds.argmax(1), speakers)
    if folder is not None:
        ids = [data.columns["utterance_id"][row] for row in rows]
        write_predictions(folder / PREDICTIONS, model.labels, ids, speakers, truth, odds)
        plots.confusion_matrix(metrics, folder / CONFUSION)
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
    output: Path | None = None,
    device: str = "auto",
) -> Evaluation:
    """Measures a model: a run's folder, or `hub:user/name[@revision]`.

    Without `dataset`: on the test fold of the run that made it, or another `fold` of it. With one: on all of it, or on a
    `fold` of a `protocol`. With `adapt`, "speaker", each clip's answer is adapted with `recordings` other clips that are
    measured, or all, of its speaker: see `emozoo.adaptation`. With a `modality`, `audio` or `video`, that alone reaches the
    model. Raises EmozooError for a model, dataset or fold that there is not, where the dataset lacks a label of the model,
    where the model cannot do without what is withheld, and where no speaker is known to adapt to.
    """
    if adapt not in (None, *ADAPTATIONS):
        raise EmozooError(f"cannot adapt to {adapt!r}: what there is to adapt to is {', '.join(ADAPTATIONS)}")
    if recordings is not None and (adapt is None or recordings < 1):
        raise EmozooError(f"--recordings {recordings}: goes with --adapt speaker, and is 1 or more")
    folder, name = hub.resolve(reference), name_of(reference)
    model = load(hub.commit_of(reference, folder) if hub.is_reference(reference) else folder, device)
    if modality and (lost := {*model.architecture.modalities} - {modality, *model.optional}):
        raise EmozooError(f"{name} cannot do without {', '.join(lost)}: leave --modality out")
    run = None if hub.is_reference(reference) else read_options(folder)
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
    )
    seed = run.seed if run else 0
    rows, part, notes = list(range(len(data.store))), f"all {len(data.store)} clips", []
    if fold is not None or protocol is not None:
        words = protocol or data.corpus.protocol
        split = pick_fold(data.folds(protocol, seed), fold or 1, words)
        rows, part = list(split.test), f"{words} fold {split.number} ({split.name}), {len(split.test)} clips"
        notes.append(speaker_note(split))
    if run and dataset == run.dataset:
        notes.append(_seen_note(folder, run, data, rows))
    adapted = None
    if adapt is not None:
        speakers = [data.columns["speaker"][row] for row in rows]
        if not any(speakers):
            raise EmozooError(f"{dataset} does not tell who speaks in {part}: leave --adapt {adapt} out")
        adapted = Adaptation(adapt, recordings, adaptation_note(speakers, recordings))
    if modality:
        part += f", {modality} alone"
    elif model.video and (lacking := sum(data.store.frames(row) is None for row in rows)):
        notes.append(f"{lacking} of {len(rows)} clips have no picture: they were only heard.")
    note = " ".join(filter(None, notes))
    measured = measure(model, data, rows, output, modality=modality, adapted=adapted)
    return Evaluation(name, dataset, part, measured, note, adapted)


def _seen_note(folder: Path, run: RunOptions, data: Data, rows: Sequence[int]) -> str:
    """A warning where clips are measured that are not known to be the run's own test clips."""
    try:
        tested = {row["utterance_id"] for row in read_predictions(folder / PREDICTIONS)}
    except (OSError, KeyError, ValueError):
        return ""
    strangers = sum(data.columns["utterance_id"][row] not in tested for row in rows)
    if not strangers:
        return ""
    return f"{strangers} of {len(rows)} clips are not in this run's test fold: the model may have been trained on them."
