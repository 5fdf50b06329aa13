"""What the scores of a speaker's clips follow from, so that folds can be pooled without their predictions."""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True)
class SpeakerSums:
    """What scores of a speaker's clips follow from; those of several folds are added."""

    speaker: str
    """"" for clips whose speaker is unknown."""
    sums: tuple[float, ...]
