"""Where the segments of a clip come from: a file or a folder, the caller, or a diarizer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.clips import Clip
from emozoo.inference.diarizing import InstalledDiarizer, find_diarizer
from emozoo.inference.segments import Segment, SegmentFile, SegmentFolder, as_segments, open_segments
from emozoo.media.decoder import Decoder
from emozoo.media.files import ignore
from emozoo.media.preparation import PLAIN
from emozoo.media.prepared import prepare_samples, read_prepared_audio


class SegmentSource(Protocol):
    """Gives the segments of a clip."""

    @property
    def one_at_a_time(self) -> bool:
        """Whether the clips must be answered one after the other, because getting the segments is work for the machine."""

    def of(self, clip: Clip) -> list[Segment]:
        """Raises EmozooError where there are none, or they cannot be had."""


@dataclass(frozen=True)
class WrittenSegments:
    """From a file, or from a folder with a file for each clip."""

    place: SegmentFile | SegmentFolder
    alone: bool = True
    """Whether only one clip is asked about: then segments that name no file are its own."""
    one_at_a_time: bool = False

    def of(self, clip: Clip) -> list[Segment]:
        return self.place.of(clip.name, self.alone)


@dataclass(frozen=True)
class GivenSegments:
    """For one clip, by the caller."""

    segments: tuple[Segment, ...]
    one_at_a_time: bool = False

    def of(self, clip: Clip) -> list[Segment]:
        return list(self.segments)


@dataclass(frozen=True)
class DiarizedSegments:
    """By a plugin, which is asked about one clip at a time."""

    diarizer: InstalledDiarizer
    timeout: float | None = None
    """As for `emozoo.media.decoder.Decoder`."""
    one_at_a_time: bool = True

    def of(self, clip: Clip) -> list[Segment]:
        return self.diarizer.segments(self._sound(clip), clip.name)

    def _sound(self, clip: Clip) -> np.ndarray:
        """The whole of it, as it is without the model's preparation. Raises EmozooError for more than a few hours."""
        if clip.sound is not None:
            return np.concatenate(list(prepare_samples(clip.sound, clip.rate, clip.name, PLAIN, ignore)))
        assert clip.path is not None
        with Decoder(timeout=self.timeout) as decoder:
            return read_prepared_audio(clip.path, None, None, PLAIN, decoder)


def segment_source(
    given: str | os.PathLike[str] | Iterable[Any] | None, diarize: bool | str, clips: int, timeout: float | None = None
) -> SegmentSource | None:
    """Where the segments of so many clips come from: `given`, a path or segments as in
    `emozoo.inference.segments.as_segments`, or else a diarizer, by its name or the only one (True). None: from nowhere.

    Raises EmozooError for both, for what is neither, and for a diarizer that is not there.
    """
    if given is not None and diarize:
        raise EmozooError("segments are given, or found by a diarizer, not both: leave one of the two out")
    if diarize:
        return DiarizedSegments(find_diarizer(None if diarize is True else diarize), timeout)
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        place = open_segments(given)
        if clips > 1 and isinstance(place, SegmentFile):
            place.require_names()
        return WrittenSegments(place, alone=clips == 1)
    if clips > 1:
        raise EmozooError(f"a list of segments is of one clip, not of {clips}: name a file of segments, or a folder")
    return GivenSegments(tuple(as_segments(given)))
