"""How well a model does for groups of clips, such as those of women and of men: the score of each, and the largest gap.

The score is UA, or the CCC of each dimension where a model has no words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.evaluation.comparison import FEWEST_SPEAKERS
from emozoo.evaluation.dimensions import ccc, moments
from emozoo.evaluation.sums import Score, both, by_speaker, interval, matrix, over_speakers
from emozoo.target import Outputs
from emozoo.text import listed

if TYPE_CHECKING:
    from emozoo.evaluation.data import Data
    from emozoo.evaluation.worth import AnsweredClips

COLUMNS = ("gender", "age", "language", "corpus", "session", "speaker", "sentence")
"""What clips can be grouped by."""
DECADE = 10
"""Years of age in a group, where ages are numbers."""


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
    interval: tuple[float, float] | None
    interval_over: str
    """`speakers` or `clips`."""
    classes: int = 0
    """Emotions that occur, over which UA is a mean; 0 for CCC."""

    @property
    def ranked(self) -> bool:
        """Whether it has enough speakers to be compared with others."""
        return bool(self.name) and (self.speakers or 0) >= FEWEST_SPEAKERS and self.score is not None


@dataclass(frozen=True)
class Gap:
    """The group with the highest score minus that with the lowest."""

    highest: str
    lowest: str
    value: float
    interval: tuple[float, float] | None
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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Measure:
    """A score of clips, and the sums that it follows from."""

    name: str
    dimension: str
    score: Score
    places: np.ndarray
    """Of the answered clips that count: int64 [clips]."""
    sums: np.ndarray
    """float64 [clips, sums]."""


def check_columns(by: Sequence[str], outputs: Outputs | None = None) -> None:
    """Raises EmozooError for a column that clips cannot be grouped by, and for outputs without UA and CCC."""
    if by and outputs and outputs.multi:
        raise EmozooError("--by needs one label a clip, or dimensions: leave it out")
    for name in by:
        if name not in COLUMNS:
            raise EmozooError(f"--by {name}: clips can be grouped by {', '.join(COLUMNS)}")


def columns_of(data: Data, rows: Sequence[int], by: Sequence[str]) -> dict[str, list[str]]:
    """The columns `by` which to group `rows`."""
    known = {**data.columns, "speaker": data.speakers}
    return {name: [str(known[name][row] or "") for row in rows] for name in by}


def grouped(tested: AnsweredClips, columns: Mapping[str, Sequence[str]]) -> tuple[Grouping, ...]:
    """The groups of answered clips by each of `columns`, which have one word a clip."""
    measures = [_of_words(tested)] if tested.outputs.labels else _of_dimensions(tested)
    found = []
    for name, words in columns.items():
        if not any(words):
            kind = measures[0].name if measures else "ccc"
            found.append(Grouping(name, kind, note=f"the clips have no {name}"))
            continue
        words = _decades(words) if name == "age" else words
        found += [_grouping(name, measure, words, tested.speakers) for measure in measures]
    return tuple(found)


def ua(sums: np.ndarray) -> np.ndarray:
    """Of sums [..., 2 * labels]: clips of each label, and those that are right; NaN where there is no clip."""
    clips, right = np.split(sums, 2, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (right / np.maximum(clips, 1)).sum(-1) / (clips > 0).sum(-1)


def _of_words(tested: AnsweredClips) -> _Measure:
    probabilities, true = tested.labelled
    occurs = np.eye(len(tested.outputs.labels))[true]
    right = occurs * (probabilities.argmax(1) == true)[:, None]
    return _Measure("ua", "", ua, tested.decided, np.hstack([occurs, right]))


def _of_dimensions(tested: AnsweredClips) -> list[_Measure]:
    found = []
    ratings, values = tested.truth.ratings, tested.answers[:, tested.outputs.of_dimensions]
    for place, name in enumerate(tested.outputs.dimensions):
        there = np.flatnonzero(np.isfinite(ratings[:, place]))
        if len(there):
            sums = moments(ratings[there, place].astype(float), values[there, place].astype(float))
            found.append(_Measure("ccc", name, ccc, there, sums))
    return found


def _grouping(by: str, measure: _Measure, words: Sequence[str], speakers: Sequence[str]) -> Grouping:
    own = np.array([words[place] for place in measure.places.tolist()], dtype=object)
    who = [speakers[place] for place in measure.places.tolist()]
    groups = [_group(name, measure, own == name, who) for name in sorted(set(own.tolist()))]
    groups.sort(key=lambda each: (not each.ranked, -(each.score or 0.0) if each.ranked else 0.0, not each.name))
    ranked = [each for each in groups if each.ranked]
    gap = None
    if len(ranked) > 1:
        first, last = ranked[0], ranked[-1]
        gap = _gap(first, last, measure, own, who)
    return Grouping(by, measure.name, measure.dimension, tuple(groups), gap, _note(by, groups, ranked))


def _group(name: str, measure: _Measure, inside: np.ndarray, speakers: Sequence[str]) -> Group:
    clips = measure.sums[inside]
    sums = by_speaker(clips, [speakers[place] for place in np.flatnonzero(inside).tolist()])
    known = all(each.speaker for each in sums)
    score, ends = both(measure.score, sums, clips)
    classes = int((clips.sum(0)[: clips.shape[1] // 2] > 0).sum()) if measure.name == "ua" else 0
    over = "speakers" if over_speakers(sums) else "clips"
    return Group(name, len(clips), len(sums) if known else None, score, ends, over, classes)


def _gap(high: Group, low: Group, measure: _Measure, own: np.ndarray, speakers: Sequence[str]) -> Gap:
    """The difference of two groups, with an interval over the speakers of both."""
    there = np.flatnonzero((own == high.name) | (own == low.name))
    sides = [measure.sums[there] * (own[there] == each.name)[:, None] for each in (high, low)]
    rows = matrix(by_speaker(np.hstack(sides), [speakers[place] for place in there.tolist()]))

    def difference(sums: np.ndarray) -> np.ndarray:
        first, second = np.split(sums, 2, axis=-1)
        return measure.score(first) - measure.score(second)

    return Gap(high.name, low.name, float(difference(rows.sum(0))), interval(difference, rows))


def _note(by: str, groups: Sequence[Group], ranked: Sequence[Group]) -> str:
    notes = []
    named = [each for each in groups if each.name]
    if small := [each.name for each in named if (each.speakers or 0) < FEWEST_SPEAKERS]:
        told = f"no ranking and no gap of groups with fewer than {FEWEST_SPEAKERS} known speakers"
        notes.append(f"{told}: {listed(small, 8)}")
    if len(named) == 1:
        notes.append(f"{by} is {named[0].name} in all clips where it is known, so there is nothing to compare")
    most = max(each.classes for each in groups)
    if fewer := [each.name for each in ranked if each.classes < most]:
        notes.append(f"some emotions do not occur in {listed(fewer, 8)}: its UA is over fewer classes")
    return "; ".join(notes)


def _decades(words: Sequence[str]) -> list[str]:
    """Ages that are numbers in groups of ten years, such as `20-29`; other words as they are."""
    return [_decade(word) for word in words]


def _decade(word: str) -> str:
    try:
        years = int(float(word))
    except (ValueError, OverflowError):
        return word
    first = years // DECADE * DECADE
    return f"{first}-{first + DECADE - 1}"
