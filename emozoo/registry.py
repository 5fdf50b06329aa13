"""Finds architecture and dataset plugins through entry points.

Listing reads metadata only; a plugin's module is imported when it is used. A plugin that cannot be used is recorded with
the reason and costs nothing else. What a plugin must offer is in `emozoo.architecture` and `emozoo.data.corpus`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.architecture import Architecture
    from emozoo.data.corpus import Corpus

ARCHITECTURES = "emozoo.architectures"
DATASETS = "emozoo.datasets"
KINDS = {ARCHITECTURES: "architecture", DATASETS: "dataset"}
IMPORT_SECONDS = 30
"""How long a plugin's import may take when `emozoo list` tries it."""


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


def plugins(group: str) -> list[Plugin]:
    """The plugins of a group by name, from metadata alone. Of several that claim one name, emozoo's own holds it, else
    the first distribution in alphabetical order; the others come with a `problem`."""
    found = []
    for entry in _entry_points(group):
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("unknown distribution", "")
        found.append(Plugin(group, entry.name, name, version, entry.value))
    found.sort(key=lambda plugin: (plugin.name, not plugin.builtin, plugin.distribution.lower()))
    listed: list[Plugin] = []
    holders: dict[str, Plugin] = {}
    for plugin in found:
        holder = holders.setdefault(plugin.name, plugin)
        if holder is not plugin:
            plugin = replace(plugin, problem=f"the name {plugin.name!r} is taken by {holder.origin}")
        listed.append(plugin)
    return listed


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
    import difflib

    names = sorted({plugin.name for plugin in listed})
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise EmozooError(f"no {KINDS[group]} is named {name!r}; {hint} (emozoo list shows all)")


def get_architecture(name: str) -> Architecture:
    """Imports and checks an architecture. Raises EmozooError naming the distribution and the reason."""
    return _load(find(ARCHITECTURES, name))


def get_corpus(name: str) -> Corpus:
    """Imports and checks a dataset. Raises EmozooError naming the distribution and the reason."""
    return _load(find(DATASETS, name))


def _load(plugin: Plugin) -> Any:
    loaded, problem = _import(plugin)
    if problem:
        raise EmozooError(f"the {KINDS[plugin.group]} {plugin.name!r} of {plugin.origin} cannot be used: {problem}")
    return loaded


def _import(plugin: Plugin) -> tuple[Any, str | None]:
    from emozoo.architecture import contract_problem

    entry = importlib.metadata.EntryPoint(plugin.name, plugin.target, plugin.group)
    try:
        # What a plugin prints while it is imported must not land in a command's result.
        with contextlib.redirect_stdout(sys.stderr):
            loaded = entry.load()
        if plugin.group == ARCHITECTURES:
            return loaded, contract_problem(loaded, plugin.name)
        from emozoo.data.corpus import corpus_problem

        return loaded, corpus_problem(loaded, plugin.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return None, " ".join(f"{type(error).__name__}: {error}".split())


def checked(group: str) -> list[Plugin]:
    """`plugins(group)`, with third parties' plugins tried: each is imported once per installed version, in a process of its
    own, and the verdict remembered in the cache. So one that raises, hangs or prints cannot harm the caller."""
    import json

    from emozoo.paths import cache_root, write_text

    memory = cache_root() / "plugins.json"
    try:
        verdicts: dict[str, str | None] = json.loads(memory.read_text())
    except (OSError, ValueError):
        verdicts = {}
    listed = plugins(group)
    untried = [p for p in listed if not p.builtin and p.problem is None and _key(p) not in verdicts]
    if untried:
        verdicts.update(zip(map(_key, untried), _try_elsewhere(untried), strict=True))
        with contextlib.suppress(EmozooError):  # a cache that cannot be written only costs time
            write_text(memory, json.dumps(verdicts, indent=1))
    return [replace(p, problem=p.problem or verdicts.get(_key(p))) for p in listed]


def _key(plugin: Plugin) -> str:
    """Changes with whatever could change the verdict: the plugin, its source, and what else is installed."""
    stamps = []
    for folder in sys.path:
        with contextlib.suppress(OSError):
            stamps.append(os.stat(folder or ".").st_mtime_ns)
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec(plugin.target.partition(":")[0].strip().partition(".")[0])
        sources = [Path(spec.origin)] if spec and spec.origin else []
        if spec and spec.submodule_search_locations:
            sources = [path for place in spec.submodule_search_locations for path in Path(place).rglob("*.py")]
        stamps += [path.stat().st_mtime_ns for path in sources]
    return f"{plugin.group} {plugin.name} {plugin.origin} {plugin.target} {sys.prefix} {max(stamps, default=0)}"


def _try_elsewhere(untried: list[Plugin]) -> list[str | None]:
    import subprocess
    import tempfile

    code = (
        "import sys; from emozoo import registry; from pathlib import Path; "
        "problem = registry._import(registry.Plugin(*sys.argv[2:]))[1]; Path(sys.argv[1]).write_text(problem or '')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    problems: list[str | None] = []
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for number, p in enumerate(untried):
            answer = Path(folder, str(number))
            command = [sys.executable, "-c", code, str(answer), p.group, p.name, p.distribution, p.version, p.target]
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append((subprocess.Popen(command, env=environment, **quiet), answer))  # type: ignore[call-overload]
        for process, answer in started:
            try:
                status = process.wait(IMPORT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                problems.append(f"its import did not end within {IMPORT_SECONDS} s")
                continue
            if answer.exists():
                problems.append(answer.read_text() or None)
            else:
                problems.append(f"its import ended the process (exit status {status})")
    return problems
