"""Whether two labels of a corpus look exchanged, by the answers of a model that was trained on other corpora.

For two labels, the measure is the share of all pairs of a clip of the one and a clip of the other that the model puts in
the labels' order: it finds the first more probable for the clip that carries it than for the other clip, relative to the
second. That is the area under the ROC curve, so it does not matter whether the model says one of the words too often, as
models do on recordings of another kind. 1 is what right labels give a good model, 0.5 a model that guesses, and 0 a good
model whose labels are exchanged. Its bounds are 99 % intervals of a bootstrap over speakers, or over clips where speakers
are few or unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

EXCHANGED = 0.3
"""Labels look exchanged where no more than this share of pairs is in their order..."""
BOUND = 0.4
"""...and the upper bound is below this. Version 1 of the bundled model has 0.73 and more on all pairs of ASED."""
FIT = 0.75
"""A model that has not so much of all pairs in order, once labels are put right, knows the corpus too little to be believed:
the lower bound of the mean over the pairs. Weak models find neutral and sad reversed in corpora that are right."""
FEWEST_CLIPS = 10
"""Of each label."""
FEWEST_SPEAKERS = 5
DRAWS = 500
QUANTILES = (0.005, 0.995)
SMALLEST = 1e-9
"""A probability of 0 has no logarithm."""


@dataclass(frozen=True)
class Pair:
    """Two labels, and how well a model's order of their clips agrees with them."""

    labels: tuple[str, str]
    share: float
    low: float
    high: float

    @property
    def state(self) -> str:
        """`as labelled`, `reversed`, or `unclear` where the model cannot tell."""
        if self.share <= EXCHANGED and self.high < BOUND:
            return "reversed"
        return "as labelled" if self.low > 0.5 else "unclear"

    def to_dict(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "share": self.share,
            "low": self.low,
            "high": self.high,
            "state": self.state,
        }


@dataclass(frozen=True)
class Comparison:
    """Labels beside a model's answers."""

    pairs: tuple[Pair, ...] = ()
    """Of each two labels that have clips enough."""
    exchanged: tuple[Pair, ...] = ()
    """Those that look exchanged, the first the clearest."""
    fit: float = 0.0
    """The mean share of all pairs, once these are put right."""
    sure: float = 0.0
    """Its lower bound."""

    @property
    def tells(self) -> bool:
        """Whether the model knows the corpus well enough to be believed."""
        return self.sure >= FIT


def compared(answers: np.ndarray, labels: Sequence[str], speakers: Sequence[str], names: Sequence[str]) -> Comparison:
    """Finds labels that look exchanged.

    A label that is exchanged with one may look exchanged with a third as well. So of all exchanges, that one is taken by
    which the shares of all pairs grow most. It must be a reversed pair, the growth must be sure, and the model must be good
    once it is put right. Then another is looked for.

    `answers`: probabilities float64 [clips, names], NaN for a clip without an answer. `labels` and `speakers`: of each clip,
    "" for an unknown speaker."""
    answered = np.isfinite(answers).all(1)
    clips = _Clips(
        np.log(np.maximum(answers[answered], SMALLEST)),
        _draws(np.array(speakers, dtype=object)[answered]),
        names,
    )
    said = np.array([names.index(label) if label in names else -1 for label in labels])[answered]
    enough = [place for place in range(len(names)) if (said == place).sum() >= FEWEST_CLIPS]
    both = list(combinations(enough, 2))
    if not both:
        return Comparison()
    first = pairs = clips.pairs(said, both)
    fit = clips.fit(said, both)
    found: list[Pair] = []
    while len(found) < len(both):
        best = int(np.argmax([clips.fit(_swapped(said, *two), both, draws=1)[0] for two in both]))
        better = _swapped(said, *both[best])
        after = clips.fit(better, both)
        surely = _low(after) >= FIT and _low(after - fit) > 0
        if not surely or pairs[best].state != "reversed":
            break
        found.append(pairs[best])
        said, fit, pairs = better, after, clips.pairs(better, both)
    return Comparison(first, tuple(found), float(fit[0]), _low(fit))


def _low(draws: np.ndarray) -> float:
    """The lower bound of what was measured, from the draws behind its first value."""
    return float(np.nanquantile(draws[1:], QUANTILES[0]))


@dataclass(frozen=True)
class _Clips:
    """The answers for clips, without their labels."""

    logs: np.ndarray
    """float64 [clips, names]."""
    weights: np.ndarray
    """As `_draws` has them."""
    names: Sequence[str]

    def shares(self, said: np.ndarray, one: int, other: int, draws: int | None = None) -> np.ndarray:
        """Of two labels, by each draw."""
        score = self.logs[:, one] - self.logs[:, other]
        return _shares_in_order(score, said == one, said == other, self.weights[:draws])

    def pairs(self, said: np.ndarray, both: Sequence[tuple[int, int]]) -> tuple[Pair, ...]:
        found = []
        for one, other in both:
            shares = self.shares(said, one, other)
            low, high = np.nanquantile(shares[1:], QUANTILES)
            found.append(Pair((self.names[one], self.names[other]), float(shares[0]), float(low), float(high)))
        return tuple(found)

    def fit(self, said: np.ndarray, both: Sequence[tuple[int, int]], draws: int | None = None) -> np.ndarray:
        """The mean share of all pairs, by each draw."""
        return np.mean([self.shares(said, *two, draws) for two in both], axis=0)


def _swapped(said: np.ndarray, one: int, other: int) -> np.ndarray:
    return np.where(said == one, other, np.where(said == other, one, said))


def _draws(speakers: np.ndarray) -> np.ndarray:
    """How often each clip counts: float64 [1 + DRAWS, clips], first all clips once, then each draw of the bootstrap."""
    units = np.unique(speakers.astype(str), return_inverse=True)[1]
    if "" in speakers or len(units) == 0 or units.max() + 1 < FEWEST_SPEAKERS:
        units = np.arange(len(speakers))
    count = int(units.max(initial=-1)) + 1
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / max(count, 1)), size=DRAWS)
    return np.concatenate([np.ones((1, len(speakers))), drawn[:, units]])


def _shares_in_order(score: np.ndarray, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each draw, the share of pairs in which the clip of `one` has the higher score, equal ones half: float64 [draws].
    NaN for a draw that lacks one of them."""
    own = np.flatnonzero(one | other)
    levels, level_of = np.unique(score[own], return_inverse=True)
    order = np.argsort(level_of, kind="stable")
    begins = np.searchsorted(level_of[order], np.arange(len(levels)))
    upper, lower = (
        np.add.reduceat((weights[:, own] * member[own])[:, order], begins, axis=1) for member in (one, other)
    )
    below = np.cumsum(lower, axis=1) - lower / 2
    count = upper.sum(1) * lower.sum(1)
    return np.divide((upper * below).sum(1), count, out=np.full(len(weights), np.nan), where=count > 0)
