"""What the routes of a service share: its models and limits, how much is in flight, and whether it is ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from emozoo.inference.batches import BATCH_WINDOWS, CPU_BATCH
from emozoo.inference.pipeline import FILES_AHEAD
from emozoo.paths import cores
from emozoo.serve.limits import Limits
from emozoo.serve.metrics import Metrics
from emozoo.serve.models import Served
from emozoo.serve.refusal import Refused, busy
from emozoo.serve.tokens import Token
from emozoo.text import shown, suggestion
from emozoo.web.hosts import Hosts

T = TypeVar("T")
ENDING = "this service is ending: ask another, or again later"


def _files_pool(models: Iterable[Served]) -> ThreadPoolExecutor:
    """As many files at once as fill a batch on each core or on the GPU, and some that are decoded meanwhile."""
    answered = CPU_BATCH * cores() if all(served.model.on_cpu for served in models) else BATCH_WINDOWS
    return ThreadPoolExecutor(answered + FILES_AHEAD * cores(), "emozoo-files")


@dataclass
class Service:
    """Its counts belong to the event loop's thread."""

    models: Mapping[str, Served]
    limits: Limits
    hosts: Hosts
    folder: Path
    """Where files lie while they are answered."""
    token: Token | None = None
    metrics: Metrics = field(default_factory=Metrics)
    adapts: bool = False
    """Whether the files of a request are adapted to one another."""
    in_flight: int = 0
    streams: int = 0
    ending: bool = False

    def __post_init__(self) -> None:
        self._files = _files_pool(self.models.values())
        self.decoding = threading.Semaphore(FILES_AHEAD * cores())
        """Bounds the processes that decode."""
        self._streams = ThreadPoolExecutor(self.limits.streams, "emozoo-streams")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = asyncio.Event()
        """Set when the service begins to end."""

    # Start and end

    def begin(self) -> None:
        """Call this in the event loop, before requests come."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """New requests are refused from now on, and streams are closed; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ending = True
        self.closing.set()

    def close(self) -> None:
        """What still works on requests stops after its current batch."""
        for served in self.models.values():
            served.batcher.close()
        for pool in (self._files, self._streams):
            pool.shutdown(wait=False, cancel_futures=True)

    # What requests need

    def model(self, name: str | None) -> Served:
        """The model of that name, or the first. Raises Refused for an unknown name."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise Refused(404, f"no model here is called {shown(name)}: {suggestion(name, list(self.models))}")
        return self.models[name]

    def in_files_pool(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._files, work)

    def in_streams_pool(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._streams, work)

    def take_slot(self) -> Slot:
        """Room for one request. Raises Refused where there is none."""
        if self.in_flight >= self.limits.requests:
            raise busy(f"this service answers {self.limits.requests} requests at a time, and has as many: try again")
        return Slot(self)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Room for one stream. Raises Refused where there is none."""
        if self.streams >= self.limits.streams:
            raise busy(f"this service takes {self.limits.streams} streams at a time, and has as many: try again")
        self.streams += 1
        self.metrics.streams.set(self.streams)
        try:
            yield
        finally:
            self.streams -= 1
            self.metrics.streams.set(self.streams)


class Slot:
    """A place among the requests in flight. It is held until all work on the request has ended, also if the client has had
    its answer: so the limit holds for the work, too."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._held = 1
        self._count(1)

    def hold_for(self, work: asyncio.Future[T]) -> asyncio.Future[T]:
        self._held += 1
        work.add_done_callback(lambda _: self.let_go())
        return work

    def let_go(self) -> None:
        self._held -= 1
        if not self._held:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._service.in_flight += change
        self._service.metrics.in_flight.set(self._service.in_flight)
