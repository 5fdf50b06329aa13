"""Bundled models: checkpoint folders that are part of emozoo, named by a word. Importing this costs nothing."""

from __future__ import annotations

import importlib.resources
import json
import os
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config import CheckpointConfig
from emozoo.filenames import CONFIG

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


def describe() -> list[dict[str, Any]]:
    """Of each: name, architecture and labels."""
    found = []
    for name in names():
        # Its own, so without the checks, which import numpy: `emozoo list` would take half as long again.
        config = CheckpointConfig.from_dict(json.loads((FOLDER / name / CONFIG).read_text(encoding="utf-8")))
        found.append({"name": name, "architecture": config.architecture, "labels": list(config.labels)})
    return found
