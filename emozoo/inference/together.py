"""Answers to several recordings, adapted to these recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions
from emozoo.inference.recordings import RecordingsBias
from emozoo.inference.words import words

Answer = TypeVar("Answer", Prediction, WindowAnswer)


def adapt_together(
    model: Model, answers: Sequence[Prediction], options: PredictOptions
) -> tuple[list[Prediction], RecordingsBias]:
    """The answers to several recordings, and to their windows, without the bias that the recordings show together. Those
    without a voice and those that cannot be read do not count, and stay."""
    rows = [list(each.probabilities.values()) for each in answers if each.probabilities is not None]
    bias = RecordingsBias.from_probabilities(np.reshape(rows, (-1, len(model.labels))).astype(float))
    if not bias.is_applied:
        return list(answers), bias

    def adapted(answer: Answer) -> Answer:
        if answer.scores is None:
            return answer
        numbers = np.array(list(answer.scores.values()))
        return replace(answer, **vars(words(model, bias.apply(numbers), options)))

    def whole(answer: Prediction) -> Prediction:
        windows = answer.windows if answer.windows is None else tuple(map(adapted, answer.windows))
        return replace(adapted(answer), windows=windows)

    return [whole(each) for each in answers], bias
