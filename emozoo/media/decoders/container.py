"""A file as PyAV sees it: which tracks it has, its packets, its clock, how long it is.
`emozoo.media.decoders.soundtrack` decodes sound.

PyAV is imported on first use. What it raises for one file, of whatever kind, becomes an EmozooError of that file.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.media.files import existing_file, unknown_size, unreadable
from emozoo.media.resampling import HIGHEST_RATE, LOWEST_RATE
from emozoo.paths import user_path

if TYPE_CHECKING:
    import av.container

MOST_CHANNELS = 64
_CONTAINERS = (
    "mov,matroska,avi,asf,flv,mpegts,mpeg,ogg,mp3,aac,ac3,eac3,amr,flac,wav,w64,aiff,caf,au,nistsphere,voc,wv,ape,tta"
)
"""The kinds of file that PyAV may open: no pictures, subtitles, play lists or text, which ffmpeg would read too."""
INDEXED = ("mov", "matroska", "avi", "asf")
"""Kinds that can be entered anywhere, and whose header tells their length. Elsewhere ffmpeg guesses both."""
_PROMISING = (*INDEXED, "flv", "flac", "wav", "w64", "aiff", "caf", "nistsphere")
"""Kinds whose header tells how long they are."""
_JITTER = 0.1
_OGG_JITTER = 0.25
"""Seconds that timestamps may be off and mean nothing; in Ogg, ffmpeg guesses those within a page."""
_LATE = 0.05
"""Seconds by which a sound track must begin later than the pictures to be kept in its place beside them."""
_MP3_KILOBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_MP3_RATES = (44_100, 48_000, 32_000)
"""Of layer III, by the numbers in a frame's header (ISO 11172-3 and 13818-3): of version 1, and of the later ones."""
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""How the part of an ASF header begins that tells the file's size."""
_LONGEST_HOLE = 600.0
"""Seconds: a hole that is longer is left out, and not filled with silence."""


@dataclass(frozen=True)
class ContainerFacts:
    """What there is to know of a file before it is decoded."""

    has_sound: bool
    has_video: bool
    seconds: float
    """From its first sound or picture to its last."""


def open_container(path: str | Path) -> av.container.InputContainer:
    """The file as PyAV sees it."""
    name = existing_file(path)
    import av
    import av.logging

    av.logging.set_level(None)  # silent
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(name, options=options, metadata_errors="ignore")
    except Exception as error:
        raise unreadable(path) from error


def picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first stream of moving pictures; a cover picture is none."""
    from av.stream import Disposition

    moving = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next((stream for stream in moving if stream.codec_context is not None), None)


def sound_streams(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sound tracks that can be decoded; the one that is marked as default stands first."""
    from av.stream import Disposition

    tracks = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return sorted(tracks, key=lambda stream: not stream.disposition & Disposition.default)


def check_track(path: str | Path, rate: int, channels: int) -> None:
    """Raises EmozooError, before memory is taken, for what no recording of speech has."""
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        few = "few" if rate < LOWEST_RATE else "many"
        raise EmozooError(f"{path} has {rate} samples a second, too {few} for speech: record or export it again")
    if channels > MOST_CHANNELS:
        raise EmozooError(f"{path} has {channels} channels, more than {MOST_CHANNELS}: mix it down to fewer")


def probe_container(path: str | Path) -> ContainerFacts:
    """What tracks the file has and how long it is. Raises EmozooError where it is no media file, or damaged."""
    with errors_of(path), open_container(path) as container:
        seconds = _told_seconds(container) if is_one_of(container, INDEXED) else 0.0
        if seconds <= 0:  # a stream, or a recording that was streamed to disk, as browsers do, does not say
            for track in sound_streams(container):
                check_track(path, track.codec_context.sample_rate, track.codec_context.layout.nb_channels)
            seconds = _counted_seconds(container)
        return ContainerFacts(bool(sound_streams(container)), picture_stream(container) is not None, seconds)


def _counted_seconds(container: av.container.InputContainer) -> float:
    """The length that the packets add up to; timestamps may begin anew where files were joined."""
    clocks: dict[int, Clock] = {}
    seconds = 0.0
    for packet in packets_of(container):
        if packet.stream.type != "audio":  # pictures are not stored in the order in which they are shown
            seconds = max(seconds, end_of(packet) - (container.start_time or 0) / 1e6)
        elif packet.size and packet.time_base is not None:
            clock = clocks.setdefault(packet.stream.index, Clock(container, 1_000_000))
            begin = None if packet.pts is None else float(packet.pts * packet.time_base)
            clock.position += clock.silence_before(begin, trusted=True)
            clock.heard(round(float((packet.duration or 0) * packet.time_base) * clock.rate))
    return max([seconds, *(clock.seconds for clock in clocks.values())])


@contextmanager
def errors_of(path: str | Path) -> Iterator[None]:
    """Whatever a decoder raises is an error of the file."""
    try:
        yield
    except EmozooError:
        raise
    except Exception as error:
        raise EmozooError(f"{path} is damaged or cut off: copy or convert it again") from error


def is_one_of(container: av.container.InputContainer, kinds: Iterable[str]) -> bool:
    return any(kind in container.format.name.split(",") for kind in kinds)


def _told_seconds(container: av.container.InputContainer) -> float:
    """The length that the header tells; of Matroska, it counts from 0 and not from the first sound."""
    seconds = (container.duration or 0) / 1e6
    return seconds - max(0, container.start_time or 0) / 1e6 if is_one_of(container, ["matroska"]) else seconds


def end_of(packet: av.Packet) -> float:
    """Seconds on the container's clock."""
    if packet.pts is None or packet.time_base is None:
        return -math.inf
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def packets_of(container: av.container.InputContainer, streams: Any = None) -> Iterator[av.Packet]:
    """The packets of some streams, or of all, in order, and at the end an empty one of each. A container that breaks off
    is read as far as it goes, and then ends without the empty ones."""
    import av

    try:
        yield from container.demux(streams) if streams else container.demux()
    except (av.FFmpegError, OSError, ValueError):
        return


class Clock:
    """Where the next sample belongs, in samples from the file's beginning. Timestamps say it, except where they jump."""

    def __init__(self, container: av.container.InputContainer, rate: int) -> None:
        self.rate, self.position = rate, 0
        self.zero = (container.start_time or 0) / 1e6
        """What the container's own clock shows at the file's beginning, in seconds."""
        self._jitter = _OGG_JITTER if is_one_of(container, ["ogg"]) else _JITTER
        self._late = _LATE if picture_stream(container) else self._jitter
        self._offset = self._heard = self._filled = 0
        """What is added to timestamps; how much sound, and how much silence in holes, there has been."""
        self.holes, self.left_out = 0, 0.0
        """Holes that were filled, and the seconds of those that were not."""

    @property
    def filled_seconds(self) -> float:
        return self._filled / self.rate

    @property
    def seconds(self) -> float:
        return self.position / self.rate

    def keep(self, rate: int) -> None:
        """From here on, there are so many samples a second."""
        if rate != self.rate:
            for name in ("position", "_offset", "_heard", "_filled"):
                setattr(self, name, round(getattr(self, name) * rate / self.rate))
            self.rate = rate

    def silence_before(self, time: float | None, trusted: bool = False) -> int:
        """Samples of silence that belong before sound of this time, in seconds on the container's clock. Where the time is
        `trusted`, as that of what is not decoded, or the first that is, it is followed exactly."""
        if time is None:
            return 0
        gap = round((time - self.zero) * self.rate) + self._offset - self.position
        first = not self._heard
        if abs(gap) <= (self._late if first else self._jitter) * self.rate:
            self.position += gap if trusted else 0
            return 0
        # A file may be silent for hours where nobody speaks, but not much more than it has sound for.
        if (
            gap < 0
            or gap > _LONGEST_HOLE * self.rate
            or self._filled + gap > _LONGEST_HOLE * self.rate + 10 * self._heard
        ):
            self._offset -= gap
            self.left_out += max(0, gap) / self.rate
            return 0
        if not first:
            self.holes += 1
            self._filled += gap
        return gap

    def leave_out(self, packet: av.Packet) -> float:
        """Goes on as if a packet were not there; returns its seconds."""
        seconds = float((packet.duration or 0) * (packet.time_base or 0))
        self._offset -= round(seconds * self.rate)
        return seconds

    def heard(self, samples: int) -> None:
        self.position += samples
        self._heard += samples


def promised_end(path: str | Path, container: av.container.InputContainer) -> float:
    """Where the file ends by its header, in seconds on its own clock; 0 where the header does not know."""
    path = user_path(path)
    seconds = (container.duration or 0) / 1e6
    pictures = picture_stream(container)
    if is_one_of(container, ["avi"]) and pictures and pictures.average_rate:
        return float(pictures.frames / pictures.average_rate)
    if is_one_of(container, ["mp3"]):
        return seconds if _counts_frames(path) else 0.0
    if not is_one_of(container, _PROMISING):
        return 0.0
    if is_one_of(container, ["asf", "avi", "caf"]):  # of what is cut off, ffmpeg tells the length that is there
        size = os.path.getsize(path)
        return seconds * max(1.0, _told_size(path, size) / size)
    told = seconds * (container.bit_rate or 0) / 8
    # Who writes into a pipe does not know the size, and leaves about 2 or 4 GiB.
    unknown = told >= 0xFE000000 or 0x7F000000 <= told <= 0x81000000
    return 0.0 if unknown and is_one_of(container, ["wav"]) else seconds


def _told_size(path: str | Path, size: int) -> int:
    """The bytes that an ASF, AVI or CAF file has by its header, or `size` where it does not know."""
    with open(path, "rb") as file:
        begin = file.read(65_536)
        place = begin.find(_ASF_PROPERTIES)
        if 0 <= place <= len(begin) - 92:
            (told,), (flags,) = struct.unpack_from("<Q", begin, place + 40), struct.unpack_from("<I", begin, place + 88)
            return size if flags & 1 else told  # 1: it is being broadcast
        if begin.startswith(b"RIFF"):
            told = struct.unpack_from("<I", begin, 4)[0]
            return size if unknown_size(told) else told + 8
        place = 8
        while begin.startswith(b"caff") and place < size:
            file.seek(place)
            chunk = file.read(12)
            if len(chunk) < 12 or chunk[4:] == b"\xff" * 8:
                break
            place += 12 + struct.unpack(">Q", chunk[4:])[0]
            if chunk.startswith(b"data"):
                return place
    return size


def ends_within_a_packet(container: av.container.InputContainer, path: str | Path, last: bytes) -> bool:
    """Whether an MP3 or MPEG-TS is cut off in its `last` packet, of which decoders make something without a word."""
    if is_one_of(container, ["mpegts"]):
        return all(os.path.getsize(path) % size for size in (188, 192, 204))
    return is_one_of(container, ["mp3"]) and len(last) < _mp3_frame_bytes(last)


def _mp3_frame_bytes(frame: bytes) -> int:
    """How long a frame is by its header; 0 where it is none of layer III."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version, kilobits, rate = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or kilobits in (0, 15) or rate == 3:
        return 0
    later = version != 3
    halves = {3: 1, 2: 2, 0: 4}[version]
    size = (72_000 if later else 144_000) * _MP3_KILOBITS[later][kilobits] * halves // _MP3_RATES[rate]
    return size + (frame[2] >> 1 & 1)


def _counts_frames(path: str | Path) -> bool:
    """Whether an MP3 has a header that tells how many frames there are."""
    with open(path, "rb") as file:
        head = file.read(10)
        size = 0
        if head.startswith(b"ID3"):
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
        file.seek(size)
        begin = file.read(4096)
    return any(mark in begin for mark in (b"Xing", b"Info", b"VBRI"))
