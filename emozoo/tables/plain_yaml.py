"""A stranger's YAML becomes plain data. Its tags, with which other libraries build objects, become words; nothing is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

from emozoo.errors import EmozooError
from emozoo.text import shown

LARGEST = 2**18
"""Bytes of a document that is read."""
DEEPEST = 20
"""Lists and mappings within each other."""
PLAIN = {
    f"tag:yaml.org,2002:{kind}": kind for kind in "bool binary float int map merge null seq str timestamp value".split()
}
"""YAML's own tags that say no more than what a value looks like."""
WORDS = {
    "null": None,
    "~": None,
    "": None,
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "on": True,
    "off": False,
}
NUMBERS: dict[str, Callable[[str], int | float]] = {"int": lambda text: int(text, 0), "float": float}


def plain_data(text: str, name: str) -> Any:
    """The document in a text, as JSON could hold it: None, truth values, numbers, texts, lists, and dicts whose keys are
    texts.

    What has a tag of its own is a dict of that alone: `!new:a.b {c: 1}` is `{"!new:a.b": {"c": 1}}`, and `!ref <d>` is
    `{"!ref": "<d>"}`. Dates, and numbers that JSON does not have, stay texts. Raises EmozooError, about `name`, for what is
    no YAML, with its line, and for one that has a key twice, refers to its own parts, or is too large or deep to be a
    config.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise EmozooError(f"{name} is damaged: larger than {LARGEST // 2**10} KiB")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _plain(node, set(), 0)
    except ValueError as error:
        raise EmozooError(f"{name} is refused: {error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise EmozooError(f"{name} is damaged: not readable as YAML{_where(error)}") from error


def _plain(node: yaml.Node, seen: set[int], depth: int) -> Any:
    """The value of a node. Raises ValueError for one that was `seen` before, so that no few lines stand for many."""
    if id(node) in seen:
        raise ValueError("it refers to its own parts, as no config needs to")
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} lists and mappings within each other")
    seen.add(id(node))
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = {}
        for key, item in node.value:
            name = _key(key, seen, depth)
            if name in value:
                raise ValueError(f"{shown(name)[1:-1]} stands twice in it, again in line {key.start_mark.line + 1}")
            value[name] = _plain(item, seen, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        value = [_plain(item, seen, depth + 1) for item in node.value]
    else:
        value = _scalar(str(node.value), PLAIN.get(node.tag))
    return value if node.tag in PLAIN else {node.tag: value}


def _where(error: Exception) -> str:
    """The line that YAML stumbled over, where it tells."""
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f", in line {mark.line + 1}: {getattr(error, 'problem', None) or 'it ends too soon'}"


def _key(node: yaml.Node, seen: set[int], depth: int) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a key of it is no text")
    _plain(node, seen, depth)
    return str(node.value)


def _scalar(text: str, kind: str | None) -> Any:
    """The value of a scalar; without a `kind`, it has a tag of its own and is a text, or None where that is empty."""
    if kind in ("null", "bool"):
        return WORDS.get(text.lower(), text)
    if kind in NUMBERS:
        try:
            number = NUMBERS[kind](text)
        except ValueError:  # a sexagesimal, an octal, or more digits than Python reads
            return text
        return number if math.isfinite(number) else text
    return text if kind or text else None
