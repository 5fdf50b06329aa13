"""A file as PyAV opens it: its tracks and its packets.

PyAV is imported on first use. Whatever it raises for a file becomes an EmozooError of that file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.media.files import existing_file, unreadable
from emozoo.media.mixing import MOST_CHANNELS
from emozoo.media.resampling import HIGHEST_RATE, LOWEST_RATE

if TYPE_CHECKING:
    import av.container

_CONTAINERS = (
    "mov,matroska,avi,asf,flv,mpegts,mpeg,ogg,mp3,aac,ac3,eac3,amr,flac,wav,w64,aiff,caf,au,nistsphere,voc,wv,ape,tta"
)
"""The formats that PyAV may open. ffmpeg would read images, subtitles, playlists and text as well."""
INDEXED = ("mov", "matroska", "avi", "asf")
"""Formats that allow exact seeking and state their length. For others, ffmpeg guesses both."""


def open_container(path: str | Path) -> av.container.InputContainer:
    """The open file. Raises EmozooError where it is no media file."""
    name = existing_file(path)
    import av
    import av.logging

    av.logging.set_level(None)  # silent
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(name, options=options, metadata_errors="ignore")
    except Exception as error:
        raise unreadable(path) from error


def video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first video track; a cover picture is none."""
    from av.stream import Disposition

    moving = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next((stream for stream in moving if stream.codec_context is not None), None)


def sound_streams(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sound tracks that can be decoded; the one that is marked as default stands first."""
    from av.stream import Disposition

    tracks = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return sorted(tracks, key=lambda stream: not stream.disposition & Disposition.default)


def check_track(path: str | Path, rate: int, channels: int) -> None:
    """Raises EmozooError, before memory is taken, for a track that no recording of speech has."""
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        few = "few" if rate < LOWEST_RATE else "many"
        raise EmozooError(f"{path} has {rate} samples a second, too {few} for speech: record or export it again")
    if channels > MOST_CHANNELS:
        raise EmozooError(f"{path} has {channels} channels, more than {MOST_CHANNELS}: mix it down to fewer")


@contextmanager
def errors_of(path: str | Path) -> Iterator[None]:
    """Whatever a decoder raises becomes an EmozooError of the file."""
    try:
        yield
    except EmozooError:
        raise
    except Exception as error:
        raise EmozooError(f"{path} is damaged or cut off: copy or convert it again") from error


def is_one_of(container: av.container.InputContainer, kinds: Iterable[str]) -> bool:
    return any(kind in container.format.name.split(",") for kind in kinds)


def start_of(container: av.container.InputContainer) -> float:
    """What the container's clock shows at the file's beginning, in seconds."""
    return (container.start_time or 0) / 1e6


def begin_of(packet: av.Packet) -> float | None:
    """When a packet begins, in seconds on the container's clock."""
    if packet.pts is None or packet.time_base is None:
        return None
    return float(packet.pts * packet.time_base)


def end_of(packet: av.Packet) -> float:
    """When a packet ends, in seconds on the container's clock."""
    if packet.pts is None or packet.time_base is None:
        return -math.inf
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def seconds_of(packet: av.Packet) -> float:
    """How long a packet lasts."""
    return float((packet.duration or 0) * (packet.time_base or 0))


def packets_of(container: av.container.InputContainer, streams: Any = None) -> Iterator[av.Packet]:
    """The packets of some streams, or of all, in order, then an empty packet of each stream. A container that breaks off
    ends without the empty packets."""
    import av

    try:
        yield from container.demux(streams) if streams else container.demux()
    except (av.FFmpegError, OSError, ValueError):
        return
