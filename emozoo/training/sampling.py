"""Samples an epoch of training: which clips, how often, and which window of each.

This gives positions only; `emozoo.data.splits.protocols` makes the fold that they index, and the training loop cuts the
windows. The caller owns the random generator, so that a run can be repeated and resumed.
"""

from __future__ import annotations

import numpy as np

from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape


def balanced_epoch(
    labels: np.ndarray, rng: np.random.Generator, size: int | None = None, corpora: np.ndarray | None = None
) -> np.ndarray:
    """Positions in `labels` for one epoch, int64 [size], shuffled, with the same count of each class that occurs.

    Within a class, every clip is sampled once before any is sampled again. `size` defaults to the count of clips, rounded
    up to a multiple of the count of classes. Where it is no such multiple, counts differ by one at most, and chance
    decides which classes get more.

    `corpora`, a name for each position, gives each corpus that occurs the same count, balanced over its classes: so a
    large corpus does not outweigh a small one.
    """
    names = np.unique(corpora) if corpora is not None else ()
    if corpora is not None and len(names) > 1:
        share = -(-(len(labels) if size is None else size) // len(names))
        parts = [np.flatnonzero(corpora == name) for name in names]
        return rng.permutation(np.concatenate([part[balanced_epoch(labels[part], rng, share)] for part in parts]))
    classes = np.unique(labels)
    count = len(classes)
    if not count:
        raise ValueError("no labels to sample from")
    if size is None:
        size = -(-len(labels) // count) * count
    quota = np.full(count, size // count)
    quota[rng.permutation(count)[: size % count]] += 1
    sampled = []
    for label, wanted in zip(classes, quota, strict=True):
        members = np.flatnonzero(labels == label)
        rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
        sampled.append(np.concatenate([members[:0], *rounds])[:wanted])
    return rng.permutation(np.concatenate(sampled))


def class_weights(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Weights for the loss, float32 [num_labels], inverse to each class's count, with mean 1.

    A class without clips has weight 1: it is never a target.
    """
    counts = np.bincount(labels, minlength=num_labels)
    if len(counts) > num_labels:
        raise ValueError(f"label {len(counts) - 1} is beyond the {num_labels} labels")
    weights = np.ones(num_labels)
    present = counts > 0
    inverse = 1 / counts[present]
    weights[present] = inverse / inverse.mean() if present.any() else 1
    return weights.astype(np.float32)


def random_starts(lengths: np.ndarray, rng: np.random.Generator, window: WindowShape = DEFAULT_WINDOW) -> np.ndarray:
    """The first sample of a random `window` of each clip, int64 [clips]; `lengths` are samples at 16 kHz.

    Starts are uniform over all windows that fit, and multiples of a frame's samples, so that frames and sound are cut at
    the same moment; 0 where the clip is no longer than a window.
    """
    last = np.maximum(np.asarray(lengths) - window.samples, 0) // window.samples_per_frame
    return rng.integers(0, last + 1) * window.samples_per_frame
