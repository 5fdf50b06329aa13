"""The contract that an architecture plugin fulfils: `Architecture`, what it offers, and `Recipe`, how it trains.

Only data lives here. Finding plugins is `emozoo.registry.entry_points`'s work, training them `emozoo.training.train`'s.
Importing this module
costs no torch, so a plugin's metadata stays cheap to build.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
from emozoo.lazy import hand_on

CONTRACT_VERSION = 1
"""Raised when a plugin that kept the old contract would no longer work."""

MODALITIES = (("audio",), ("audio", "video"))

RECIPE_CHOICES = {
    "optimizer": ("adamw", "adam"),
    "schedule": ("constant", "cosine"),
    "balance": ("sampling", "loss", "none"),
}


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters an architecture trains with; every field can be set with `--set field=value`."""

    epochs: int = 40
    """Passes over the training clips, at most."""
    patience: int = 0
    """Epochs without a better UA on the dev split before training stops; 0: never."""
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    optimizer: str = "adamw"
    """`adamw`, or `adam` with weight decay as an L2 term, as published."""
    schedule: str = "constant"
    """Of the learning rate: `constant`, or `cosine` to zero at the last epoch."""
    warmup: float = 0.0
    """The share of all steps over which the learning rate rises from zero."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0: no clipping."""
    balance: str = "sampling"
    """Of the classes: `sampling` (equal counts an epoch), `loss` (weights in the loss) or `none`."""
    label_smoothing: float = 0.0
    ema_decay: float = 0.0
    """Of a moving average of the weights, a step; the averaged weights are then what is measured and kept. 0: none."""
    start_share: float = 0.0
    """Of a fine-tuning: what is measured and kept is this share of the weights that it started from, and the rest of those
    that it came to (Wortsman et al. 2022)."""
    pretrain_epochs: int = 0
    """Epochs of the network's own `pretrain_loss(input_values, pixel_values, labels)` before training, where it has one."""
    noise: float = 0.0
    """Augmentation: chance that a window gets white noise, 10 to 40 dB below it."""
    gain: float = 0.0
    """Augmentation: decibels, up or down, by which a window's level changes at most."""
    shift: float = 0.0
    """Augmentation: seconds by which the sound moves against its window at most."""
    excerpt: float = 0.0
    """Augmentation: chance that of a window only 0.8 s or more about its loudest moment stay, as of a short clip."""
    stretch: float = 0.0
    """Augmentation: share by which the tempo changes at most, of a network behind `LogMel`."""
    formants: float = 0.0
    """Augmentation: share by which the formants move at most, as with another vocal tract, behind `LogMel`."""
    channel: float = 0.0
    """Augmentation: decibels by which frequencies rise or fall at most, smoothly, as through another microphone, behind
    `LogMel`."""
    band: float = 0.0
    """Augmentation: chance that a window keeps only a band, as over a telephone: from at most 400 Hz to at least 2.5 kHz;
    behind `LogMel`."""
    time_mask: int = 0
    """Augmentation: longest masked stretch of the spectrogram, in 10 ms; 0: none."""
    freq_mask: int = 0
    """Augmentation: most spectrogram rows (a network's own: 40 Hz each, or a mel band) in one masked band; 0: none."""
    masks: int = 1
    """Augmentation: masked stretches, and masked bands, in each window."""
    mixup: float = 0.0
    """Augmentation: windows are mixed in pairs, in shares of a beta distribution with this parameter; 0: none."""
    frame_augment: bool = True
    """Augmentation: mirrors the frames and varies brightness and contrast, the same for a whole window."""

    def __post_init__(self) -> None:
        """Raises ValueError for a value that no training could use."""
        for name, value in vars(self).items():
            kind = type(self.__dataclass_fields__[name].default)
            if kind in (int, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} must be a number, not {value!r}")
            if kind is int and not isinstance(value, int) or kind is float and not math.isfinite(value):
                raise ValueError(f"{name} must be {'a whole' if kind is int else 'a finite'} number, not {value!r}")
            if kind is bool and not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False, not {value!r}")
        for name, choices in RECIPE_CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(choices)}")
        for name in ("epochs", "batch_size", "masks", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")
        for name in (
            "patience",
            "weight_decay",
            "clip_norm",
            "pretrain_epochs",
            "gain",
            "shift",
            "mixup",
            "channel",
            "time_mask",
            "freq_mask",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below zero, but is {getattr(self, name)}")
        for name in ("warmup", "label_smoothing", "noise", "stretch", "formants", "band", "excerpt", "start_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")


@dataclass(frozen=True)
class Architecture:
    """What a plugin's entry point in the group `emozoo.architectures` names.

    The network that `build` returns maps `forward(input_values, pixel_values=None)` to logits float32 [batch, labels]:
    `input_values` is the 16 kHz waveform, float32 [batch, 48000] in [-1, 1]; `pixel_values`, for those that ask for
    video, uint8 [batch, 20, 60, 100, 3], RGB. The front end (`emozoo.features`) is the network's first layer.
    """

    name: str
    """The same as the entry point's."""
    modalities: tuple[str, ...]
    """`("audio",)` or `("audio", "video")`."""
    config: type[Any]
    """A frozen dataclass of JSON-able fields with defaults."""
    build: Callable[[Any, int], nn.Module]
    """`build(config, num_labels)` makes the network."""
    recipe: Recipe = Recipe()
    summary: str = ""
    """One line for `emozoo list`."""
    citation: str = ""
    """BibTeX or a plain reference."""
    published: tuple[str, ...] = ()
    """Published results, a line each, with their source."""
    card: str = ""
    """A Markdown file beside the plugin's module: its own paragraph in a model card."""
    contract: int = CONTRACT_VERSION
    """The version of this contract that the plugin was written for."""
    prepare: Callable[[Any], Any] | None = None
    """`prepare(config)`, called when a training starts from fresh weights, looks up what the config only names, such as a
    pretrained model, and returns the config that the network is built with and that the checkpoint records."""
    optional_modalities: tuple[str, ...] = ()
    """Those of `modalities` that a clip may lack. A missing sound is silence, a missing picture `pixel_values=None` or, in
    a batch with clips that have one, black frames; both must come to the same."""

    @property
    def video(self) -> bool:
        """Whether the network asks for `pixel_values`."""
        return "video" in self.modalities


def version_problem(contract: object) -> str | None:
    """Why a plugin that was written for a version of the contract cannot be used, as a sentence; None where it can."""
    if contract == CONTRACT_VERSION:
        return None
    newer = isinstance(contract, int) and contract > CONTRACT_VERSION
    return (
        f"written for version {contract} of the plugin contract; this emozoo speaks version {CONTRACT_VERSION}: install "
        f"{'a newer emozoo' if newer else 'a newer release of the plugin'}"
    )


def contract_problem(architecture: object, entry_name: str) -> str | None:
    """The first way in which `architecture` breaks the contract, as a sentence; None where it keeps it."""
    if not isinstance(architecture, Architecture):
        return f"the entry point gives a {type(architecture).__name__}, not an emozoo.architecture.Architecture"
    if problem := version_problem(architecture.contract):
        return problem
    if architecture.name != entry_name:
        return f"the entry point is named {entry_name!r}, the architecture {architecture.name!r}: they must agree"
    if tuple(architecture.modalities) not in MODALITIES:
        return f'modalities are {architecture.modalities!r}, not ("audio",) or ("audio", "video")'
    optional = architecture.optional_modalities
    if isinstance(optional, str) or not set(optional) <= set(architecture.modalities):
        return f"optional_modalities are {optional!r}, not a tuple of some of {architecture.modalities!r}"
    if set(optional) == {"audio"} == set(architecture.modalities):
        return "optional_modalities leaves nothing that a clip must have: it hears only"
    if not isinstance(architecture.recipe, Recipe):
        return "recipe is not an emozoo.architecture.Recipe"
    if not callable(architecture.build):
        return "build cannot be called: it must be build(config, num_labels)"
    if architecture.prepare is not None and not callable(architecture.prepare):
        return "prepare cannot be called: it must be prepare(config)"
    config = architecture.config
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        return "config is not a dataclass"
    if not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "config is not a frozen dataclass"
    for kind, what in ((config, "config"), (type(architecture.recipe), "recipe")):
        try:
            typing.get_type_hints(kind)
        except Exception as error:  # noqa: BLE001 - a hint may be any expression
            return (
                f"a type hint of its {what}, {kind.__name__}, cannot be resolved ({error}): what is imported under "
                "TYPE_CHECKING only, or not defined at the module's top, is not there when the plugin is used"
            )
    for field in dataclasses.fields(config):
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            return f"config field {field.name!r} has no default"
        if field.name in {recipe_field.name for recipe_field in dataclasses.fields(Recipe)}:
            return f"config field {field.name!r} has the name of a recipe field: --set could not tell them apart"
    return None


__getattr__ = hand_on("emozoo", {"pretrained_files": "pretrained"})
"""`pretrained_files` stood here first; `emozoo.pretrained` is its door now, and plugins written before still find it."""
