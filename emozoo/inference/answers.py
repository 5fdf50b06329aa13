"""The answers for windows and files, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions
from emozoo.inference.recordings import RecordingsBias
from emozoo.inference.segment_answers import Scored, SegmentAnswer, SpeakerAnswer, answered
from emozoo.inference.voice import UNSURE
from emozoo.target import PRESENT, Outputs
from emozoo.text import SCHEMA

NOTE = """### What such a guess is, and what it is not
The networks have learned how people, most of them actors, *portray* an emotion, in a few languages and good recordings.
That is not what a person feels. A network always chooses one of its labels, also for laughter, music or a language that it
was not trained on. The percentages say how sure a network is, not how often it is right.

Do not use the answers to make or support decisions about people: not in hiring, schooling, policing, health, insurance or
at work. Record and analyse people only with their consent.

What you give to this page goes to the machine that runs it and to nobody else. It is deleted when you leave."""


@dataclass(frozen=True)
class WindowAnswer(Scored):
    """One window's answer: seconds from the start of the clip, probabilities by label."""

    start: float
    end: float
    emotion: str | None
    """None where there is a `reason`, and as of a `Prediction`."""
    probabilities: dict[str, float] | None
    """None where there is no voice."""
    reason: str | None = None
    """Why there is no emotion: see `emozoo.inference.voice`."""
    speech: float | None = None
    """How much of the window is speech, from 0 to 1; None: not searched for."""
    prediction_set: tuple[str, ...] | None = None
    """As of a `Prediction`, and so are the fields below."""
    dimensions: dict[str, float] | None = None
    ratings: dict[str, float] | None = None
    intervals: dict[str, tuple[float, float]] | None = None
    emotions: tuple[str, ...] | None = None
    adapted_with: int | None = None
    """Of a stream: how many windows so far it was adapted with; None: it was not asked for."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json --timeline` and `emozoo listen --json` print it."""
        document = {"start": self.start, "end": self.end, **answered(self)}
        return document if self.adapted_with is None else {**document, "adapted_with": self.adapted_with}


@dataclass(frozen=True)
class Prediction(Scored):
    """The answer for a clip, or why there is none."""

    file: str
    emotion: str | None = None
    """The most probable label. None where there is a `reason`, where there are dimensions alone, and where a model of
    several labels finds none of them."""
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
    """Of a model that answers with dimensions, beside words or instead of them: such as valence and arousal, 0 to 1."""
    ratings: dict[str, float] | None = None
    """The dimensions on the scale of the corpus that the model was trained on, where that is known."""
    intervals: dict[str, tuple[float, float]] | None = None
    """For each dimension, the lowest and the highest value between which people's rating lies in the share of cases that was
    asked for, 0 to 1."""
    emotions: tuple[str, ...] | None = None
    """Of a model whose clips may have several labels: all that are there, the most probable first, perhaps none."""
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
    outputs: Outputs,
    answers: Iterable[Prediction],
    timeline: bool,
    bias: SpeakerBias | RecordingsBias | None = None,
) -> dict[str, Any]:
    """Answers of the model called `name`, as `emozoo predict --json` prints them: with windows only for `timeline`, and
    adapted to a speaker whose `bias` is given, or to one another with theirs."""
    predictions = [(answer if timeline else answer.without_windows()).to_dict() for answer in answers]
    names = {"labels": list(outputs.labels), **({"dimensions": list(outputs.dimensions)} if outputs.dimensions else {})}
    head = {"schema": SCHEMA, "model": name, **names, **scale_of(outputs), **_adapted(bias)}
    return {**head, "predictions": predictions}


def line_document(
    name: str,
    outputs: Outputs,
    answer: Prediction,
    timeline: bool,
    bias: SpeakerBias | RecordingsBias | None = None,
) -> dict[str, Any]:
    """One answer, as `emozoo predict --jsonl` prints it: see `document`."""
    answered = (answer if timeline else answer.without_windows()).to_dict()
    return {"schema": SCHEMA, "model": name, **scale_of(outputs), **_adapted(bias), **answered}


def scale_of(outputs: Outputs) -> dict[str, Any]:
    """The scale of the ratings in a document, where it is known."""
    return {"scale": [outputs.scale.low, outputs.scale.high]} if outputs.scale else {}


def _adapted(bias: SpeakerBias | RecordingsBias | None) -> dict[str, Any]:
    if isinstance(bias, RecordingsBias):
        used = {"recordings": bias.recordings, "adapted_with": bias.adapted_with}
        return {"adapted": {"to": "recordings", **used, "note": bias.sentence}}
    return {} if bias is None else {"speaker": {"recordings": bias.recordings}}


@dataclass(frozen=True)
class Words:
    """A model's numbers as an answer says them; the fields are those of a `Prediction`."""

    emotion: str | None = None
    probabilities: dict[str, float] | None = None
    reason: str | None = None
    prediction_set: tuple[str, ...] | None = None
    dimensions: dict[str, float] | None = None
    ratings: dict[str, float] | None = None
    intervals: dict[str, tuple[float, float]] | None = None
    emotions: tuple[str, ...] | None = None


def in_words(model: Model, given: np.ndarray, options: PredictOptions) -> Words:
    """The answer from a model's probabilities and dimensions, float64 [outputs] of a window, or their mean over a clip.

    Probabilities are calibrated (which never changes the most probable label), then a speaker's bias is subtracted.
    """
    found = calibrated(model, given)
    return words(model, found if options.bias is None else options.bias.apply(found), options)


def calibrated(model: Model, given: np.ndarray) -> np.ndarray:
    """A model's numbers float64 [..., outputs], with the probabilities calibrated where they are; dimensions stay."""
    outputs = model.outputs
    if model.calibration is None or not outputs.labels or outputs.multi:
        return given
    probabilities = model.calibration.apply(given[..., outputs.of_labels])
    return np.concatenate([probabilities, given[..., outputs.of_dimensions]], axis=-1)


def words(model: Model, given: np.ndarray, options: PredictOptions) -> Words:
    """As `in_words`, from numbers that are calibrated and adapted already."""
    outputs = model.outputs
    found = Words()
    if outputs.labels:
        found = (_several if outputs.multi else _one)(model, given[outputs.of_labels], options)
    return _with_dimensions(found, model, given[outputs.of_dimensions], options) if outputs.dimensions else found


def _one(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    by_label = dict(zip(model.labels, probabilities.tolist(), strict=True))
    best = max(by_label, key=by_label.__getitem__)
    found = None
    if options.coverage is not None and model.calibration is not None:
        numbers = model.calibration.prediction_set(probabilities, options.coverage)
        found = tuple(model.labels[number] for number in numbers)
    if by_label[best] < options.min_confidence:
        return Words(None, by_label, UNSURE, found)
    return Words(best, by_label, None, found)


def _several(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    """The labels that are there, each with a probability of its own: those of `PRESENT` or more."""
    by_label = dict(zip(model.labels, probabilities.tolist(), strict=True))
    least = max(PRESENT, options.min_confidence)
    there = tuple(label for label in sorted(by_label, key=lambda label: -by_label[label]) if by_label[label] >= least)
    unsure = max(by_label.values()) < options.min_confidence
    return Words(there[0] if there else None, by_label, UNSURE if unsure else None, emotions=there)


def _with_dimensions(found: Words, model: Model, values: np.ndarray, options: PredictOptions) -> Words:
    by_name = dict(zip(model.outputs.dimensions, values.tolist(), strict=True))
    scale, calibration, intervals = model.outputs.scale, model.calibration, None
    if options.coverage is not None and calibration is not None:
        share, bounded = options.coverage, scale is not None
        intervals = {name: calibration.interval(name, value, share, bounded) for name, value in by_name.items()}
    ratings = {name: scale.from_unit(value) for name, value in by_name.items()} if scale else None
    return dataclasses.replace(found, dimensions=by_name, ratings=ratings, intervals=intervals)


ONE_SIDED: dict[tuple[str, ...], str] = {
    ("audio",): "sound only, because there is no video",
    ("video",): "video only, because there is no sound",
}
