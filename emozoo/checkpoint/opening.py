"""Opens any model that answers: a checkpoint of emozoo, or one of another library, also an ONNX file that a reader knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.foreign import is_own, translate
from emozoo.checkpoint.locate import resolve
from emozoo.errors import EmozooError
from emozoo.hub.reference import name_of

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel


def load(reference: str | os.PathLike[str], device: str = "auto", precision: str = "fp32") -> EmotionModel:
    """As `emozoo.checkpoint.loading.load`, which is for those who need the network itself. An ONNX file of another library
    becomes a `ForeignOnnx`, which answers as an `EmotionModel` does, on the CPU. Raises EmozooError with the reason."""
    folder, name = resolve(reference), name_of(reference)
    translation = None if is_own(folder) else translate(folder, name)
    if translation is None or translation.graph is None:
        from emozoo.checkpoint.loading import load_folder

        return load_folder(folder, name, device, precision)
    from emozoo.checkpoint.foreign_onnx import load_foreign_onnx

    if device not in ("auto", "cpu") or precision != "fp32":
        raise EmozooError(f"{name} is an ONNX file, which runs on the CPU in fp32: leave --device and --precision out")
    config = translation.config
    model: Any = load_foreign_onnx(folder, translation.graph, config.outputs, name)
    model.source = config.source
    return model
