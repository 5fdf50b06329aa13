"""What a checkpoint folder says, and whether it may be believed: config.json, and the header of its weights.

A folder may come from anyone. So nothing here allocates what a file merely claims, and nothing runs what it brings. The
network is `emozoo.checkpoint.model`'s business; fetching a folder from the Hub, `emozoo.hub.files`'s. Importing this
costs no torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emozoo.architecture import MODALITIES
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, LARGEST_JSON, LONGEST_TEXT, MOST_LABELS, WEIGHTS
from emozoo.media.preparation import CROPS
from emozoo.media.window import SAMPLING_RATE, WINDOW_SECONDS
from emozoo.text import shown

LARGEST_HEADER = 2**24
"""Bytes of the header of the weights, which has about a hundred for each tensor."""
FLOATS = ("F64", "F32", "F16", "BF16")
WHOLE = ("I64", "I32", "I16", "I8", "U8", "BOOL")
"""Kinds of number, as safetensors calls them, that weights are made of."""
DEEPEST = 20
LARGEST_NUMBER = 2**31
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""Of an architecture, or a distribution: it stands in advice that a user may paste into a shell."""
VERSION = re.compile(r"[A-Za-z0-9.+!_-]{0,100}")
OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]|(?:.*[/\\])?\.\.(?:[/\\].*)?$|.*://", re.DOTALL)
"""Texts that lead out of the folder where they are taken for a path."""


def read_config(folder: Path, name: str | None = None) -> dict[str, Any]:
    """config.json of a checkpoint, checked for everything but the architecture's own settings.

    `name` is what errors call the folder. Raises EmozooError with the reason.
    """
    name = name or str(folder)
    path = folder / CONFIG
    if not folder.is_dir():
        what = "is a file, not a checkpoint folder" if folder.exists() else "does not exist"
        raise EmozooError(f"no model at {name}: it {what}; emozoo train makes one, and one of the Hub is hub:user/name")
    if not path.is_file():
        folds = sorted(each.parent.name for each in folder.glob(f"fold*/{CONFIG}"))
        way_out = f"name one of its folds, such as {folder / folds[0]}" if folds else "emozoo train makes one"
        raise EmozooError(f"{name} is not a checkpoint: it has no {CONFIG}; {way_out}")
    config = read_json(path, f"{name}/{CONFIG}")
    if not isinstance(config, dict) or config.get("model_type") != "emozoo":
        kind = config.get("model_type", "unknown") if isinstance(config, dict) else "unknown"
        raise EmozooError(f"{name} is not a checkpoint of emozoo: model_type is {shown(kind)}, not 'emozoo'")

    def wrong(field: str, what: str) -> EmozooError:
        return EmozooError(f"{name}/{CONFIG} is damaged: {field} {what}")

    for field, value in _leaves(config, ""):
        if isinstance(value, float) and not math.isfinite(value) or isinstance(value, str) and not _is_text(value):
            raise wrong(field[:60], f"is {shown(value)}, which is no text or number that emozoo writes")
    if not isinstance(config.get("architecture"), str) or not NAME.fullmatch(config["architecture"]):
        raise wrong("architecture", "is not a name")
    settings = config.get("architecture_config")
    if not isinstance(settings, dict):
        raise wrong("architecture_config", "is not an object")
    for field, value in _leaves(settings, "architecture_config"):
        if isinstance(value, str) and OUTSIDE.match(value):
            raise wrong(field, f"is {shown(value)}, which leads out of the checkpoint's folder")
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise wrong(field, f"is {shown(value)}, which is too large for any network")
    plugin = config.get("plugin")
    if not isinstance(plugin, dict) or not _names_plugin(plugin.get("distribution"), plugin.get("version")):
        raise wrong("plugin", "does not name a distribution and a version")
    modalities = config.get("modalities")
    if not isinstance(modalities, list) or modalities not in [list(each) for each in MODALITIES]:
        raise wrong("modalities", 'is not ["audio"] or ["audio", "video"]')
    optional = config.get("optional_modalities") or []  # transformers writes null for none
    if not isinstance(optional, list) or not all(each in modalities for each in optional):
        raise wrong("optional_modalities", "names what is no modality of it")
    if config.get("crop") not in (None, *CROPS) or not isinstance(config.get("denoise", False), bool):
        raise wrong("crop or denoise", "is none that this emozoo knows")
    labels = config.get("id2label")
    if not isinstance(labels, dict) or set(labels) != {str(number) for number in range(len(labels))}:
        raise wrong("id2label", 'does not map "0", "1", ... to labels')
    words = list(labels.values())
    if not 2 <= len(words) <= MOST_LABELS or not all(isinstance(word, str) and word for word in words):
        raise wrong("id2label", "does not hold two or more different labels")
    if len(set(words)) != len(words):
        raise wrong("id2label", "does not hold two or more different labels")
    numbers = {label: int(number) for number, label in labels.items()}
    if config.get("label2id") != numbers or any(isinstance(value, bool) for value in config["label2id"].values()):
        raise wrong("label2id", "does not agree with id2label")
    for field, value in (("sampling_rate", SAMPLING_RATE), ("window", WINDOW_SECONDS)):
        if config.get(field) != value:
            raise wrong(field, f"is {shown(config.get(field))}; this emozoo reads checkpoints with {value!r}")
    return config


def read_shapes(folder: Path, name: str | None = None) -> dict[str, tuple[tuple[int, ...], bool]]:
    """From the header of the weights: each tensor's shape, and whether it holds floats. No tensor is read.

    A header that claims more than the file holds is refused. Raises EmozooError with the reason.
    """
    from safetensors import SafetensorError, safe_open

    path, name = folder / WEIGHTS, name or str(folder)
    where = f"{name}/{WEIGHTS} is damaged"
    if not path.is_file():
        raise EmozooError(f"{name} is not a checkpoint: it has no {WEIGHTS} (weights are read from safetensors only)")
    _check_header(path, where)
    try:
        with safe_open(path, framework="np") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            kinds = {key: part.get_dtype() for key, part in slices.items()}
            shapes = {key: tuple(part.get_shape()) for key, part in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise EmozooError(f"{where}: {error}") from error
    for key, kind in kinds.items():
        if kind not in FLOATS + WHOLE:
            raise EmozooError(f"{where}: {shown(key)} holds {kind} numbers, which emozoo does not write")
    return {key: (shape, kinds[key] in FLOATS) for key, shape in shapes.items()}


def _check_header(path: Path, where: str) -> None:
    """The JSON in front of the tensors, before a library takes memory for what it claims. Raises EmozooError, which begins
    with `where`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise EmozooError(f"{where}: its header names something twice")
        return found

    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LARGEST_HEADER:
                raise EmozooError(
                    f"{where}: its header has {size:,} bytes, more than the {LARGEST_HEADER:,} that are read"
                )
            json.loads(file.read(size), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"{where}: its header is not readable as JSON") from error


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


def _is_text(value: str) -> bool:
    return len(value) <= LONGEST_TEXT and (value.isprintable() or not value)


def _names_plugin(distribution: Any, version: Any) -> bool:
    if not isinstance(distribution, str) or not isinstance(version, str):
        return False
    known = NAME.fullmatch(distribution) or distribution == "unknown distribution"  # as the registry calls it
    return bool(known and VERSION.fullmatch(version))
