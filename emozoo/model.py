"""`EmotionModel`: a network with its labels, saved to and loaded from a checkpoint folder.

A checkpoint is config.json, model.safetensors and preprocessor_config.json; nothing in it is ever unpickled or run. What
it says is read and checked by `emozoo.checkpoint`; what reads media files is `emozoo.predict`; what trains,
`emozoo.train`.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from emozoo import registry
from emozoo.answer import to_probabilities
from emozoo.architecture import Architecture
from emozoo.building import Limit, OwnDraws, ShapesOnly, TooLarge
from emozoo.checkpoint import CONFIG, PREPROCESSOR, WEIGHTS, read_config, read_shapes, type_problem
from emozoo.errors import EmozooError
from emozoo.features import to_batch
from emozoo.media import SAMPLING_RATE, WINDOW_SECONDS
from emozoo.paths import atomic, user_path, write_text
from emozoo.predict import PredictsFiles, Window
from emozoo.preparation import PLAIN, Preparation
from emozoo.provenance import PROVENANCE, Provenance, read_provenance
from emozoo.reference import name_of

Shapes = dict[str, tuple[tuple[int, ...], bool]]


@dataclass(frozen=True)
class Origin:
    """Where an architecture came from when its checkpoint was written."""

    distribution: str
    version: str


class EmotionModel(PredictsFiles, nn.Module):
    """An architecture's network and the labels of its outputs, in order.

    `model(input_values, pixel_values)` gives logits float32 [batch, labels] for waveforms float32 [batch, 48000] and, where
    `model.video`, frames uint8 [batch, 20, 60, 100, 3]; `model.predict(path)` answers for a file of any length.
    """

    def __init__(
        self,
        architecture: Architecture,
        config: Any,
        labels: Sequence[str],
        origin: Origin | None = None,
        preparation: Preparation = PLAIN,
        provenance: Provenance | None = None,
    ):
        """Builds the network with fresh weights; `provenance` is what they are, or will be, trained on. Raises EmozooError
        where the config's values do not fit together."""
        super().__init__()
        if len(labels) < 2 or len(set(labels)) != len(labels):
            raise EmozooError(f"a model needs two or more different labels, not {', '.join(labels) or 'none'}")
        self.architecture, self.config, self.labels = architecture, config, tuple(labels)
        if origin is None:
            plugin = registry.find(registry.ARCHITECTURES, architecture.name)
            origin = Origin(plugin.distribution, plugin.version)
        self.origin, self.preparation, self.provenance = origin, preparation, provenance
        self.name = architecture.name  # what errors call the model
        try:
            self.network = architecture.build(config, len(self.labels))
        except (ValueError, TypeError, RuntimeError) as error:
            raise EmozooError(f"{architecture.name} cannot be built with this config: {error}") from error

    @property
    def video(self) -> bool:
        return self.architecture.video

    @property
    def optional(self) -> tuple[str, ...]:
        """Of `audio` and `video`, what a clip may lack."""
        return tuple(self.architecture.optional_modalities)

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def on_cpu(self) -> bool:
        return self.device.type == "cpu"

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.network(input_values, pixel_values) if self.video else self.network(input_values)

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """float64 [batch, labels] of windows as `emozoo.media.cut_window` gives them."""
        return self.answer(*to_batch(windows, self.device))

    def answer(self, input_values: Tensor, pixel_values: Tensor | None = None) -> np.ndarray:
        """Probabilities float64 [batch, labels] of what `forward` takes. Raises EmozooError for a network that answers with
        values that are no numbers."""
        with torch.inference_mode():
            logits = self(input_values, pixel_values).cpu().double().numpy()
        shape = (len(input_values), len(self.labels))
        return to_probabilities(logits, shape, lambda: bool(input_values.isfinite().all()), self.name)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the checkpoint into `folder`, each file atomically. config.json goes first where it would change and is
        written last: a crash in between leaves a folder that does not load, never a wrong pair of config and weights."""
        target = user_path(folder)
        config = json.dumps(self.to_config(), indent=2, ensure_ascii=False) + "\n"
        if (target / CONFIG).is_file() and (target / CONFIG).read_text(encoding="utf-8") != config:
            (target / CONFIG).unlink()
        # Copies, for safetensors does not take tensors that share memory, as tied weights do.
        weights = {
            name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.network.state_dict().items()
        }
        with atomic(target / WEIGHTS) as temporary:
            save_file(weights, temporary, metadata={"format": "pt"})
        # What transformers' feature extractors need to hand over the waveform as it is.
        preprocessor = {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "sampling_rate": SAMPLING_RATE,
            "feature_size": 1,
            "do_normalize": False,
            "padding_value": 0.0,
            "return_attention_mask": True,
        }
        write_text(target / PREPROCESSOR, json.dumps(preprocessor, indent=2) + "\n")
        if self.provenance:
            self.provenance.write(target)
        else:  # what stands there is of other weights
            (target / PROVENANCE).unlink(missing_ok=True)
        write_text(target / CONFIG, config)

    def to_config(self) -> dict[str, Any]:
        """The JSON of config.json."""
        return {
            "model_type": "emozoo",
            "architecture": self.architecture.name,
            "architecture_config": dataclasses.asdict(self.config),
            "plugin": dataclasses.asdict(self.origin),
            "modalities": list(self.architecture.modalities),
            **({"optional_modalities": list(self.optional)} if self.optional else {}),
            "id2label": {str(number): label for number, label in enumerate(self.labels)},
            "label2id": {label: number for number, label in enumerate(self.labels)},
            "sampling_rate": SAMPLING_RATE,
            "window": WINDOW_SECONDS,
            **self.preparation.to_config(),
        }


def pick_device(name: str = "auto") -> torch.device:
    """`auto`: the first CUDA GPU, else Apple's, else the CPU. Raises EmozooError for a device that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise EmozooError(f"the device {name!r} cannot be used ({reason}); --device cpu always can") from error
    return device


def load(reference: str | os.PathLike[str], device: str = "auto") -> EmotionModel:
    """Loads a checkpoint folder, or `hub:user/name[@revision]`, and returns the model in eval mode on `device`.

    Raises EmozooError, with the reason, for one that is missing, damaged, or not a checkpoint of emozoo, and for an
    architecture that no installed plugin offers: then it names the distribution that did. What the folder claims is
    checked before a network is built. Several threads may load, build and train at a time: nothing is drawn from torch's
    global generator.
    """
    from emozoo import hub

    folder, name = hub.resolve(reference), name_of(reference)
    config = read_config(folder, name)
    labels = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    architecture = _architecture_of(name, config)
    if list(architecture.modalities) != config["modalities"]:
        raise EmozooError(
            f"{name}/{CONFIG} is damaged: modalities are {', '.join(config['modalities'])}, "
            f"but {architecture.name} takes {', '.join(architecture.modalities)}"
        )
    settings = config_of(architecture, config["architecture_config"], f"{name}/{CONFIG}")
    shapes = read_shapes(folder, name)
    _check_shapes(architecture, settings, len(labels), shapes, name)
    plugin = config["plugin"]
    origin = Origin(plugin["distribution"], plugin["version"])
    made = Preparation.from_config(config)
    with OwnDraws():
        model = EmotionModel(architecture, settings, labels, origin, made, read_provenance(folder))
    model.name = name
    _load_weights(model.network, folder / WEIGHTS, f"{name}/{WEIGHTS}")
    return model.to(pick_device(device)).eval()


def _architecture_of(folder: str, config: dict[str, Any]) -> Architecture:
    name, plugin = config["architecture"], config["plugin"]
    if all(each.name != name for each in registry.installed(registry.ARCHITECTURES)):
        raise EmozooError(
            f"{folder} needs the architecture {name!r}, which no installed plugin offers; it was made with "
            f"{plugin['distribution']} {plugin['version']}: pip install {plugin['distribution']} "
            "(installing a plugin runs its code)"
        )
    return registry.get_architecture(name)


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
            with Limit(held), OwnDraws():
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
