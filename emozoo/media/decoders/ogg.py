"""The pages of an Ogg file (RFC 3533): whether it is one whole stream, and how it ends.

libsndfile reads only the first of several streams, and passes over lost pages without a word.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from emozoo.paths import user_path

_HEADER = struct.Struct("<4sBBqIIIB")
_FIRST = 2
_LAST = 4
"""Flags of a stream's first and last page."""
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True)
class OggPages:
    """What the pages of a file tell."""

    whole: bool
    """Whether it is one stream, with no page damaged or missing, and the last one marked."""
    cut: bool
    """Whether it ends within a page."""
    marked: bool
    """Whether the last page is marked as a stream's last."""


def walk(path: str | Path) -> OggPages:
    """Reads the file once, page by page."""
    whole = True
    flags = streams = expected = 0
    with open(user_path(path), "rb") as file:
        while header := file.read(_HEADER.size):
            if len(header) < _HEADER.size or not header.startswith(b"OggS"):
                return OggPages(False, header.startswith(b"OggS"), bool(flags & _LAST))
            _, version, flags, _, _, number, checksum, segments = _HEADER.unpack(header)
            sizes = file.read(segments)
            body = file.read(sum(sizes))
            if len(sizes) < segments or len(body) < sum(sizes):
                return OggPages(False, True, False)
            streams += bool(flags & _FIRST)
            found = _checksum(header[:22] + bytes(4) + header[26:] + sizes + body)
            whole = whole and version == 0 and number == expected and found == checksum
            expected = number + 1
    marked = bool(flags & _LAST)
    return OggPages(whole and streams == 1 and marked, False, marked)


def _checksum(page: bytes) -> int:
    """CRC-32 with the highest bit first and no inversion: zlib's, of mirrored bytes, mirrored."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
