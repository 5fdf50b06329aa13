"""The answers for the segments of a file and for its speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emozoo.inference.words import Words


@dataclass(frozen=True)
class SegmentAnswer(Words):
    """The answer for a segment."""

    start: float
    """Seconds from the start of the clip."""
    end: float
    speaker: str = ""
    """"" where it is not known; in JSON null."""
    text: str = ""
    """What is said, where the segments' file has it."""
    speech: float | None = None
    """How much of the segment is speech, from 0 to 1; None: not searched for."""
    adapted_with: int | None = None
    """How many other segments of the speaker it was adapted with, or of all of them where these are adapted together; None:
    it was not asked for, or the speaker is unknown."""

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        document: dict[str, Any] = {"start": self.start, "end": self.end, "speaker": self.speaker or None}
        if self.text:
            document["text"] = self.text
        document |= self._words()
        return document if self.adapted_with is None else {**document, "adapted_with": self.adapted_with}


@dataclass(frozen=True)
class SpeakerAnswer(Words):
    """What the segments of a speaker say together: the mean of their numbers, weighted by their lengths."""

    speaker: str
    """"" for segments whose speaker is not known; in JSON null."""
    segments: int
    answered: int
    """How many of the segments have probabilities."""
    seconds: float
    """How long all segments are together."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo predict --json` prints it."""
        counts = {"segments": self.segments, "answered": self.answered, "seconds": self.seconds}
        return {"speaker": self.speaker or None, **counts, **self._words()}
