"""Measures a model on labelled clips: a fold of the dataset it was trained on, or another dataset as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emozoo.checkpoint.groups import Grouping
from emozoo.checkpoint.lock import locked
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.named import leads_to
from emozoo.checkpoint.opening import load_with_record
from emozoo.checkpoint.predictions import write_predictions
from emozoo.checkpoint.provenance import Leak, Provenance, compare, marks
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.data.splits.fold import SPEAKER_DEPENDENT
from emozoo.data.splits.sentences import TEXT_DEPENDENT
from emozoo.errors import EmozooError
from emozoo.evaluation.adapting import Adaptation, adapted_answers, asked_adaptation, check_asked
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.confidence import risk_coverage
from emozoo.evaluation.data import Data
from emozoo.evaluation.groups import check_columns, columns_of, grouped
from emozoo.evaluation.notes import notes_on, trained_by_its_card
from emozoo.evaluation.part import Part, chosen_part
from emozoo.evaluation.selection import Selection
from emozoo.evaluation.worth import AnsweredClips, worth
from emozoo.filenames import CONFUSION, PREDICTIONS, RISK, RUN
from emozoo.hub.reference import is_reference, name_of
from emozoo.inference.checks import check_coverage
from emozoo.inference.words import calibrated
from emozoo.paths import user_path
from emozoo.plots.confidence import risk_coverage_curve
from emozoo.plots.results import confusion_matrix


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and on what."""

    model: str
    dataset: str
    part: str
    """In words: the fold, or the whole dataset."""
    metrics: Metrics
    leak: Leak = Leak()
    """Which of the clips the model had been trained on."""
    note: str = ""
    """What a reader of the numbers must know, such as that they are speaker-dependent; "" for nothing."""
    adapted: Adaptation | None = None
    parameters: int | None = None
    """Of the network; None for an ONNX graph."""
    groups: tuple[Grouping, ...] = ()
    """Of the columns that were asked for."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo evaluate --json` prints it."""
        named = {"model": self.model, "dataset": self.dataset, "part": self.part, "note": self.note}
        adapted = None if self.adapted is None else vars(self.adapted)
        groups = {"groups": [each.to_dict() for each in self.groups]} if self.groups else {}
        return {**named, "leak": self.leak.to_dict(), "adapted": adapted, **self.metrics.to_dict(), **groups}


class Measured(NamedTuple):
    """What was measured of some clips."""

    metrics: Metrics
    groups: tuple[Grouping, ...]
    """Of the columns that were asked for."""
    adapted: Adaptation | None
    """As it was asked for, with a note of what was done."""


def measure(
    model: EmotionModel,
    data: Data,
    rows: Sequence[int],
    folder: Path | None = None,
    *,
    modality: str | None = None,
    adapted: Adaptation | None = None,
    provenance: Provenance | None = None,
    coverage: float | None = None,
    by: Sequence[str] = (),
    heading: Sequence[str] = (),
) -> Measured:
    """Compares the model's answers for the rows with what people said of them, by one `modality` alone where it is named;
    for a calibrated model, also sets of labels that are asked for a `coverage`, 0.9 if left out. `by` names columns whose
    groups are measured as well.

    Clips without a voice are not answered, so they are not in the metrics. With a folder, writes predictions.csv, which
    marks what `provenance` has of the rows, and for words confusion_matrix.png, below these lines of `heading`, and
    risk_coverage.png there. Raises EmozooError where no clip is answered.
    """
    answers = clip_probabilities(model, data.store, rows, modality=modality)
    answers = calibrated(model, answers)
    speakers = [data.speakers[row] for row in rows]
    there = np.flatnonzero(np.isfinite(answers).all(1))
    if adapted is not None:
        who = [speakers[place] for place in there]
        named = data.columns.get("corpus")
        corpora = [str(named[rows[place]] or "") if named else "" for place in there.tolist()]
        answers[there], adapted = adapted_answers(adapted, model, answers[there], who, corpora)
    tested = AnsweredClips.of(data, rows, speakers, there, answers)
    metrics = worth(model, tested, coverage)
    groups = grouped(tested, columns_of(data, [rows[place] for place in there.tolist()], by)) if by else ()
    if folder is not None:
        ids = [data.columns["utterance_id"][row] for row in rows]
        trained_on = marks(provenance, data.clips, rows)
        said = data.truth.rows(rows)
        write_predictions(
            folder / PREDICTIONS,
            data.outputs,
            ids,
            speakers,
            said.words,
            said.counts,
            said.ratings,
            answers,
            trained_on,
        )
        if metrics.labels:
            confusion_matrix(metrics, folder / CONFUSION, heading=heading)
            sure, true = tested.labelled
            risk_coverage_curve(*risk_coverage(true, sure), sure.max(1), folder / RISK, heading)
    return Measured(metrics, groups, adapted)


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
    coverage: float | None = None,
    seed: int | None = None,
    output: str | Path | None = None,
    device: str = "auto",
    precision: str = "fp32",
    scale: tuple[float, float] | None = None,
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
    by: Sequence[str] = (),
    folds: str | None = None,
) -> Evaluation:
    """Measures a model: a run's folder, or `hub:user/name[@revision]`.

    Without `dataset`: on the test fold of the run that made it, or another `fold` of it. With one: on all of it, or on a
    `fold` of a `protocol`, or of `folds` that others made, a file or folder. With `adapt`, "speaker", each clip's answer
    is adapted with `recordings` other clips that are measured, or all, of its speaker: see `emozoo.inference.adaptation`.
    With `adapt`, "recordings", all that are measured are adapted to one another, those of each corpus apart: see
    `emozoo.inference.recordings`.
    With a `modality`, `audio` or `video`, the model gets that alone. Of a calibrated model, the sets of labels for a
    `coverage`, 0.9 if left out, are measured as well. `precision` is as for `emozoo.load`. `scale` is that of the
    dataset's ratings, where it does not say so itself; it is split by the random `seed`, that of the model's run if left
    out. `by` names columns whose groups are measured, too. `columns` and `labels_as_is` are as in
    `emozoo.data.load_dataset`.
    Raises EmozooError for a model, dataset or fold that does not exist, where the dataset has none of
    the model's labels, where the model needs what is withheld, and where no speaker is known to adapt to.
    """
    check_asked(adapt, recordings)
    _check_options(dataset, protocol, folds, output)
    check_columns(by)
    subject = _Subject.of(reference, device, precision)
    subject.check_modality(modality)
    if coverage is not None:
        check_coverage(subject.model, coverage)
    check_columns(by, subject.model.outputs)
    selection = Selection(
        dataset, data_dir, merge or {}, protocol, fold, scale, seed, columns or {}, labels_as_is, folds
    )
    known = selection.of_run(subject.run) if dataset is None and subject.run else selection
    data = known.open_for(subject.model, subject.name, video=subject.model.video and modality != "audio")
    part = chosen_part(subject.folder, subject.run, selection, data)
    leak = compare(subject.model.provenance, data.clips, part.rows)
    adapted = None if adapt is None else _adaptation(subject, adapt, recordings, data, part)
    place = None if output is None else user_path(output)
    words = _Words(subject, data, part, leak, modality, adapt)
    with locked(place, str(output)) if place else nullcontext():
        metrics, groups, adapted = measure(
            subject.model,
            data,
            part.rows,
            place,
            modality=modality,
            adapted=adapted,
            provenance=subject.model.provenance,
            coverage=coverage,
            by=by,
            heading=words.heading,
        )
    return Evaluation(
        subject.name,
        data.corpus.name,
        words.part,
        metrics,
        leak,
        words.note(metrics),
        adapted,
        subject.parameters,
        groups,
    )


def _check_options(dataset: str | None, protocol: str | None, folds: str | None, output: str | Path | None) -> None:
    """Raises EmozooError for options that do not fit, before any work."""
    if folds is not None and (dataset is None or protocol is not None):
        raise EmozooError(f"--folds {folds}: takes --dataset beside it, and no --protocol")
    if output is not None and (user_path(output) / RUN).exists():
        raise EmozooError(f"{output} holds a run, whose own predictions stay: name another --output")


@dataclass(frozen=True)
class _Subject:
    """The model that is measured."""

    name: str
    folder: Path
    model: EmotionModel
    run: RunOptions | None
    """The options of the run that made it; None for a model of the Hub, or without a record."""

    @classmethod
    def of(cls, reference: str | Path, device: str, precision: str) -> _Subject:
        model, folder = load_with_record(reference, device, precision)
        published = is_reference(leads_to(reference))
        return cls(name_of(reference), folder, model, None if published else read_options(folder))

    @property
    def parameters(self) -> int | None:
        if not isinstance(self.model, EmotionModel):
            return None
        return sum(parameter.numel() for parameter in self.model.parameters())

    def check_modality(self, modality: str | None) -> None:
        """Raises EmozooError where the model needs the other modality as well."""
        if modality and (lost := {"audio", *["video"][: self.model.video]} - {modality, *self.model.optional}):
            raise EmozooError(f"{self.name} cannot do without {', '.join(lost)}: leave --modality out")


def _adaptation(subject: _Subject, to: str, recordings: int | None, data: Data, part: Part) -> Adaptation:
    speakers = [data.speakers[row] for row in part.rows]
    return asked_adaptation(subject.model, to, recordings, speakers, data.corpus.name, part.words)


@dataclass(frozen=True)
class _Words:
    """What is measured, in words."""

    subject: _Subject
    data: Data
    measured: Part
    leak: Leak
    modality: str | None
    adapt: str | None

    @property
    def part(self) -> str:
        return f"{self.measured.words}, {self.modality} alone" if self.modality else self.measured.words

    @property
    def dependent(self) -> bool:
        """Whether the model knows the speakers. Of a model that was trained on other data, the split says nothing."""
        return self.measured.dependent and not self.leak.disjoint

    @property
    def heading(self) -> tuple[str, str]:
        """Of plots: the model and the data, then which part of them, and what a reader must know."""
        remarks = {
            f"adapted to the {self.adapt}": bool(self.adapt),
            "speaker-dependent": self.dependent,
            "leaked": self.leak.found,
        }
        split = ", ".join([self.part, *(word for word, holds in remarks.items() if holds)])
        return f"{self.subject.name} on {self.data.corpus.name}", split

    def note(self, metrics: Metrics) -> str:
        """What a reader of the metrics must know."""
        sentences = [
            trained_by_its_card(self.subject.model, self.data),
            self.leak.sentence,
            SPEAKER_DEPENDENT if self.dependent else "",
            TEXT_DEPENDENT if self.measured.text_dependent else "",
            *self.measured.notes,
            *notes_on(self.subject.model, self.data, self.measured.rows, metrics, self.modality),
        ]
        return ". ".join(filter(None, sentences))
