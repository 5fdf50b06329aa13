"""A small model that was not trained, and its checkpoint with other words in it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import torch

from emozoo.checkpoint.model import EmotionModel
from emozoo.inference.clips import as_clip
from emozoo.inference.cuts import ClipReader, Cut
from emozoo.inference.options import DEFAULTS
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.target import Outputs, Scale
from support.small import NETWORK

LABELS = ("happy", "sad", "angry", "neutral")


DIMENSIONS = ("valence", "arousal", "dominance")
JOINT = Outputs(LABELS, DIMENSIONS, "emotion,dimensions", scale=Scale(1, 5))
VALUES = Outputs((), DIMENSIONS, "dimensions", scale=Scale(1, 7))
SEVERAL = Outputs(LABELS, multi=True)


def small_model(name: str = "cnn", outputs: Outputs | Sequence[str] = LABELS) -> EmotionModel:
    """Its dimensions are about 0.5."""
    architecture = get_architecture(name)
    config, _ = apply_settings(architecture, NETWORK)
    torch.manual_seed(3)
    model = EmotionModel(architecture, config, outputs, synthetic=True).eval()
    *_, last = (module for module in model.network.modules() if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        last.bias[model.outputs.of_dimensions] += 0.5
    return model


def cuts_of(
    path: str | Path,
    *,
    video: bool,
    optional: tuple[str, ...] = (),
    preparation: Preparation = PLAIN,
    window: WindowShape = DEFAULT_WINDOW,
) -> Iterator[Cut]:
    """The windows of a file, for a model that takes such."""
    model = SimpleNamespace(video=video, optional=optional, preparation=preparation, synthetic=True, window=window)
    return ClipReader(as_clip(path), model, DEFAULTS).cuts()  # type: ignore[arg-type]


def edit(checkpoint: Path, **changes: object) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    for key, value in changes.items():
        if value is None:
            del config[key]
        else:
            config[key] = value
    (checkpoint / "config.json").write_text(json.dumps(config))
