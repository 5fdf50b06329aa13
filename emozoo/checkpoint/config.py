"""config.json of a checkpoint: `CheckpointConfig`, and the checks that come before it is believed.

A folder may come from anyone, so nothing here runs what it brings. Importing this costs neither numpy nor torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.architecture import MODALITIES
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, LARGEST_JSON, LONGEST_TEXT, MOST_LABELS
from emozoo.hints import to_json
from emozoo.inference.calibration import Calibration
from emozoo.media.preparation import CROPS, PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE, WindowShape
from emozoo.target import EMOTION, TARGETS, Outputs, Scale, has_dimensions
from emozoo.text import shown

MODEL_TYPE = "emozoo"
DEEPEST = 20
"""Objects and lists within each other."""
LARGEST_NUMBER = 2**31
MOST_MEMBERS = 1000
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""Of an architecture or a distribution. It stands in advice that a user may paste into a shell."""
VERSION = re.compile(r"[A-Za-z0-9.+!_-]{0,100}")
OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]|(?:.*[/\\])?\.\.(?:[/\\].*)?$|.*://", re.DOTALL)
"""Texts that, taken for a path, lead out of the folder."""


@dataclass(frozen=True)
class Origin:
    """Where an architecture came from when its checkpoint was written."""

    distribution: str
    version: str


@dataclass(frozen=True)
class ForeignSource:
    """The checkpoint of another library that a model was read from."""

    reference: str
    """`hub:user/name@commit`, or the name of a folder."""
    reader: str
    """The plugin that read it."""
    labels: tuple[str, ...]
    """As that checkpoint names its outputs, in order."""
    licence: str | None = None
    """As its card says, as `datasets` does."""
    datasets: tuple[str, ...] = ()
    """What its card says that it was trained on."""

    def to_dict(self) -> dict[str, Any]:
        """As config.json has it, without what is empty."""
        return {key: to_json(value) for key, value in vars(self).items() if value}

    @property
    def repository(self) -> str | None:
        """`user/name` on the Hub; None for a folder."""
        return self.reference.removeprefix("hub:").partition("@")[0] if self.reference.startswith("hub:") else None


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json says of a checkpoint."""

    architecture: str
    architecture_config: dict[str, Any]
    """The fields of the architecture's own config, as JSON; its plugin checks them."""
    plugin: Origin
    modalities: tuple[str, ...]
    outputs: Outputs
    optional_modalities: tuple[str, ...] = ()
    """Those of `modalities` that a clip may lack."""
    preparation: Preparation = PLAIN
    calibration: Calibration | None = None
    """None: emozoo calibrate has not been run."""
    synthetic: bool = False
    """Whether it was trained on computed voices only."""
    window: WindowShape = DEFAULT_WINDOW
    source: ForeignSource | None = None
    members: int = 1
    """Networks; of an ensemble, several (see `emozoo.checkpoint.ensemble`)."""

    @property
    def video(self) -> bool:
        return "video" in self.modalities

    @property
    def labels(self) -> tuple[str, ...]:
        """The words among the outputs."""
        return self.outputs.labels

    @property
    def target(self) -> str:
        return self.outputs.target

    @property
    def needs_video(self) -> bool:
        return self.video and "video" not in self.optional_modalities

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CheckpointConfig:
        """From a config.json that emozoo wrote, or `parse` has checked."""
        return cls(
            architecture=document["architecture"],
            architecture_config=document["architecture_config"],
            plugin=Origin(document["plugin"]["distribution"], document["plugin"]["version"]),
            modalities=tuple(document["modalities"]),
            outputs=_outputs(document),
            optional_modalities=tuple(document.get("optional_modalities") or ()),  # transformers writes null for none
            preparation=Preparation.from_config(document),
            calibration=_calibration(document),
            synthetic=document.get("synthetic", False),
            window=_window(document),
            source=_source(document),
            members=document.get("members") or 1,  # transformers writes null for none
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON of config.json."""
        return {
            "model_type": MODEL_TYPE,
            "architecture": self.architecture,
            "architecture_config": self.architecture_config,
            "plugin": dataclasses.asdict(self.plugin),
            "modalities": list(self.modalities),
            **({"optional_modalities": list(self.optional_modalities)} if self.optional_modalities else {}),
            "id2label": {str(number): name for number, name in enumerate(self.outputs.names)},
            "label2id": {name: number for number, name in enumerate(self.outputs.names)},
            **_plain_target(self.outputs),
            "sampling_rate": SAMPLING_RATE,
            "window": self.window.seconds,
            **({} if self.window.hop == DEFAULT_WINDOW.hop else {"hop": self.window.hop}),
            **({} if self.window.frames == DEFAULT_WINDOW.frames else {"frames": list(self.window.frames)}),
            **self.preparation.to_config(),
            **({"synthetic": True} if self.synthetic else {}),
            **({"calibration": self.calibration.to_dict()} if self.calibration else {}),
            **({"source": self.source.to_dict()} if self.source else {}),
            **({"members": self.members} if self.members > 1 else {}),
        }

    def to_json(self) -> str:
        """The text of config.json."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"


def read_config(folder: Path, name: str | None = None) -> CheckpointConfig:
    """config.json of a checkpoint, checked for everything but the architecture's own settings.

    `name` is what errors call the folder. Raises EmozooError with the reason.
    """
    name = name or str(folder)
    path = folder / CONFIG
    if not folder.is_dir():
        what = "is a file, not a checkpoint folder" if folder.exists() else "does not exist"
        raise EmozooError(f"no model at {name}: it {what}; emozoo train makes one, and one of the Hub is hub:user/name")
    if not path.is_file():
        way_out = _part_of(folder, name) or "emozoo train makes one"
        raise EmozooError(f"{name} is not a checkpoint: it has no {CONFIG}; {way_out}")
    return parse(read_json(path, f"{name}/{CONFIG}"), name)


def _part_of(folder: Path, name: str) -> str:
    """Which model of a run of several to name; "" where there is none."""
    for pattern, parts in (("fold*", "folds"), ("seed*", "seeds"), ("seed*/fold*", "folds")):
        if found := sorted(each.parent for each in folder.glob(f"{pattern}/{CONFIG}")):
            several = f", or merge them: emozoo export {name} --merge --output FOLDER" if parts == "folds" else ""
            return f"name one of its {parts}, such as {name}/{found[0].relative_to(folder)}{several}"
    return ""


def parse(document: Any, name: str) -> CheckpointConfig:
    """The JSON of a config.json that may be a stranger's; `name` is what errors call its folder. Raises EmozooError."""
    kind = document.get("model_type", "unknown") if isinstance(document, dict) else "unknown"
    if kind != MODEL_TYPE:
        raise EmozooError(
            f"{name} is not a checkpoint of emozoo: model_type is {shown(kind)}, not {MODEL_TYPE!r}, and no "
            "installed reader knows it"
        )
    try:
        for check in CHECKS:
            check(document)
    except ValueError as error:
        raise EmozooError(f"{name}/{CONFIG} is damaged: {error}") from None
    return CheckpointConfig.from_dict(document)


def _check_values(document: dict[str, Any]) -> None:
    for field, value in _leaves(document, ""):
        if not _is_plain(value):
            raise ValueError(f"{field[:60]} is {shown(value)}, which is no text or number that emozoo writes")


def _check_architecture(document: dict[str, Any]) -> None:
    name = document.get("architecture")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError("architecture is not a name")
    settings = document.get("architecture_config")
    if not isinstance(settings, dict):
        raise ValueError("architecture_config is not an object")
    for field, value in _leaves(settings, "architecture_config"):
        if isinstance(value, str) and OUTSIDE.match(value):
            raise ValueError(f"{field} is {shown(value)}, which leads out of the checkpoint's folder")
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise ValueError(f"{field} is {shown(value)}, which is too large for any network")


def _check_plugin(document: dict[str, Any]) -> None:
    plugin = document.get("plugin")
    if not isinstance(plugin, dict) or not _names_plugin(plugin.get("distribution"), plugin.get("version")):
        raise ValueError("plugin does not name a distribution and a version")


def _check_modalities(document: dict[str, Any]) -> None:
    modalities = document.get("modalities")
    if not isinstance(modalities, list) or modalities not in [list(each) for each in MODALITIES]:
        raise ValueError('modalities is not ["audio"] or ["audio", "video"]')
    optional = document.get("optional_modalities") or []
    if not isinstance(optional, list) or not all(each in modalities for each in optional):
        raise ValueError("optional_modalities names what is no modality of it")


def _check_preparation(document: dict[str, Any]) -> None:
    if document.get("crop") not in (None, *CROPS) or not isinstance(document.get("denoise", False), bool):
        raise ValueError("crop or denoise is none that this emozoo knows")
    if not isinstance(document.get("synthetic", False), bool):
        raise ValueError("synthetic is neither true nor false")


def _check_calibration(document: dict[str, Any]) -> None:
    try:
        _calibration(document)
    except ValueError as error:
        raise ValueError(f"calibration: {error}") from None


def _calibration(document: dict[str, Any]) -> Calibration | None:
    found = document.get("calibration")  # transformers writes null for none
    return None if found is None else Calibration.from_dict(found)


def _check_labels(document: dict[str, Any]) -> None:
    labels = document.get("id2label")
    if not isinstance(labels, dict) or set(labels) != {str(number) for number in range(len(labels))}:
        raise ValueError('id2label does not map "0", "1", ... to labels')
    words = list(labels.values())
    if not all(isinstance(word, str) and word for word in words) or not 1 <= len(words) <= MOST_LABELS:
        raise ValueError(f"id2label does not hold 1 to {MOST_LABELS} labels")
    try:
        _outputs(document)
    except EmozooError as error:
        raise ValueError(str(error)) from None
    numbers = {label: int(number) for number, label in labels.items()}
    if document.get("label2id") != numbers or any(isinstance(each, bool) for each in document["label2id"].values()):
        raise ValueError("label2id does not agree with id2label")


def _check_sizes(document: dict[str, Any]) -> None:
    if document.get("sampling_rate") != SAMPLING_RATE:
        found = shown(document.get("sampling_rate"))
        raise ValueError(f"sampling_rate is {found}; this emozoo reads checkpoints with {SAMPLING_RATE!r}")
    try:
        _window(document)
    except EmozooError as error:
        raise ValueError(str(error)) from None


def _window(document: dict[str, Any]) -> WindowShape:
    hop, frames = document.get("hop"), document.get("frames")  # transformers writes null for none
    return WindowShape(
        document.get("window"),  # type: ignore[arg-type]
        DEFAULT_WINDOW.hop if hop is None else hop,
        tuple(frames) if isinstance(frames, list) else DEFAULT_WINDOW.frames if frames is None else frames,
    )


def _check_target(document: dict[str, Any]) -> None:
    if document.get("target") not in (None, *TARGETS):
        raise ValueError(f"target is {shown(document['target'])}, not {' or '.join(TARGETS)}")
    dimensions, scale = document.get("dimensions"), document.get("scale")
    named = isinstance(dimensions, list) and all(isinstance(each, str) for each in dimensions)
    if dimensions is not None and not named:
        raise ValueError("dimensions is no list of names")
    if scale is not None:
        if not isinstance(scale, list) or len(scale) != 2 or any(isinstance(each, bool) for each in scale):
            raise ValueError("scale is not two numbers")
        Scale(*scale)
    if not isinstance(document.get("multi") or False, bool):
        raise ValueError("multi is neither true nor false")


def _outputs(document: dict[str, Any]) -> Outputs:
    return Outputs.read([document["id2label"][str(number)] for number in range(len(document["id2label"]))], document)


def _plain_target(outputs: Outputs) -> dict[str, Any]:
    named = has_dimensions(outputs.target) and outputs.labels
    return {
        **({} if outputs.target == EMOTION else {"target": outputs.target}),
        **({"dimensions": list(outputs.dimensions)} if named else {}),
        **({"scale": [outputs.scale.low, outputs.scale.high]} if outputs.scale else {}),
        **({"multi": True} if outputs.multi else {}),
    }


def _check_source(document: dict[str, Any]) -> None:
    try:
        _source(document)
    except (KeyError, TypeError, ValueError):
        raise ValueError("source does not say which checkpoint of another library it is") from None


def _source(document: dict[str, Any]) -> ForeignSource | None:
    found = document.get("source")
    if found is None:
        return None
    source = ForeignSource(**{**found, **{key: tuple(found.get(key, ())) for key in ("labels", "datasets")}})
    words = [source.reference, source.reader, source.licence or "", *source.labels, *source.datasets]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("no text")
    return source


def _check_members(document: dict[str, Any]) -> None:
    members = document.get("members")
    if members is not None and (type(members) is not int or not 1 <= members <= MOST_MEMBERS):
        raise ValueError(f"members is not a number from 1 to {MOST_MEMBERS}")


CHECKS = (
    _check_values,
    _check_architecture,
    _check_plugin,
    _check_modalities,
    _check_preparation,
    _check_calibration,
    _check_target,
    _check_labels,
    _check_sizes,
    _check_source,
    _check_members,
)
"""In the order in which a damaged file is told of."""


def read_json(path: Path, name: str, largest: int = LARGEST_JSON) -> Any:
    """The document in a file of `largest` bytes at most. Raises EmozooError, about `name`, for what is no JSON."""

    def refuse(word: str) -> Any:
        raise ValueError(word)  # NaN and Infinity are no JSON

    try:
        if path.stat().st_size > largest:
            raise EmozooError(f"{name} is damaged: larger than {largest // 2**20} MiB")
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"{name} is damaged: not readable as JSON") from error


def _leaves(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every text, number and name in a JSON value, each with its place."""
    if depth > DEEPEST:
        yield place, float("nan")  # refused like any other value that emozoo does not write
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"a key of {place or 'it'}", key
            yield from _leaves(item, f"{place}.{key}" if place else key, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, place, depth + 1)
    else:
        yield place, value


def _is_plain(value: Any) -> bool:
    """Whether emozoo writes such a text or number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, str) or len(value) <= LONGEST_TEXT and (value.isprintable() or not value)


def _names_plugin(distribution: Any, version: Any) -> bool:
    if not isinstance(distribution, str) or not isinstance(version, str):
        return False
    known = NAME.fullmatch(distribution) or distribution == "unknown distribution"  # as the registry calls it
    return bool(known and VERSION.fullmatch(version))
