"""The scores of groups of clips, as metrics.json and summary.json hold them. `emozoo.evaluation.groups` works them out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from emozoo.checkpoint.speakers import Interval, SpeakerSums


@dataclass(frozen=True)
class Group:
    """The clips with one word in a column."""

    name: str
    """"" for clips of which it is unknown."""
    clips: int
    speakers: int | None
    """None: that of some clip is unknown."""
    score: float | None
    """UA or CCC; None where it is undefined."""
    interval: Interval | None
    interval_over: str
    """`speakers` or `clips`."""
    classes: int = 0
    """Emotions that occur, over which UA is a mean; 0 for CCC."""
    per_speaker: tuple[SpeakerSums, ...] = ()
    """What folds are pooled by."""


@dataclass(frozen=True)
class Gap:
    """The group with the highest score minus that with the lowest."""

    highest: str
    lowest: str
    value: float
    interval: Interval | None
    """Over speakers: each resample has clips of both groups."""


@dataclass(frozen=True)
class Grouping:
    """The groups of a column: those that are ranked first, by score, then the others, by name."""

    by: str
    measure: str
    """`ua` or `ccc`."""
    dimension: str = ""
    """That the CCC is of."""
    groups: tuple[Group, ...] = ()
    gap: Gap | None = None
    note: str = ""
    """What a reader must know, such as that groups have too few speakers."""

    def without_sums(self) -> Grouping:
        """As a summary keeps it, whose folds are pooled already."""
        return replace(self, groups=tuple(replace(group, per_speaker=()) for group in self.groups))

    def to_dict(self) -> dict[str, Any]:
        """Without the sums of each speaker."""
        document = asdict(self)
        for group in document["groups"]:
            del group["per_speaker"]
        return document
