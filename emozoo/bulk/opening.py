"""Sources become clips, those from elsewhere fetched a few ahead of the model: `open_sources`."""

from __future__ import annotations

import itertools
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from emozoo.bulk.remote import FETCHES, file_system, is_url, reached
from emozoo.bulk.source import Source
from emozoo.bulk.tables import recording
from emozoo.errors import EmozooError
from emozoo.inference.batches import thread_pool
from emozoo.inference.clips import Clip, as_clip

AHEAD = 2 * FETCHES
"""Clips that lie in temporary files before the model asks for them, at most."""


@dataclass(frozen=True)
class Unopened:
    """A clip that cannot be fetched."""

    file: str
    error: str


def open_sources(sources: Iterable[Source]) -> Iterator[Clip | Unopened]:
    """Each source as a clip, in order, or why it cannot be fetched."""
    remaining = iter(sources)
    with thread_pool(FETCHES) as pool:
        waiting: deque[Future[Clip | Unopened]] = deque()
        try:
            while True:
                for source in itertools.islice(remaining, AHEAD - len(waiting)):
                    waiting.append(pool.submit(_opened, source))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.add_done_callback(_closed)


def _opened(source: Source) -> Clip | Unopened:
    try:
        if source.row is not None:
            return as_clip(recording(source.place, source.row), source.file)
        return _fetched(source) if is_url(source.place) else as_clip(source.place, source.file)
    except EmozooError as error:
        return Unopened(source.file, str(error))


def _fetched(source: Source) -> Clip:
    files, path = file_system(source.place)
    copy = tempfile.NamedTemporaryFile(prefix="emozoo-clip-")  # noqa: SIM115 - the clip closes it
    try:
        with reached(source.place):
            files.get_file(path, copy.name)
    except BaseException:
        copy.close()
        raise
    return Clip(source.file, copy.name, copy=copy)


def _closed(future: Future[Clip | Unopened]) -> None:
    if not future.cancelled() and isinstance(clip := future.result(), Clip):
        clip.close()
