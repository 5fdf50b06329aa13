"""Who speaks when in a visitor's clips: the segments of a file that he or she gives to the demo page."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from emozoo.demo.answer import Limits
from emozoo.errors import EmozooError
from emozoo.inference.segment_sources import WrittenSegments
from emozoo.inference.segments import SegmentFile, read_segments

KINDS = "RTTM, CSV, SRT, WebVTT, JSON or Audacity's labels"
LARGEST = 2**20
"""Bytes of such a file."""
MOST = 1000
"""Segments in it."""
PARQUET = b"PAR1"


def uploaded_segments(path: Path, name: str, limits: Limits) -> WrittenSegments:
    """The segments in an uploaded file, which the visitor calls `name`.

    Raises EmozooError for anything else, and for more than a page can answer: segments may overlap, and each is answered.
    """
    try:
        return WrittenSegments(_named(_checked(path, name, limits), name))
    except EmozooError as error:
        raise EmozooError(str(error).replace(str(path), name)) from error


def _checked(path: Path, name: str, limits: Limits) -> SegmentFile:
    with path.open("rb") as file:
        head = file.read(len(PARQUET))
    if path.stat().st_size > LARGEST or head == PARQUET:
        raise EmozooError(f"{name} does not say who speaks when in at most {LARGEST // 2**20} MB of {KINDS}")
    found = read_segments(path)
    seconds = sum(segment.end - segment.start for _, segment in found.rows)
    if len(found.rows) > MOST or seconds > 2 * limits.seconds:
        raise EmozooError(
            f"{name} has {len(found.rows):,} segments of {seconds:,.0f} s in all, and this page takes {MOST:,} of "
            f"{2 * limits.seconds:g} s: cut the clip and its segments"
        )
    return found


def _named(found: SegmentFile, name: str) -> SegmentFile:
    """With the visitor's name for the file in place of its path here."""
    rows = tuple(
        (file, dataclasses.replace(segment, place=segment.place.replace(str(found.path), name)))
        for file, segment in found.rows
    )
    return SegmentFile(Path(name), rows)


def summary(source: WrittenSegments, name: str) -> str:
    """What is in the file, for the visitor."""
    assert isinstance(source.place, SegmentFile)
    speakers = {segment.speaker for _, segment in source.place.rows} - {""}
    count = len(source.place.rows)
    of = f" of {len(speakers)} speaker{'s' * (len(speakers) != 1)}" if speakers else ""
    return f"{name}: {count:,} segment{'s' * (count != 1)}{of}. They hold for each clip until you remove them."
