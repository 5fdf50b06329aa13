"""The sound of a file, and the opening of files: part of `emozoo.media`, which is what the rest of emozoo imports.

soundfile reads sound files, PyAV the sound tracks of everything else, MP3 and M4A among them. (decord's AudioReader is
not used: it decodes the whole track at once, never frees it, and mixes channels to other levels than a sound file's.)
Which one reads a file is found from its first bytes and by trying, never from its name. Both are imported on first use.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    import av
    import av.container
    import soundfile

SAMPLING_RATE = 16_000

_CROSSINGS, _ROLLOFF = 6, 0.99
"""Of the filter that resamples: how many zeros of its sinc it reaches to either side, and where it cuts, as a share of the
lower of the two rates' Nyquist frequency."""
LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000
"""Samples a second: fewer hold no speech, and no microphone gives more to a stream."""
SLACK_SECONDS = 0.1
"""A span may end this much after the file: times in label files are rounded."""
_SOUNDFILE_HEADS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd")
"""How files begin that soundfile may open. It would take all else for MP3, and complain about it on standard error."""
_CUT_OFF = re.compile(r"(data|SSND) : (?!42949672|21474836)\d+ \(should be|lacks an end-of-stream bit")
"""What soundfile's log says of a file that lacks its end. Sizes of 2 or 4 GiB are written where the end was not known."""
_CONTAINERS = "mov,matroska,avi,mp3,aac,ogg,wav,flac,aiff,caf,amr,ac3,asf"
"""The kinds of file that PyAV may open: no pictures, subtitles, play lists or text, which ffmpeg would read too."""


def read_audio(path: str | Path, start: float | None = None, end: float | None = None) -> np.ndarray:
    """The sound from `start` to `end` (seconds; None: the file's own): float32 [samples], 16 kHz, the mean of all channels.

    Raises EmozooError where the file is missing, damaged, without a sound track, or does not reach from `start` to `end`
    (a tenth of a second beyond its end is forgiven).
    """
    return np.concatenate(list(_at_sampling_rate(_native_sound(path, start, end), 60.0)))


def stream_audio(path: str | Path, block_seconds: float = 10.0) -> Iterator[np.ndarray]:
    """`read_audio` of a whole file in blocks of about `block_seconds`, in constant memory: float32 [samples] each."""
    return _at_sampling_rate(_native_sound(path, None, None), block_seconds)


def existing_file(path: str | Path) -> str:
    """The absolute path of a file that is there and not empty: never a URL or an option to ffmpeg."""
    if not os.path.exists(path):
        raise EmozooError(f"{path} does not exist: check the path")
    if not os.path.isfile(path):
        raise EmozooError(f"{path} is not a file: name a sound or video file")
    if not os.access(path, os.R_OK):
        raise EmozooError(f"{path} may not be read: check its permissions")
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:  # the decoders take UTF-8 only
        raise EmozooError(f"{path} has a name that is not UTF-8: rename it") from None
    if os.path.getsize(path) == 0:
        raise EmozooError(f"{path} is empty: name a sound or video file")
    return os.path.abspath(path)


def open_soundfile(path: str | Path) -> soundfile.SoundFile | None:
    """The file where soundfile reads it, None where that is PyAV's work."""
    name = existing_file(path)
    with open(name, "rb") as file:
        if file.read(4) not in _SOUNDFILE_HEADS:
            return None
    import soundfile

    try:
        sound = soundfile.SoundFile(name)
    except soundfile.LibsndfileError as error:
        if error.code == 3:  # a format that it knows, but malformed
            raise EmozooError(f"{path} is damaged or cut off: copy or export it again") from error
        return None
    except TypeError:  # a name in .raw, which says no more of its content than any other
        return None
    if _CUT_OFF.search(sound.extra_info):
        sound.close()
        raise EmozooError(f"{path} is cut off, its header promises more sound: copy or export it again")
    return sound


def open_container(path: str | Path) -> av.container.InputContainer:
    """The file as PyAV sees it."""
    name = existing_file(path)
    import av
    import av.logging

    av.logging.set_level(None)  # silent
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(name, options=options, metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise EmozooError(f"{path} is not a sound or video file that can be read, or is damaged or cut off") from error


def picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first stream of moving pictures; a cover picture is none."""
    from av.stream import Disposition

    moving = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next((stream for stream in moving if stream.codec_context is not None), None)


def sound_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The first sound track that can be decoded."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def _native_sound(path: str | Path, start: float | None, end: float | None) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of sampling rate and mono sound float32 [samples], in order, from `start` to `end`."""
    if not 0 <= (start or 0.0) < (1e9 if end is None else end) <= 1e9:  # also where one is NaN
        raise EmozooError(f"{path}: no span from {start} to {end} s: the start must be 0 or later, and before the end")
    file = open_soundfile(path)
    pieces = _container_sound(path, start, end) if file is None else _soundfile_sound(path, file, start, end)
    rate, count = 0, 0
    for rate, piece in pieces:
        if rate < LOWEST_RATE:
            raise EmozooError(f"{path} has {rate} samples a second, too few for speech: record or export it again")
        if not np.isfinite(piece).all():
            raise EmozooError(f"{path} holds samples that are no numbers (NaN or infinity): export the sound again")
        count += len(piece)
        yield rate, piece
    if count == 0 and start:
        raise EmozooError(f"{path} is over before {start} s: check the span")
    if count == 0:
        raise EmozooError(f"{path} holds no sound, its length is zero: record or export it again")
    if end is not None and count / rate < end - (start or 0.0) - SLACK_SECONDS:
        raise EmozooError(f"{path} ends at {(start or 0.0) + count / rate:.2f} s, before {end} s: check the span")


def _soundfile_sound(
    path: str | Path, file: soundfile.SoundFile, start: float | None, end: float | None
) -> Iterator[tuple[int, np.ndarray]]:
    import soundfile

    with file:
        rate = file.samplerate
        first = min(round((start or 0.0) * rate), file.frames)
        left = (file.frames if end is None else min(round(end * rate), file.frames)) - first
        try:
            file.seek(first)
            while left > 0:
                piece = file.read(min(left, 10 * rate), dtype="float32", always_2d=True)
                if not len(piece):
                    raise EmozooError(f"{path} is cut off, its header promises more sound: copy or export it again")
                left -= len(piece)
                yield rate, piece.mean(axis=1)
        except soundfile.LibsndfileError as error:
            raise EmozooError(f"{path} is damaged or cut off: copy or export it again") from error


def _container_sound(path: str | Path, start: float | None, end: float | None) -> Iterator[tuple[int, np.ndarray]]:
    import av

    with open_container(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise EmozooError(f"{path} has no sound track: give a file with sound")
        zero = (container.start_time or 0) / 1e6
        length = (container.duration or 0) / 1e6
        rate = stream.codec_context.sample_rate
        first, last = round((start or 0.0) * rate), round((1e9 if end is None else end) * rate)
        position: int | None = None  # of the next sample
        reach = 0.0
        try:
            if start:  # half a second early: decoders need a run-up
                container.seek(int((zero + max(start - 0.5, 0)) * 1e6))
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    reach = max(reach, float((packet.pts + (packet.duration or 0)) * packet.time_base) - zero)
                for frame in packet.decode() if packet.stream is stream else ():
                    assert isinstance(frame, av.AudioFrame)
                    at = position or 0 if frame.time is None else round((frame.time - zero) * rate)
                    if position is None:
                        position = min(at, first)
                    if 0.02 * rate < at - position <= length * rate:  # a late start, or a gap: silence
                        yield rate, np.zeros(max(0, min(at, last) - max(position, first)), np.float32)
                        position = at
                    yield rate, _mono(frame)[max(0, first - position) : max(0, last - position)]
                    position += frame.samples
                    if position >= last:
                        return
        except (av.FFmpegError, ValueError) as error:
            raise EmozooError(f"{path}: the sound track is damaged or cut off: copy or convert it again") from error
        if end is None and reach < _promised_seconds(container) - 1:
            raise EmozooError(f"{path} is cut off, its header promises more: copy or convert it again")


def _promised_seconds(container: av.container.InputContainer) -> float:
    """The length that the header states; 0 for the kinds of file where ffmpeg only guesses."""
    if container.format.name[:3] in ("mov", "mat"):
        return (container.duration or 0) / 1e6
    pictures = picture_stream(container)
    return float(pictures.frames / pictures.average_rate) if pictures and pictures.average_rate else 0.0


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """float32 [samples]."""
    sound = frame.to_ndarray()  # [channels, samples], or [1, samples * channels] where the format is packed
    return mean_of_channels(sound.T if frame.format.is_planar else sound.reshape(frame.samples, -1))


def mean_of_channels(sound: np.ndarray) -> np.ndarray:
    """float32 [samples], a copy, of samples [samples, channels]: uint8 around 128, signed integers, or floats in [-1, 1]."""
    if sound.dtype.kind == "u":
        sound = sound.astype(np.int16) - 128
        return (sound / 128).astype(np.float32).mean(axis=1)
    scale = 2.0 ** (8 * sound.dtype.itemsize - 1) if sound.dtype.kind == "i" else 1.0
    return (sound / scale).astype(np.float32).mean(axis=1)


def _at_sampling_rate(pieces: Iterable[tuple[int, np.ndarray]], block_seconds: float) -> Iterator[np.ndarray]:
    """Blocks at 16 kHz, of pieces that all have one rate."""
    resampler: Resampler | None = None
    for rate, piece in pieces:
        resampler = resampler or Resampler(rate, block_seconds)
        yield from resampler.push(piece)
    if resampler:
        yield from resampler.finish()


def check_rate(rate: int) -> None:
    """Raises EmozooError for a sampling rate that no stream of speech has."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise EmozooError(f"a stream has {LOWEST_RATE} to {HIGHEST_RATE} samples a second, not {rate}: check the rate")


class Resampler:
    """Sound of any rate, in pieces of any length, becomes blocks at 16 kHz, in constant memory.

    A block is resampled with as much of its neighbours as the filter spans, so that none shows a seam, and what comes out
    does not depend on where the pieces were cut.
    """

    def __init__(self, rate: int, block_seconds: float) -> None:
        """`rate` is in samples a second; blocks are of about `block_seconds`."""
        # A rate that shares no large factor with 16 kHz would need a filter of gigabytes: the nearest ratio with
        # small terms is off by less than 2 ms in an hour, and exact for all usual rates.
        ratio = Fraction(rate, SAMPLING_RATE).limit_denominator(1000)
        self._down, self._up = down, up = ratio.numerator, ratio.denominator
        self._step = max(1, round(block_seconds * rate / down)) * down
        self._context = 0 if up == down else (math.ceil(8 / min(up, down)) + 1) * down  # the filter spans 6.06
        self._buffer, self._held = [np.zeros(self._context, np.float32)], self._context

    def push(self, piece: np.ndarray) -> Iterator[np.ndarray]:
        """The next sound float32 [samples]; gives the blocks float32 [samples] that are complete with it."""
        self._buffer.append(piece)
        self._held += len(piece)
        span = self._step + 2 * self._context
        if self._held < span:
            return
        whole, first = np.concatenate(self._buffer), 0
        begin, end = (place * self._up // self._down for place in (self._context, self._context + self._step))
        while len(whole) - first >= span:
            yield _resample(whole[first : first + span], self._down, self._up)[begin:end]
            first += self._step
        self._buffer, self._held = [whole[first:]], len(whole) - first

    def finish(self) -> Iterator[np.ndarray]:
        """The rest, once all has been pushed."""
        rest = self._held - self._context
        if rest > 0:
            whole = np.concatenate([*self._buffer, np.zeros(self._context, np.float32)])
            begin = self._context * self._up // self._down
            yield _resample(whole, self._down, self._up)[begin : begin + math.ceil(rest * self._up / self._down)]


def _resample(sound: np.ndarray, down: int, up: int) -> np.ndarray:
    """float32 [samples] -> float32 [ceil(samples * up / down)], as torchaudio.functional.resample(sound, down, up) gives it.

    Written out here because a decoder that imports neither torch nor torchaudio starts in a tenth of the time.
    """
    if down == up:
        return sound
    filters, reach = _filters(down, up)
    padded = np.pad(sound, (reach, reach + down))
    spans = np.lib.stride_tricks.sliding_window_view(padded, len(filters))[::down]
    resampled = np.empty((len(spans), up), np.float32)
    few = max(1, 2**16 // len(filters))  # spans overlap, so a copy of all of them would be many times the sound
    for first in range(0, len(spans), few):
        np.matmul(spans[first : first + few], filters, out=resampled[first : first + few])
    return resampled.reshape(-1)[: math.ceil(len(sound) * up / down)]


@lru_cache(maxsize=8)
def _filters(down: int, up: int) -> tuple[np.ndarray, int]:
    """One filter for each of the `up` phases, float32 [taps, up], and the samples that they reach back.

    A sinc under a Hann window: Smith, "Digital audio resampling", https://ccrma.stanford.edu/~jos/resample/.
    """
    cut = min(down, up) * _ROLLOFF
    reach = math.ceil(_CROSSINGS * down / cut)
    samples = np.arange(-reach, reach + down)[:, None] / down - np.arange(up) / up
    place = np.clip(samples * cut, -_CROSSINGS, _CROSSINGS)
    filters = np.sinc(place) * np.cos(place * math.pi / _CROSSINGS / 2) ** 2 * (cut / down)
    return filters.astype(np.float32), reach
