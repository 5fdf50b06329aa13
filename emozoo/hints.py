"""Values and type hints: whether a value fits one, and what a word becomes by one."""

from __future__ import annotations

import json
import math
import types
import typing
from typing import Any

from emozoo.errors import EmozooError
from emozoo.text import shown


def type_problem(values: Any, kind: type[Any]) -> str | None:
    """The first field of a dataclass that does not hold what it is annotated with, as words; None where all do."""
    hints = typing.get_type_hints(kind)
    for field, hint in hints.items():
        if hasattr(values, field) and not _fits(getattr(values, field), hint):
            wanted = getattr(hint, "__name__", str(hint)) if not typing.get_args(hint) else str(hint)
            return f"{field} is {shown(getattr(values, field))}, not of type {wanted}"
    return None


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in arguments)
    if origin is typing.Literal:
        return any(type(value) is type(option) and value == option for option in arguments)
    if origin in (tuple, list) or hint in (tuple, list):
        if not isinstance(value, tuple | list):
            return False
        if len(arguments) == 2 and arguments[1] is Ellipsis or origin is list:
            return all(_fits(item, arguments[0]) for item in value)
        return not arguments or len(value) == len(arguments) and all(map(_fits, value, arguments))
    if origin is dict or hint is dict:
        return isinstance(value, dict)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (bool, str, type(None)):
        return value is None if hint is type(None) else isinstance(value, hint)
    return True  # a kind of value that only its plugin understands


YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0")


def parse_value(name: str, text: str, hint: Any) -> Any:
    """`text` as the type that a field is annotated with; lists may be written 16,24,24 or [16, 24, 24].

    Raises EmozooError naming the field and what it takes.
    """
    try:
        return _convert(text, hint)
    except ValueError:
        wanted = getattr(hint, "__name__", str(hint)) if not typing.get_args(hint) else str(hint)
        raise EmozooError(f"--set {name}={text}: {name} takes a value of type {wanted}") from None


def _convert(text: str, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if type(None) in arguments and text.lower() in ("none", "null"):
            return None
        for option in arguments:
            if option is not type(None):
                try:
                    return _convert(text, option)
                except ValueError:
                    continue
        raise ValueError(text)
    if origin is typing.Literal:
        for option in arguments:
            if text == str(option):
                return option
        raise ValueError(text)
    if origin in (tuple, list) or hint in (tuple, list):
        return _sequence(text, arguments)
    if hint is bool:
        if text.lower() not in YES + NO:
            raise ValueError(text)
        return text.lower() in YES
    if hint is int:
        return int(text)
    if hint is float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        return value
    if hint is str:
        return text
    return json.loads(text)


def _sequence(text: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if text.startswith(("[", "(")):
        items = json.loads(text.replace("(", "[").replace(")", "]"))
        if not isinstance(items, list):
            raise ValueError(text)
        words = [json.dumps(item) if not isinstance(item, str) else item for item in items]
    else:
        words = [word.strip() for word in text.split(",") if word.strip()]
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_convert(word, arguments[0]) for word in words)
    if not arguments:
        return tuple(json.loads(word) for word in words)
    if len(words) != len(arguments):
        raise ValueError(text)
    return tuple(_convert(word, argument) for word, argument in zip(words, arguments, strict=True))
