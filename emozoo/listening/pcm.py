"""The bytes of a pipe become samples: raw PCM, or WAV.

The header of WAV is read here because no library suits a pipe. soundfile must seek. PyAV reads seconds before it begins,
and does not tell that a stream is cut off.
"""

from __future__ import annotations

import logging
import os
import queue
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.files import unknown_size
from emozoo.media.mixing import MOST_CHANNELS
from emozoo.media.resampling import check_rate
from emozoo.media.window_shape import SAMPLING_RATE

log = logging.getLogger("emozoo")

FORMATS = {"u8": "u1", "s16le": "<i2", "s24le": "s24le", "s32le": "<i4", "f32le": "<f4", "f64le": "<f8"}
"""The formats of samples: ffmpeg's names, and numpy's, which has none for 24 bits."""
READ_BYTES = 2**16
"""Bytes that are read at once, at most."""
MOST_WAITING = 256
"""How many such pieces may wait."""
NAME = "standard input"
PCM = 1
FLOAT = 3
EXTENSIBLE = 0xFFFE
"""Codes for kinds of samples in a WAV header."""
OTHER_FILES = {
    b"RIFF": "a RIFF file that is no WAV", b"RIFX": "RIFX", b"riff": "Wave64", b"fLaC": "FLAC", b"OggS": "Ogg",
    b"FORM": "AIFF", b"caff": "CAF", b".snd": "AU", b"ID3\3": "MP3", b"ID3\4": "MP3",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM",
}  # fmt: skip
"""First bytes of files that are neither WAV nor raw samples."""


def read_ahead(file: int) -> Iterator[bytes]:
    """The bytes of an open file, as they come. Raises EmozooError if it cannot be read.

    A thread reads from now on, up to 16 MiB ahead, so that the program that writes does not wait while a model loads.
    """
    waiting: queue.Queue[bytes | OSError] = queue.Queue(MOST_WAITING)

    def read() -> None:
        piece: bytes | OSError = b"some"
        while piece and not isinstance(piece, OSError):
            try:
                piece = os.read(file, READ_BYTES)
            except OSError as error:
                piece = error
            waiting.put(piece)

    threading.Thread(target=read, daemon=True).start()
    return _taken_from(waiting)


def _taken_from(waiting: queue.Queue[bytes | OSError]) -> Iterator[bytes]:
    while piece := waiting.get():
        if isinstance(piece, OSError):
            raise EmozooError(f"{NAME} cannot be read ({piece.strerror or piece}): pipe sound into it") from piece
        yield piece


@dataclass(frozen=True)
class Layout:
    """How a stream holds its samples."""

    rate: int = SAMPLING_RATE
    channels: int = 1
    format: str = "s16le"

    @property
    def frame(self) -> int:
        """Bytes of one sample in all channels."""
        return self.channels * (3 if self.format == "s24le" else np.dtype(FORMATS[self.format]).itemsize)


def check_layout(rate: int | None, channels: int | None) -> None:
    """Raises EmozooError for a rate or a number of channels that no stream has."""
    if rate is not None:
        check_rate(rate)
    if channels is not None and not 1 <= channels <= MOST_CHANNELS:
        raise EmozooError(f"a stream has 1 to {MOST_CHANNELS} channels, not {channels}: check the number")


def read_pcm(
    pieces: Iterator[bytes], rate: int | None = None, channels: int | None = None, format: str | None = None
) -> tuple[int, Iterator[np.ndarray]]:
    """The sampling rate of a stream, and its chunks [samples, channels] as `emozoo.listening.listener.Listener` takes them.

    The options describe raw samples, by default 16 kHz, one channel and s16le. For WAV, the header decides. Waits for the
    first bytes. Raises EmozooError for another kind of file, and for a WAV with a damaged header. A WAV that is cut off is
    read as far as it goes, with a warning.
    """
    check_layout(rate, channels)
    source = _Source(pieces)
    head = source.peek(12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and b"WAVE".startswith(head[8:]):
        layout, size = _read_header(source)
        for name, asked, found in (
            ("--rate", rate, layout.rate), ("--channels", channels, layout.channels), ("--format", format, layout.format)
        ):  # fmt: skip
            if asked not in (None, found):
                log.warning("%s is WAV, whose header decides: %s %s, not %s", NAME, name, found, asked)
        return layout.rate, _chunks(source, layout, size)
    if kind := OTHER_FILES.get(head[:4]) or (head[4:8] == b"ftyp" and "MP4"):
        raise EmozooError(f"{NAME} is {kind}, neither WAV nor raw samples: let ffmpeg decode it, as in -f s16le -")
    layout = Layout(rate or Layout.rate, channels or Layout.channels, format or Layout.format)
    return layout.rate, _chunks(source, layout, None)


class _Source:
    """Bytes, in pieces of the size that is asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def peek(self, count: int) -> bytes:
        """The next bytes, or fewer at the end of the stream. They are not consumed."""
        while len(self._held) < count and (piece := next(self._pieces, b"")):
            self._held += piece
        return self._held[:count]

    def take(self, count: int) -> bytes:
        """Consumes the next bytes. Raises EmozooError if the stream ends before."""
        found = self.peek(count)
        if len(found) < count:
            raise EmozooError(f"{NAME} is a WAV that ends within its header: send it again, whole")
        self._held = self._held[count:]
        return found

    def skip(self, count: int) -> None:
        while count > 0:
            count -= len(self.take(min(count, READ_BYTES)))

    def rest(self) -> Iterator[bytes]:
        """All remaining bytes, as they come."""
        if self._held:
            yield self._held
        yield from self._pieces


def _read_header(source: _Source) -> tuple[Layout, int | None]:
    """Reads a WAV up to its first sample: the layout, and the promised bytes of samples, or None if unknown."""
    source.skip(12)
    layout = None
    long_size = None
    while True:
        kind, size = struct.unpack("<4sI", source.take(8))
        if kind == b"data":
            break
        held = source.take(min(size, 40))
        if kind == b"fmt ":
            layout = _layout(held)
        elif kind == b"ds64" and len(held) >= 16:
            long_size = struct.unpack_from("<Q", held, 8)[0]
        source.skip(size - len(held) + size % 2)
    if layout is None:
        raise EmozooError(f"{NAME} is a damaged WAV, without a description of its samples: export it again")
    if long_size and size == 0xFFFFFFFF:
        return layout, long_size if long_size < 2**63 else None
    return layout, None if unknown_size(size) else size


def _layout(chunk: bytes) -> Layout:
    """The layout in the chunk `fmt ` of a WAV."""
    if len(chunk) < 16:
        raise EmozooError(f"{NAME} is a damaged WAV, its header is too short: export it again")
    kind, channels, rate, _, frame, _ = struct.unpack("<HHIIHH", chunk[:16])
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    # A sample takes whole bytes, with its value in the upper bits.
    names = {PCM: {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}, FLOAT: {4: "f32le", 8: "f64le"}}.get(kind)
    if names is None:
        raise EmozooError(
            f"{NAME} is a WAV with compressed samples (kind {kind}): let ffmpeg decode it, as in -f s16le -"
        )
    check_layout(rate, channels)
    if frame % channels or frame // channels not in names:
        raise EmozooError(f"{NAME} is a damaged WAV, it has {frame} bytes for {channels} samples: export it again")
    return Layout(rate, channels, names[frame // channels])


def _chunks(source: _Source, layout: Layout, size: int | None) -> Iterator[np.ndarray]:
    """Samples [samples, channels], up to `size` bytes of them."""
    held = b""
    count = 0
    for piece in source.rest():
        held += piece if size is None else piece[: size - count]
        count += len(piece)
        whole = len(held) // layout.frame * layout.frame
        if whole:
            yield samples_of(held[:whole], layout)
        held = held[whole:]
        if size is not None and count >= size:
            break
    if size is not None and count < size:
        promised, there = (bytes_ / layout.frame / layout.rate for bytes_ in (size, count))
        log.warning("%s is cut off: the header promises %.1f s, %.1f s are there", NAME, promised, there)
    if held:
        log.warning("%s ends within a sample, which is ignored", NAME)


def samples_of(data: bytes, layout: Layout) -> np.ndarray:
    """Samples [samples, channels] of whole frames of bytes."""
    if layout.format == "s24le":  # becomes the upper bytes of 32 bits
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4").reshape(-1, layout.channels)
    return np.frombuffer(data, FORMATS[layout.format]).reshape(-1, layout.channels)
