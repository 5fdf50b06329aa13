"""A checkpoint folder becomes an `EmotionModel`. What the folder claims is checked before a network is built."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.building import Limit, OwnGenerator, ShapesOnly, TooLarge
from emozoo.checkpoint.config import CheckpointConfig, read_config
from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import read_provenance
from emozoo.checkpoint.weights import Shapes, read_shapes
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, WEIGHTS
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
    """Loads a checkpoint folder, or `hub:user/name[@revision]`, and returns the model in eval mode on `device`, which
    answers in `precision` (`EmotionModel.compute_in`).

    Raises EmozooError, with the reason, for one that is missing, damaged, or not a checkpoint of emozoo, and for an
    architecture that no installed plugin offers: then it names the distribution that did. What the folder claims is
    checked before a network is built. Several threads may load, build and train at a time: torch's global random
    generator is not used.
    """
    from emozoo.checkpoint.locate import resolve

    folder, name = resolve(reference), name_of(reference)
    config = read_config(folder, name)
    architecture = _architecture_of(name, config)
    if tuple(architecture.modalities) != config.modalities:
        raise EmozooError(
            f"{name}/{CONFIG} is damaged: modalities are {', '.join(config.modalities)}, "
            f"but {architecture.name} takes {', '.join(architecture.modalities)}"
        )
    settings = config_of(architecture, config.architecture_config, f"{name}/{CONFIG}")
    shapes = read_shapes(folder, name)
    _check_shapes(architecture, settings, len(config.labels), shapes, name)
    provenance = read_provenance(folder)
    with OwnGenerator():
        model = EmotionModel(
            architecture,
            settings,
            config.labels,
            config.plugin,
            config.preparation,
            provenance,
            config.calibration,
            config.synthetic,
            config.target,
            config.source,
        )
    if model.window != config.window:
        raise EmozooError(f"{name}/{CONFIG} is damaged: {architecture.name} has other windows with this config")
    model.name = name
    _load_weights(model.network, folder / WEIGHTS, f"{name}/{WEIGHTS}")
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


def _check_shapes(architecture: Architecture, config: Any, labels: int, shapes: Shapes, name: str) -> None:
    """Compares the network that a config describes with the header of the weights, before memory is taken for either.

    The network is built on torch's meta device, whose tensors have shapes only; building stops where it has grown far
    beyond the weights at hand. A plugin's network that cannot be built there is built as usual, under the same limit.
    """
    held = [shape for shape, _ in shapes.values()]
    try:
        try:
            with torch.device("meta"), Limit(held), ShapesOnly():
                network = architecture.build(config, labels)
        except (NotImplementedError, RuntimeError):
            with Limit(held), OwnGenerator():
                network = architecture.build(config, labels)
        expected = {key: (tuple(value.shape), value.is_floating_point()) for key, value in network.state_dict().items()}
    except TooLarge:
        raise EmozooError(
            f"{name}/{CONFIG} does not fit {WEIGHTS}: its network is far larger than the weights"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever a plugin's network makes of a value that it did not expect
        raise EmozooError(f"{name}/{CONFIG}: {architecture.name} cannot be built with this config: {error}") from error
    where = f"{name}/{WEIGHTS} does not fit its config"
    for what, names in (("lacks", expected.keys() - shapes.keys()), ("has a stray", shapes.keys() - expected.keys())):
        if names:
            raise EmozooError(f"{where}: it {what} tensor {min(names)!r}")
    for key, (shape, floats) in shapes.items():
        if shape != expected[key][0]:
            raise EmozooError(f"{where}: {key!r} is {list(shape)}, not {list(expected[key][0])}")
        if floats != expected[key][1]:
            raise EmozooError(f"{where}: {key!r} holds another kind of number")


def _load_weights(network: nn.Module, path: Path, name: str) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise EmozooError(f"{name} is damaged: {error}") from error
    for key, tensor in weights.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise EmozooError(f"{name} is damaged: {key!r} holds values that are not finite")
    network.load_state_dict(weights)
