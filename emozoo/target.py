"""What a network's outputs mean: a word, how many people would say which word, or values of dimensions.

The network does not know: it gives numbers, and the model reads them. Importing this imports neither numpy nor torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emozoo.errors import EmozooError

EMOTION, VOTES, DIMENSIONS = "emotion", "votes", "dimensions"
JOINED = (f"{EMOTION},{DIMENSIONS}", f"{VOTES},{DIMENSIONS}")
TARGETS = (EMOTION, VOTES, DIMENSIONS, *JOINED)
DIMENSION_COLUMNS = {"valence": "valence", "arousal": "activation", "dominance": "dominance"}
"""The dimensions that emozoo trains, each with the column of `emozoo.data.corpus.FEATURES` that holds its ratings."""
PRESENT = 0.5
"""From this probability on, a label of a model with `Outputs.multi` is one of the answer's."""


@dataclass(frozen=True)
class Scale:
    """The lowest and the highest rating that a corpus' raters could give."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Raises ValueError for what is no scale."""
        numbers = (self.low, self.high)
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers) or self.low >= self.high:
            raise ValueError("a scale is two numbers, the lowest rating and the highest, as in 1,7")

    @classmethod
    def parse(cls, text: str) -> Scale:
        """From `1,7`. Raises EmozooError for another text."""
        try:
            low, high = (float(number) for number in text.split(","))
            return cls(low, high)
        except ValueError:
            raise EmozooError(
                f"--scale {text}: must be the lowest and the highest rating of the dataset, as in --scale 1,7"
            ) from None

    @property
    def span(self) -> float:
        return self.high - self.low

    def to_unit(self, rating: float) -> float:
        """A rating as a value from 0 to 1."""
        return (rating - self.low) / self.span

    def from_unit(self, value: float) -> float:
        """A value from 0 to 1 as a rating."""
        return self.low + value * self.span

    def written(self, value: float) -> str:
        """A value from 0 to 1 as a rating, to a fortieth of the scale or closer: 3.4 on a scale of 1 to 5."""
        digits = max(0, math.ceil(math.log10(40 / self.span)))
        return f"{self.from_unit(value):.{digits}f}"

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


UNIT = Scale(0, 1)
"""On which values are told whose scale is not known."""


@dataclass(frozen=True)
class Outputs:
    """What each output of a network means, in order: first the labels, then the dimensions."""

    labels: tuple[str, ...] = ()
    """The words; none for dimensions alone."""
    dimensions: tuple[str, ...] = ()
    target: str = EMOTION
    """One of `TARGETS`. Labels are read by a softmax, dimensions as they are."""
    multi: bool = False
    """Whether a clip may have several labels: then each is read by a sigmoid."""
    scale: Scale | None = None
    """Of the ratings that the dimensions were trained on, which are 0 to 1 in the outputs and limited to that; None: not
    known, as of another library's model, whose values are about 0 to 1."""

    def __post_init__(self) -> None:
        """Raises EmozooError for outputs that no model has."""
        if self.target not in TARGETS:
            raise EmozooError(f"the target is {self.target!r}, not one of {'; '.join(TARGETS)}")
        words = has_labels(self.target)
        if words and (len(self.labels) < 2 or len(set(self.labels)) < len(self.labels)):
            raise EmozooError(f"a model needs two or more different labels, not {', '.join(self.labels) or 'none'}")
        if not words and self.labels:
            raise EmozooError(f"a model of dimensions alone has no labels, and these are {', '.join(self.labels)}")
        if has_dimensions(self.target) != bool(self.dimensions) or len(set(self.names)) < len(self.names):
            raise EmozooError(
                f"a model with the target {self.target} cannot have the dimensions {', '.join(self.dimensions) or 'none'}"
            )
        if self.multi and self.target != EMOTION:
            raise EmozooError(f"several labels a clip are for the target {EMOTION} alone, not for {self.target}")

    @classmethod
    def of(cls, names: Sequence[str], target: str = EMOTION) -> Outputs:
        """Of one kind: labels, or values of dimensions whose scale is not known."""
        return cls((), tuple(names), target) if target == DIMENSIONS else cls(tuple(names), target=target)

    @classmethod
    def read(cls, names: Sequence[str], told: Mapping[str, Any]) -> Outputs:
        """Of a model's outputs by name, from what its config.json tells: `target`, `dimensions`, `scale` and `multi`, each
        absent or None where it is the default. Raises EmozooError where they do not fit each other."""
        target, scale = told.get("target") or EMOTION, told.get("scale")
        dimensions = tuple(told.get("dimensions") or (names if target == DIMENSIONS else ()))
        count = len(names) - len(dimensions)
        if tuple(names[count:]) != dimensions:
            raise EmozooError("id2label does not end with the dimensions")
        return cls(tuple(names[:count]), dimensions, target, bool(told.get("multi")), Scale(*scale) if scale else None)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all outputs, in order."""
        return (*self.labels, *self.dimensions)

    @property
    def of_labels(self) -> slice:
        """Which outputs are those of the labels."""
        return slice(0, len(self.labels))

    @property
    def of_dimensions(self) -> slice:
        """Which outputs are those of the dimensions."""
        return slice(len(self.labels), len(self.labels) + len(self.dimensions))


def has_labels(target: str) -> bool:
    """Whether a target, as the command line names it, has words among its outputs."""
    return target != DIMENSIONS


def has_dimensions(target: str) -> bool:
    """Whether a target, as the command line names it, has dimensions among its outputs."""
    return DIMENSIONS in target.split(",")
