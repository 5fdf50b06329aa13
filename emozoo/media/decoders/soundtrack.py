"""The sound track of a file as PyAV decodes it, in constant memory: part of `emozoo.media.sound`, which decides who
reads what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.container import (
    INDEXED,
    MOST_CHANNELS,
    Clock,
    check_track,
    end_of,
    ends_within_a_packet,
    errors_of,
    is_one_of,
    open_container,
    packets_of,
    picture_stream,
    promised_end,
    sound_streams,
)
from emozoo.media.decoders.ogg import walk
from emozoo.media.files import Warn, ignore
from emozoo.media.resampling import HIGHEST_RATE, LOWEST_RATE
from emozoo.media.window import SILENT

if TYPE_CHECKING:
    import av.container

ALMOST_NOTHING = 0.1
"""Seconds: a file that is damaged or cut off, and of which no more is there, is not answered."""
_LOOK_SECONDS = 30.0
"""Of several sound tracks, to find one that is not silent."""
_RUN_UP = 1.0
"""Seconds that are decoded before a span: decoders need to hear what was before."""
_PAUSES = {"amrnb": range(8, 16), "amrwb": range(9, 16)}
"""By codec, the types of frames that phones send while nobody speaks: comfort noise, or nothing."""
_HEADERS = (b"OpusHead", b"OpusTags", b"\1vorbis", b"\3vorbis", b"\5vorbis", b"Speex   ")
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
"""How packets begin that hold no sound, where files were joined."""


def container_sound(
    path: str | Path, start: float | None, end: float | None, warn: Warn = ignore
) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of sampling rate and mono sound float32 [samples] of about a second, in order, from `start` to `end` (seconds
    from the first sound or picture; None: the file's own). `warn` is told once what is missing, and what was done about it.

    Raises EmozooError where there is no sound track, or next to nothing of it can be read.
    """
    with errors_of(path), open_container(path) as container:
        track = _chosen_track(path, container, warn)
        check_track(path, track.codec_context.sample_rate, track.codec_context.layout.nb_channels)
        span = (start or 0.0, math.inf if end is None else end)
        yield from _in_seconds(_Reading(path, container, track, span, warn).pieces())


def _chosen_track(path: str | Path, container: av.container.InputContainer, warn: Warn) -> av.AudioStream:
    """The sound track that is read: the default one, or where that is silent the first that is not."""
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
    """Which of these tracks are not silent in the first 30 s, or where all are, the first that is to be heard."""
    loud: set[int] = set()
    with open_container(path) as container:
        zero = (container.start_time or 0) / 1e6
        for packet in packets_of(container, [container.streams[index] for index in indices]):
            if len(loud) == len(indices) or (loud and end_of(packet) - zero > _LOOK_SECONDS):
                break
            if packet.stream.index not in loud and _is_heard(packet):
                loud.add(packet.stream.index)
    return loud


def _is_heard(packet: av.Packet) -> bool:
    try:
        return any(_is_sound(frame) and np.abs(_mono(frame)).max(initial=0) > SILENT for frame in packet.decode())
    except Exception:  # noqa: BLE001 - what is damaged is not heard
        return False


class _Reading:
    """One pass over a sound track."""

    def __init__(
        self,
        path: str | Path,
        container: av.container.InputContainer,
        track: av.AudioStream,
        span: tuple[float, float],
        warn: Warn,
    ) -> None:
        self._path, self._container, self._track, self._warn = path, container, track, warn
        self._start, self._end = span
        self._decoder = track.codec_context
        self._clock = Clock(container, track.codec_context.sample_rate or HIGHEST_RATE)
        self._good = self._bad = self._pending = 0
        """Packets that were decoded, that were damaged, and that were damaged with no good one behind them as yet."""
        self._last, self._pauses = b"", 0.0
        self._reach, self._broken, self._unprimed = 0.0, True, 0.0
        """Where the last packet of all ends, on the container's clock; whether the container breaks off there; seconds of
        damaged packets before the beginning, without which what follows them is not whole."""

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """Sound as it is decoded, in pieces of any length but bounded."""
        sought, skipped, decoding = self._seek(), False, False
        for packet in packets_of(self._container, None if picture_stream(self._container) else self._track):
            self._reach = max(self._reach, end_of(packet))
            if packet.stream is not self._track:
                continue
            self._broken = packet.size > 0
            if _is_pause(packet, self._decoder.name):
                self._pauses += self._clock.leave_out(packet)
                continue
            if not decoding and not sought and self._skip(packet):
                skipped = True
                continue
            for frame in self._frames(packet):
                yield from self._placed(frame, entered=sought and not decoding, trusted=skipped and not decoding)
                decoding = True
                if self._clock.seconds >= self._end:
                    self._tell(whole=False)
                    return
        for frame in self._frames(None) if self._broken else ():
            yield from self._placed(frame)
        self._tell(whole=self._end == math.inf)

    def _seek(self) -> bool:
        """Goes to where the span begins, if that can be done exactly."""
        import av

        if self._start <= _RUN_UP or not is_one_of(self._container, INDEXED):
            return False
        try:
            self._container.seek(int((self._clock.zero + self._start - _RUN_UP) * 1e6))
        except av.FFmpegError:
            return False
        return True

    def _skip(self, packet: av.Packet) -> bool:
        """Passes over a packet that ends well before the span, and says whether it did."""
        if packet.pts is None or not packet.duration or packet.time_base is None:
            return False
        clock, begin = self._clock, float(packet.pts * packet.time_base)
        seconds = float(packet.duration * packet.time_base)
        if max(clock.seconds, begin - clock.zero) + seconds >= self._start - _RUN_UP:
            return False
        clock.position += clock.silence_before(begin, trusted=True)
        clock.heard(round(seconds * clock.rate))
        return True

    def _frames(self, packet: av.Packet | None) -> list[av.AudioFrame]:
        """What a packet holds; nothing where it is damaged, which is counted. None: what the decoder still holds."""
        try:
            frames = [frame for frame in self._decoder.decode(packet) if _is_sound(frame)]
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever a decoder raises costs this packet only
            if packet and packet.size and not bytes(memoryview(packet)[:16]).startswith(_HEADERS + _TAGS):
                self._pending += 1
                if not self._good and end_of(packet) <= self._clock.zero:
                    self._unprimed += float((packet.duration or 0) * (packet.time_base or 0))
            return []
        if packet and packet.size:
            self._last = bytes(packet)
        if frames:
            self._good, self._bad, self._pending = self._good + 1, self._bad + self._pending, 0
        return frames

    def _placed(
        self, frame: av.AudioFrame, entered: bool = False, trusted: bool = False
    ) -> Iterator[tuple[int, np.ndarray]]:
        """A frame, as far as it is within the span, and the silence before it; `entered` where it is the first that is read,
        in the midst of the file, and `trusted` where what was before it was passed over."""
        clock, rate, sound = self._clock, frame.sample_rate, _mono(frame)
        lost = min(round(self._unprimed * rate), len(sound))
        sound, self._unprimed = sound[lost:], self._unprimed - lost / rate
        clock.keep(rate)
        first = round(self._start * rate)
        last = round(self._end * rate) if self._end < math.inf else 2**62
        if entered and frame.time is not None:
            clock.position = min(round((frame.time - clock.zero) * rate), first)
        silence = clock.silence_before(frame.time, trusted or entered)
        left = min(clock.position + silence, last) - max(clock.position, first)
        clock.position += silence
        while left > 0:
            yield rate, np.zeros(min(left, rate), np.float32)
            left -= rate
        yield rate, sound[max(0, first - clock.position) : max(0, last - clock.position)]
        clock.heard(len(sound))

    def _tell(self, whole: bool) -> None:
        """Says what was amiss; `whole` where the file was read to its end. Raises EmozooError where too little was right."""
        clock, warn = self._clock, self._warn
        packets = self._good + self._bad + self._pending
        if self._bad + self._pending > self._good:
            raise EmozooError(f"{self._path} is damaged, hardly any of its sound can be read: copy or convert it again")
        if self._bad:
            verbs = ("is", "was") if self._bad == 1 else ("are", "were")
            warn(f"{self._bad} of {packets} packets {verbs[0]} damaged and {verbs[1]} left out")
        if self._pauses:
            warn(f"pauses of {self._pauses:.1f} s, in which comfort noise was sent, were left out")
        if clock.holes:
            holes, were = ("a hole", "was") if clock.holes == 1 else (f"{clock.holes} holes", "were")
            warn(f"{holes} of {clock.filled_seconds:.1f} s in the timestamps {were} filled with silence")
        if clock.left_out:
            warn(f"a hole of {clock.left_out:.0f} s in the timestamps was left out")
        missing = self._missing() if whole else None
        if whole and (missing or self._bad) and clock.seconds < ALMOST_NOTHING:
            raise EmozooError(f"{self._path} is damaged or cut off, next to nothing of it is there: copy it again")
        if missing:
            warn(missing)

    def _missing(self) -> str | None:
        """What shows that the file is cut off."""
        begin, there = max(self._clock.zero, 0.0), self._clock.seconds
        promised = promised_end(self._path, self._container) - begin
        slack = 1.0 if picture_stream(self._container) else 0.1
        if self._reach - begin < promised - slack and there < promised - slack:
            return f"cut off: the header promises {promised:.1f} s, {there:.1f} s are there"
        if is_one_of(self._container, ["flac"]) and there < promised - 0.02:  # it counts every sample
            return f"damaged: {promised - there:.2f} s of it cannot be read"
        if is_one_of(self._container, ["ogg"]):
            pages = walk(self._path)
            if pages.cut:
                return "cut off: its last page is not whole"
            return None if pages.marked else "its end is not marked: it may be cut off"
        if self._pending or self._broken or ends_within_a_packet(self._container, self._path, self._last):
            return "its last packet is not whole: it may be cut off"
        return None


def _is_pause(packet: av.Packet, codec: str) -> bool:
    """Whether a packet holds comfort noise or nothing in place of speech. ffmpeg leaves these out, too."""
    types = _PAUSES.get(codec)
    return types is not None and packet.size > 0 and bytes(memoryview(packet)[:1])[0] >> 3 & 15 in types


def _is_sound(frame: Any) -> bool:
    """Whether a frame can be what the track says. A damaged one may be of any rate."""
    return bool(LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE and frame.layout.nb_channels <= MOST_CHANNELS)


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """float32 [samples]."""
    if frame.format.is_planar and frame.layout.nb_channels > 8:  # whose planes PyAV looks for in the wrong place
        import av

        (frame,) = av.AudioResampler(format=frame.format.packed).resample(frame)
    sound = frame.to_ndarray()  # [channels, samples], or [1, samples * channels] where the format is packed
    return mean_of_channels(sound.T if frame.format.is_planar else sound.reshape(frame.samples, -1))


def mean_of_channels(sound: np.ndarray) -> np.ndarray:
    """float32 [samples], a copy, of samples [samples, channels]: uint8 around 128, signed integers, or floats in [-1, 1]."""
    if sound.dtype.kind == "u":
        sound = sound.astype(np.int16) - 128
        return (sound / 128).astype(np.float32).mean(axis=1)
    scale = 2.0 ** (8 * sound.dtype.itemsize - 1) if sound.dtype.kind == "i" else 1.0
    return (sound / scale).astype(np.float32).mean(axis=1)


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
