"""What the other scripts share: a model's logits for the windows of clips, for some of its labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from emozoo.checkpoint.model import EmotionModel
from emozoo.evaluation.data import Data
from emozoo.media.window import window_starts


class Answers:
    """Of the clips among `rows` that carry one of `labels`: their windows' logits for these labels only, and the truth.

    `change` is applied to the sound of windows, float32 [batch, samples], before the model takes it.
    """

    def __init__(
        self,
        model: EmotionModel,
        data: Data,
        rows: Sequence[int],
        labels: Sequence[str],
        change: Callable[[Tensor], Tensor] = lambda sound: sound,
    ) -> None:
        places = [model.labels.index(label) for label in labels]
        known = {data.labels.index(label): number for number, label in enumerate(labels)}
        self.rows = np.array([row for row in rows if data.store.labels[row] in known])
        self.truth = np.array([known[data.store.labels[row]] for row in self.rows])
        lengths = [data.store.length(row) for row in self.rows]
        plan = [(clip, start) for clip, length in enumerate(lengths) for start in window_starts(length, model.window)]
        self.clip, starts = np.array(plan).T
        batches = np.array_split(np.arange(len(plan)), -(-len(plan) // 64))
        with torch.inference_mode():
            logits = [
                model(change(sound), frames, ends).double().cpu()
                for batch in batches
                for sound, frames, ends in [
                    data.store.batch(self.rows[self.clip[batch]], starts[batch], model.device, model.window)
                ]
            ]
        self.logits = torch.cat(logits).numpy()[:, places]

    def probabilities(self, temperature: float = 1.0) -> np.ndarray:
        """As `emozoo predict` gives them: the mean over a clip's windows, float64 [clips, labels]."""
        scaled = self.logits / temperature
        probabilities = np.exp(scaled - scaled.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        total = np.zeros((len(self.rows), probabilities.shape[1]))
        np.add.at(total, self.clip, probabilities)
        return total / np.bincount(self.clip)[:, None]


def fit_temperature(answers: Sequence[Answers]) -> float:
    """The temperature with the least negative log-likelihood of the clips' labels (Guo et al. 2017)."""

    def loss(temperature: float) -> float:
        probabilities = [each.probabilities(temperature)[np.arange(len(each.rows)), each.truth] for each in answers]
        return float(-np.log(np.maximum(np.concatenate(probabilities), 1e-12)).mean())

    return min(np.geomspace(0.25, 8, 351).tolist(), key=loss)  # steps of 1 %
