"""Probabilities of a dataset's decoded clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.inference.batches import in_batches
from emozoo.media.window import window_starts

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel
    from emozoo.data.store import ClipStore


def clip_probabilities(
    model: EmotionModel,
    store: ClipStore,
    rows: Sequence[int],
    within: Callable[[], AbstractContextManager[Any]] = nullcontext,
    modality: str | None = None,
) -> np.ndarray:
    """Probabilities float64 [len(rows), labels] of a dataset's decoded clips, the mean over each clip's windows.

    `within` as in `in_batches`. With a `modality`, `audio` or `video`, the model does not get the other."""
    plan = [(position, start) for position, row in enumerate(rows) for start in window_starts(store.length(row))]

    def answer(cuts: list[tuple[int, int]]) -> np.ndarray:
        positions, starts = np.array(cuts).T
        sound, frames = store.batch(np.asarray(rows)[positions], starts, model.device)
        if modality == "video":
            sound = sound * 0
        return model.answer(sound, None if modality == "audio" else frames)

    totals, counts = np.zeros((len(rows), len(model.labels))), np.zeros((len(rows), 1))
    for (position, _), probabilities in zip(plan, in_batches(model, plan, answer, within), strict=True):
        totals[position] += probabilities
        counts[position] += 1
    return totals / counts
