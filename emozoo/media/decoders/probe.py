"""What is in a file, before anything is decoded: `probe_container`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.media.decoders.clock import Clock
from emozoo.media.decoders.container import (
    INDEXED,
    begin_of,
    check_track,
    end_of,
    errors_of,
    is_one_of,
    open_container,
    packets_of,
    seconds_of,
    sound_streams,
    start_of,
    video_stream,
)

if TYPE_CHECKING:
    import av.container


@dataclass(frozen=True)
class ContainerFacts:
    """Which tracks a file has, and how long it is."""

    has_sound: bool
    has_video: bool
    seconds: float
    """From the first sound or frame to the last."""


def probe_container(path: str | Path) -> ContainerFacts:
    """What tracks the file has and how long it is. Raises EmozooError where it is no media file, or damaged."""
    with errors_of(path), open_container(path) as container:
        seconds = _stated_seconds(container) if is_one_of(container, INDEXED) else 0.0
        if seconds <= 0:  # a stream, or what a browser recorded, does not say
            for track in sound_streams(container):
                check_track(path, track.codec_context.sample_rate, track.codec_context.layout.nb_channels)
            seconds = _counted_seconds(container)
        return ContainerFacts(bool(sound_streams(container)), video_stream(container) is not None, seconds)


def _counted_seconds(container: av.container.InputContainer) -> float:
    """The length that the packets add up to; timestamps may begin anew where files were joined."""
    clocks: dict[int, Clock] = {}
    seconds = 0.0
    for packet in packets_of(container):
        if packet.stream.type != "audio":  # frames are not stored in the order in which they are shown
            seconds = max(seconds, end_of(packet) - start_of(container))
        elif packet.size and packet.time_base is not None:
            clock = clocks.setdefault(packet.stream.index, Clock(container, 1_000_000))
            clock.position += clock.silence_before(begin_of(packet), trusted=True)
            clock.advance(round(seconds_of(packet) * clock.rate))
    return max([seconds, *(clock.seconds for clock in clocks.values())])


def _stated_seconds(container: av.container.InputContainer) -> float:
    """The length by the header. That of Matroska counts from 0 and not from the first sound."""
    seconds = (container.duration or 0) / 1e6
    return seconds - max(0.0, start_of(container)) if is_one_of(container, ["matroska"]) else seconds
