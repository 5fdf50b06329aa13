"""How well a model does for groups of clips, such as those of women and of men: the score of each, and the largest gap.

The score is UA, or the CCC of each dimension where a model has no words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emozoo.checkpoint.groups import Gap, Group, Grouping
from emozoo.checkpoint.speakers import SpeakerSums
from emozoo.errors import EmozooError
from emozoo.evaluation.comparison import FEWEST_SPEAKERS
from emozoo.evaluation.dimensions import ccc, moments
from emozoo.evaluation.sums import Score, both, by_speaker, interval, matrix, over_speakers, pooled
from emozoo.target import Outputs
from emozoo.text import listed

if TYPE_CHECKING:
    from emozoo.evaluation.data import Data
    from emozoo.evaluation.worth import AnsweredClips

COLUMNS = ("gender", "age", "language", "corpus", "session", "speaker", "sentence")
"""What clips can be grouped by."""
TOLD = ("gender", "age", "language", "corpus")
"""What a run's own report groups its test clips by."""
DECADE = 10
"""Years of age in a group, where ages are numbers."""


@dataclass(frozen=True)
class _Measure:
    """The sums that a score of clips follows from."""

    name: str
    """As `Grouping.measure`."""
    dimension: str
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


def told_columns(data: Data) -> tuple[str, ...]:
    """Those of `TOLD` in which the clips differ; none where a clip may have several labels."""
    if data.outputs.multi:
        return ()
    return tuple(name for name in TOLD if len({str(word or "") for word in data.columns.get(name, ())} - {""}) > 1)


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


SCORES: dict[str, Score] = {"ua": ua, "ccc": ccc}


def _of_words(tested: AnsweredClips) -> _Measure:
    probabilities, true = tested.labelled
    occurs = np.eye(len(tested.outputs.labels))[true]
    right = occurs * (probabilities.argmax(1) == true)[:, None]
    return _Measure("ua", "", tested.decided, np.hstack([occurs, right]))


def _of_dimensions(tested: AnsweredClips) -> list[_Measure]:
    found = []
    ratings, values = tested.truth.ratings, tested.answers[:, tested.outputs.of_dimensions]
    for place, name in enumerate(tested.outputs.dimensions):
        there = np.flatnonzero(np.isfinite(ratings[:, place]))
        if len(there):
            sums = moments(ratings[there, place].astype(float), values[there, place].astype(float))
            found.append(_Measure("ccc", name, there, sums))
    return found


def _grouping(by: str, measure: _Measure, words: Sequence[str], speakers: Sequence[str]) -> Grouping:
    own = np.array([words[place] for place in measure.places.tolist()], dtype=object)
    who = [speakers[place] for place in measure.places.tolist()]
    groups = []
    for name in sorted(set(own.tolist())):
        inside = np.flatnonzero(own == name)
        clips = measure.sums[inside]
        sums = by_speaker(clips, [who[place] for place in inside.tolist()])
        groups.append(_group(name, measure.name, sums, clips))
    return _ranking(by, measure.name, measure.dimension, groups)


def pool_groups(folds: Sequence[Sequence[Grouping]]) -> tuple[Grouping, ...]:
    """The groups of several folds together; none where a fold has none."""
    if not all(folds):
        return ()
    found = []
    for first in {(each.by, each.measure, each.dimension): each for fold in reversed(folds) for each in fold}.values():
        parts: dict[str, list[Sequence[SpeakerSums]]] = {}
        for fold in folds:
            for each in fold:
                if (each.by, each.measure, each.dimension) == (first.by, first.measure, first.dimension):
                    for group in each.groups:
                        parts.setdefault(group.name, []).append(group.per_speaker)
        groups = [_group(name, first.measure, pooled(parts[name]), None) for name in sorted(parts)]
        found.append(_ranking(first.by, first.measure, first.dimension, groups) if groups else first)
    return tuple(found)


def _ranking(by: str, measure: str, dimension: str, groups: list[Group]) -> Grouping:
    groups.sort(key=lambda each: (not _ranked(each), -(each.score or 0.0) if _ranked(each) else 0.0, not each.name))
    ranked = [each for each in groups if _ranked(each)]
    gap = _gap(ranked[0], ranked[-1], SCORES[measure]) if len(ranked) > 1 else None
    return Grouping(by, measure, dimension, tuple(groups), gap, _note(by, groups, ranked))


def _ranked(group: Group) -> bool:
    """Whether it has enough speakers to be compared with others."""
    return bool(group.name) and (group.speakers or 0) >= FEWEST_SPEAKERS and group.score is not None


def _group(name: str, measure: str, sums: tuple[SpeakerSums, ...], clips: np.ndarray | None) -> Group:
    total = matrix(sums).sum(0)
    known = all(each.speaker for each in sums)
    score, ends = both(SCORES[measure], sums, clips)
    of_labels = total[: len(total) // 2]
    count, classes = (of_labels.sum(), int((of_labels > 0).sum())) if measure == "ua" else (total[0], 0)
    over = "speakers" if over_speakers(sums) else "clips"
    return Group(name, int(count), len(sums) if known else None, score, ends, over, classes, sums)


def _gap(high: Group, low: Group, score: Score) -> Gap:
    """The difference of two groups, with an interval over the speakers of both."""
    sides = [{each.speaker: each.sums for each in group.per_speaker} for group in (high, low)]
    none = (0.0,) * len(high.per_speaker[0].sums)
    rows = np.array(
        [[value for side in sides for value in side.get(who, none)] for who in sorted({*sides[0], *sides[1]})]
    )

    def difference(sums: np.ndarray) -> np.ndarray:
        first, second = np.split(sums, 2, axis=-1)
        return score(first) - score(second)

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
