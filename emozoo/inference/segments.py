"""Segments: who speaks from when to when, from a file or given in Python. `segment_reader` answers them."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError
from emozoo.inference.segment_formats import LARGEST, Row, parse_segments
from emozoo.paths import user_path
from emozoo.tables.times import LONGEST
from emozoo.text import listed, shown

SUFFIXES = (".rttm", ".csv", ".tsv", ".json", ".jsonl", ".txt", ".vtt", ".srt", ".parquet")
"""Of files that a folder of segments is searched for."""


@dataclass(frozen=True)
class Segment:
    """A stretch of a file in which one person speaks."""

    start: float
    """Seconds from the beginning of the file."""
    end: float
    speaker: str = ""
    """"" where it is not known."""
    text: str = ""
    """What is said, where it is known."""
    place: str = field(default="", compare=False, repr=False)
    """Where the segment is from, for errors: `turns.rttm, line 3`."""


@dataclass(frozen=True)
class SegmentFile:
    """The segments that a file holds, of one recording or of several."""

    path: Path
    rows: tuple[tuple[str, Segment], ...]
    """Each with the name of its recording; "" where the file names none."""

    def of(self, name: str, alone: bool = True) -> list[Segment]:
        """The segments of the recording `name`, in the file's order. `alone`: no other recording is asked for, so all
        segments that name none are its own.

        Raises EmozooError if there are none.
        """
        unnamed = self._by_name.get("", []) if alone else []
        last = _last(name)
        named = self._by_name.get(last) or self._by_name.get(_stem(last)) or self._by_stem.get(_stem(last))
        if named or unnamed:
            return [*unnamed, *(named or [])]
        others = listed(list(self._by_name))
        raise EmozooError(f"{self.path} has segments of {others}, but none of {name}: rename one of the two")

    def require_names(self) -> None:
        """Raises EmozooError for a segment that does not say of which recording it is."""
        if unnamed := self._by_name.get(""):
            raise EmozooError(
                f"{unnamed[0].place} does not say which file the segment is of: add a column file, or give one file only"
            )

    @cached_property
    def _by_name(self) -> dict[str, list[Segment]]:
        return self._by(_last)

    @cached_property
    def _by_stem(self) -> dict[str, list[Segment]]:
        return self._by(lambda file: _stem(_last(file)))

    def _by(self, key: Callable[[str], str]) -> dict[str, list[Segment]]:
        found: dict[str, list[Segment]] = {}
        for file, segment in self.rows:
            found.setdefault(key(file), []).append(segment)
        return found


@dataclass(frozen=True)
class SegmentFolder:
    """A folder with a file of segments for each recording, called as it is."""

    path: Path

    def of(self, name: str, alone: bool = True) -> list[Segment]:
        """As `SegmentFile.of`."""
        stem = _stem(_last(name))
        files = [path for path in user_path(self.path).iterdir() if path.suffix.lower() in SUFFIXES]
        found = sorted(path for path in files if path.stem == stem)
        if len(found) != 1:
            there = listed([path.name for path in found]) or "none"
            raise EmozooError(
                f"{self.path} needs one file of segments for {name}, such as {stem}.rttm, .csv or .srt: it has {there}"
            )
        return read_segments(found[0]).of(name)


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _stem(name: str) -> str:
    return Path(name).stem


def open_segments(path: str | os.PathLike[str]) -> SegmentFile | SegmentFolder:
    """The segments in a file, or in the files of a folder. Raises EmozooError as `read_segments`."""
    return SegmentFolder(Path(path)) if user_path(path).is_dir() else read_segments(path)


def read_segments(path: str | os.PathLike[str]) -> SegmentFile:
    """The segments in a file: RTTM, WebVTT, SRT, Audacity's labels, CSV, JSON or Parquet.

    Raises EmozooError, naming file and line, for anything else, and for a segment that ends before it starts.
    """
    try:
        with open(user_path(path), "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EmozooError(f"the segments {path} cannot be read: {reason}") from error
    shown_path = Path(path)
    rows = parse_segments(data, shown_path)
    if not rows:
        raise EmozooError(f"{path} holds no segments")
    return SegmentFile(shown_path, tuple((row.file, _checked(row, shown_path)) for row in rows))


def _checked(row: Row, path: Path) -> Segment:
    segment = Segment(row.start, row.end, _plain(row.speaker), _plain(row.text), f"{path}, {row.place}")
    check_span(segment)
    return segment


def _plain(text: str) -> str:
    """Without lone surrogates, as JSON may hold them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def check_span(segment: Segment) -> None:
    """Raises EmozooError, with the segment's place, for times that no segment has. One of no length is let through: it is
    too short to be answered, and says so."""
    start, end = segment.start, segment.end
    for value in (start, end):
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise EmozooError(f"{segment.place}: {shown(value)} is no time in seconds")
    if start < 0 or end > LONGEST:
        raise EmozooError(f"{segment.place}: {start:g} to {end:g} s is no time within a recording")
    if end < start:
        raise EmozooError(f"{segment.place}: the end ({end:g} s) is before the start ({start:g} s)")


def as_segments(given: Iterable[Any]) -> list[Segment]:
    """Segments given in Python: each a `Segment`, a sequence of start, end, and perhaps speaker and text, or a mapping with
    these keys. Errors call it by its number. Raises EmozooError for anything else."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise EmozooError(f"segments are a path, or a list of (start, end, speaker), not {shown(given)}")
    return [_as_segment(each, f"segment {number}") for number, each in enumerate(given, start=1)]


def _as_segment(given: Any, place: str) -> Segment:
    if isinstance(given, Segment):
        parts: Sequence[Any] = (given.start, given.end, given.speaker, given.text)
        place = given.place or place
    elif isinstance(given, Mapping) and {"start", "end"} <= given.keys():
        parts = (given["start"], given["end"], given.get("speaker"), given.get("text"))
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes) and 2 <= len(given) <= 4:
        parts = given
    else:
        raise EmozooError(f"{place} is {shown(given)}, and must be (start, end, speaker)")
    start, end, *words = parts
    speaker, text = (*words, None, None)[:2]
    for word in (speaker, text):
        if word is not None and (isinstance(word, bool) or not isinstance(word, str | numbers.Integral)):
            raise EmozooError(f"{place}: {shown(word)} is no name")
    speaker, text = ("" if word is None else _plain(str(word)) for word in (speaker, text))
    segment = Segment(start, end, speaker, text, place)
    check_span(segment)
    return replace(segment, start=float(start), end=float(end))
