"""Sources become clips, those from elsewhere fetched a few ahead of the model: `open_sources`."""

from __future__ import annotations

import itertools
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from emozoo.bulk.remote import FETCHES, Unreached, file_system, is_url, reached
from emozoo.bulk.source import Source
from emozoo.bulk.tables import recording
from emozoo.errors import EmozooError
from emozoo.inference.batches import thread_pool
from emozoo.inference.clips import Clip, as_clip

AHEAD = 2 * FETCHES
"""Clips that lie in temporary files before the model asks for them, at most."""
MOST_UNREACHED, LAST_UNREACHED = 64, 8
"""Clips that cannot be reached, one after the other, from which on something else than these clips is at fault; and at the
end, where no other clip tells."""


@dataclass(frozen=True)
class Unopened:
    """A clip that cannot be fetched."""

    file: str
    error: str
    unreached: bool = False
    """Whether not the clip may be at fault, but the way to it."""


def open_sources(sources: Iterable[Source]) -> Iterator[Clip | Unopened]:
    """Each source as a clip, in order, or why it cannot be fetched.

    Raises EmozooError where so many in a row cannot be reached that the network or the storage must be at fault: then none
    of these is given, so that they are not taken for bad clips."""
    held: list[Unopened] = []
    for clip in _each(sources):
        if isinstance(clip, Unopened) and clip.unreached:
            held.append(clip)
            if len(held) == MOST_UNREACHED:
                raise _unreached(held)
            continue
        yield from held
        held.clear()
        yield clip
    if len(held) >= LAST_UNREACHED:
        raise _unreached(held)
    yield from held


def _unreached(clips: Sequence[Unopened]) -> EmozooError:
    return EmozooError(
        f"{clips[0].error}; so it was with {len(clips)} clips one after the other, and nothing is kept of these: the same "
        "command tries them again"
    )


def _each(sources: Iterable[Source]) -> Iterator[Clip | Unopened]:
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
        return Unopened(source.file, str(error), isinstance(error, Unreached))


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
