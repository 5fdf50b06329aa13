"""A network's outputs become probabilities or embeddings. A broken network is an error, because no answer is better than
a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emozoo.errors import EmozooError
from emozoo.target import Outputs


def to_probabilities(
    logits: np.ndarray, shape: tuple[int, int], sound_is_finite: Callable[[], bool], name: str
) -> np.ndarray:
    """float64 [windows, labels]: the softmax of a network's logits.

    `shape` is what their shape must be, and `name` what errors call the model. Raises EmozooError for logits of another
    shape, and for logits that are not finite.
    """
    return _softmax(to_values(logits, shape, sound_is_finite, name))


def read_outputs(
    raw: np.ndarray, outputs: Outputs, windows: int, sound_is_finite: Callable[[], bool], name: str
) -> np.ndarray:
    """float64 [windows, outputs]: probabilities of the labels, then values of the dimensions, 0 to 1 where their scale is
    known. Raises EmozooError as `to_probabilities` does."""
    values = to_values(raw, (windows, len(outputs.names)), sound_is_finite, name)
    words, dimensions = values[:, outputs.of_labels], values[:, outputs.of_dimensions]
    if outputs.multi:
        words = 1 / (1 + np.exp(-np.clip(words, -500, 500)))
    elif outputs.labels:
        words = _softmax(words)
    return np.concatenate([words, dimensions.clip(0, 1) if outputs.scale else dimensions], axis=1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def to_values(
    outputs: np.ndarray, shape: tuple[int, int], sound_is_finite: Callable[[], bool], name: str
) -> np.ndarray:
    """float64 [windows, outputs]: a network's outputs as they are. Raises EmozooError as `to_probabilities` does."""
    if outputs.shape != shape:
        raise EmozooError(
            f"{name} answers with numbers of shape {list(outputs.shape)}, not {list(shape)}: it is damaged"
        )
    _check_finite(outputs, sound_is_finite, name)
    return outputs.astype(np.float64)


def to_embeddings(features: np.ndarray, windows: int, sound_is_finite: Callable[[], bool], name: str) -> np.ndarray:
    """float32 [windows, features] of a network. Raises EmozooError as `to_probabilities` does."""
    if features.ndim != 2 or len(features) != windows or not features.shape[1]:
        raise EmozooError(
            f"{name} gives embeddings of shape {list(features.shape)} for {windows} windows: it is damaged"
        )
    _check_finite(features, sound_is_finite, name)
    return np.ascontiguousarray(features, np.float32)


def _check_finite(outputs: np.ndarray, sound_is_finite: Callable[[], bool], name: str) -> None:
    if np.isfinite(outputs).all():
        return
    if not sound_is_finite():
        raise EmozooError("the sound holds samples that are no numbers (NaN or infinity)")
    raise EmozooError(f"{name} answers with values that are no numbers: its weights are damaged")
