"""The bytes of a pipe become samples: raw PCM, or WAV, which its header tells.

The header is read here because neither library at hand suits a pipe: soundfile must be able to go back, and ffmpeg behind
PyAV reads seconds of it before it begins, and ends a stream that is cut off as if it were whole.
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
from emozoo.media.decoders.container import MOST_CHANNELS
from emozoo.media.files import unknown_size
from emozoo.media.resampling import check_rate

log = logging.getLogger("emozoo")

FORMATS = {"u8": "u1", "s16le": "<i2", "s24le": "s24le", "s32le": "<i4", "f32le": "<f4", "f64le": "<f8"}
"""ffmpeg's names of the kinds of samples, and numpy's, which has none for 24 bits."""
PIECE = 2**16
AHEAD = 256
"""Bytes that are read at a time at most, and how many such pieces may wait."""
NAME = "standard input"
PCM = 1
FLOAT = 3
EXTENSIBLE = 0xFFFE
"""Kinds of samples in a WAV header."""
OTHER_FILES = {
    b"RIFF": "a RIFF file that is no WAV", b"RIFX": "RIFX", b"riff": "Wave64", b"fLaC": "FLAC", b"OggS": "Ogg",
    b"FORM": "AIFF", b"caff": "CAF", b".snd": "AU", b"ID3\3": "MP3", b"ID3\4": "MP3",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM",
}  # fmt: skip
"""How files begin that raw samples would hardly begin like."""


def read_ahead(file: int) -> Iterator[bytes]:
    """The bytes of an open file, as they come. Raises EmozooError, when its turn comes, for what cannot be read.

    A thread reads from now on, up to 16 MiB ahead, so that what writes into a pipe need not wait while a model loads.
    """
    waiting: queue.Queue[bytes | OSError] = queue.Queue(AHEAD)

    def read() -> None:
        piece: bytes | OSError = b"some"
        while piece and not isinstance(piece, OSError):
            try:
                piece = os.read(file, PIECE)
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
    """How samples stand in a stream."""

    rate: int = 16_000
    channels: int = 1
    format: str = "s16le"

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * (3 if self.format == "s24le" else np.dtype(FORMATS[self.format]).itemsize)


def check_layout(rate: int | None, channels: int | None) -> None:
    """Raises EmozooError for what no stream has."""
    if rate is not None:
        check_rate(rate)
    if channels is not None and not 1 <= channels <= MOST_CHANNELS:
        raise EmozooError(f"a stream has 1 to {MOST_CHANNELS} channels, not {channels}: check the number")


def read_pcm(
    pieces: Iterator[bytes], rate: int | None = None, channels: int | None = None, format: str | None = None
) -> tuple[int, Iterator[np.ndarray]]:
    """The sampling rate of a stream, and its chunks [samples, channels] as `emozoo.listening.listener.Listener` takes them.

    What is given describes raw samples; None: 16 kHz, one channel, s16le. Where the stream is WAV, its header counts.
    Waits for the first bytes. Raises EmozooError for another kind of file, and for a WAV whose header is damaged; of one
    that is cut off, what is there is given, with a warning.
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
                log.warning("%s is WAV, and its header counts: %s %s, not %s", NAME, name, found, asked)
        return layout.rate, _chunks(source, layout, size)
    if kind := OTHER_FILES.get(head[:4]) or (head[4:8] == b"ftyp" and "MP4"):
        raise EmozooError(f"{NAME} is {kind}, neither WAV nor raw samples: let ffmpeg decode it, as in -f s16le -")
    layout = Layout(rate or Layout.rate, channels or Layout.channels, format or Layout.format)
    return layout.rate, _chunks(source, layout, None)


class _Source:
    """Bytes, so many at a time as asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer at the end of the stream; they stay."""
        while len(self._held) < count and (piece := next(self._pieces, b"")):
            self._held += piece
        return self._held[:count]

    def take(self, count: int) -> bytes:
        """The next bytes. Raises EmozooError where the stream ends before."""
        found = self.peek(count)
        if len(found) < count:
            raise EmozooError(f"{NAME} is a WAV that ends within its header: send it again, whole")
        self._held = self._held[count:]
        return found

    def skip(self, count: int) -> None:
        while count > 0:
            count -= len(self.take(min(count, PIECE)))

    def rest(self) -> Iterator[bytes]:
        """All that follows, as it comes."""
        if self._held:
            yield self._held
        yield from self._pieces


def _read_header(source: _Source) -> tuple[Layout, int | None]:
    """The layout of a WAV, up to its first sample, and how many bytes of samples it promises; None: it does not know."""
    source.skip(12)
    layout, long_size = None, None
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
        raise EmozooError(f"{NAME} is a damaged WAV, it does not say what its samples are: export it again")
    if long_size and size == 0xFFFFFFFF:
        return layout, long_size if long_size < 2**63 else None
    return layout, None if unknown_size(size) else size


def _layout(chunk: bytes) -> Layout:
    """From the chunk `fmt ` of a WAV."""
    if len(chunk) < 16:
        raise EmozooError(f"{NAME} is a damaged WAV, its header is too short: export it again")
    kind, channels, rate, _, frame, _ = struct.unpack("<HHIIHH", chunk[:16])
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    # A sample takes whole bytes, of which the upper bits count.
    names = {PCM: {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}, FLOAT: {4: "f32le", 8: "f64le"}}.get(kind)
    if names is None:
        raise EmozooError(
            f"{NAME} is a WAV whose samples are packed (kind {kind}): let ffmpeg decode it, as in -f s16le -"
        )
    check_layout(rate, channels)
    if frame % channels or frame // channels not in names:
        raise EmozooError(f"{NAME} is a damaged WAV, it has {frame} bytes for {channels} samples: export it again")
    return Layout(rate, channels, names[frame // channels])


def _chunks(source: _Source, layout: Layout, size: int | None) -> Iterator[np.ndarray]:
    """Samples [samples, channels], up to `size` bytes of them."""
    held, count = b"", 0
    for piece in source.rest():
        held += piece if size is None else piece[: size - count]
        count += len(piece)
        whole = len(held) // layout.frame * layout.frame
        if whole:
            yield _samples(held[:whole], layout)
        held = held[whole:]
        if size is not None and count >= size:
            break
    if size is not None and count < size:
        promised, there = (bytes_ / layout.frame / layout.rate for bytes_ in (size, count))
        log.warning("%s is cut off: the header promises %.1f s, %.1f s are there", NAME, promised, there)
    if held:
        log.warning("%s ends within a sample, which is left out", NAME)


def _samples(data: bytes, layout: Layout) -> np.ndarray:
    if layout.format == "s24le":  # as the upper bytes of 32 bits
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4").reshape(-1, layout.channels)
    return np.frombuffer(data, FORMATS[layout.format]).reshape(-1, layout.channels)
