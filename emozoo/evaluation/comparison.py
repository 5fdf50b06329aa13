"""Differences between runs that were tested on the same clips: bootstrap intervals, McNemar's test, and Holm's correction.

Everything is paired: a resample of speakers is the same for all runs, and McNemar's test looks at the clips that one run of
two has right.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from emozoo.evaluation.dimensions import ccc, moments
from emozoo.evaluation.sums import Score, by_speaker, interval, matrix, over, over_speakers, resampled, value

LEVEL = 0.05
"""A p-value below this, after Holm's correction, is a difference."""
FEWEST_SPEAKERS = 5
"""With fewer, resamples of speakers are all alike, and nothing can be said of others."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __neg__(self) -> Estimate:
        return Estimate(-self.value, -self.high, -self.low)

    @property
    def apart(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test (1947): among the clips that only one of two runs has right, each is as likely to be it."""

    first_only: int
    """Clips that only the first run has right."""
    second_only: int
    p: float
    """Two-sided."""
    p_holm: float
    """After Holm's correction (1979) over all pairs of runs."""


@dataclass(frozen=True)
class CccDifference:
    """The difference of two runs in the CCC of a dimension."""

    dimension: str
    ccc: Estimate
    p: float
    """Two-sided, from the bootstrap: how rarely a resample has the other run ahead."""
    p_holm: float
    """After Holm's correction over all pairs of runs."""

    @property
    def found(self) -> bool:
        return self.ccc.apart and self.p_holm < LEVEL


@dataclass(frozen=True)
class Pair:
    """Two runs: the first minus the second. Words, dimensions or both."""

    first: str
    second: str
    ua: Estimate | None = None
    wa: Estimate | None = None
    mcnemar: McNemar | None = None
    ccc: tuple[CccDifference, ...] = ()
    speakers: int | None = None
    """Over how many speakers the intervals are; None: over clips."""

    @property
    def too_few(self) -> bool:
        """Whether the speakers are too few to tell of a difference."""
        return self.speakers is not None and self.speakers < FEWEST_SPEAKERS

    @property
    def found(self) -> bool:
        """Whether the runs differ in their words: by the interval of UA, and by McNemar's test after Holm."""
        apart = bool(self.ua and self.ua.apart and self.mcnemar and self.mcnemar.p_holm < LEVEL)
        return apart and not self.too_few


@dataclass(frozen=True)
class Answers:
    """What runs answered for the same clips in the same order. An array has one entry a clip; words are positions in a label
    set that has `labels` words."""

    speakers: Sequence[str]
    """"" where unknown."""
    labels: int = 0
    true: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    """int; below 0 for a clip without a label, which is left out."""
    predicted: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By run, int; none where the runs have no words."""
    rated: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By dimension, float; NaN for a clip without a rating, which is left out."""
    valued: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    """By dimension and run."""


def differences(answers: Answers, runs: Sequence[str]) -> tuple[Pair, ...]:
    """Compares every two of the runs."""
    speakers = len({*answers.speakers}) if over(answers.speakers) == "speakers" else None
    pairs = [Pair(first, second, speakers=speakers) for first, second in itertools.combinations(runs, 2)]
    if answers.predicted:
        pairs = _words(answers, pairs)
    for dimension in answers.rated:
        pairs = _dimension(answers, dimension, pairs)
    return tuple(pairs)


def mcnemar_p(first_only: int, second_only: int) -> float:
    """The two-sided exact p-value: twice the smaller tail of a binomial distribution with a probability of 1/2."""
    count = first_only + second_only
    term = tail = 1
    for successes in range(min(first_only, second_only)):
        term = term * (count - successes) // (successes + 1)
        tail += term
    return min(1.0, 2 * tail / 2**count)


def holm(values: Sequence[float]) -> list[float]:
    """The p-values after Holm's step-down correction, in the order that they came in."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        found[place] = largest
    return found


def _words(answers: Answers, pairs: Sequence[Pair]) -> list[Pair]:
    """With the differences in UA and WA, and McNemar's test."""
    there = np.flatnonzero(answers.true >= 0)
    true, size = answers.true[there], answers.labels
    speakers = [answers.speakers[place] for place in there.tolist()]
    occurs = np.eye(size)[true]
    right = {run: predicted[there] == true for run, predicted in answers.predicted.items()}

    def ua(sums: np.ndarray) -> np.ndarray:
        clips, first, second = np.split(sums, 3, axis=-1)
        return ((first - second) / np.maximum(clips, 1)).sum(-1) / (clips > 0).sum(-1)

    def wa(sums: np.ndarray) -> np.ndarray:
        clips, first, second = np.split(sums, 3, axis=-1)
        return (first - second).sum(-1) / clips.sum(-1)

    found = []
    for pair in pairs:
        first, second = right[pair.first], right[pair.second]
        rows = _units(np.hstack([occurs, occurs * first[:, None], occurs * second[:, None]]), speakers)
        only = int((first & ~second).sum()), int((second & ~first).sum())
        test = McNemar(*only, mcnemar_p(*only), 1.0)
        found.append(replace(pair, ua=_estimate(ua, rows), wa=_estimate(wa, rows), mcnemar=test))
    corrected = holm([pair.mcnemar.p for pair in found if pair.mcnemar])
    return [
        replace(pair, mcnemar=replace(pair.mcnemar, p_holm=p)) if pair.mcnemar else pair
        for pair, p in zip(found, corrected, strict=True)
    ]


def _dimension(answers: Answers, dimension: str, pairs: Sequence[Pair]) -> list[Pair]:
    """With the differences in the CCC of a dimension; left out where it is undefined."""
    rated = answers.rated[dimension]
    there = np.flatnonzero(np.isfinite(rated))
    if not len(there):
        return list(pairs)
    speakers = [answers.speakers[place] for place in there.tolist()]
    valued = {run: moments(rated[there], values[there]) for run, values in answers.valued[dimension].items()}

    def gap(sums: np.ndarray) -> np.ndarray:
        first, second = np.split(sums, 2, axis=-1)
        return ccc(first) - ccc(second)

    gaps = {}
    for place, pair in enumerate(pairs):
        rows = _units(np.hstack([valued[pair.first], valued[pair.second]]), speakers)
        if estimate := _estimate(gap, rows):
            gaps[place] = CccDifference(dimension, estimate, _bootstrap_p(resampled(gap, rows)), 1.0)
    found = list(pairs)
    for (place, each), p in zip(gaps.items(), holm([each.p for each in gaps.values()]), strict=True):
        found[place] = replace(found[place], ccc=(*found[place].ccc, replace(each, p_holm=p)))
    return found


def _units(rows: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """The sums of each speaker, of rows float64 [clips, sums]; the rows, where no interval over speakers can be given."""
    sums = by_speaker(rows, speakers)
    return matrix(sums) if over_speakers(sums) else rows


def _estimate(score: Score, rows: np.ndarray) -> Estimate | None:
    """A score of rows float64 [units, sums]; None where it or its interval is undefined."""
    found, ends = value(score, rows.sum(0)), interval(score, rows)
    return None if found is None or ends is None else Estimate(found, *ends)


def _bootstrap_p(drawn: np.ndarray) -> float:
    """Two-sided: twice the share of resamples on the rarer side of 0, which never counts as none."""
    drawn = drawn[np.isfinite(drawn)]
    rarer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(drawn) + 1))
