"""The sound of a file as PyAV decodes it, and what tracks it has: part of `emozoo.sound`, which decides who reads what.

PyAV is imported on first use. What it raises for one file, of whatever kind, becomes an EmozooError of that file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo import ogg
from emozoo.errors import EmozooError
from emozoo.media_files import existing_file, ignore, unreadable
from emozoo.resampling import HIGHEST_RATE, LOWEST_RATE

if TYPE_CHECKING:
    import av
    import av.container

Warn = Callable[[str], None]

MOST_CHANNELS = 64
SILENT = 1e-4
"""Sound whose peak is not above this (80 dB below full scale) is silent."""
ALMOST_NOTHING = 0.1
"""Seconds: a file that is damaged or cut off, and of which no more is there, is not answered."""
_CONTAINERS = (
    "mov,matroska,avi,asf,flv,mpegts,mpeg,ogg,mp3,aac,ac3,eac3,amr,flac,wav,w64,aiff,caf,au,nistsphere,voc,wv,ape,tta"
)
"""The kinds of file that PyAV may open: no pictures, subtitles, play lists or text, which ffmpeg would read too."""
_INDEXED = ("mov", "matroska", "avi", "asf")
"""Kinds that can be entered anywhere, and whose header tells their length. Elsewhere ffmpeg guesses both."""
_PROMISING = (*_INDEXED, "flv", "flac", "wav", "w64", "aiff", "caf", "nistsphere")
"""Kinds whose header tells how long they are."""
_LOOK_SECONDS = 30.0
"""Of several sound tracks, to find one that is not silent."""
_RUN_UP = 1.0
"""Seconds that are decoded before a span: decoders need to hear what was before."""
_JITTER, _OGG_JITTER = 0.1, 0.25
"""Seconds that timestamps may be off and mean nothing; in Ogg, ffmpeg guesses those within a page."""
_LONGEST_HOLE = 600.0
"""Seconds: a hole that is longer is left out, and not filled with silence."""
_BETTER_DECODERS = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""ffmpeg's own know no comfort noise, which phones send in pauses."""
_NO_SOUND = (
    b"OpusHead",
    b"OpusTags",
    b"\1vorbis",
    b"\3vorbis",
    b"\5vorbis",
    b"Speex   ",
    b"ID3",
    b"TAG",
    b"APETAGEX",
    b"LYRICS",
)
"""How packets begin that hold a header, or a tag of joined files."""


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


def probe_container(path: str | Path) -> ContainerFacts:
    """What tracks the file has and how long it is. Raises EmozooError where it is no media file, or damaged."""
    with _errors_of(path), open_container(path) as container:
        seconds = _told_seconds(container) if _is(container, _INDEXED) else 0.0
        if seconds <= 0:  # a stream, or a recording that was streamed to disk, as browsers do, does not say
            zero, reach = (container.start_time or 0) / 1e6, 0.0
            for packet in _packets(container, None, _go_on):
                reach = max(reach, _end_of(packet))
            seconds = reach - zero
        return ContainerFacts(bool(sound_streams(container)), picture_stream(container) is not None, seconds)


def container_sound(
    path: str | Path, start: float | None, end: float | None, warn: Warn = ignore
) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of sampling rate and mono sound float32 [samples] of about a second, in order, from `start` to `end` (seconds
    from the first sound or picture; None: the file's own). `warn` is told once what is missing, and what was done about it.

    Raises EmozooError where there is no sound track, or next to nothing of it can be read.
    """
    with _errors_of(path), open_container(path) as container:
        track = _chosen_track(path, container, warn)
        check_track(path, track.codec_context.sample_rate, track.codec_context.layout.nb_channels)
        span = (start or 0.0, math.inf if end is None else end)
        yield from _in_seconds(_Reading(path, container, track, span, warn).pieces())


def check_track(path: str | Path, rate: int, channels: int) -> None:
    """Raises EmozooError, before memory is taken, for what no recording of speech has."""
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        few = "few" if rate < LOWEST_RATE else "many"
        raise EmozooError(f"{path} has {rate} samples a second, too {few} for speech: record or export it again")
    if channels > MOST_CHANNELS:
        raise EmozooError(f"{path} has {channels} channels, more than {MOST_CHANNELS}: mix it down to fewer")


@contextmanager
def _errors_of(path: str | Path) -> Iterator[None]:
    """Whatever a decoder raises is an error of the file."""
    try:
        yield
    except EmozooError:
        raise
    except Exception as error:
        raise EmozooError(f"{path} is damaged or cut off: copy or convert it again") from error


def _is(container: av.container.InputContainer, kinds: Iterable[str]) -> bool:
    return any(kind in container.format.name.split(",") for kind in kinds)


def _told_seconds(container: av.container.InputContainer) -> float:
    """The length that the header tells; of Matroska, it counts from 0 and not from the first sound."""
    seconds = (container.duration or 0) / 1e6
    return seconds - max(0, container.start_time or 0) / 1e6 if _is(container, ["matroska"]) else seconds


def _end_of(packet: av.Packet) -> float:
    """Seconds on the container's clock."""
    if packet.pts is None or packet.time_base is None:
        return -math.inf
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _packets(container: av.container.InputContainer, streams: Any, broken: Callable[[], None]) -> Iterator[av.Packet]:
    """The packets of some streams, or of all, in order, and at the end an empty one of each; `broken` is called where the
    container breaks off before."""
    import av

    try:
        yield from container.demux(streams) if streams else container.demux()
    except (av.FFmpegError, OSError, ValueError):
        broken()


def _go_on() -> None:
    """What broke off is read as far as it goes."""


def _chosen_track(path: str | Path, container: av.container.InputContainer, warn: Warn) -> av.AudioStream:
    """The sound track that is read: the default one, or where that is silent the first that is not."""
    tracks = sound_streams(container)
    if not tracks:
        kinds = [stream.type for stream in container.streams]
        if "audio" in kinds:
            raise EmozooError(f"{path} has sound of a kind that emozoo does not read: convert it to WAV")
        raise EmozooError(f"{path} has no sound track: give a file with sound")
    if len(tracks) > 1:
        loud = _first_with_sound(path, [stream.index for stream in tracks])
        if loud is not None and loud != tracks[0].index:
            chosen = container.streams[loud]
            number = {stream.index: place for place, stream in enumerate(container.streams.audio, 1)}
            warn(f"sound track {number[loud]} was used: track {number[tracks[0].index]} is silent")
            return chosen
    return tracks[0]


def _first_with_sound(path: str | Path, indices: list[int]) -> int | None:
    """The first of these tracks that is not silent for 30 s, or where all are, that is the first to be heard."""
    import av

    loud: set[int] = set()
    with open_container(path) as container:
        zero = (container.start_time or 0) / 1e6
        for packet in _packets(container, [container.streams[index] for index in indices], _go_on):
            index = packet.stream.index
            if indices[0] in loud or (loud and _end_of(packet) - zero > _LOOK_SECONDS):
                break
            try:
                frames = packet.decode() if index not in loud else []
            except (av.FFmpegError, ValueError):
                continue
            if any(np.abs(_mono(frame)).max(initial=0) > SILENT for frame in frames if _is_sound(frame)):
                loud.add(index)
    return next((index for index in indices if index in loud), None)


class _Clock:
    """Where the next sample belongs, in samples from the file's beginning. Timestamps say it, except where they jump."""

    def __init__(self, rate: int, jitter: float) -> None:
        self.rate, self.position, self._jitter = rate, 0, jitter
        self._offset = self._heard = self._filled = 0
        """What is added to timestamps; how much sound, and how much silence in holes, there has been."""
        self.holes, self.left_out = 0, 0.0
        """Holes that were filled, and the seconds of those that were not."""

    @property
    def filled_seconds(self) -> float:
        return self._filled / self.rate

    def keep(self, rate: int) -> None:
        """From here on, there are so many samples a second."""
        if rate != self.rate:
            for name in ("position", "_offset", "_heard", "_filled"):
                setattr(self, name, round(getattr(self, name) * rate / self.rate))
            self.rate = rate

    def silence_before(self, time: float | None, trusted: bool = False) -> int:
        """Samples of silence that belong before sound of this time in seconds. Where the time is `trusted`, as that of what
        is not decoded, or the first that is, it is followed exactly."""
        if time is None:
            return 0
        gap = round(time * self.rate) + self._offset - self.position
        first = not self._heard
        if abs(gap) <= (0.02 if first else self._jitter) * self.rate:
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

    def heard(self, samples: int) -> None:
        self.position += samples
        self._heard += samples


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
        self._zero = (container.start_time or 0) / 1e6
        self._decoder = _decoder(track)
        jitter = _OGG_JITTER if _is(container, ["ogg"]) else _JITTER
        self._clock = _Clock(track.codec_context.sample_rate or HIGHEST_RATE, jitter)
        self._good = self._bad = self._pending = 0
        """Packets that were decoded, that were damaged, and that were damaged with no good one behind them as yet."""
        self._reach, self._broken = 0.0, False
        """Where the last packet of all ends, on the container's clock, and whether the container broke off there."""

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """Sound as it is decoded, in pieces of any length but bounded."""
        sought, decoding = self._seek(), False
        for packet in _packets(self._container, None if picture_stream(self._container) else self._track, self._break):
            self._reach = max(self._reach, _end_of(packet))
            if packet.stream is not self._track:
                continue
            if not (decoding or sought or not packet.size) and self._is_before(packet):
                continue
            for frame in self._frames(packet):
                yield from self._placed(frame, trusted=not decoding, entered=sought and not decoding)
                decoding = True
                if self._clock.position >= self._end * self._clock.rate:
                    self._tell(whole=False)
                    return
        self._tell(whole=self._end == math.inf)

    def _seek(self) -> bool:
        """Goes to where the span begins, if that can be done exactly."""
        import av

        if self._start <= _RUN_UP or not _is(self._container, _INDEXED):
            return False
        try:
            self._container.seek(int((self._zero + self._start - _RUN_UP) * 1e6))
        except av.FFmpegError:
            return False
        return True

    def _is_before(self, packet: av.Packet) -> bool:
        """Whether a packet need not be decoded, for it ends well before the span. If so, it is counted."""
        if packet.pts is None or not packet.duration or packet.time_base is None:
            return False
        clock, begin = self._clock, float(packet.pts * packet.time_base) - self._zero
        seconds = float(packet.duration * packet.time_base)
        if clock.position / clock.rate + seconds >= self._start - _RUN_UP or begin + seconds >= self._start - _RUN_UP:
            return False
        clock.position += clock.silence_before(begin, trusted=True)
        clock.heard(round(seconds * clock.rate))
        return True

    def _frames(self, packet: av.Packet) -> list[av.AudioFrame]:
        """What a packet holds; nothing where it is damaged, which is counted."""
        try:
            frames = [frame for frame in self._decoder.decode(packet) if _is_sound(frame)]
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever a decoder raises costs this packet only
            if packet.size and not bytes(memoryview(packet)[:16]).startswith(_NO_SOUND):
                self._pending += 1
            return []
        if frames:
            self._good, self._bad, self._pending = self._good + 1, self._bad + self._pending, 0
        return frames

    def _placed(self, frame: av.AudioFrame, trusted: bool, entered: bool) -> Iterator[tuple[int, np.ndarray]]:
        """A frame, as far as it is within the span, and the silence before it."""
        clock, rate = self._clock, frame.sample_rate
        clock.keep(rate)
        first = round(self._start * rate)
        last = round(self._end * rate) if self._end < math.inf else 2**62
        time = None if frame.time is None else frame.time - self._zero
        if entered and time is not None:  # in the midst: what was before was not read
            clock.position = min(round(time * rate), first)
        silence = clock.silence_before(time, trusted)
        left = min(clock.position + silence, last) - max(clock.position, first)
        clock.position += silence
        while left > 0:
            yield rate, np.zeros(min(left, rate), np.float32)
            left -= rate
        yield rate, _mono(frame)[max(0, first - clock.position) : max(0, last - clock.position)]
        clock.heard(frame.samples)

    def _break(self) -> None:
        self._broken = True

    def _tell(self, whole: bool) -> None:
        """Says what was amiss; `whole` where the file was read to its end. Raises EmozooError where too little was right."""
        clock, warn = self._clock, self._warn
        seconds, packets = clock.position / clock.rate, self._good + self._bad + self._pending
        if self._bad + self._pending > self._good:
            raise EmozooError(f"{self._path} is damaged, hardly any of its sound can be read: copy or convert it again")
        if self._bad:
            verbs = ("is", "was") if self._bad == 1 else ("are", "were")
            warn(f"{self._bad} of {packets} packets {verbs[0]} damaged and {verbs[1]} left out")
        if clock.holes:
            holes, were = ("a hole", "was") if clock.holes == 1 else (f"{clock.holes} holes", "were")
            warn(f"{holes} of {clock.filled_seconds:.1f} s in the timestamps {were} filled with silence")
        if clock.left_out:
            warn(f"a hole of {clock.left_out:.0f} s in the timestamps was left out")
        missing = self._missing(seconds) if whole else None
        if missing and seconds < ALMOST_NOTHING:
            raise EmozooError(f"{self._path} is cut off, next to nothing of it is there: copy or convert it again")
        if missing:
            warn(missing)

    def _missing(self, seconds: float) -> str | None:
        """What shows that the file, of which `seconds` are there, is cut off."""
        promised = _promised_end(self._path, self._container) - max(self._zero, 0.0)
        slack = 1.0 if picture_stream(self._container) else 0.25
        if self._reach - max(self._zero, 0.0) < promised - slack and seconds < promised - slack:
            return f"cut off: the header promises {promised:.1f} s, {seconds:.1f} s are there"
        if _is(self._container, ["ogg"]):
            pages = ogg.walk(self._path)
            if pages.cut:
                return "cut off: its last page is not whole"
            return None if pages.marked else "its end is not marked: it may be cut off"
        if self._pending or self._broken:
            return "its last packet is not whole: it may be cut off"
        return None


def _decoder(track: av.AudioStream) -> Any:
    """What decodes a track: of two decoders the better one."""
    import av

    context = track.codec_context
    better = _BETTER_DECODERS.get(context.name, "")
    if better not in av.codecs_available:
        return context
    decoder = av.CodecContext.create(better, "r")
    decoder.sample_rate, decoder.layout = context.sample_rate, context.layout
    return decoder


def _promised_end(path: str | Path, container: av.container.InputContainer) -> float:
    """Where the file ends by its header, in seconds on its own clock; 0 where the header does not know."""
    seconds = (container.duration or 0) / 1e6
    if _is(container, ["avi"]):
        pictures = picture_stream(container)
        return float(pictures.frames / pictures.average_rate) if pictures and pictures.average_rate else seconds
    if _is(container, ["mp3"]):
        return seconds if _counts_frames(path) else 0.0
    if not _is(container, _PROMISING):
        return 0.0
    # Who writes into a pipe does not know the size, and leaves about 2 or 4 GiB.
    size = seconds * (container.bit_rate or 0) / 8
    return 0.0 if _is(container, ["wav"]) and (size >= 0xFE000000 or 0x7F000000 <= size <= 0x81000000) else seconds


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
