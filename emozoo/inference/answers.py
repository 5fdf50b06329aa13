"""The answers for windows and files, as JSON and CSV, and the `Model` that gives them."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

import numpy as np

from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.calibration import Calibration
from emozoo.inference.options import PredictOptions
from emozoo.inference.turn_answers import SegmentAnswer, SpeakerAnswer, answered
from emozoo.inference.voice import UNSURE
from emozoo.media.preparation import Preparation
from emozoo.media.window_shape import WindowShape
from emozoo.target import DIMENSIONS, Outputs
from emozoo.text import SCHEMA, csv_cell, printable

NOTE = """### What such a guess is, and what it is not
The networks have learned how people, most of them actors, *portray* an emotion, in a few languages and good recordings.
That is not what a person feels. A network always chooses one of its labels, also for laughter, music or a language that it
was not trained on. The percentages say how sure a network is, not how often it is right.

Do not use the answers to make or support decisions about people: not in hiring, schooling, policing, health, insurance or
at work. Record and analyse people only with their consent.

What you give to this page goes to the machine that runs it and to nobody else. It is deleted when you leave."""

Window = tuple[np.ndarray, np.ndarray | None]
"""Sound [samples], shorter than a window where the clip ends, and frames: as `emozoo.media.window.cut_window` gives them."""


class Model(Protocol):
    """Gives probabilities for windows, by torch, onnxruntime or anything else."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions, first in the order of the outputs."""

    @property
    def video(self) -> bool:
        """Whether it takes frames as well as sound."""

    @property
    def optional(self) -> tuple[str, ...]:
        """Which of `audio` and `video` a clip may lack."""

    @property
    def preparation(self) -> Preparation:
        """How clips are prepared for the network."""

    @property
    def window(self) -> WindowShape:
        """How long its windows are, and how many frames they have."""

    @property
    def outputs(self) -> Outputs:
        """What its outputs are, in order."""

    @property
    def target(self) -> str:
        """The same in a word, as of `emozoo.target.TARGETS`."""

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on computed voices only: then it knows nothing of real ones."""

    @property
    def calibration(self) -> Calibration | None:
        """How its probabilities are calibrated; None: they are not."""

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, where small batches on all cores are fastest."""

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, outputs] for windows: probabilities, then values of dimensions, about 0 to 1. Raises EmozooError
        if the network answers with values that are not finite."""

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """float32 [batch, features] for windows. Raises EmozooError where the network has none."""


@dataclass(frozen=True)
class WindowAnswer:
    """One window's answer: seconds from the start of the clip, probabilities by label."""

    start: float
    end: float
    emotion: str | None
    """None where there is a `reason`."""
    probabilities: dict[str, float] | None
    """None where there is no voice."""
    reason: str | None = None
    """Why there is no emotion: see `emozoo.inference.voice`."""
    speech: float | None = None
    """How much of the window is speech, from 0 to 1; None: not searched for."""
    prediction_set: tuple[str, ...] | None = None
    """As of a `Prediction`."""
    dimensions: dict[str, float] | None = None
    """As of a `Prediction`."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json --timeline` and `emozoo listen --json` print it."""
        return {"start": self.start, "end": self.end, **answered(self)}


@dataclass(frozen=True)
class Prediction:
    """The answer for a clip, or why there is none."""

    file: str
    emotion: str | None = None
    probabilities: dict[str, float] | None = None
    windows: tuple[WindowAnswer, ...] | None = None
    error: str | None = None
    """Why there are no probabilities, in a sentence."""
    reason: str | None = None
    """Why there is no emotion, in a word: `silent`, `no speech` or `too short` for a clip that can be read, but has no voice
    in it, where `error` is set too; `unsure` where the confidence that was asked for is not reached."""
    warnings: tuple[str, ...] = ()
    """What is wrong with a clip that was answered nonetheless, such as that it is cut off."""
    modalities: tuple[str, ...] | None = None
    """Which of `audio` and `video` the answer is based on, if the model can do without one of them; else None."""
    speech: float | None = None
    """How much of the clip is speech, from 0 to 1; None: not searched for."""
    prediction_set: tuple[str, ...] | None = None
    """The labels that hold the true one in the share of cases that was asked for, the most probable first; else None."""
    dimensions: dict[str, float] | None = None
    """Of a model that answers with dimensions instead of words: such as arousal, dominance and valence, about 0 to 1."""
    segments: tuple[SegmentAnswer, ...] | None = None
    """Where segments are answered, in the order in which they were given. The clip's answer is then their mean by length."""
    speakers: tuple[SpeakerAnswer, ...] | None = None
    """Where segments are answered, each speaker in the order in which they first speak."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        document: dict[str, Any] = {"file": self.file}
        if self._is_read:
            document |= answered(self)
        if self.error is not None:
            document["error"] = self.error
        if self.modalities is not None:
            document["modalities"] = list(self.modalities)
        if self.warnings:
            document["warnings"] = list(self.warnings)
        if self.windows is not None:
            document["windows"] = [window.to_dict() for window in self.windows]
        if self.segments is not None:
            document["segments"] = [segment.to_dict() for segment in self.segments]
            document["speakers"] = [speaker.to_dict() for speaker in self.speakers or ()]
        return document

    @property
    def _is_read(self) -> bool:
        return self.error is None or self.reason is not None

    def without_windows(self) -> Prediction:
        return dataclasses.replace(self, windows=None)

    def _repr_html_(self) -> str:
        from emozoo.inference.notebook import prediction_html

        return prediction_html(self)


def document(
    name: str,
    labels: Iterable[str],
    answers: Iterable[Prediction],
    timeline: bool,
    bias: SpeakerBias | None = None,
    dimensions: bool = False,
) -> dict[str, Any]:
    """Answers of the model called `name`, as `emozoo predict --json` prints them: with windows only for `timeline`, and
    adapted to a speaker whose `bias` is given; `dimensions`: the labels are those of dimensions."""
    predictions = [(answer if timeline else answer.without_windows()).to_dict() for answer in answers]
    names = {"labels": [], "dimensions": list(labels)} if dimensions else {"labels": list(labels)}
    return {"schema": SCHEMA, "model": name, **names, **_adapted(bias), "predictions": predictions}


def has_dimensions(model: Model) -> bool:
    """Whether a model answers with a number for each dimension, instead of words."""
    return model.target == DIMENSIONS


def line_document(name: str, answer: Prediction, timeline: bool, bias: SpeakerBias | None = None) -> dict[str, Any]:
    """One answer, as `emozoo predict --jsonl` prints it: see `document`."""
    answered = (answer if timeline else answer.without_windows()).to_dict()
    return {"schema": SCHEMA, "model": name, **_adapted(bias), **answered}


def _adapted(bias: SpeakerBias | None) -> dict[str, Any]:
    return {} if bias is None else {"speaker": {"recordings": bias.recordings}}


@dataclass(frozen=True)
class Words:
    """Probabilities as an answer says them."""

    emotion: str | None = None
    probabilities: dict[str, float] | None = None
    reason: str | None = None
    prediction_set: tuple[str, ...] | None = None
    dimensions: dict[str, float] | None = None


def in_words(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    """The answer from a model's probabilities, or dimensions, float64 [labels] of a window, or their mean over a clip.

    Probabilities are calibrated (which never changes the most probable label), then a speaker's bias is subtracted.
    """
    probabilities = calibrated(model, probabilities)
    if options.bias is not None:
        probabilities = options.bias.apply(probabilities)
    return words(model, probabilities, options)


def calibrated(model: Model, probabilities: np.ndarray) -> np.ndarray:
    """A model's probabilities float64 [..., labels], calibrated where it is."""
    return probabilities if model.calibration is None else model.calibration.apply(probabilities)


def words(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    """As `in_words`, from probabilities that are calibrated and adapted already."""
    by_label = {label: float(value) for label, value in zip(model.outputs.names, probabilities, strict=True)}
    if has_dimensions(model):
        return Words(dimensions=by_label)
    best = max(by_label, key=by_label.__getitem__)
    found = None
    if options.coverage is not None and model.calibration is not None:
        numbers = model.calibration.prediction_set(probabilities, options.coverage)
        found = tuple(model.labels[number] for number in numbers)
    if by_label[best] < options.min_confidence:
        return Words(None, by_label, UNSURE, found)
    return Words(best, by_label, None, found)


ONE_SIDED: dict[tuple[str, ...], str] = {
    ("audio",): "sound only, because there is no video",
    ("video",): "video only, because there is no sound",
}


@dataclass(frozen=True)
class CsvTable:
    """Writes answers as CSV, each line at once: probabilities, or dimensions, from 0 to 1, and the error of a file without
    an answer.

    Words are made printable, and harmless in a spreadsheet (`emozoo.text.csv_cell`).
    """

    labels: tuple[str, ...]
    timeline: bool
    to: TextIO
    segments: bool = False
    """Whether a file has a row for each segment."""

    def begin(self) -> None:
        """Writes the names of the columns."""
        span = ["start", "end"] if self.timeline or self.segments else []
        span += ["speaker", "text"] if self.segments else []
        labels = [csv_cell(printable(label)) for label in self.labels]
        self._write(["file", *span, "emotion", *labels, *REMARKS])

    def add(self, answer: Prediction) -> None:
        """Writes an answer: one row, or one per window or segment."""
        if self.segments:
            for segment in answer.segments or ():
                times = [f"{segment.start:.3f}", f"{segment.end:.3f}"]
                named = [csv_cell(printable(word)) for word in (segment.speaker, segment.text)]
                self._row(answer, [*times, *named], segment)
            if not answer.segments:
                self._row(answer, [""] * 4, answer)
        elif not self.timeline:
            self._row(answer, [], answer)
        elif answer.windows:
            for window in answer.windows:
                self._row(answer, [f"{window.start:.3f}", f"{window.end:.3f}"], window)
        else:
            self._row(answer, ["", ""], answer)

    def _row(self, answer: Prediction, span: list[str], part: WindowAnswer | SegmentAnswer | Prediction) -> None:
        shares = part.probabilities or part.dimensions
        values = [""] * len(self.labels) if shares is None else [f"{shares[label]:.6f}" for label in self.labels]
        remarks = [
            part.reason or "",
            "" if part.speech is None else f"{part.speech:.3f}",
            " ".join(part.prediction_set or ()),
            " ".join(answer.modalities or ()),
            "; ".join(answer.warnings),
            answer.error or "",
        ]
        words = [csv_cell(printable(word)) for word in (answer.file, part.emotion or "", *remarks)]
        self._write([words[0], *span, words[1], *values, *words[2:]])

    def _write(self, cells: Sequence[str]) -> None:
        csv.writer(self.to, lineterminator="\n").writerow(cells)
        self.to.flush()


REMARKS = ("reason", "speech", "prediction_set", "modalities", "warnings", "error")
"""The columns of a CSV table behind the probabilities; empty where there is nothing to say."""


def write_csv(answers: Iterable[Prediction], labels: Sequence[str], timeline: bool, to: TextIO) -> None:
    """A whole `CsvTable`."""
    table = CsvTable(tuple(labels), timeline, to)
    table.begin()
    for answer in answers:
        table.add(answer)
