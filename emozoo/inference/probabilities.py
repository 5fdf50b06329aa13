"""A network's outputs become probabilities or embeddings. A broken network is an error, because no answer is better than
a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emozoo.errors import EmozooError


def to_probabilities(
    logits: np.ndarray, shape: tuple[int, int], sound_is_finite: Callable[[], bool], name: str
) -> np.ndarray:
    """float64 [windows, labels]: the softmax of a network's logits.

    `shape` is what their shape must be, and `name` what errors call the model. Raises EmozooError for logits of another
    shape, and for logits that are not finite.
    """
    logits = to_values(logits, shape, sound_is_finite, name)
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
