"""Results of trying third parties' plugins, kept in the cache."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError
from emozoo.paths import cache_root, write_text
from emozoo.registry.entry_points import Plugin
from emozoo.registry.facts import UNKNOWN, Facts, facts_from


@dataclass(frozen=True)
class Verdict:
    """What trying a plugin showed."""

    problem: str | None = None
    """Why it cannot be used."""
    facts: Facts = UNKNOWN


def acquit(plugin: Plugin) -> None:
    """Forgets a problem of a plugin that has just been imported: it was only slow."""
    verdicts = remembered()
    if (verdict := verdicts.get(key_of(plugin))) and verdict.problem:
        remember({**verdicts, key_of(plugin): Verdict()})


def remembered() -> dict[str, Verdict]:
    """By `key_of` a plugin. What another version of emozoo wrote is left out."""
    try:
        found = json.loads(_memory().read_text(encoding="utf-8"))
        return {key: _verdict(value) for key, value in found.items() if isinstance(value, dict)}
    except (OSError, ValueError, AttributeError):
        return {}


def _verdict(value: dict[str, Any]) -> Verdict:
    problem = value.get("problem")
    return Verdict(problem if isinstance(problem, str) else None, facts_from(value.get("facts")))


def remember(verdicts: dict[str, Verdict]) -> None:
    told = {key: {"problem": each.problem, "facts": each.facts.to_dict()} for key, each in verdicts.items()}
    with contextlib.suppress(EmozooError):  # without a cache, trying takes time again
        write_text(_memory(), json.dumps(told, indent=1))


def _memory() -> Path:
    return cache_root() / "plugins.json"


def key_of(plugin: Plugin) -> str:
    """Changes with the plugin, its source, and what else is installed."""
    stamps = []
    for folder in sys.path:
        with contextlib.suppress(OSError):
            if not os.path.samefile(folder or ".", "."):  # in the current folder, files come and go
                stamps.append(os.stat(folder).st_mtime_ns)
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec(plugin.target.partition(":")[0].strip().partition(".")[0])
        sources = [Path(spec.origin)] if spec and spec.origin else []
        if spec and spec.submodule_search_locations:
            sources = [path for place in spec.submodule_search_locations for path in Path(place).rglob("*.py")]
        stamps += [path.stat().st_mtime_ns for path in sources]
    return f"{plugin.group} {plugin.name} {plugin.origin} {plugin.target} {sys.prefix} {max(stamps, default=0)}"
