"""Many clips are read, cut into windows and answered at once: `in_clips`. What comes of a clip is the caller's."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.batches import CPU_BATCH, in_batches, thread_pool
from emozoo.inference.checks import check_options
from emozoo.inference.clips import Clip, as_clip
from emozoo.inference.cuts import ClipReader, Cut
from emozoo.inference.model import Model, Window
from emozoo.inference.options import PredictOptions
from emozoo.inference.segment_reader import SegmentReader
from emozoo.inference.voice import clip_reason, sentence
from emozoo.paths import cores

FILES_AHEAD = 4
"""How many files per core are decoded ahead."""


class ClipWindows:
    """What is known of a clip while its windows are read and the network answers those that count."""

    def __init__(self, reader: ClipReader, model: Model) -> None:
        self.reader = reader
        self._model = model
        self.is_read = False
        """Whether no more windows follow."""
        self.error: str | None = None
        self._modalities: set[str] = set()
        self._reasons: set[str | None] = set()
        self._asked = self._count = 0
        """Windows that were given to the network, and those that it answered."""

    @property
    def is_complete(self) -> bool:
        """Whether the clip is read and each of its windows is answered."""
        return self.is_read and self._count == self._asked

    def note(self, cut: Cut) -> bool:
        """Call this for each window, before its answer is added. Whether the network is to answer it."""
        self._modalities |= cut.modalities
        self._reasons.add(cut.reason)
        self._asked += cut.reason is None
        return cut.reason is None

    def add(self, answer: np.ndarray) -> None:
        """The next answer of the network."""
        self._count += 1

    def without_voice(self) -> tuple[str, str] | None:
        """Of a clip that is read: why it gets no answer, in a word and in a sentence; None if it gets one."""
        reason = clip_reason(self._reasons)
        return None if reason is None else (reason, self._sentence(reason))

    def _sentence(self, reason: str) -> str:
        reader = self.reader
        shows_nothing = self._model.video and "video" not in self._modalities
        text = sentence(reason, reader.clip.name, reader.seconds, shows_nothing)
        return f"{text} ({'; '.join(reader.warnings)})" if reader.warnings else text


class Progress(Protocol):
    """What `in_clips` needs of what is known of a clip."""

    is_read: bool
    error: str | None

    @property
    def is_complete(self) -> bool: ...

    def note(self, cut: Cut) -> bool: ...

    def add(self, answer: np.ndarray) -> None: ...


Clips = TypeVar("Clips", bound=Progress)


def reader_of(clip: Clip, model: Model, options: PredictOptions) -> ClipReader:
    """What reads the clip, or the segments of it that `options` ask for."""
    return (ClipReader if options.segments is None else SegmentReader)(clip, model, options)


def in_clips(
    model: Model,
    clips: Iterable[str | Path | Clip],
    options: PredictOptions,
    answer: Callable[[list[Window]], np.ndarray],
    begin: Callable[[ClipReader], Clips],
) -> Iterator[Clips]:
    """What `begin` makes of each clip, in order, once it is complete: `answer` gives a row for each window of a batch.

    Several clips are decoded at a time, a few windows ahead of the network, and a batch holds windows of several clips, so
    memory grows neither with the number of clips nor with their lengths. Raises EmozooError where a package is missing that
    prepares clips for the model, and for options that it cannot give.
    """
    model.preparation.require("this model")
    check_options(model, options)
    found: deque[Clips] = deque()

    def windows() -> Iterator[Window]:
        for piece in _decoded(model, clips, options):
            if not found or found[-1].is_read:
                found.append(begin(piece.reader))
            clip = found[-1]
            for cut in piece.cuts:
                if clip.note(cut):
                    yield cut.window
            clip.error = piece.error
            clip.is_read = piece.rest is None

    def complete() -> Iterator[Clips]:
        while found and found[0].is_complete:
            yield found.popleft()

    for row in in_batches(model, windows(), answer):
        yield from complete()
        found[0].add(row)
    yield from complete()


@dataclass(frozen=True)
class _Piece:
    """Consecutive windows of a clip."""

    reader: ClipReader
    cuts: list[Cut]
    rest: Iterator[Cut] | None
    """The windows after these; None at the end of the clip."""
    error: str | None = None


def _decoded(model: Model, clips: Iterable[str | Path | Clip], options: PredictOptions) -> Iterator[_Piece]:
    """Each clip in pieces, in order. Meanwhile, the first pieces of the next clips are decoded."""
    with thread_pool(cores()) as pool:
        waiting: deque[Future[_Piece]] = deque()
        remaining = iter(clips)

        def begin(clip: str | Path | Clip) -> Future[_Piece]:
            reader = reader_of(as_clip(clip), model, options)
            return pool.submit(_read_piece, reader, reader.cuts())

        while True:
            for clip in itertools.islice(remaining, FILES_AHEAD * cores() - len(waiting)):
                waiting.append(begin(clip))
            if not waiting:
                return
            future = waiting.popleft()
            while (piece := future.result()).rest is not None:
                future = pool.submit(_read_piece, piece.reader, piece.rest)
                yield piece
            yield piece


def _read_piece(reader: ClipReader, cuts: Iterator[Cut]) -> _Piece:
    try:
        found = list(itertools.islice(cuts, CPU_BATCH))
    except EmozooError as error:
        return _Piece(reader, [], None, str(error))
    except Exception as error:  # noqa: BLE001 - a bad file must not stop the others
        name = reader.clip.name
        return _Piece(reader, [], None, f"{name} cannot be read ({type(error).__name__}: {error}): it is damaged")
    return _Piece(reader, found, cuts if len(found) == CPU_BATCH else None)
