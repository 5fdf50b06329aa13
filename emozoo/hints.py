"""Type hints of settings: whether a value fits its hint, and a text of the command line as a value of its hint."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from emozoo.errors import EmozooError
from emozoo.text import shown

T = TypeVar("T")

YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0")


def type_problem(values: Any, kind: type[Any]) -> str | None:
    """The first field of a dataclass whose value does not fit its type hint; None if all fit."""
    for field, hint in typing.get_type_hints(kind).items():
        if hasattr(values, field):
            try:
                _convert(getattr(values, field), hint, _checked)
            except ValueError:
                return f"{field} is {shown(getattr(values, field))}, not of type {_named(hint)}"
    return None


def parse_value(name: str, text: str, hint: Any) -> Any:
    """`text` as a value of a field's type hint; lists may be written 16,24,24 or [16, 24, 24].

    Raises EmozooError with the field and what it takes.
    """
    try:
        return _convert(text, hint, _parsed)
    except ValueError:
        raise EmozooError(f"--set {name}={text}: {name} takes {_in_words(hint)}") from None


def from_json(kind: type[T], document: Any) -> T:
    """A JSON object as a dataclass, by the type hints of its fields; other keys are left out, and lists become tuples.

    Raises ValueError, with the field's name, where one is missing or holds something else.
    """
    if not isinstance(document, dict):
        raise ValueError(f"{shown(document)} is not an object")
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in document:
            try:
                values[field.name] = _from_json(document[field.name], hints[field.name])
            except ValueError as error:
                raise ValueError(f"{field.name}: {error}") from None
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{field.name} is missing")
    return kind(**values)


def to_json(value: Any) -> Any:
    """A value as JSON has it: tuples become lists, also within objects and lists."""
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    return [to_json(each) for each in value] if isinstance(value, list | tuple) else value


def _from_json(value: Any, hint: Any) -> Any:
    items = typing.get_args(hint)
    if typing.get_origin(hint) is dict and isinstance(value, dict):
        return {key: _from_json(item, items[1]) for key, item in value.items()}
    return _convert(value, hint, _leaf)


def _leaf(value: Any, kind: Any) -> Any:
    return (
        from_json(kind, value) if isinstance(kind, type) and dataclasses.is_dataclass(kind) else _checked(value, kind)
    )


def _in_words(hint: Any) -> str:
    """What a setting takes, as on the command line."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_in_words(option) for option in arguments)
    if origin is typing.Literal:
        return " or ".join(str(option) for option in arguments)
    words = _WORDS.get(hint) if isinstance(hint, type) else None
    return words or f"a value of type {_named(hint)}"


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", type(None): "none"}


def _named(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)) if not typing.get_args(hint) else str(hint)


def _convert(value: Any, hint: Any, leaf: Callable[[Any, Any], Any]) -> Any:
    """`value` as its type hint says, part by part; `leaf` converts what has none. Raises ValueError if it does not fit."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        # None first: the word "none" then means None, not a text.
        for option in sorted(arguments, key=lambda option: option is not type(None)):
            with suppress(ValueError):
                return _convert(value, option, leaf)
        raise ValueError(value)
    if origin is typing.Literal:
        for option in arguments:
            with suppress(ValueError):
                if leaf(value, type(option)) == option:
                    return option
        raise ValueError(value)
    if origin in (tuple, list) or hint in (tuple, list):
        items = leaf(value, tuple)
        if not arguments:
            return tuple(leaf(item, Any) for item in items)
        if len(arguments) == 2 and arguments[1] is Ellipsis or origin is list:
            arguments = arguments[:1] * len(items)
        if len(items) != len(arguments):
            raise ValueError(value)
        return tuple(_convert(item, argument, leaf) for item, argument in zip(items, arguments, strict=True))
    return leaf(value, origin or hint)


def _checked(value: Any, kind: Any) -> Any:
    """A value, if it is of this kind; any value, if only the plugin understands the kind."""
    fits = {
        float: isinstance(value, int | float) and not isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        bool: isinstance(value, bool),
        str: isinstance(value, str),
        dict: isinstance(value, dict),
        tuple: isinstance(value, tuple | list),
        type(None): value is None,
    }
    if not fits.get(kind, True):
        raise ValueError(value)
    return value


def _parsed(text: str, kind: Any) -> Any:
    """A text as a value of this kind."""
    if kind is str:
        return text
    if kind is type(None) or kind is bool:
        known = (
            dict.fromkeys(("none", "null")) if kind is not bool else dict.fromkeys(YES, True) | dict.fromkeys(NO, False)
        )
        if text.lower() not in known:
            raise ValueError(text)
        return known[text.lower()]
    if kind is int:
        return int(text)
    if kind is float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        return value
    return _words(text) if kind is tuple else json.loads(text)


def _words(text: str) -> list[str]:
    """The items of a list that is written 16,24,24 or [16, 24, 24], each as a text."""
    if not text.startswith(("[", "(")):
        return [word.strip() for word in text.split(",") if word.strip()]
    items = json.loads(text.replace("(", "[").replace(")", "]"))
    if not isinstance(items, list):
        raise ValueError(text)
    return [json.dumps(item) if not isinstance(item, str) else item for item in items]
