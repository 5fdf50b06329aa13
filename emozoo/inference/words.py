"""What the numbers of a model say in words, and as JSON: the part that the answers for windows, segments, speakers and clips
have in common."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.hints import to_json
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions
from emozoo.inference.voice import UNSURE
from emozoo.target import PRESENT

ORDER = (
    *("emotions", "probabilities", "dimensions", "ratings", "intervals"),
    *("reason", "speech", "prediction_set"),
)
"""The order of the fields in JSON, behind the emotion."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A model's numbers, and what they say."""

    emotion: str | None = None
    """The most probable label. None where there is a `reason`, where there are dimensions alone, and where a model of
    several labels finds none of them."""
    probabilities: dict[str, float] | None = None
    """By label, in the order of the model's outputs. None where there is no voice, and where there are dimensions alone."""
    reason: str | None = None
    """Why there is no emotion, in a word: `silent`, `no speech` or `too short` where there is no voice (see
    `emozoo.inference.voice`), `unsure` where the confidence that was asked for is not reached."""
    prediction_set: tuple[str, ...] | None = None
    """The labels that hold the true one in the share of cases that was asked for, the most probable first; else None."""
    dimensions: dict[str, float] | None = None
    """Of a model that answers with dimensions, beside words or instead of them: such as valence and arousal, 0 to 1."""
    ratings: dict[str, float] | None = None
    """The dimensions on the scale of the corpus that the model was trained on, where that is known."""
    intervals: dict[str, tuple[float, float]] | None = None
    """For each dimension, the lowest and the highest value between which people's rating lies in the share of cases that was
    asked for, 0 to 1."""
    emotions: tuple[str, ...] | None = None
    """Of a model whose clips may have several labels: all that are there, the most probable first, perhaps none."""

    @property
    def scores(self) -> dict[str, float] | None:
        """All numbers by name, in the order of the model's outputs; None where there is no voice."""
        return {**(self.probabilities or {}), **(self.dimensions or {})} or None

    def _words(self) -> dict[str, Any]:
        """The fields above and `speech` that there are, as JSON. Of dimensions alone, there is no emotion."""
        document: dict[str, Any] = {} if self.dimensions and not self.probabilities else {"emotion": self.emotion}
        for name in ORDER:
            value = getattr(self, name, None)
            if value is not None:
                document[name] = to_json(value)
        return document


def in_words(model: Model, given: np.ndarray, options: PredictOptions) -> Words:
    """The answer from a model's probabilities and dimensions, float64 [outputs] of a window, or their mean over a clip.

    Probabilities are calibrated (which never changes the most probable label), then a speaker's bias is subtracted.
    """
    found = calibrated(model, given)
    return words(model, found if options.bias is None else options.bias.apply(found), options)


def calibrated(model: Model, given: np.ndarray) -> np.ndarray:
    """A model's numbers float64 [..., outputs], with the probabilities calibrated where they are; dimensions stay."""
    outputs = model.outputs
    if model.calibration is None or not outputs.labels or outputs.multi:
        return given
    probabilities = model.calibration.apply(given[..., outputs.of_labels])
    return np.concatenate([probabilities, given[..., outputs.of_dimensions]], axis=-1)


def words(model: Model, given: np.ndarray, options: PredictOptions) -> Words:
    """As `in_words`, from numbers that are calibrated and adapted already."""
    outputs = model.outputs
    found = Words()
    if outputs.labels:
        found = (_several if outputs.multi else _one)(model, given[outputs.of_labels], options)
    return _with_dimensions(found, model, given[outputs.of_dimensions], options) if outputs.dimensions else found


def _one(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    by_label = dict(zip(model.labels, probabilities.tolist(), strict=True))
    best = max(by_label, key=by_label.__getitem__)
    found = None
    if options.coverage is not None and model.calibration is not None:
        numbers = model.calibration.prediction_set(probabilities, options.coverage)
        found = tuple(model.labels[number] for number in numbers)
    if by_label[best] < options.min_confidence:
        return Words(probabilities=by_label, reason=UNSURE, prediction_set=found)
    return Words(emotion=best, probabilities=by_label, prediction_set=found)


def _several(model: Model, probabilities: np.ndarray, options: PredictOptions) -> Words:
    """The labels that are there, each with a probability of its own: those of `PRESENT` or more."""
    by_label = dict(zip(model.labels, probabilities.tolist(), strict=True))
    least = max(PRESENT, options.min_confidence)
    there = tuple(label for label in sorted(by_label, key=lambda label: -by_label[label]) if by_label[label] >= least)
    unsure = max(by_label.values()) < options.min_confidence
    first, reason = there[0] if there else None, UNSURE if unsure else None
    return Words(emotion=first, probabilities=by_label, reason=reason, emotions=there)


def _with_dimensions(found: Words, model: Model, values: np.ndarray, options: PredictOptions) -> Words:
    by_name = dict(zip(model.outputs.dimensions, values.tolist(), strict=True))
    scale, calibration, intervals = model.outputs.scale, model.calibration, None
    if options.coverage is not None and calibration is not None:
        share, bounded = options.coverage, scale is not None
        intervals = {name: calibration.interval(name, value, share, bounded) for name, value in by_name.items()}
    ratings = {name: scale.from_unit(value) for name, value in by_name.items()} if scale else None
    return dataclasses.replace(found, dimensions=by_name, ratings=ratings, intervals=intervals)
