"""`--set name=value`: texts of the command line become a network's config and a recipe, checked field by field."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from emozoo.architecture import Architecture, Recipe
from emozoo.errors import EmozooError
from emozoo.hints import parse_value
from emozoo.text import suggestion


def apply_settings(architecture: Architecture, settings: Mapping[str, str]) -> tuple[Any, Recipe]:
    """The architecture's config and recipe with `settings` in place of their defaults.

    Raises EmozooError for a name that is no field of either (with the nearest names), for a value of the wrong type, and for
    values that the config or the recipe refuses.
    """
    config_fields, known = _hints(architecture.config), setting_hints(architecture)
    config: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in known:
            raise EmozooError(f"{architecture.name} has no setting {name!r}; {suggestion(name, sorted(known))}")
        (config if name in config_fields else recipe)[name] = parse_value(name, text, known[name])
    try:
        return architecture.config(**config), dataclasses.replace(architecture.recipe, **recipe)
    except Exception as error:  # noqa: BLE001 - a plugin's check may raise anything
        raise EmozooError(f"{architecture.name} cannot use these settings: {error}") from error


def setting_hints(architecture: Architecture) -> dict[str, Any]:
    """The type hint of each setting: those of the recipe, and those of the network's config."""
    return {**_hints(Recipe), **_hints(architecture.config)}


def _hints(kind: type[Any]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(kind)
    except Exception as error:  # noqa: BLE001 - a hint may be any expression
        raise EmozooError(
            f"{kind.__module__} is broken: a type hint of {kind.__name__} means nothing ({error})"
        ) from error
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
