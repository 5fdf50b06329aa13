"""What a model's answers for clips are worth, for whatever its outputs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from emozoo.checkpoint.results import Metrics
from emozoo.data.truth import UNDECIDED, Truth
from emozoo.errors import EmozooError
from emozoo.evaluation.confidence import confidence, set_metrics
from emozoo.evaluation.data import Data
from emozoo.evaluation.dimensions import measure_dimensions, with_intervals
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.evaluation.sums import over
from emozoo.evaluation.votes import measure_several, measure_votes
from emozoo.target import Outputs

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel


@dataclass(frozen=True)
class AnsweredClips:
    """Clips that were answered, and what people said of them."""

    outputs: Outputs
    truth: Truth
    answers: np.ndarray
    """float64 [clips, outputs]."""
    speakers: list[str]

    @classmethod
    def of(
        cls, data: Data, rows: Sequence[int], speakers: Sequence[str], places: np.ndarray, answers: np.ndarray
    ) -> AnsweredClips:
        """Of `rows`, those at `places`; `speakers` and `answers` are of all rows."""
        said = data.truth.rows(np.asarray(rows, dtype=int)[places])
        return cls(data.outputs, said, answers[places], [speakers[place] for place in places])

    @cached_property
    def decided(self) -> np.ndarray:
        """Which clips have a label: int64."""
        return np.flatnonzero(self.truth.words != UNDECIDED)

    @property
    def labelled(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float64 [clips, labels] and labels int64 [clips] of the clips that have one."""
        return self.answers[self.decided][:, self.outputs.of_labels], self.truth.words[self.decided]


def worth(model: EmotionModel, tested: AnsweredClips, coverage: float | None = None) -> Metrics:
    """The metrics of clips that were answered; of sets for `coverage`, where the model is calibrated. Raises EmozooError
    where there is no clip to measure."""
    outputs = tested.outputs
    if not len(tested.answers):
        raise EmozooError("there is no clip to evaluate")
    words = tested.answers[:, outputs.of_labels]
    found = Metrics(count=len(tested.answers), interval_over=over(tested.speakers))
    if outputs.labels and not outputs.multi:
        found = _of_words(model, tested, coverage)
    values = tested.answers[:, outputs.of_dimensions]
    ratings = tested.truth.ratings
    dimensions = measure_dimensions(outputs, ratings, values, tested.speakers)
    dimensions = with_intervals(dimensions, outputs, ratings, values, model.calibration, coverage)
    votes = several = None
    if tested.truth.counts is not None and outputs.multi:
        several = measure_several(outputs.labels, tested.truth.counts, words, tested.speakers)
    elif tested.truth.counts is not None:
        votes = measure_votes(tested.truth.counts, words, tested.speakers)
    if outputs.dimensions and not dimensions and not outputs.labels:
        raise EmozooError("there is no clip with a rating to evaluate")
    return replace(found, dimensions=dimensions, votes=votes, several=several, answered=len(tested.answers))


def _of_words(model: EmotionModel, tested: AnsweredClips, coverage: float | None) -> Metrics:
    probabilities, true = tested.labelled
    who = [tested.speakers[place] for place in tested.decided]
    metrics = evaluate_predictions(model.labels, true, probabilities.argmax(1), who)
    return replace(
        metrics,
        confidence=confidence(true, probabilities, who),
        sets=set_metrics(model.calibration, true, probabilities, who, coverage),
    )
