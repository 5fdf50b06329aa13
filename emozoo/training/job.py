"""What a `Trainer` is given: the model to build, the clips to train on, and where to compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emozoo.architecture import Architecture
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import Provenance
from emozoo.data.store import ClipStore
from emozoo.data.truth import Truth
from emozoo.errors import blamed
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.registry.entry_points import ARCHITECTURES, find
from emozoo.target import Outputs


@dataclass(frozen=True)
class ModelSpec:
    """A model before it is built."""

    architecture: Architecture
    config: Any
    """Of the architecture's own type."""
    outputs: Outputs | tuple[str, ...]
    """What a network's outputs mean, or the labels alone."""
    preparation: Preparation = PLAIN
    provenance: Provenance | None = None
    """What it will have been trained on."""
    synthetic: bool = False
    """Whether that is computed voices only."""

    @property
    def plugin(self) -> str:
        """What errors call the plugin: its name, distribution and version."""
        return f"{self.architecture.name} ({find(ARCHITECTURES, self.architecture.name).origin})"

    def build(self) -> EmotionModel:
        """The model with random weights from torch's generator. Raises EmozooError for a config that does not fit."""
        with blamed(self.plugin, "cannot be built with this config"):
            return EmotionModel(
                self.architecture,
                self.config,
                self.outputs,
                preparation=self.preparation,
                provenance=self.provenance,
                synthetic=self.synthetic,
            )


@dataclass(frozen=True)
class TrainingClips:
    """Decoded clips, and which of them are for training and for the dev split, by row."""

    store: ClipStore
    train: tuple[int, ...]
    dev: tuple[int, ...]
    """Empty without a dev split."""
    truth: Truth | None = None
    """What people said of all clips of the store; None: their labels alone."""

    @property
    def said(self) -> Truth:
        """`truth`, or what the labels say."""
        return self.truth or Truth.of_labels(self.store.labels)


@dataclass(frozen=True)
class Compute:
    """Where and how precisely to compute, in the words of the command line."""

    device: str = "auto"
    precision: str = "auto"
    """`fp32`, `bf16`, or `auto`: bf16 where the device computes it faster."""
