"""Datasets: a name becomes labelled, decoded clips, split by a protocol. `emozoo.data.corpus` is a plugin's door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.data.loading import load_dataset
    from emozoo.data.splits.protocols import make_folds
    from emozoo.data.store import ClipStore

__all__ = [
    "load_dataset",
    "ClipStore",
    "make_folds",
]

__getattr__ = hand_on(
    __name__,
    {
        "load_dataset": "loading",
        "ClipStore": "store",
        "make_folds": "splits.protocols",
    },
)
