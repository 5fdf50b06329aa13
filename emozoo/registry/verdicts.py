"""Results of trying third parties' plugins, kept in the cache."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from pathlib import Path

from emozoo.errors import EmozooError
from emozoo.paths import cache_root, write_text
from emozoo.registry.entry_points import Plugin


def acquit(plugin: Plugin) -> None:
    """Forgets a problem of a plugin that has just been imported: it was only slow."""
    verdicts = remembered()
    if verdicts.get(key_of(plugin)):
        remember({**verdicts, key_of(plugin): None})


def remembered() -> dict[str, str | None]:
    try:
        verdicts = json.loads(_memory().read_text(encoding="utf-8"))
        return {key: problem for key, problem in verdicts.items() if problem is None or isinstance(problem, str)}
    except (OSError, ValueError, AttributeError):
        return {}


def remember(verdicts: dict[str, str | None]) -> None:
    with contextlib.suppress(EmozooError):  # without a cache, trying takes time again
        write_text(_memory(), json.dumps(verdicts, indent=1))


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
