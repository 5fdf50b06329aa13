"""The answers for the segments of a file and for its speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emozoo.hints import to_json


class Scored:
    """What has probabilities, dimensions or both."""

    probabilities: dict[str, float] | None
    dimensions: dict[str, float] | None

    @property
    def scores(self) -> dict[str, float] | None:
        """All its numbers by name, in the order of the model's outputs; None where there is no voice."""
        return {**(self.probabilities or {}), **(self.dimensions or {})} or None


@dataclass(frozen=True)
class SegmentAnswer(Scored):
    """The answer for a segment."""

    start: float
    """Seconds from the start of the clip."""
    end: float
    speaker: str = ""
    """"" where it is not known; in JSON null."""
    text: str = ""
    """What is said, where the segments' file has it."""
    emotion: str | None = None
    """None where there is a `reason`."""
    probabilities: dict[str, float] | None = None
    """None where there is no voice."""
    reason: str | None = None
    """Why there is no emotion: see `emozoo.inference.voice`."""
    speech: float | None = None
    """How much of the segment is speech, from 0 to 1; None: not searched for."""
    prediction_set: tuple[str, ...] | None = None
    """As of a `Prediction`."""
    adapted_with: int | None = None
    """How many other segments of the speaker it was adapted with, or of all of them where these are adapted together; None:
    it was not asked for, or the speaker is unknown."""
    dimensions: dict[str, float] | None = None
    """As of a `Prediction`, and so are the fields below."""
    ratings: dict[str, float] | None = None
    intervals: dict[str, tuple[float, float]] | None = None
    emotions: tuple[str, ...] | None = None

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        document: dict[str, Any] = {"start": self.start, "end": self.end, "speaker": self.speaker or None}
        if self.text:
            document["text"] = self.text
        document |= answered(self)
        return document if self.adapted_with is None else {**document, "adapted_with": self.adapted_with}


@dataclass(frozen=True)
class SpeakerAnswer(Scored):
    """What the segments of a speaker say together: the mean of their numbers, weighted by their lengths."""

    speaker: str
    """"" for segments whose speaker is not known; in JSON null."""
    segments: int
    answered: int
    """How many of the segments have probabilities."""
    seconds: float
    """How long all segments are together."""
    emotion: str | None = None
    probabilities: dict[str, float] | None = None
    """None where no segment is answered."""
    reason: str | None = None
    prediction_set: tuple[str, ...] | None = None
    dimensions: dict[str, float] | None = None
    ratings: dict[str, float] | None = None
    intervals: dict[str, tuple[float, float]] | None = None
    emotions: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        counts = {"segments": self.segments, "answered": self.answered, "seconds": self.seconds}
        return {"speaker": self.speaker or None, **counts, **answered(self)}


FIELDS = (
    *("emotions", "probabilities", "dimensions", "ratings", "intervals"),
    *("reason", "speech", "prediction_set"),
)


def answered(answer: Any) -> dict[str, Any]:
    """What all answers have in common, as JSON: the emotion, and those of `FIELDS` that there are. Of dimensions alone,
    there is no emotion."""
    document: dict[str, Any] = {} if answer.dimensions and not answer.probabilities else {"emotion": answer.emotion}
    for name in FIELDS:
        value = getattr(answer, name, None)
        if value is not None:
            document[name] = to_json(value)
    return document
