"""The answers for windows and files, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.recordings import RecordingsBias
from emozoo.inference.segment_answers import SegmentAnswer, SpeakerAnswer
from emozoo.inference.words import Words
from emozoo.target import Outputs
from emozoo.text import SCHEMA


@dataclass(frozen=True)
class WindowAnswer(Words):
    """One window's answer."""

    start: float
    """Seconds from the start of the clip."""
    end: float
    speech: float | None = None
    """How much of the window is speech, from 0 to 1; None: not searched for."""
    adapted_with: int | None = None
    """Of a stream: how many windows so far it was adapted with; None: it was not asked for."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json --timeline` and `emozoo listen --json` print it."""
        document = {"start": self.start, "end": self.end, **self._words()}
        return document if self.adapted_with is None else {**document, "adapted_with": self.adapted_with}


@dataclass(frozen=True)
class Prediction(Words):
    """The answer for a clip, or why there is none."""

    file: str
    error: str | None = None
    """Why there are no probabilities, in a sentence; of a clip that can be read but has no voice in it, beside its
    `reason`."""
    windows: tuple[WindowAnswer, ...] | None = None
    """For a timeline."""
    segments: tuple[SegmentAnswer, ...] | None = None
    """Where segments are answered, in the order in which they were given. The clip's answer is then their mean by length."""
    speakers: tuple[SpeakerAnswer, ...] | None = None
    """Where segments are answered, each speaker in the order in which they first speak."""
    warnings: tuple[str, ...] = ()
    """What is wrong with a clip that was answered nonetheless, such as that it is cut off."""
    modalities: tuple[str, ...] | None = None
    """Which of `audio` and `video` the answer is based on, if the model can do without one of them; else None."""
    speech: float | None = None
    """How much of the clip is speech, from 0 to 1; None: not searched for."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        document: dict[str, Any] = {"file": self.file}
        if self._is_read:
            document |= self._words()
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


ONE_SIDED: dict[tuple[str, ...], str] = {
    ("audio",): "sound only, because there is no video",
    ("video",): "video only, because there is no sound",
}
