"""Dynamic batching: windows of concurrent requests are answered in one batch.

Nothing waits for a batch to fill: a worker that is free takes what is there. So a lone request is answered at once, and
under load the batches grow by themselves.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.batches import BATCH_WINDOWS, CPU_BATCH
from emozoo.inference.model import Model, Window
from emozoo.paths import cores

Answer = Callable[[Sequence[Window]], np.ndarray]


class Cancelled(Exception):
    """The request is over: nobody waits for its answer."""


@dataclass
class _Job:
    """Windows of one request that are asked about together."""

    kind: str
    windows: Sequence[Window]
    answer: Future[np.ndarray] = field(default_factory=Future)

    @property
    def key(self) -> tuple[Any, ...]:
        """Only windows of one key are stacked: others differ in type or shape."""
        sound, frames = self.windows[0]
        return (self.kind, sound.dtype.str, sound.shape, None if frames is None else frames.shape)


class Batcher:
    """Workers that answer the windows of one model. Safe to use from any thread."""

    def __init__(self, model: Model, answered: Callable[[int, int], None] | None = None) -> None:
        """`answered` is told of each batch: its windows, and the calls whose windows were joined in it."""
        self._answers: dict[str, Answer] = {"probabilities": model.probabilities, "embeddings": model.embeddings}
        self._on_cpu = model.on_cpu
        self._size, self.workers = (CPU_BATCH, cores()) if model.on_cpu else (BATCH_WINDOWS, 1)
        self._answered = answered
        self._waiting: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._busy = 0
        for number in range(self.workers):
            threading.Thread(target=self._work, name=f"emozoo-batches-{number}", daemon=True).start()

    def submit(self, kind: str, windows: Sequence[Window]) -> Future[np.ndarray]:
        """The answer that will be there for `windows`, float64 [windows, outputs] or float32 [windows, features]."""
        job = _Job(kind, windows)
        with self._ready:
            if self._closed:
                raise Cancelled
            self._waiting.append(job)
            self._ready.notify()
        return job.answer

    @property
    def waiting(self) -> int:
        """Calls that no worker has taken yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Ends the workers after the batches that they are in. Jobs that still wait are cancelled."""
        with self._ready:
            self._closed = True
            for job in self._waiting:
                job.answer.cancel()
            self._waiting.clear()
            self._ready.notify_all()

    def _work(self) -> None:
        while jobs := self._take():
            try:
                self._use_cores()
                self._answer(jobs)
            finally:
                with self._ready:
                    self._busy -= 1

    def _take(self) -> list[_Job]:
        """What waits, up to a batch: the first job, and others that can be stacked with it. Empty at the end."""
        with self._ready:
            self._ready.wait_for(lambda: self._waiting or self._closed)
            taken: list[_Job] = []
            left: deque[_Job] = deque()
            room = self._size
            for job in self._waiting:
                fits = not taken or (len(job.windows) <= room and job.key == taken[0].key)
                (taken if fits else left).append(job)
                room -= len(job.windows) if fits else 0
            self._waiting = left
            self._busy += 1
            return taken

    def _use_cores(self) -> None:
        """A worker that works alone gets all cores, and each of several gets one: as in `emozoo.inference.batches`."""
        torch = sys.modules.get("torch")
        if torch is not None and self._on_cpu:
            torch.set_num_threads(max(1, cores() // max(1, self._busy)))  # for this thread

    def _answer(self, jobs: Sequence[_Job]) -> None:
        live = [job for job in jobs if job.answer.set_running_or_notify_cancel()]
        if not live:
            return
        windows = [window for job in live for window in job.windows]
        try:
            found = self._answers[live[0].kind](windows)
            if len(found) != len(windows):
                raise EmozooError(f"the model gave {len(found)} answers for {len(windows)} windows")
        except Exception as error:  # noqa: BLE001 - a bad window of one request must not spoil the others' answers
            self._answer_alone(live, error)
            return
        if self._answered is not None:
            self._answered(len(windows), len(live))
        start = 0
        for job in live:
            job.answer.set_result(found[start : start + len(job.windows)])
            start += len(job.windows)

    def _answer_alone(self, jobs: Sequence[_Job], error: Exception) -> None:
        """Each job by itself, after a batch failed: those that cause it get the error, the others get their answers."""
        if len(jobs) == 1:
            jobs[0].answer.set_exception(error)
            return
        for job in jobs:
            try:
                job.answer.set_result(self._answers[job.kind](job.windows))
            except Exception as own:  # noqa: BLE001
                job.answer.set_exception(own)


class Joined:
    """A `Model` for one request. Its windows are answered together with those of other requests."""

    def __init__(self, model: Model, batcher: Batcher) -> None:
        self._model = model
        self._batcher = batcher
        self._pending: set[Future[np.ndarray]] = set()
        self._lock = threading.Lock()
        self._cancelled = False

    def __getattr__(self, name: str) -> Any:
        """Labels, preparation and whatever else the model says of itself."""
        return getattr(self._model, name)

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        """As `Model.probabilities`. Raises Cancelled once the request is over."""
        return self._wait("probabilities", windows)

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        """As `Model.embeddings`. Raises Cancelled once the request is over."""
        return self._wait("embeddings", windows)

    def cancel(self) -> None:
        """Ends the request: what it still waits for raises Cancelled. From any thread."""
        with self._lock:
            self._cancelled = True
            pending = list(self._pending)
        for future in pending:
            future.cancel()

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def _wait(self, kind: str, windows: Sequence[Window]) -> np.ndarray:
        with self._lock:
            if self._cancelled:
                raise Cancelled
            future = self._batcher.submit(kind, windows)
            self._pending.add(future)
        try:
            return future.result()
        except (Cancelled, CancelledError):
            raise Cancelled from None
        finally:
            with self._lock:
                self._pending.discard(future)
