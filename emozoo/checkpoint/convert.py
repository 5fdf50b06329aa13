"""Weights from elsewhere become a checkpoint of emozoo: another library's checkpoint, or the state dict of a network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from emozoo.checkpoint.building import OwnGenerator
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.foreign import check_network, is_own
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import unrecorded
from emozoo.checkpoint.tensors import Tensors
from emozoo.errors import EmozooError
from emozoo.hub.files import PICKLES
from emozoo.hub.reference import name_of
from emozoo.paths import user_path
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings


def convert(reference: str | os.PathLike[str], output: str | os.PathLike[str]) -> EmotionModel:
    """Writes the checkpoint of another library, a folder or `hub:user/name[@revision]`, as one of emozoo's own into the
    folder `output`, and returns the model. Raises EmozooError for one that cannot be read, that is emozoo's already, or that
    runs from an ONNX file; and for a folder that holds another model."""
    source = resolve(reference, weights=False)
    if is_own(source):
        read_config(source, name_of(reference))  # which says what is wrong with one that is nobody's
        raise EmozooError(f"{name_of(reference)} is a checkpoint of emozoo already: it needs no conversion")
    check_network(source, name_of(reference), "it needs no conversion, for emozoo predict --model takes it as it is")
    folder = _free(output)
    model = load(reference, "cpu")
    model.save(folder)
    return model


def convert_weights(
    file: str | os.PathLike[str],
    architecture: str,
    labels: Sequence[str],
    output: str | os.PathLike[str],
    settings: Mapping[str, str] | None = None,
) -> EmotionModel:
    """Writes a network's state dict, saved as a safetensors file, as a checkpoint into the folder `output`, and returns the
    model. `labels` are in the order of the network's outputs; `settings` are as `--set` takes them.

    Raises EmozooError for a tensor that is missing, left over, of another shape or damaged, and for a pickle file.
    """
    path = user_path(file)
    if path.name.endswith(PICKLES):
        raise EmozooError(
            f"{path.name} is a pickle file, which can run code when it is opened: where you trust it, save its state dict "
            "by safetensors.torch.save_file and name that file"
        )
    if not path.is_file():
        raise EmozooError(f"{path} does not exist: name a safetensors file with a network's state dict")
    folder = _free(output)
    offered = get_architecture(architecture)
    config, _ = apply_settings(offered, dict(settings or {}))
    if offered.prepare is not None:
        config = offered.prepare(config)
    tensors = Tensors.of_file(path)
    tensors.check(offered, config, len(labels))
    with OwnGenerator():
        model = EmotionModel(offered, config, labels, provenance=unrecorded(path.name))
    tensors.fill(model.network)
    model.eval().save(folder)
    return model


def _free(output: str | os.PathLike[str]) -> Path:
    """The folder to write. Raises EmozooError for one that holds something."""
    folder = user_path(output)
    if folder.is_file() or folder.is_dir() and any(folder.iterdir()):
        problem = "is a file" if folder.is_file() else "is not empty"
        raise EmozooError(f"{folder} {problem}: name a new or empty folder with --output")
    return folder
