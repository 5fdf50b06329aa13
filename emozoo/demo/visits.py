"""Visits of the demo page: the clips that a visitor gave, and their answers.

The server chooses the path of each clip. A path from a visitor is only looked up among these, and never opened. So no other
file of this machine can be read or deleted.
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
from emozoo.inference.segment_sources import SegmentSource

KEPT_SECONDS = 60
"""How long an upload is kept that is never given to the models."""


@dataclass
class Upload:
    """A file that a visitor uploaded."""

    path: Path
    """In a folder of its own."""
    visitor: str
    """Who uploaded it, by the browser's cookie; empty without one."""
    size: int
    since: float
    session: str | None = None
    """The visit that it belongs to, once it is given to the models."""


@dataclass
class Visit:
    """The clips of one visitor, and their answers."""

    models: int
    clips: list[list[Prediction | None]] = field(default_factory=list)
    """Per clip, a prediction by each model, without windows; None until it is known."""
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    segments: list[SegmentSource | None] = field(default_factory=list)
    """Per clip, those that are answered instead of the whole."""
    given: tuple[SegmentSource, Path] | None = None
    """The segments that the visitor has given for the next clips, and their file."""
    waiting: list[deque[int]] = field(default_factory=list)
    """For each model, the clips that it has not begun."""
    last: float = field(default_factory=time.monotonic)
    """When something last happened in this visit."""

    def __post_init__(self) -> None:
        self.waiting = [deque() for _ in range(self.models)]

    def note(self, path: Path, name: str) -> None:
        self.files.append(path)
        self.names.append(name)
        self.segments.append(self.given[0] if self.given else None)
        self.clips.append([None] * self.models)
        for queue in self.waiting:
            queue.append(len(self.clips) - 1)


class Visits:
    """All current visits, by session. Safe to use from several threads."""

    def __init__(self, folder: Path, models: int, limits: Limits) -> None:
        self._folder = folder
        self._models = models
        self._limits = limits
        self._room = limits.stored * round(limits.megabytes * 2**20)
        self._visits: dict[str, Visit] = {}
        self._open: Counter[str] = Counter()
        self._uploads: dict[str, Upload] = {}
        self._examples: set[str] = set()
        self._incoming: list[int] = []
        self._lock = threading.Lock()

    # Uploads

    @contextmanager
    def receiving(self, visitor: str, size: int) -> Iterator[Path]:
        """A new folder for an upload of at most `size` bytes. After the block, the visitor may give the file in it to the
        models. If the block raises, the folder is deleted. Raises EmozooError if there is no room."""
        with self._lock:
            stored = sum(self._incoming) + sum(upload.size for upload in self._uploads.values())
            if len(self._incoming) >= self._limits.uploads or stored + size > self._room:
                raise EmozooError("this page is taking as many clips as it can: try again in a minute")
            self._incoming.append(size)
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
                self._incoming.remove(size)

    def offer(self, path: Path) -> None:
        """Lets every visitor play an example."""
        self._examples.add(str(path))

    def may_give(self, path: str, visitor: str) -> bool:
        """Whether this is an upload of this visitor that is not part of a visit yet."""
        upload = self._uploads.get(path)
        return upload is not None and upload.visitor == visitor and upload.session is None

    def may_see(self, path: str, visitor: str) -> bool:
        """Whether this is an upload of this visitor, or an example."""
        upload = self._uploads.get(path)
        return path in self._examples or (upload is not None and upload.visitor == visitor)

    # Clips

    def take(self, session: str, path: Path, name: str) -> Path:
        """Queues a clip, an upload or an example, for the models, and returns its path. Raises EmozooError for anything
        else, and for a visit that has reached its limits."""
        with self._lock:
            upload = self._uploads.get(str(path))
            if str(path) not in self._examples and (upload is None or upload.session is not None):
                raise EmozooError(f"{name} was not given to this page, or is gone: give it again")
            visit = self._visits.get(session) or Visit(self._models)
            self._check_room(session, visit)
            waiting = {file for file, clip in zip(visit.files, visit.clips, strict=True) if None in clip}
            for file in set(visit.files) - waiting:
                self._remove(file)
            if upload is not None:
                path, upload.session = upload.path, session
            visit.note(path, name)
            visit.last = time.monotonic()
            self._visits[session] = visit
            return path

    def upload_of(self, path: Path) -> Path:
        """The path of an upload that belongs to no visit yet. Raises EmozooError for anything else."""
        with self._lock:
            return self._unused(path).path

    def _unused(self, path: Path) -> Upload:
        upload = self._uploads.get(str(path))
        if upload is None or upload.session is not None:
            raise EmozooError("that was not given to this page, or is gone: give it again")
        return upload

    def take_segments(self, session: str, path: Path, source: SegmentSource) -> None:
        """Keeps the segments of a file, an upload, for the next clips of a visit, and queues its last clip anew with them.
        Raises EmozooError for a visit that has reached its limits."""
        with self._lock:
            upload = self._unused(path)
            visit = self._visits.get(session) or Visit(self._models)
            self._check_visitors(session)
            again = [file for file in visit.files[-1:] if str(file) in {*self._uploads, *self._examples}]
            if again:
                self._check_room(session, visit)
            self._drop_segments(visit)
            upload.session, visit.given, visit.last = session, (source, path), time.monotonic()
            for file in again:
                visit.note(file, visit.names[-1])
            self._visits[session] = visit

    def drop_segments(self, session: str) -> None:
        """The next clips are answered as a whole again."""
        with self._lock:
            if visit := self._visits.get(session):
                self._drop_segments(visit)

    def _drop_segments(self, visit: Visit) -> None:
        if visit.given:
            self._remove(visit.given[1])
        visit.given = None

    def _check_visitors(self, session: str) -> None:
        if session not in self._visits and len(self._visits) >= self._limits.visits:
            raise EmozooError("this page has as many visitors as it can have: try again in a minute")

    def _check_room(self, session: str, visit: Visit) -> None:
        self._check_visitors(session)
        if sum(None in clip for clip in visit.clips) >= self._limits.waiting:
            raise EmozooError(f"{self._limits.waiting} clips of yours wait for an answer: give the next one after that")
        if len(visit.clips) >= self._limits.clips:
            raise EmozooError(f"this visit has had its {self._limits.clips} clips: load the page anew for more")

    def next(self, session: str, model: int) -> tuple[Visit, int] | None:
        """The next clip of a visit for a model; None if there is none, or the visit has ended."""
        with self._lock:
            visit = self._visits.get(session)
            if visit is None or not visit.waiting[model]:
                return None
            visit.last = time.monotonic()
            return visit, visit.waiting[model].popleft()

    def latest(self, session: str) -> tuple[Path, str] | None:
        """The file and the name of a visit's last clip; None if there is none."""
        with self._lock:
            visit = self._visits.get(session)
            return (visit.files[-1], visit.names[-1]) if visit and visit.files else None

    def clips(self, session: str) -> list[list[Prediction | None]]:
        with self._lock:
            visit = self._visits.get(session)
            return [list(clip) for clip in visit.clips] if visit else []

    # Ends of visits

    def arrive(self, session: str) -> None:
        """A browser has opened the page."""
        with self._lock:
            self._open[session] += 1

    def leave(self, session: str) -> None:
        """A browser has closed the page. Deletes the clips of the visit, unless it is open elsewhere."""
        with self._lock:
            self._open[session] -= 1
            if self._open[session] <= 0:
                del self._open[session]
                self._end(session)

    def tidy(self) -> None:
        """Deletes uploads that were never used, and ends idle visits that no browser has open."""
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
