"""A checkpoint folder becomes an `EmotionModel`. What the folder claims is checked before a network is built."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import torch

from emozoo.architecture import Architecture
from emozoo.checkpoint.building import OwnGenerator
from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.ensemble import together
from emozoo.checkpoint.foreign import is_own, translate
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.partial import fill_pretrained
from emozoo.checkpoint.provenance import read_provenance, unrecorded
from emozoo.checkpoint.tensors import Tensors
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG
from emozoo.hints import type_problem
from emozoo.hub.reference import name_of
from emozoo.registry.entry_points import ARCHITECTURES, installed
from emozoo.registry.loading import get_architecture


def _use_one_thread() -> None:
    """In a forked process: the threads of torch's OpenMP did not come along, and it would wait for them forever."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


def load(reference: str | os.PathLike[str], device: str = "auto", precision: str = "fp32") -> EmotionModel:
    """Loads a checkpoint folder, or `hub:user/name[@revision]`, also one of another library that a reader knows
    (`emozoo.checkpoint.foreign`), and returns the model in eval mode on `device`, which answers in `precision`
    (`EmotionModel.compute_in`).

    Raises EmozooError, with the reason, for one that is missing, damaged, or known to no reader, and for an
    architecture that no installed plugin offers: then it names the distribution that did. What the folder claims is
    checked before a network is built. Several threads may load, build and train at a time: torch's global random
    generator is not used.
    """
    from emozoo.checkpoint.locate import resolve

    return load_folder(resolve(reference), name_of(reference), device, precision)


def load_folder(folder: Path, name: str, device: str = "auto", precision: str = "fp32") -> EmotionModel:
    """As `load`, of a reference that leads to `folder`; errors call it `name`."""
    if (kind := torch.get_default_dtype()) != torch.float32:
        raise EmozooError(
            f"torch's default type of numbers is {kind}, and networks are built of torch.float32: call "
            "torch.set_default_dtype(torch.float32) first"
        )
    foreign = None if is_own(folder) else translate(folder, name)
    if foreign and foreign.graph:
        raise EmozooError(
            f"{name} is an ONNX file of another library: it answers as it is, but cannot be trained, calibrated or merged"
        )
    config = foreign.config if foreign else read_config(folder, name)
    architecture = _architecture_of(name, config)
    if tuple(architecture.modalities) != config.modalities:
        raise EmozooError(
            f"{name}/{CONFIG} is damaged: modalities are {', '.join(config.modalities)}, "
            f"but {architecture.name} takes {', '.join(architecture.modalities)}"
        )
    settings = config_of(architecture, config.architecture_config, f"{name}/{CONFIG}")
    tensors = Tensors.foreign(foreign, folder, name) if foreign else Tensors.own(folder, name)
    architecture = together(architecture, config.members, config.outputs)
    tensors.check(architecture, settings, len(config.outputs.names))
    provenance = unrecorded(config.source.reference) if foreign and config.source else read_provenance(folder)
    with OwnGenerator():
        model = EmotionModel(
            architecture,
            settings,
            config.outputs,
            config.plugin,
            config.preparation,
            provenance,
            config.calibration,
            config.synthetic,
            config.source,
        )
    if model.window != config.window:
        raise EmozooError(f"{name}/{CONFIG} is damaged: {architecture.name} has other windows with this config")
    model.name = name
    fill_pretrained(model.network, settings, architecture.name, name)
    tensors.fill(model.network)
    return model.to(pick_device(device)).eval().compute_in(precision)


def _architecture_of(folder: str, config: CheckpointConfig) -> Architecture:
    name = config.architecture
    distribution = config.plugin.distribution
    if all(each.name != name for each in installed(ARCHITECTURES)):
        raise EmozooError(
            f"{folder} needs the architecture {name!r}, which no installed plugin offers; it was made with "
            f"{distribution} {config.plugin.version}: pip install {distribution} "
            "(installing a plugin runs its code)"
        )
    return get_architecture(name)


def config_value(value: Any) -> Any:
    """A JSON value as a frozen config holds it: lists become tuples."""
    return tuple(config_value(item) for item in value) if isinstance(value, list | tuple) else value


def config_of(architecture: Architecture, values: dict[str, Any], where: str) -> Any:
    """An architecture's config from its JSON. Raises EmozooError, naming `where` it stands, for values that cannot be."""
    known = {field.name for field in dataclasses.fields(architecture.config)}
    if strangers := sorted(values.keys() - known):
        raise EmozooError(
            f"{where}: {architecture.name} has no setting {', '.join(strangers)}; "
            "a newer release of its plugin may have written it"
        )
    try:
        config = architecture.config(**{name: config_value(value) for name, value in values.items()})
    except Exception as error:  # noqa: BLE001 - whatever a plugin's check makes of a value that it did not expect
        raise EmozooError(f"{where}: {error}") from error
    if problem := type_problem(config, architecture.config):
        raise EmozooError(f"{where}: {problem}")
    return config
