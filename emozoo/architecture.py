"""Door: the contract of an architecture plugin: `Architecture`, what it offers, and `Recipe`, how it trains.

Importing this module does not import torch.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from torch import nn

CONTRACT_VERSION = 1
"""Raised when a plugin for the old contract would no longer work."""

MODALITIES = (("audio",), ("audio", "video"))

RECIPE_CHOICES = {
    "optimizer": ("adamw", "adam"),
    "schedule": ("constant", "cosine"),
    "balance": ("sampling", "loss", "none"),
}
POSITIVE = ("epochs", "batch_size", "accumulation", "masks", "learning_rate", "vote_temperature")
NOT_NEGATIVE = (
    "dimension_weight", "patience", "weight_decay", "clip_norm", "pretrain_epochs", "gain", "shift", "mixup", "channel",
    "time_mask", "freq_mask",
)  # fmt: skip
SHARES = ("warmup", "label_smoothing", "noise", "stretch", "formants", "band", "excerpt", "start_share")
"""Fields of a recipe from 0 to 1."""


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a training; every field can be set with `--set field=value`."""

    epochs: int = 40
    """The most passes over the training clips."""
    patience: int = 0
    """Epochs without a better UA on the dev split after which training stops; 0: never."""
    batch_size: int = 64
    """Clips per step of the optimizer."""
    accumulation: int = 1
    """In how many parts a batch is computed, one after the other: less memory, and the same gradients, except where a layer
    such as batch normalisation looks at all clips of a part."""
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    optimizer: str = "adamw"
    """`adamw`, or `adam` with weight decay as an L2 term."""
    schedule: str = "constant"
    """The learning rate's: `constant`, or `cosine`, which falls to zero at the last epoch."""
    warmup: float = 0.0
    """The share of all steps in which the learning rate rises from zero."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0: no clipping."""
    balance: str = "sampling"
    """How classes are balanced: `sampling` (equal counts per epoch), `loss` (weights in the loss) or `none`."""
    label_smoothing: float = 0.0
    dimension_weight: float = 1.0
    """Of the loss of the dimensions beside that of the words, where a network learns both."""
    vote_temperature: float = 1.0
    """Votes are learnt as their shares to the power of 1 / vote_temperature: below 1, closer to the majority."""
    ema_decay: float = 0.0
    """Decay per step of a moving average of the weights, which is then measured and saved. 0: no average."""
    start_share: float = 0.0
    """Fine-tuning only. The saved model is start_share x original weights + the rest x fine-tuned weights (Wortsman et al.
    2022)."""
    pretrain_epochs: int = 0
    """Epochs of pretraining by the network's own `pretrain_loss(input_values, pixel_values, labels)`, if it has one."""
    noise: float = 0.0
    """Augmentation: probability that a window gets white noise, 10 to 40 dB below it."""
    gain: float = 0.0
    """Augmentation: the most by which a window's level changes, up or down, in dB."""
    shift: float = 0.0
    """Augmentation: the most by which the audio shifts in its window, in seconds."""
    excerpt: float = 0.0
    """Augmentation: probability that only 0.8 s or more around a window's loudest moment stay, as in a short clip."""
    stretch: float = 0.0
    """Augmentation with `LogMel`: the largest relative change of the tempo."""
    formants: float = 0.0
    """Augmentation with `LogMel`: the largest relative shift of the formants, as by another vocal tract."""
    channel: float = 0.0
    """Augmentation with `LogMel`: the most by which frequencies rise or fall, as with another microphone, in dB."""
    band: float = 0.0
    """Augmentation with `LogMel`: probability that a window keeps only a band, as on a telephone: from at most 400 Hz to at
    least 2.5 kHz."""
    time_mask: int = 0
    """Augmentation: the longest masked span of the spectrogram, in units of 10 ms; 0: none."""
    freq_mask: int = 0
    """Augmentation: the most spectrogram rows (of 40 Hz each, or mel bands) in a masked band; 0: none."""
    masks: int = 1
    """Augmentation: the number of masked spans, and of masked bands, in each window."""
    mixup: float = 0.0
    """Augmentation: windows are mixed in pairs, with shares from a beta distribution with this parameter; 0: none."""
    cache_features: bool = True
    """Whether the frozen first part of a network, where it has one, is computed once for each window instead of in each
    epoch. Waveforms are not augmented then."""
    frame_augment: bool = True
    """Augmentation: mirrors the frames of a window and changes their brightness and contrast, all alike."""

    def __post_init__(self) -> None:
        """Raises ValueError for a value that no training could use."""
        for name, value in vars(self).items():
            _check_kind(name, value, type(self.__dataclass_fields__[name].default))
        for name, choices in RECIPE_CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(choices)}")
        for name in POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")
        for name in NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below zero, but is {getattr(self, name)}")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")


def _check_kind(name: str, value: object, kind: type) -> None:
    """Raises ValueError unless a field's value is of the kind of its default."""
    if kind in (int, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if kind is int and not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    if kind is float and isinstance(value, int | float) and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    if kind is bool and not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, not {value!r}")


@dataclass(frozen=True)
class Architecture:
    """What a plugin's entry point in the group `emozoo.architectures` names.

    The network that `build` returns maps `forward(input_values, pixel_values=None)` to outputs float32 [batch, outputs]:
    `input_values` is the 16 kHz waveform of a window, float32 [batch, samples] in [-1, 1], with silence behind a clip's
    end; `pixel_values`, for those that ask for video, uint8 [batch, count, height, width, 3], RGB. The front end
    (`emozoo.features`) is the network's first layer. The model decides what the outputs mean, such as logits of labels.

    A config with a field `window`, `hop` or `frames` lets users choose: its value is taken instead of the one here.
    """

    name: str
    """The same as the entry point's."""
    modalities: tuple[str, ...]
    """`("audio",)` or `("audio", "video")`."""
    config: type[Any]
    """A frozen dataclass of JSON-able fields with defaults."""
    build: Callable[[Any, int], nn.Module]
    """`build(config, num_outputs)` makes the network."""
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
    """`prepare(config)` is called when a training starts from fresh weights. It looks up what the config only names, such
    as a pretrained model, and returns the config that builds the network and that the checkpoint records."""
    optional_modalities: tuple[str, ...] = ()
    """Those of `modalities` that a clip may lack. Missing audio is silence. Missing video is `pixel_values=None` or, in a
    batch with clips that have video, black frames: both must give the same outputs."""
    window: float = 3.0
    """Seconds that the network sees at once; shorter clips are padded with silence."""
    hop: float = 1.0
    """Seconds from one window's start to the next one's, where a clip is longer."""
    frames: tuple[int, int, int] = (20, 60, 100)
    """Frames in a window, their height and width, in pixels."""
    adopt: Callable[[Any, str], Any] | None = None
    """`adopt(config, reference)` gives the config that starts from the checkpoint of another library, `hub:user/name` or a
    folder: for `emozoo train NAME --from REFERENCE`. `prepare` gets it then. Raises EmozooError where it cannot."""
    lengths: bool = False
    """Whether `forward`, and `embed` where there is one, also take `lengths=None`: int64 [batch], the samples of each row
    before padding; None: all. The outputs must not depend on what stands behind them."""

    @property
    def video(self) -> bool:
        """Whether the network asks for `pixel_values`."""
        return "video" in self.modalities


def version_problem(contract: object) -> str | None:
    """Why a plugin for a version of the contract cannot be used; None if it can."""
    if contract == CONTRACT_VERSION:
        return None
    newer = isinstance(contract, int) and contract > CONTRACT_VERSION
    return (
        f"written for version {contract} of the plugin contract; this emozoo speaks version {CONTRACT_VERSION}: install "
        f"{'a newer emozoo' if newer else 'a newer release of the plugin'}"
    )


def contract_problem(architecture: object, entry_name: str) -> str | None:
    """The first way in which `architecture` breaks the contract; None if it keeps it."""
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
        return "optional_modalities leaves nothing that a clip must have: its only modality is audio"
    if not isinstance(architecture.recipe, Recipe):
        return "recipe is not an emozoo.architecture.Recipe"
    if not callable(architecture.build):
        return "build cannot be called: it must be build(config, num_labels)"
    for name, arguments in (("prepare", "config"), ("adopt", "config, reference")):
        method = getattr(architecture, name)
        if method is not None and not callable(method):
            return f"{name} cannot be called: it must be {name}({arguments})"
    if problem := _window_problem(architecture):
        return problem
    return _config_problem(architecture)


def _window_problem(architecture: Architecture) -> str | None:
    """The first way in which its window breaks the contract."""
    for name in ("window", "hop"):
        value = getattr(architecture, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            return f"{name} is {value!r}, not a number of seconds"
    frames = architecture.frames
    if not isinstance(frames, tuple) or len(frames) != 3 or not all(type(size) is int and size > 0 for size in frames):
        return f"frames are {frames!r}, not (count, height, width)"
    if not isinstance(architecture.lengths, bool):
        return f"lengths is {architecture.lengths!r}, not True or False"
    return None


def _config_problem(architecture: Architecture) -> str | None:
    """The first way in which the config, or a recipe of the plugin's own, breaks the contract."""
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
    recipe_fields = {field.name for field in dataclasses.fields(Recipe)}
    for field in dataclasses.fields(config):
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            return f"config field {field.name!r} has no default"
        if field.name in recipe_fields:
            return f"config field {field.name!r} has the name of a recipe field: --set could not tell them apart"
    return None


__getattr__ = hand_on("emozoo", {"pretrained_files": "pretrained"})
"""`pretrained_files` was here first; plugins from before `emozoo.pretrained` still find it."""
