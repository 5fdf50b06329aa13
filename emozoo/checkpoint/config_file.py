"""Reads config.json of a checkpoint, and checks it before it is believed.

A folder may come from anyone, so nothing here runs what it brings. Importing this costs neither numpy nor torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emozoo.architecture import MODALITIES
from emozoo.checkpoint.config import MODEL_TYPE, CheckpointConfig, calibration_of, outputs_of, source_of, window_of
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, LARGEST_JSON, LONGEST_TEXT, MOST_LABELS
from emozoo.media.preparation import CROPS
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.target import TARGETS, Scale
from emozoo.text import shown

DEEPEST = 20
"""Objects and lists within each other."""
LARGEST_NUMBER = 2**31
MOST_MEMBERS = 1000
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""Of an architecture or a distribution. It stands in advice that a user may paste into a shell."""
VERSION = re.compile(r"[A-Za-z0-9.+!_-]{0,100}")
OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]|(?:.*[/\\])?\.\.(?:[/\\].*)?$|.*://", re.DOTALL)
"""Texts that, taken for a path, lead out of the folder."""


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
        calibration_of(document)
    except ValueError as error:
        raise ValueError(f"calibration: {error}") from None


def _check_labels(document: dict[str, Any]) -> None:
    labels = document.get("id2label")
    if not isinstance(labels, dict) or set(labels) != {str(number) for number in range(len(labels))}:
        raise ValueError('id2label does not map "0", "1", ... to labels')
    words = list(labels.values())
    if not all(isinstance(word, str) and word for word in words) or not 1 <= len(words) <= MOST_LABELS:
        raise ValueError(f"id2label does not hold 1 to {MOST_LABELS} labels")
    try:
        outputs_of(document)
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
        window_of(document)
    except EmozooError as error:
        raise ValueError(str(error)) from None


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


def _check_source(document: dict[str, Any]) -> None:
    try:
        source_of(document)
    except (KeyError, TypeError, ValueError):
        raise ValueError("source does not say which checkpoint of another library it is") from None


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
