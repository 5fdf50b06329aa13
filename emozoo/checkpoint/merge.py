"""A model with an adapter becomes a whole checkpoint without one: same answers, and nothing else is needed to load it.

A network may have `merged()`: the config and the tensors of a network of the same architecture that answers alike without
its adapter; None where it has none.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, CONFUSION, CURVES, METRICS, PREDICTIONS, RISK, RUN, WEIGHTS
from emozoo.inference.model import Window
from emozoo.paths import atomic, user_path

LARGEST_DIFFERENCE = 1e-5
"""Of a probability, between the two models."""
MEASURED = (METRICS, PREDICTIONS, CONFUSION, CURVES, RISK)
"""What was found about the one model holds for the other."""


@dataclass(frozen=True)
class Merged:
    """What was written."""

    file: str
    bytes: int
    difference: float
    """The largest of a probability that was found between what was and what is."""
    members: int | None = None
    """Networks of an ensemble; None: it is one network, without its adapter."""


def merge(reference: str | os.PathLike[str], output: str | os.PathLike[str]) -> Merged:
    """Writes the whole checkpoint into the folder `output`, which must hold none yet, with what the run measured.

    Raises EmozooError for a model without an adapter, and where the answers would change."""
    check_empty(output)
    folder = user_path(output)
    model = load(reference, "cpu")
    whole = _merged(model)
    differences = [np.abs(model.probabilities(each) - whole.probabilities(each)).max() for each in batches(model)]
    if not max(differences) <= LARGEST_DIFFERENCE:  # also where it is NaN
        raise EmozooError(f"{model.name} cannot be merged: its answers would be off by {max(differences):.1g}")
    whole.save(folder)
    source = resolve(reference)
    for name in MEASURED:
        if (source / name).is_file():
            with atomic(folder / name) as temporary:
                shutil.copyfile(source / name, temporary)
    return Merged(str(Path(output, WEIGHTS)), (folder / WEIGHTS).stat().st_size, float(max(differences)))


def check_empty(output: str | os.PathLike[str]) -> None:
    """Raises EmozooError for a folder that holds a checkpoint or a run."""
    folder = user_path(output)
    if folder.is_file() or any((folder / name).exists() for name in (CONFIG, RUN)):
        raise EmozooError(f"{output} holds something else: name an empty folder with --output")


def _merged(model: EmotionModel) -> EmotionModel:
    give = getattr(model.network, "merged", None)
    found = give() if callable(give) else None
    if found is None:
        raise EmozooError(f"{model.name} has no adapter to merge: its checkpoint is whole as it is")
    config, tensors = found
    whole = EmotionModel(
        model.architecture,
        config,
        model.outputs,
        model.origin,
        model.preparation,
        model.provenance,
        model.calibration,
        model.synthetic,
        model.source,
    )
    whole.network.load_state_dict(tensors)
    return whole.eval()


def batches(model: EmotionModel) -> list[list[Window]]:
    """Noise and tones of several levels, and a clip that is shorter than the window; with frames where there is video."""
    rng = np.random.default_rng(0)
    shape = model.window
    sounds = [rng.normal(0, level, shape.samples) for level in (0.3, 0.1, 0.01)]
    sounds += [0.5 * np.sin(np.arange(shape.samples // 2) * pitch / 2546) for pitch in (110, 440)]
    frames = rng.integers(0, 256, (*shape.frames, 3), np.uint8) if model.video else None
    windows: list[Window] = [(sound.clip(-1, 1).astype(np.float32), frames) for sound in sounds]
    return [windows[:1], windows]
