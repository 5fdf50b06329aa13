"""The `Model` that gives answers: what prediction, listening and evaluation ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from emozoo.inference.calibration import Calibration
from emozoo.media.preparation import Preparation
from emozoo.media.window_shape import WindowShape
from emozoo.target import Outputs

Window = tuple[np.ndarray, np.ndarray | None]
"""Sound [samples], shorter than a window where the clip ends, and frames: as `emozoo.media.window.cut_window` gives them."""


class Model(Protocol):
    """Gives probabilities for windows, by torch, onnxruntime or anything else."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions, first in the order of the outputs."""

    @property
    def video(self) -> bool:
        """Whether it takes frames as well as sound."""

    @property
    def optional(self) -> tuple[str, ...]:
        """Which of `audio` and `video` a clip may lack."""

    @property
    def preparation(self) -> Preparation:
        """How clips are prepared for the network."""

    @property
    def window(self) -> WindowShape:
        """How long its windows are, and how many frames they have."""

    @property
    def outputs(self) -> Outputs:
        """What its outputs are, in order."""

    @property
    def target(self) -> str:
        """The same in a word, as of `emozoo.target.TARGETS`."""

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on computed voices only: then it knows nothing of real ones."""

    @property
    def calibration(self) -> Calibration | None:
        """How its probabilities are calibrated; None: they are not."""

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, where small batches on all cores are fastest."""

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, outputs] for windows: probabilities, then values of dimensions, about 0 to 1. Raises EmozooError
        if the network answers with values that are not finite."""

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """float32 [batch, features] for windows. Raises EmozooError where the network has none."""
