"""`--set key=value`: turns words from the command line into a network's config and a recipe, checked field by field."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from emozoo.architecture import Architecture, Recipe
from emozoo.errors import EmozooError

YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def apply_settings(architecture: Architecture, settings: Mapping[str, str]) -> tuple[Any, Recipe]:
    """The architecture's config and recipe with `settings` in place of their defaults.

    Raises EmozooError for a name that is no field of either (with the nearest names), a value of the wrong type, and values
    that the config or the recipe refuses.
    """
    config_fields, recipe_fields = _hints(architecture.config), _hints(Recipe)
    config: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    for name, text in settings.items():
        known = {**recipe_fields, **config_fields}
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"
            raise EmozooError(f"{architecture.name} has no setting {name!r}; {hint}")
        (config if name in config_fields else recipe)[name] = parse_value(name, text, known[name])
    try:
        return architecture.config(**config), dataclasses.replace(architecture.recipe, **recipe)
    except Exception as error:  # noqa: BLE001 - whatever a plugin's check makes of a value
        raise EmozooError(f"{architecture.name} cannot use these settings: {error}") from error


def _hints(kind: type[Any]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(kind)
    except Exception as error:  # noqa: BLE001 - a hint may be any expression
        raise EmozooError(
            f"{kind.__module__} is broken: a type hint of {kind.__name__} means nothing ({error})"
        ) from error
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


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
