"""Visits of the demo page: what somebody has given to it between opening and leaving it, and what was answered. A visit's
clips lie in a folder of its own and go with it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from emozoo.predict import Prediction

FRESH_SECONDS = 5
"""The same file from two visitors has the same place with gradio, where it may arrive while the other one leaves: so young a
copy is left to gradio, which deletes it after `KEPT_SECONDS`."""
KEPT_SECONDS = 60
DIGEST = re.compile(r"[0-9a-f]{64}")
"""What gradio calls the folder of an upload."""


@dataclass
class Visit:
    """What somebody has given to the page."""

    folder: Path
    clips: list[list[Prediction | None]] = field(default_factory=list)
    """A prediction by each model, None until there is one; without windows."""
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    waiting: list[deque[int]] = field(default_factory=list)
    """For each model, the clips that it has not yet begun with."""
    copies: set[Path] = field(default_factory=set)
    """Where gradio has stored what was given."""


class Visits:
    """All that go on, by gradio's name of the session. For several threads."""

    def __init__(self, uploads: Path, models: int) -> None:
        """`uploads` is where gradio stores what it is sent; visits get a folder of their own in it."""
        self._uploads = uploads.resolve()
        self._folder, self._models = self._uploads / "visits", models
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def take(self, session: str, path: Path, name: str, *, given: bool) -> Path:
        """Notes a clip that is to be answered, and returns where it lies from now on. One that was `given` is deleted at the
        end of the visit where it was, too. Raises OSError where it is gone, or is nothing that gradio was sent."""
        if given:
            path = self._uploaded(path)
        with self._lock:
            visit = self._visits.get(session)
            if visit is None:
                folder = self._folder / secrets.token_urlsafe(16)
                visit = self._visits[session] = Visit(folder, waiting=[deque() for _ in range(self._models)])
            place = visit.folder / str(len(visit.clips)) / path.name
            place.parent.mkdir(parents=True)
            try:
                os.link(path, place)
            except OSError:  # a file system without hard links
                shutil.copyfile(path, place)
            if given:
                visit.copies.add(path)
            for number, clip in enumerate(visit.clips):
                if None not in clip:
                    visit.files[number].unlink(missing_ok=True)
            visit.files.append(place)
            visit.names.append(name)
            visit.clips.append([None] * self._models)
            for queue in visit.waiting:
                queue.append(len(visit.clips) - 1)
            return place

    def _uploaded(self, path: Path) -> Path:
        """What a visitor says that was sent, links followed: `uploads/DIGEST/NAME`, and nothing else of this machine."""
        found = path.resolve(strict=True)
        parts = found.relative_to(self._uploads).parts if found.is_relative_to(self._uploads) else ()
        if len(parts) != 2 or not DIGEST.fullmatch(parts[0]) or not stat.S_ISREG(found.stat().st_mode):
            raise PermissionError(f"{path} was not uploaded to this page")
        return found

    def next(self, session: str, model: int) -> tuple[Visit, int] | None:
        """The clip that a model answers next for a visitor; None where there is none, or nobody any more."""
        with self._lock:
            visit = self._visits.get(session)
            return (visit, visit.waiting[model].popleft()) if visit and visit.waiting[model] else None

    def clips(self, session: str) -> list[list[Prediction | None]]:
        with self._lock:
            visit = self._visits.get(session)
            return [list(clip) for clip in visit.clips] if visit else []

    def leave(self, session: str) -> None:
        """Deletes what was given in a visit that is over."""
        with self._lock:
            visit = self._visits.pop(session, None)
            if visit is None:
                return
            shutil.rmtree(visit.folder, ignore_errors=True)
            for copy in visit.copies.difference(*(other.copies for other in self._visits.values())):
                with suppress(OSError):
                    if time.time() - copy.stat().st_mtime > FRESH_SECONDS:
                        copy.unlink()
