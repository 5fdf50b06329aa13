"""Finds architecture and dataset plugins through entry points.

Finding reads metadata only; a plugin's module is imported when it is used. A plugin that cannot be used is recorded with
the reason and costs nothing else; `emozoo.trial` finds out which cannot. EMOZOO_PLUGINS says which are looked at. What a
plugin must offer is in `emozoo.architecture` and `emozoo.data.corpus`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.together import Together

if TYPE_CHECKING:
    from emozoo.architecture import Architecture
    from emozoo.data.corpus import Corpus

ARCHITECTURES = "emozoo.architectures"
DATASETS = "emozoo.datasets"
KINDS = {ARCHITECTURES: "architecture", DATASETS: "dataset"}
ALLOWED = "EMOZOO_PLUGINS"
"""The environment variable that names, separated by commas, the distributions or plugins that are looked at beside emozoo's
own; empty: none; unset: all."""


@dataclass(frozen=True)
class Plugin:
    """One entry point, as its distribution's metadata tells it."""

    group: str
    name: str
    distribution: str
    version: str
    target: str
    """`module:attribute`."""
    problem: str | None = None
    """Why it cannot be used, where that is known."""

    @property
    def builtin(self) -> bool:
        return self.distribution == "emozoo"

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}"


def installed(group: str) -> list[Plugin]:
    """All plugins of a group by name, whatever EMOZOO_PLUGINS says, from metadata alone; emozoo's own before others."""
    found = []
    for entry in _entry_points(group):
        name = version = ""
        with contextlib.suppress(Exception):  # damaged metadata
            name, version = entry.dist.name or "", entry.dist.version or ""  # type: ignore[union-attr]
        found.append(Plugin(group, entry.name, name or "unknown distribution", version, entry.value))
    return sorted(found, key=lambda plugin: (plugin.name, not plugin.builtin, plugin.distribution.lower()))


def plugins(group: str) -> list[Plugin]:
    """The plugins of a group by name, less those that EMOZOO_PLUGINS switches off. Of several that claim one name, emozoo's
    own holds it, else the first distribution in alphabetical order; the others come with a `problem`."""
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
    """The words of EMOZOO_PLUGINS that are the name of nothing that is installed."""
    if not (words := _allowed()):
        return []
    known = {_plain(name) for group in KINDS for each in installed(group) for name in (each.name, each.distribution)}
    return [word for word in words if _plain(word) not in known]


def _allowed() -> list[str] | None:
    """The words of EMOZOO_PLUGINS; None where it is not set."""
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
        entries, seen = [], set()
        for distribution in importlib.metadata.distributions():
            with contextlib.suppress(Exception):
                if distribution.name not in seen:
                    seen.add(distribution.name)
                    entries += [entry for entry in distribution.entry_points if entry.group == group]
        return entries


def find(group: str, name: str) -> Plugin:
    """The plugin that holds a name. Raises EmozooError, with the nearest names, where none does."""
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
    import difflib

    names = sorted({plugin.name for plugin in listed})
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise EmozooError(f"no {KINDS[group]} is named {name!r}; {hint} (emozoo list shows all)")


def get_architecture(name: str) -> Architecture:
    """Imports and checks an architecture. Raises EmozooError naming the distribution and the reason."""
    from emozoo.architecture import contract_problem

    return load_plugin(find(ARCHITECTURES, name), contract_problem)


def get_corpus(name: str) -> Corpus:
    """Imports and checks a dataset. Raises EmozooError naming the distribution and the reason."""
    from emozoo.data.corpus import corpus_problem

    return load_plugin(find(DATASETS, name), corpus_problem)


def load_plugin(plugin: Plugin, problem_of: Callable[[Any, str], str | None]) -> Any:
    """What a plugin offers, once `problem_of` it and its name finds none. Raises EmozooError naming the distribution and the
    reason."""
    loaded, problem = import_plugin(plugin, problem_of)
    if problem:
        raise EmozooError(f"the {KINDS[plugin.group]} {plugin.name!r} of {plugin.origin} cannot be used: {problem}")
    if not plugin.builtin:
        from emozoo import trial

        trial.acquit(plugin)
    return loaded


def import_plugin(plugin: Plugin, problem_of: Callable[[Any, str], str | None]) -> tuple[Any, str | None]:
    """What the entry point names, and why it cannot be used: the exception, or how it breaks the contract."""
    entry = importlib.metadata.EntryPoint(plugin.name, plugin.target, plugin.group)
    try:
        with output_to_stderr:
            loaded = entry.load()
        return loaded, problem_of(loaded, plugin.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return None, " ".join(f"{type(error).__name__}: {error}".split())


@contextlib.contextmanager
def _output_to_stderr() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError):  # a closed stream
            sys.stdout.flush()
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
            stack.callback(_flush_c)
        with contextlib.redirect_stdout(sys.stderr):
            yield


output_to_stderr = Together(_output_to_stderr)
"""Sends to standard error what is printed meanwhile, also by C code and by processes that are started: it must not land in
a command's result."""


def _flush_c() -> None:
    with contextlib.suppress(Exception):  # not every system lets itself be asked so
        import ctypes

        ctypes.CDLL(None).fflush(None)
