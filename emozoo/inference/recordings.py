"""Adaptation to the recordings at hand: the bias that they show together, and the answers without it.

To a model, a room, a microphone or a language can make everybody sound sad or angry. Recordings of mixed moods show this,
without labels. Recordings of one mood show the same, and there it is no bias. So nothing is subtracted where they look alike
to the model, and never much. Speakers are the task of `emozoo.inference.adaptation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emozoo.inference.adaptation import FLOOR, PRIOR_RECORDINGS

MIXED = 0.25
"""Nats that the answers differ from one another, at least, if the recordings are to count as of mixed moods."""
MOST = 0.5
"""The longest bias, in nats for each nat by which the answers differ."""


@dataclass(frozen=True)
class RecordingsBias:
    """A model's bias towards each label in some recordings, and what it was measured on."""

    recordings: int
    difference: float
    """By how much the answers differ from one another, in nats."""
    bias: tuple[float, ...]
    """One value per label, in nats; they add up to 0, and are 0 where nothing is subtracted."""

    @classmethod
    def from_probabilities(cls, probabilities: np.ndarray) -> RecordingsBias:
        """From the answers float64 [recordings, labels] to any number of recordings, in any order.

        The bias is w · g · (m − mean of m over the labels), where m is the mean of log p over the n recordings, as for a
        speaker, and w = n / (n + 5). Its guard g compares the bias with the difference d of the answers: that is the mutual
        information of recording and label, H(mean of p) − mean of H(p), also known as the Jensen-Shannon divergence of
        the answers (Lin 1991). Where d is below 0.25 nats, g is 0. Else g is 1, or what makes the bias d / 2 long (as a
        vector) where it would be longer.
        `research/adaptation.py` measures the guard.
        """
        evidence = Evidence(probabilities.shape[-1])
        evidence.add(probabilities)
        return evidence.bias()

    @property
    def is_applied(self) -> bool:
        """Whether it changes answers."""
        return any(self.bias)

    @property
    def adapted_with(self) -> int:
        """How many recordings answers are adapted with: 0 where nothing is subtracted."""
        return self.recordings if self.is_applied else 0

    @property
    def sentence(self) -> str:
        """What was done, or why nothing was."""
        if self.is_applied:
            return (
                f"adapted to {self.recordings} recordings together, whose answers differ by {self.difference:.2f} nats"
            )
        if self.recordings < 2:
            had = "one recording was" if self.recordings else "no recordings were"
            return f"not adapted: {had} answered, and it takes several of mixed moods"
        return (
            f"not adapted: the answers to {self.recordings} recordings differ by {self.difference:.2f} nats, and less than "
            f"{MIXED:g} may be a single mood"
        )

    def apply(self, answers: np.ndarray) -> np.ndarray:
        """Answers float64 [..., outputs] without the bias: probabilities, scaled to add up to 1, then values of dimensions,
        which stay."""
        if not self.is_applied:
            return answers
        shares, values = np.split(np.asarray(answers), [len(self.bias)], axis=-1)
        shares = shares * np.exp(-np.asarray(self.bias))
        return np.concatenate([shares / shares.sum(axis=-1, keepdims=True), values], axis=-1)


class Evidence:
    """What recordings show together, while they come one by one. Memory does not grow with their number."""

    def __init__(self, labels: int) -> None:
        self._count = 0
        self._weight = 0.0
        self._logs, self._shares = np.zeros(labels), np.zeros(labels)
        self._entropy = 0.0

    def add(self, probabilities: np.ndarray, weight: float = 1.0) -> None:
        """The probabilities float64 [recordings, labels] of the next recordings, or of one. Those that overlap with others
        weigh less than 1."""
        rows = np.atleast_2d(probabilities)
        self._count += len(rows)
        self._weight += weight * len(rows)
        self._logs += weight * np.log(np.maximum(rows, FLOOR)).sum(axis=0)
        self._shares += weight * rows.sum(axis=0)
        self._entropy += weight * _entropy(rows)

    def bias(self, fewest: float = 0.0) -> RecordingsBias:
        """See `RecordingsBias.from_probabilities`; where recordings weigh less than `fewest` together, it is 0."""
        none = (0.0,) * len(self._logs)
        if not self._weight:
            return RecordingsBias(self._count, 0.0, none)
        difference = max(0.0, _entropy(self._shares / self._weight) - self._entropy / self._weight)
        if difference < MIXED or self._weight < fewest:
            return RecordingsBias(self._count, difference, none)
        bias = (self._logs - self._logs.mean()) / (self._weight + PRIOR_RECORDINGS)
        length = float(np.linalg.norm(bias))
        return RecordingsBias(
            self._count, difference, tuple((bias * min(1.0, MOST * difference / (length or 1.0))).tolist())
        )


def biases_of_speakers(probabilities: np.ndarray, speakers: Sequence[str]) -> list[RecordingsBias | None]:
    """For each row of answers float64 [recordings, labels], the bias that all recordings of its speaker show, itself
    included; None where the speaker is unknown ("")."""
    rows = np.array(speakers)
    known = {
        name: RecordingsBias.from_probabilities(probabilities[rows == name]) for name in set(speakers) if name != ""
    }
    return [known.get(name) for name in speakers]


def _entropy(shares: np.ndarray) -> float:
    """Of distributions, in nats, added up."""
    there = shares[shares > 0]
    return float(-(there * np.log(there)).sum())
