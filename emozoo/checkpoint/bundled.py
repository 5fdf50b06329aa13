"""Bundled models: checkpoint folders that are part of emozoo, named by a word. Importing this costs nothing."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path

FOLDER = Path(str(importlib.resources.files("emozoo"))) / "models"
DEFAULT = "speech"
"""What `emozoo predict` answers with where no `--model` is named."""


def names() -> list[str]:
    """The bundled models, sorted."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) if FOLDER.is_dir() else []


def folder_of(reference: str | os.PathLike[str]) -> Path | None:
    """The folder of a bundled model; None for another reference. A folder of the same name is reached as `./name`."""
    name = os.fspath(reference)
    return FOLDER / name if name in names() else None
