"""Plugins that a test offers, as if their distribution were installed."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from emozoo.architecture import Architecture
from emozoo.registry import entry_points
from emozoo.registry.entry_points import ARCHITECTURES


def offer(monkeypatch: pytest.MonkeyPatch, architecture: Architecture, distribution: str, version: str) -> None:
    """Makes an architecture the only plugin that is installed."""
    module = ModuleType(f"offered_{architecture.name}")
    module.architecture = architecture  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = SimpleNamespace(
        name=architecture.name,
        value=f"{module.__name__}:architecture",
        dist=SimpleNamespace(name=distribution, version=version),
    )
    monkeypatch.setattr(entry_points, "_entry_points", lambda group: [entry] if group == ARCHITECTURES else [])
