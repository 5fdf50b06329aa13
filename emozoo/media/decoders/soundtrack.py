"""The sound track of a file as PyAV decodes it, in constant memory: `container_sound`.

`emozoo.media.sound` decides which files PyAV reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
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
from emozoo.media.decoders.ogg import walk
from emozoo.media.decoders.truncation import ends_within_a_packet, promised_end
from emozoo.media.files import Warn, ignore
from emozoo.media.mixing import MOST_CHANNELS, Mixer
from emozoo.media.resampling import HIGHEST_RATE, LOWEST_RATE
from emozoo.media.window import SILENT

if TYPE_CHECKING:
    import av.container

ALMOST_NOTHING = 0.1
"""Seconds. A damaged file of which no more is left is not answered."""
_SEARCHED_SECONDS = 30.0
"""Of each sound track, to find one that is not silent."""
_RUN_UP_SECONDS = 1.0
"""Decoded before a span, because decoders need what was before."""
_PAUSE_TYPES = {"amrnb": range(8, 16), "amrwb": range(9, 16)}
"""By codec: the frame types that phones send while nobody speaks. They hold comfort noise, or nothing."""
_HEADERS = (b"OpusHead", b"OpusTags", b"\1vorbis", b"\3vorbis", b"\5vorbis", b"Speex   ")
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
"""The first bytes of packets that hold no sound, where files were joined."""
_NO_END = 2**62
"""A sample that no recording reaches."""


def container_sound(
    path: str | Path, start: float | None, end: float | None, warn: Warn = ignore
) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of sampling rate and mono sound float32 [samples] of about a second, in order.

    `start` and `end` are seconds from the first sound or frame; None: the file's own. `warn` is told once what is missing,
    and what was done about it.
    Raises EmozooError where there is no sound track, or next to nothing of it can be read.
    """
    with errors_of(path), open_container(path) as container:
        track = _chosen_track(path, container, warn)
        check_track(path, track.codec_context.sample_rate, track.codec_context.layout.nb_channels)
        span = (start or 0.0, math.inf if end is None else end)
        yield from _in_seconds(_Track(path, container, track, span, warn).pieces())


def _chosen_track(path: str | Path, container: av.container.InputContainer, warn: Warn) -> av.AudioStream:
    """The default sound track, or where that is silent the first that is not."""
    tracks = sound_streams(container)
    if not tracks:
        if container.streams.audio:
            raise EmozooError(f"{path} has sound of a kind that emozoo does not read: convert it to WAV")
        raise EmozooError(f"{path} has no sound track: give a file with sound")
    if len(tracks) == 1:
        return tracks[0]
    loud = _with_sound(path, [stream.index for stream in tracks])
    chosen = next((stream for stream in tracks if stream.index in loud), tracks[0])
    number = {stream.index: place for place, stream in enumerate(container.streams.audio, 1)}
    first = min(tracks, key=lambda stream: stream.index)
    if chosen is not first:
        why = "it is marked as the default" if first.index in loud else f"track {number[first.index]} is silent"
        warn(f"sound track {number[chosen.index]} was used: {why}")
    return chosen


def _with_sound(path: str | Path, indices: list[int]) -> set[int]:
    """Which of these tracks are not silent in the first 30 s. Where all are silent, the first track with later sound."""
    loud: set[int] = set()
    with open_container(path) as container:
        zero = start_of(container)
        for packet in packets_of(container, [container.streams[index] for index in indices]):
            if len(loud) == len(indices) or (loud and end_of(packet) - zero > _SEARCHED_SECONDS):
                break
            if packet.stream.index not in loud and _has_sound(packet):
                loud.add(packet.stream.index)
    return loud


def _has_sound(packet: av.Packet) -> bool:
    try:
        return any(
            _is_sound(frame) and np.abs(_mono(frame, Mixer())).max(initial=0) > SILENT for frame in packet.decode()
        )
    except Exception:  # noqa: BLE001 - a damaged packet counts as silent
        return False


@dataclass
class _Findings:
    """What a pass over a sound track finds wrong with it."""

    good: int = 0
    """Packets that were decoded."""
    bad: int = 0
    """Damaged packets with a good one behind them."""
    pending: int = 0
    """Damaged packets with no good one behind them as yet."""
    pause_seconds: float = 0.0
    last_packet: bytes = b""
    """The last packet that was decoded."""
    reach: float = 0.0
    """When the last packet of any track ends, on the container's clock."""
    breaks_off: bool = True
    """Whether the container ends without a word to the decoder."""

    def remarks(self, clock: Clock) -> Iterator[str]:
        """What was left out or filled in, in sentences."""
        packets = self.good + self.bad + self.pending
        if self.bad:
            is_are, was_were = ("is", "was") if self.bad == 1 else ("are", "were")
            yield f"{self.bad} of {packets} packets {is_are} damaged and {was_were} left out"
        if self.pause_seconds:
            yield f"pauses of {self.pause_seconds:.1f} s, in which comfort noise was sent, were left out"
        if clock.holes:
            holes, were = ("a hole", "was") if clock.holes == 1 else (f"{clock.holes} holes", "were")
            yield f"{holes} of {clock.filled_seconds:.1f} s in the timestamps {were} filled with silence"
        if clock.left_out:
            yield f"a hole of {clock.left_out:.0f} s in the timestamps was left out"


class _Placement:
    """Puts frames in their place in time, and cuts them to a span."""

    def __init__(self, clock: Clock, start: float, end: float) -> None:
        self.clock = clock
        self.mixer = Mixer()
        self.start = start
        self.end = end
        self.unprimed = 0.0
        """Seconds of damaged packets before the beginning. Without them, what follows is not whole."""

    @property
    def over(self) -> bool:
        return self.clock.seconds >= self.end

    def place(
        self, frame: av.AudioFrame, entered: bool = False, trusted: bool = False
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The silence before a frame, and the frame, as far as they are within the span.

        `entered`: the frame is the first that is read, in the midst of the file. `trusted`: as in `Clock.silence_before`.
        """
        clock, rate = self.clock, frame.sample_rate
        sound = self._primed(_mono(frame, self.mixer), rate)
        clock.set_rate(rate)
        first = round(self.start * rate)
        last = round(self.end * rate) if self.end < math.inf else _NO_END
        if entered and frame.time is not None:
            clock.position = min(round((frame.time - clock.zero) * rate), first)
        silence = clock.silence_before(frame.time, trusted)
        missing = min(clock.position + silence, last) - max(clock.position, first)
        clock.position += silence
        while missing > 0:
            yield rate, np.zeros(min(missing, rate), np.float32)
            missing -= rate
        yield rate, sound[max(0, first - clock.position) : max(0, last - clock.position)]
        clock.advance(len(sound))

    def _primed(self, sound: np.ndarray, rate: int) -> np.ndarray:
        """Sound without the beginning that is not whole."""
        lost = min(round(self.unprimed * rate), len(sound))
        self.unprimed -= lost / rate
        return sound[lost:]


class _Track:
    """One pass over a sound track."""

    def __init__(
        self,
        path: str | Path,
        container: av.container.InputContainer,
        track: av.AudioStream,
        span: tuple[float, float],
        warn: Warn,
    ) -> None:
        self._path = path
        self._container = container
        self._track = track
        self._warn = warn
        self._decoder = track.codec_context
        self._clock = Clock(container, track.codec_context.sample_rate or HIGHEST_RATE)
        self._placement = _Placement(self._clock, *span)
        self._findings = _Findings()
        self._seeks = False
        """Whether reading begins in the midst of the file."""
        self._skips = False
        """Whether packets before the span were passed over."""
        self._begun = False
        """Whether a frame was decoded."""

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """Sound as it is decoded, in pieces of any length but bounded."""
        self._seeks = self._seek()
        for packet in self._packets():
            for frame in self._frames(packet):
                entered = self._seeks and not self._begun
                yield from self._placement.place(frame, entered, trusted=entered or (self._skips and not self._begun))
                self._begun = True
                if self._placement.over:
                    self._report(whole=False)
                    return
        if self._findings.breaks_off:
            for frame in self._frames(None):
                yield from self._placement.place(frame)
        self._report(whole=self._placement.end == math.inf)

    def _report(self, whole: bool) -> None:
        _report(self._path, self._container, self._findings, self._clock, self._warn, whole)
        if remark := self._placement.mixer.remark:
            self._warn(remark)

    def _seek(self) -> bool:
        """Goes to where the span begins, if that can be done exactly."""
        import av

        start = self._placement.start
        if start <= _RUN_UP_SECONDS or not is_one_of(self._container, INDEXED):
            return False
        try:
            self._container.seek(int((self._clock.zero + start - _RUN_UP_SECONDS) * 1e6))
        except av.FFmpegError:
            return False
        return True

    def _packets(self) -> Iterator[av.Packet]:
        """The packets to decode."""
        findings = self._findings
        for packet in packets_of(self._container, None if video_stream(self._container) else self._track):
            findings.reach = max(findings.reach, end_of(packet))
            if packet.stream is not self._track:
                continue
            findings.breaks_off = packet.size > 0
            if _is_pause(packet, self._decoder.name):
                findings.pause_seconds += self._clock.leave_out(packet)
            elif not self._begun and not self._seeks and self._skip(packet):
                self._skips = True
            else:
                yield packet

    def _skip(self, packet: av.Packet) -> bool:
        """Passes over a packet that ends well before the span, and says whether it did."""
        begin = begin_of(packet)
        if begin is None or not packet.duration:
            return False
        clock, seconds = self._clock, seconds_of(packet)
        if max(clock.seconds, begin - clock.zero) + seconds >= self._placement.start - _RUN_UP_SECONDS:
            return False
        clock.position += clock.silence_before(begin, trusted=True)
        clock.advance(round(seconds * clock.rate))
        return True

    def _frames(self, packet: av.Packet | None) -> list[av.AudioFrame]:
        """What a packet holds; nothing where it is damaged, which is counted. None: what the decoder still holds."""
        findings = self._findings
        try:
            frames = [frame for frame in self._decoder.decode(packet) if _is_sound(frame)]
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever a decoder raises costs this packet only
            if packet and _should_hold_sound(packet):
                self._count_damaged(packet)
            return []
        if packet and packet.size:
            findings.last_packet = bytes(packet)
        if frames:
            findings.good += 1
            findings.bad += findings.pending
            findings.pending = 0
        return frames

    def _count_damaged(self, packet: av.Packet) -> None:
        self._findings.pending += 1
        if not self._findings.good and end_of(packet) <= self._clock.zero:
            self._placement.unprimed += seconds_of(packet)


def _report(
    path: str | Path,
    container: av.container.InputContainer,
    findings: _Findings,
    clock: Clock,
    warn: Warn,
    whole: bool,
) -> None:
    """Warns of what was amiss; `whole`: the file was read to its end. Raises EmozooError where too little was right."""
    if findings.bad + findings.pending > findings.good:
        raise EmozooError(f"{path} is damaged, hardly any of its sound can be read: copy or convert it again")
    for remark in findings.remarks(clock):
        warn(remark)
    missing = _missing(path, container, findings, clock) if whole else None
    if whole and (missing or findings.bad) and clock.seconds < ALMOST_NOTHING:
        raise EmozooError(f"{path} is damaged or cut off, next to nothing of it is there: copy it again")
    if missing:
        warn(missing)


def _missing(path: str | Path, container: av.container.InputContainer, findings: _Findings, clock: Clock) -> str | None:
    """What shows that the file is cut off."""
    begin, there = max(clock.zero, 0.0), clock.seconds
    promised = promised_end(path, container) - begin
    slack = 1.0 if video_stream(container) else 0.1
    if findings.reach - begin < promised - slack and there < promised - slack:
        return f"cut off: the header promises {promised:.1f} s, {there:.1f} s are there"
    if is_one_of(container, ["flac"]) and there < promised - 0.02:  # it counts every sample
        return f"damaged: {promised - there:.2f} s of it cannot be read"
    if is_one_of(container, ["ogg"]):
        pages = walk(path)
        if pages.cut:
            return "cut off: its last page is not whole"
        return None if pages.marked else "its end is not marked: it may be cut off"
    cut = ends_within_a_packet(container, path, findings.last_packet)
    return "its last packet is not whole: it may be cut off" if findings.pending or findings.breaks_off or cut else None


def _should_hold_sound(packet: av.Packet) -> bool:
    """Whether a packet is neither empty, nor a header or a tag."""
    return packet.size > 0 and not bytes(memoryview(packet)[:16]).startswith(_HEADERS + _TAGS)


def _is_pause(packet: av.Packet, codec: str) -> bool:
    """Whether a packet holds comfort noise or nothing in place of speech. ffmpeg leaves these out as well."""
    types = _PAUSE_TYPES.get(codec)
    return types is not None and packet.size > 0 and bytes(memoryview(packet)[:1])[0] >> 3 & 15 in types


def _is_sound(frame: Any) -> bool:
    """Whether a frame can be sound. A damaged one may have any rate."""
    return bool(LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE and frame.layout.nb_channels <= MOST_CHANNELS)


def _mono(frame: av.AudioFrame, mixer: Mixer) -> np.ndarray:
    """float32 [samples]."""
    if frame.format.is_planar and frame.layout.nb_channels > 8:  # PyAV looks for their planes in the wrong place
        import av

        (frame,) = av.AudioResampler(format=frame.format.packed).resample(frame)
    sound = frame.to_ndarray()  # [channels, samples], or [1, samples * channels] where the format is packed
    return mixer.mix(sound.T if frame.format.is_planar else sound.reshape(frame.samples, -1))


def _in_seconds(pieces: Iterable[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    """The same sound in pieces of about a second."""
    held: list[np.ndarray] = []
    rate = count = 0
    for new_rate, piece in pieces:
        if count and new_rate != rate:
            yield rate, np.concatenate(held)
            held, count = [], 0
        rate = new_rate
        for first in range(0, len(piece), rate):
            held.append(piece[first : first + rate])
            count += len(held[-1])
            if count >= rate:
                yield rate, np.concatenate(held)
                held, count = [], 0
    if count:
        yield rate, np.concatenate(held)
