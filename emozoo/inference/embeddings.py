"""Media files and samples become embeddings: what a network makes of them before it decides.

They are read and cut as for predictions, and the same windows count: `emozoo.inference.voice`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.clips import Clip, as_clip, numbered
from emozoo.inference.cuts import ClipReader, Cut
from emozoo.inference.model import Model
from emozoo.inference.options import DEFAULTS, PredictOptions
from emozoo.inference.pipeline import ClipWindows, in_clips


@dataclass(frozen=True, eq=False)
class Embedding:
    """The vector of a clip or of one of its windows, or why there is none."""

    file: str
    vector: np.ndarray | None = None
    """float32 [features]."""
    start: float | None = None
    """Of a window: seconds from the clip's start, as `end`."""
    end: float | None = None
    error: str | None = None
    """Why the clip has no vector, in a sentence."""
    reason: str | None = None
    """Why the clip or the window has none, in a word: see `emozoo.inference.voice`."""


def embed_files(
    model: Model, clips: Iterable[str | Path | Clip], options: PredictOptions = DEFAULTS, windows: bool = False
) -> Iterator[Embedding]:
    """The embedding of each clip, in order: the mean over its windows that count. With `windows`, one for each window, and
    one for a clip without any. A clip that fails gives one Embedding with its `error`, and the others go on.

    Memory does not grow with the number of clips; with `windows`, it grows with the length of a clip. Raises EmozooError
    for a network without features, and where a package is missing that prepares clips for the model.
    """
    for rows in embed_each(model, clips, options, windows):
        yield from rows


def embed_each(
    model: Model, clips: Iterable[str | Path | Clip], options: PredictOptions = DEFAULTS, windows: bool = False
) -> Iterator[list[Embedding]]:
    """`embed_files`, with the embeddings of each clip together."""

    def begin(reader: ClipReader) -> _ClipEmbedding:
        return _ClipEmbedding(reader, model, windows)

    for clip in in_clips(model, clips, options, model.embeddings, begin):
        yield clip.embeddings()


def stack(model: Model, clips: Any, options: PredictOptions, windows: bool) -> np.ndarray:
    """float32 [features] of a clip, [clips, features] of a list, or [windows, features] of the windows of a clip that count.
    Raises EmozooError for what is no clip, and for the first clip that has no vector."""
    several = isinstance(clips, list)
    if several and windows:
        raise EmozooError("windows=True takes one clip, not a list: clips differ in their number of windows")
    given = numbered(clips) if several else [as_clip(clips)]
    found: list[np.ndarray] = []
    for embedding in embed_files(model, given, options, windows):
        if embedding.error is not None:
            raise EmozooError(embedding.error)
        if embedding.vector is not None:
            found.append(embedding.vector)
    if not found:
        raise EmozooError("an empty list of clips has no embeddings: give one clip or more")
    return np.stack(found) if several or windows else found[0]


class _ClipEmbedding(ClipWindows):
    """The embedding of a clip, while its windows are read and answered."""

    def __init__(self, reader: ClipReader, model: Model, keep: bool) -> None:
        """`keep`: the windows' embeddings."""
        super().__init__(reader, model)
        self._keep = keep
        self._cuts: list[tuple[float, float, str | None]] = []
        self._vectors: list[np.ndarray] = []
        self._total: np.ndarray | None = None

    def note(self, cut: Cut) -> bool:
        if self._keep:
            self._cuts.append((cut.start, cut.end, cut.reason))
        return super().note(cut)

    def add(self, answer: np.ndarray) -> None:
        """The next window's features, float32 [features]."""
        super().add(answer)
        if self._keep:
            self._vectors.append(answer)
        else:
            self._total = answer.astype(np.float64) if self._total is None else self._total + answer

    def embeddings(self) -> list[Embedding]:
        """One, or one for each window. To be called once the clip is complete."""
        name = self.reader.clip.name
        if self.error is not None:
            return [Embedding(name, error=self.error)]
        if nothing := self.without_voice():
            return [Embedding(name, reason=nothing[0], error=nothing[1])]
        if self._keep:
            vectors = iter(self._vectors)
            return [
                Embedding(name, None if reason else next(vectors), start, end, reason=reason)
                for start, end, reason in self._cuts
            ]
        assert self._total is not None
        return [Embedding(name, (self._total / self._count).astype(np.float32))]
