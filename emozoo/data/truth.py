"""What people said of clips: words, votes and ratings, as what a network's outputs are compared with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.data.corpus import read_votes
from emozoo.errors import EmozooError
from emozoo.target import DIMENSION_COLUMNS, Outputs, Scale, has_dimensions
from emozoo.text import listed

UNDECIDED = -1
"""The number of the label of a clip whose raters do not agree on one."""


@dataclass(frozen=True)
class Truth:
    """What is known of each clip, for the outputs of a model."""

    words: np.ndarray
    """int64 [clips]: the position of the label that most raters chose, `UNDECIDED` where there is none."""
    counts: np.ndarray | None
    """float32 [clips, labels]: how many raters said each label; None where the target needs one word only."""
    ratings: np.ndarray
    """float32 [clips, dimensions]: from 0 to 1, NaN where unknown."""

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]], outputs: Outputs) -> Truth:
        """From the columns of a corpus. Raises EmozooError for a rating outside of the scale."""
        words = np.full(len(columns["label"]), UNDECIDED, np.int64)
        if outputs.labels:
            words = np.asarray(columns["label"], np.int64)
        counts = None
        if "said" in columns:
            counts = _counts(columns["said"], outputs.labels)
        return cls(words, counts, _ratings(columns, outputs))

    @classmethod
    def of_labels(cls, labels: np.ndarray) -> Truth:
        """One word for each clip, int64 [clips]."""
        return cls(np.asarray(labels, np.int64), None, np.zeros((len(labels), 0), np.float32))

    def rows(self, rows: Sequence[int] | np.ndarray) -> Truth:
        """Of some clips."""
        own = np.asarray(rows, dtype=int)
        return Truth(self.words[own], None if self.counts is None else self.counts[own], self.ratings[own])

    @property
    def classes(self) -> np.ndarray:
        """int64 [clips]: of several labels, the first with most votes; what clips are sampled by."""
        return self.words if self.counts is None else self.counts.argmax(1)

    def shares(self, temperature: float = 1.0) -> np.ndarray | None:
        """float32 [clips, labels]: the share of raters that said each label, to the power of 1 / temperature, which draws a
        temperature below 1 to the majority; they add up to 1. None where the target needs one word only."""
        if self.counts is None:
            return None
        powered = (self.counts / self.counts.sum(1, keepdims=True)) ** (1 / temperature)
        return (powered / powered.sum(1, keepdims=True)).astype(np.float32)


def votes_of(
    rows: Mapping[str, Sequence[Any]], merge: Mapping[str, str], emotions: Sequence[str]
) -> list[dict[str, float]]:
    """How many raters said which word of each row, merged; `emotions` stands in for a row that keeps no votes. Raises
    EmozooError for a row whose votes are none."""
    found = []
    for name, text, emotion in zip(rows["utterance_id"][:], rows["votes"][:], emotions, strict=True):
        votes: dict[str, float] = {}
        for word, count in _read(text, name).items():
            word = merge.get(word, word)
            votes[word] = votes.get(word, 0.0) + count
        found.append(votes or ({emotion: 1.0} if emotion else {}))
    return found


def _read(text: str | None, name: str) -> dict[str, float]:
    try:
        return read_votes(text or "")
    except (ValueError, RecursionError) as error:
        raise EmozooError(f"{name}: its {error}") from None


def majority(votes: Mapping[str, float], words: Sequence[str]) -> str:
    """The word of `words` with the most votes; "" where two have as many."""
    best = sorted(((votes.get(word, 0.0), word) for word in words), reverse=True)
    return best[0][1] if best[0][0] > 0 and (len(best) < 2 or best[0][0] > best[1][0]) else ""


def rated_dimensions(columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The dimensions that have a rating."""
    return tuple(each for each, column in DIMENSION_COLUMNS.items() if np.isfinite(_column(columns, column)).any())


def strata(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """A word for each clip by which folds are balanced: whether each of its ratings is in the upper half of all."""
    parts = []
    for dimension, column in DIMENSION_COLUMNS.items():
        values = _column(columns, column)
        known = np.isfinite(values)
        if known.any():
            middle = np.median(values[known])
            parts.append(
                [f"{dimension} {'high' if value > middle else 'low'}" if value == value else "" for value in values]
            )
    return [", ".join(filter(None, clip)) for clip in zip(*parts, strict=True)]


def rating_scale(name: str, own: Sequence[float] | None, asked: Sequence[float] | None) -> Scale:
    """The scale of a dataset's ratings: its own, or the one that is asked for. Raises EmozooError where there is none, or
    they differ."""
    given = asked if own is None else own
    if given is None:
        raise EmozooError(
            f"the dataset {name} does not say on which scale its clips were rated: name the lowest and the highest rating, "
            "as in --scale 1,7"
        )
    found = Scale(*given)
    if asked is not None and found != Scale(*asked):
        raise EmozooError(f"the clips of {name} were rated from {found}, not from {Scale(*asked)}: leave --scale out")
    return found


def _column(columns: Mapping[str, Sequence[Any]], name: str) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in columns[name][:]], np.float64)


def _counts(said: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    votes = [json.loads(text) for text in said]
    return np.array([[each.get(label, 0.0) for label in labels] for each in votes], np.float32)


def _ratings(columns: Mapping[str, Sequence[Any]], outputs: Outputs) -> np.ndarray:
    count = len(columns["label"])
    if not has_dimensions(outputs.target) or outputs.scale is None:
        return np.full((count, len(outputs.dimensions)), np.nan, np.float32)
    scale = outputs.scale
    found = np.full((count, len(outputs.dimensions)), np.nan)
    for place, dimension in enumerate(outputs.dimensions):
        if (column := DIMENSION_COLUMNS.get(dimension)) is None:
            continue
        values = _column(columns, column)
        slack = 1e-4 * scale.span  # a mean of ratings is kept as float32
        outside = np.flatnonzero((values < scale.low - slack) | (values > scale.high + slack))
        if len(outside):
            names = listed([str(columns["utterance_id"][int(row)]) for row in outside], 3)
            raise EmozooError(
                f"the rating of {dimension} of {names} is {values[outside[0]]:g}, outside of the scale from {scale}: "
                "correct it, or --scale"
            )
        found[:, place] = ((values - scale.low) / scale.span).clip(0, 1)
    return found.astype(np.float32)
