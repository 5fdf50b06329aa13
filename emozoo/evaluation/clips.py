"""Probabilities of a dataset's decoded clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.inference.batches import in_batches
from emozoo.inference.voice import window_reason
from emozoo.media.window import DARK, SILENT, window_starts
from emozoo.media.window_shape import SAMPLING_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from emozoo.checkpoint.model import EmotionModel
    from emozoo.data.store import ClipStore


def clip_probabilities(
    model: EmotionModel,
    store: ClipStore,
    rows: Sequence[int],
    within: Callable[[], AbstractContextManager[Any]] = nullcontext,
    modality: str | None = None,
    answered: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Answers float64 [len(rows), outputs] of a dataset's decoded clips, the mean over each clip's windows that have
    what the model needs (`emozoo.inference.voice`). A clip without any, such as a silent one, gets NaN.

    `within` as in `in_batches`. With a `modality`, `audio` or `video`, the model does not get the other.
    `answered` gives the probabilities of windows, by their clips' rows and their
    first samples, where somebody knows them without the sound."""
    shape = model.window
    plan = [(position, start) for position, row in enumerate(rows) for start in window_starts(store.length(row), shape)]

    def answer(cuts: list[tuple[int, int]]) -> np.ndarray:
        positions, starts = np.array(cuts).T
        own = np.asarray(rows)[positions]
        sound, frames, lengths = store.batch(own, starts, model.device, shape)
        if modality == "video":
            sound = sound * 0
        if modality == "audio":
            frames = None
        probabilities = answered(own, starts) if answered else model.answer(sound, frames, lengths)
        seconds = [(store.length(rows[position]) - start) / SAMPLING_RATE for position, start in cuts]
        probabilities[~_counts(model, sound, frames, seconds)] = np.nan
        return probabilities

    totals, counts = np.zeros((len(rows), len(model.outputs.names))), np.zeros((len(rows), 1))
    for (position, _), probabilities in zip(plan, in_batches(model, plan, answer, within), strict=True):
        if np.isfinite(probabilities).all():
            totals[position] += probabilities
            counts[position] += 1
    return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)


def _counts(model: EmotionModel, sound: Tensor, frames: Tensor | None, seconds: Sequence[float]) -> np.ndarray:
    """Whether each window of a batch is one that is answered: bool [batch]. `seconds` is how much of its clip is left."""
    has_sound = (sound.abs().amax(1) > SILENT).tolist()
    has_video = [False] * len(sound) if frames is None else (frames.flatten(1).amax(1) > DARK).tolist()
    found = [
        {name for name, there in (("audio", audio), ("video", video)) if there}
        for audio, video in zip(has_sound, has_video, strict=True)
    ]
    reasons = [window_reason(each, None, left, model.optional) for each, left in zip(found, seconds, strict=True)]
    return np.array([reason is None for reason in reasons])
