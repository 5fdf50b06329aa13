"""Finds plugins (architectures, datasets, diarizers, models, readers) through entry points, from metadata alone.

A plugin's module is imported when it is used (`emozoo.registry.loading`); `emozoo.conformance.trial` finds out which plugins
cannot be used. What a plugin must offer is in `emozoo.architecture`, `emozoo.data.corpus`, `emozoo.diarizer`,
`emozoo.shipped` and `emozoo.reader`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
from dataclasses import dataclass, replace

from emozoo.errors import EmozooError
from emozoo.text import suggestion

ARCHITECTURES = "emozoo.architectures"
DATASETS = "emozoo.datasets"
DIARIZERS = "emozoo.diarizers"
READERS = "emozoo.readers"
MODELS = "emozoo.models"
KINDS = {
    ARCHITECTURES: "architecture",
    DATASETS: "dataset",
    DIARIZERS: "diarizer",
    READERS: "reader",
    MODELS: "model",
}
ALLOWED = "EMOZOO_PLUGINS"
"""The environment variable that names the distributions or plugins, separated by commas, that are used besides emozoo's
own; empty: none; unset: all."""


@dataclass(frozen=True)
class Plugin:
    """One entry point, from the metadata of its distribution."""

    group: str
    name: str
    distribution: str
    version: str
    target: str
    """`module:attribute`."""
    problem: str | None = None
    """Why it cannot be used, if known."""

    @property
    def builtin(self) -> bool:
        return self.distribution == "emozoo"

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}"


def installed(group: str) -> list[Plugin]:
    """All plugins of a group by name, whatever EMOZOO_PLUGINS says; emozoo's own before others."""
    found = []
    for entry in _entry_points(group):
        name = version = ""
        with contextlib.suppress(Exception):  # damaged metadata
            name, version = entry.dist.name or "", entry.dist.version or ""  # type: ignore[union-attr]
        found.append(Plugin(group, entry.name, name or "unknown distribution", version, entry.value))
    return sorted(found, key=lambda plugin: (plugin.name, not plugin.builtin, plugin.distribution.lower()))


def plugins(group: str) -> list[Plugin]:
    """The plugins of a group by name, without those that EMOZOO_PLUGINS switches off. If several have one name, emozoo's own
    holds it, else the first distribution in the alphabet; the others have a `problem`."""
    listed: list[Plugin] = []
    holders: dict[str, Plugin] = {}
    for plugin in installed(group):
        if not _is_on(plugin):
            continue
        holder = holders.setdefault(plugin.name, plugin)
        if holder is not plugin:
            plugin = replace(plugin, problem=f"the name {plugin.name!r} is taken by {holder.origin}")
        listed.append(plugin)
    return listed


def switched_off() -> list[Plugin]:
    """The installed plugins that EMOZOO_PLUGINS leaves out."""
    if _allowed() is None:
        return []
    return [plugin for group in KINDS for plugin in installed(group) if not _is_on(plugin)]


def unknown_names() -> list[str]:
    """The words of EMOZOO_PLUGINS that name nothing that is installed."""
    if not (words := _allowed()):
        return []
    known = {_plain(name) for group in KINDS for each in installed(group) for name in (each.name, each.distribution)}
    return [word for word in words if _plain(word) not in known]


def _allowed() -> list[str] | None:
    """The words of EMOZOO_PLUGINS; None if it is not set."""
    text = os.environ.get(ALLOWED)
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _is_on(plugin: Plugin) -> bool:
    allowed = _allowed()
    names = {_plain(plugin.name), _plain(plugin.distribution)}
    return plugin.builtin or allowed is None or not names.isdisjoint(map(_plain, allowed))


def _plain(name: str) -> str:
    """A name as pip compares it: in either case, with any of `-`, `_` and `.`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entry_points(group: str) -> list[importlib.metadata.EntryPoint]:
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # one distribution's damaged metadata breaks the call for all: ask each one alone
        return _entry_points_one_by_one(group)


def _entry_points_one_by_one(group: str) -> list[importlib.metadata.EntryPoint]:
    entries = []
    seen = set()
    for distribution in importlib.metadata.distributions():
        with contextlib.suppress(Exception):
            if distribution.name not in seen:
                seen.add(distribution.name)
                entries += [entry for entry in distribution.entry_points if entry.group == group]
    return entries


def find(group: str, name: str) -> Plugin:
    """The plugin that holds a name. Raises EmozooError, with the nearest names, if there is none."""
    listed = plugins(group)
    for plugin in listed:
        if plugin.name == name and plugin.problem is None:
            return plugin
    for plugin in installed(group):
        if plugin.name == name:
            raise EmozooError(
                f"the {KINDS[group]} {name!r} of {plugin.origin} is switched off: the environment variable {ALLOWED} "
                f"does not name it; unset it, or add {plugin.distribution}"
            )
    names = sorted({plugin.name for plugin in listed})
    hint = suggestion(name, names) if names else "none is installed"
    raise EmozooError(f"no {KINDS[group]} is named {name!r}; {hint} (emozoo list shows all)")


def group_of(name: str) -> str:
    """The group of an architecture's name or, else, a dataset's or a reader's. Raises EmozooError, with near names, if there
    is none."""
    for group in (ARCHITECTURES, DATASETS, READERS):
        if any(plugin.name == name for plugin in installed(group)):
            return group
    try:
        find(ARCHITECTURES, name)
    except EmozooError as error:
        raise EmozooError(f"{error}; nor is it a dataset or a reader") from None
    raise AssertionError(name)
