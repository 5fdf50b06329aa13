"""Visits of the demo page: what somebody has given to it between opening and leaving it, and what was answered.

A clip is known by the path that the server itself made for it. What a visitor says is looked up among those and never used
as a path, so that nothing else of this machine can be named, read or deleted.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emozoo.demo.answer import Limits
from emozoo.errors import EmozooError
from emozoo.inference.answers import Prediction

KEPT_SECONDS = 60
"""How long an upload lies that nobody asks to answer."""


@dataclass
class Upload:
    """A clip that lies here."""

    path: Path
    """In a folder of its own."""
    visitor: str
    """Whose it is: what the browser calls itself, empty where it does not."""
    size: int
    since: float
    session: str | None = None
    """The visit that it was given in, once it was."""


@dataclass
class Visit:
    """What somebody has given to the page."""

    models: int
    clips: list[list[Prediction | None]] = field(default_factory=list)
    """A prediction by each model, None until there is one; without windows."""
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    waiting: list[deque[int]] = field(default_factory=list)
    """For each model, the clips that it has not yet begun with."""
    last: float = field(default_factory=time.monotonic)
    """When something last happened in it."""

    def __post_init__(self) -> None:
        self.waiting = [deque() for _ in range(self.models)]

    def note(self, path: Path, name: str) -> None:
        self.files.append(path)
        self.names.append(name)
        self.clips.append([None] * self.models)
        for queue in self.waiting:
            queue.append(len(self.clips) - 1)


class Visits:
    """All that go on, by the name of the session. For several threads."""

    def __init__(self, folder: Path, models: int, limits: Limits) -> None:
        self._folder, self._models, self._limits = folder, models, limits
        self._room = limits.stored * round(limits.megabytes * 2**20)
        self._visits: dict[str, Visit] = {}
        self._open: Counter[str] = Counter()
        self._uploads: dict[str, Upload] = {}
        self._examples: set[str] = set()
        self._coming: list[int] = []
        self._lock = threading.Lock()

    # What lies here

    @contextmanager
    def receiving(self, visitor: str, size: int) -> Iterator[Path]:
        """A new folder for an upload of at most `size` bytes. The file that lies in it at the end of the block is the
        visitor's to give from then on; if the block raises, the folder goes. Raises EmozooError where there is no room."""
        with self._lock:
            stored = sum(self._coming) + sum(upload.size for upload in self._uploads.values())
            if len(self._coming) >= self._limits.uploads or stored + size > self._room:
                raise EmozooError("this page is taking as many clips as it can: try again in a minute")
            self._coming.append(size)
        folder = self._folder / secrets.token_urlsafe(16)
        try:
            folder.mkdir(parents=True)
            yield folder
            with self._lock:
                for path in folder.iterdir():
                    upload = Upload(path, visitor, path.stat().st_size, time.monotonic())
                    self._uploads[str(path)] = upload
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                self._coming.remove(size)

    def offer(self, path: Path) -> None:
        """Lets everybody hear and see an example."""
        self._examples.add(str(path))

    def may_give(self, path: str, visitor: str) -> bool:
        """Whether it is an upload of this visitor, which is not part of a visit yet."""
        upload = self._uploads.get(path)
        return upload is not None and upload.visitor == visitor and upload.session is None

    def may_see(self, path: str, visitor: str) -> bool:
        """Whether it is an upload of this visitor, or an example."""
        upload = self._uploads.get(path)
        return path in self._examples or (upload is not None and upload.visitor == visitor)

    # What goes on

    def take(self, session: str, path: Path, name: str) -> Path:
        """Notes a clip that is to be answered, an upload or an example, and returns where it lies. Raises EmozooError for
        anything else, and where the visit has more than it may have."""
        with self._lock:
            upload = self._uploads.get(str(path))
            if str(path) not in self._examples and (upload is None or upload.session is not None):
                raise EmozooError(f"{name} was not given to this page, or is gone: give it again")
            visit = self._visits.get(session) or Visit(self._models)
            self._check_room(session, visit)
            for number, clip in enumerate(visit.clips):
                if None not in clip:
                    self._remove(visit.files[number])
            if upload is not None:
                path, upload.session = upload.path, session
            visit.note(path, name)
            visit.last = time.monotonic()
            self._visits[session] = visit
            return path

    def _check_room(self, session: str, visit: Visit) -> None:
        if session not in self._visits and len(self._visits) >= self._limits.visits:
            raise EmozooError("this page has as many visitors as it can have: try again in a minute")
        if sum(None in clip for clip in visit.clips) >= self._limits.waiting:
            raise EmozooError(f"{self._limits.waiting} clips of yours wait for an answer: give the next one after that")
        if len(visit.clips) >= self._limits.clips:
            raise EmozooError(f"this visit has had its {self._limits.clips} clips: load the page anew for more")

    def next(self, session: str, model: int) -> tuple[Visit, int] | None:
        """The clip that a model answers next for a visitor; None where there is none, or nobody any more."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is None or not visit.waiting[model]:
                return None
            visit.last = time.monotonic()
            return visit, visit.waiting[model].popleft()

    def clips(self, session: str) -> list[list[Prediction | None]]:
        with self._lock:
            visit = self._visits.get(session)
            return [list(clip) for clip in visit.clips] if visit else []

    # When it ends

    def arrive(self, session: str) -> None:
        """A visitor's browser has the page open, until it leaves."""
        with self._lock:
            self._open[session] += 1

    def leave(self, session: str) -> None:
        """A browser has closed the page: deletes what was given in the visit, unless it has it open elsewhere."""
        with self._lock:
            self._open[session] -= 1
            if self._open[session] <= 0:
                del self._open[session]
                self._end(session)

    def tidy(self) -> None:
        """Deletes uploads that were never given, and ends visits without an open page in which nothing happens."""
        now = time.monotonic()
        with self._lock:
            for upload in list(self._uploads.values()):
                if upload.session is None and now - upload.since > KEPT_SECONDS:
                    self._remove(upload.path)
            for session, visit in list(self._visits.items()):
                if session not in self._open and now - visit.last > self._limits.idle:
                    self._end(session)

    def _end(self, session: str) -> None:
        if self._visits.pop(session, None):
            for upload in list(self._uploads.values()):
                if upload.session == session:
                    self._remove(upload.path)

    def _remove(self, path: Path) -> None:
        """Deletes an upload, and nothing else."""
        if self._uploads.pop(str(path), None):
            shutil.rmtree(path.parent, ignore_errors=True)
