"""Opens any model that answers: a checkpoint of emozoo, or one of another library, also an ONNX file that a reader knows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.checkpoint.foreign import is_own, translate
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.named import leads_to
from emozoo.errors import EmozooError
from emozoo.filenames import PROVENANCE
from emozoo.hub.files import commit_of
from emozoo.hub.reference import is_reference, name_of
from emozoo.text import shown

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel
    from emozoo.inference.model import Model


def load(reference: str | os.PathLike[str] = DEFAULT, device: str = "auto", precision: str = "fp32") -> EmotionModel:
    """As `emozoo.checkpoint.loading.load`, which is for those who need the network itself. Without a reference, it is the
    bundled model that `emozoo predict` uses. An ONNX file of another library becomes a `ForeignOnnx`, which answers as an
    `EmotionModel` does, on the CPU. Raises EmozooError with the reason."""
    if not isinstance(reference, str | os.PathLike):
        raise EmozooError(f"a model is named by a text or a path, not by {shown(reference)}")
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


def open_model(
    reference: str | os.PathLike[str], backend: str = "torch", device: str = "auto", precision: str = "fp32"
) -> Model:
    """A model that answers: as `load`, or with the `backend` "onnx" by its model.onnx. Raises EmozooError with why not."""
    if backend != "onnx":
        return load(reference, device, precision)
    from emozoo.checkpoint import onnx_model

    if precision != "fp32":
        raise EmozooError(
            f"--backend onnx computes in fp32, or in what its file holds: leave --precision {precision} out; "
            "emozoo export --quantize makes a faster file"
        )
    return onnx_model.load(reference, device)


def load_with_record(
    reference: str | os.PathLike[str], device: str, precision: str = "fp32"
) -> tuple[EmotionModel, Path]:
    """A model with the record of what it was trained on, where there is one, and its folder; of the Hub, both are of one
    commit. Raises EmozooError with the reason."""
    place = leads_to(reference)
    folder = resolve(place, extra=(PROVENANCE,))
    return load(commit_of(place, folder) if is_reference(place) else place, device, precision), folder
