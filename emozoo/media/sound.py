"""Decides who reads the sound of a file, and brings it to 16 kHz; `emozoo.media.reading` is the door to this.

soundfile reads whole sound files. PyAV (`emozoo.media.decoders.soundtrack`) reads videos, MP3, M4A, and what soundfile
refuses or would read in part. A file's bytes decide, never its name. Both are imported on first use.
"""
# decord's AudioReader is not used: it decodes a whole track at once, never frees it, and mixes channels to other levels.

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.container import check_track
from emozoo.media.decoders.ogg import walk
from emozoo.media.decoders.soundtrack import ALMOST_NOTHING, container_sound
from emozoo.media.files import Warn, existing_file, ignore, unknown_size
from emozoo.media.mixing import Mixer
from emozoo.media.resampling import OffsetRemover, Resampler
from emozoo.media.window import SLACK_SECONDS
from emozoo.media.window_shape import SAMPLING_RATE

if TYPE_CHECKING:
    import soundfile

LONGEST_SECONDS = 4 * 3600.0
"""Of a clip that is read at once."""
_SOUNDFILE_HEADS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd")
"""The first bytes of files that soundfile may open. It takes all others for MP3, and complains on standard error."""
_COUNTED = re.compile(r"(?:data|SSND|BODY|riff|Riff size|Data Size) *: (\d+) \(should be (\d+)")
"""What soundfile's log says of a file that is cut off: the bytes that are promised, and those that are there."""
_LEFT_TO_PYAV = ("GSM610", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
_READ_BYTES = 2**24
_READ_SECONDS = 10
"""That are read at a time, at most."""
_NO_END = 1e9
"""Seconds that no recording has."""

Span = tuple[float | None, float | None]
"""Start and end in seconds; None: the file's own."""
Container = Callable[[str | Path, float | None, float | None, Warn], Iterator[tuple[int, np.ndarray]]]
"""`container_sound`, or the same in another process."""


class _SoundfileFails(Exception):
    """soundfile cannot read on."""


def read_audio(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    *,
    warn: Warn = ignore,
    container: Container = container_sound,
) -> np.ndarray:
    """The sound from `start` to `end` (seconds; None: the file's own): float32 [samples], 16 kHz, the mean of all channels,
    without a constant offset.

    `warn` is told, in a sentence each, what is wrong with the sound: it is cut off, damaged, resampled.
    Raises EmozooError where the file is missing, without a sound track, damaged beyond use, longer than `LONGEST_SECONDS`,
    or does not reach from `start` to `end` (a tenth of a second beyond its end is forgiven).
    """
    blocks, samples = [], 0
    for block in at_sampling_rate(_native_sound(path, start, end, warn, container), 60.0, warn):
        samples += len(block)
        if samples > LONGEST_SECONDS * SAMPLING_RATE:
            raise too_long(path)
        blocks.append(block)
    return np.concatenate(blocks)


def too_long(path: str | Path) -> EmozooError:
    """The error for a clip that is longer than `LONGEST_SECONDS`."""
    return EmozooError(
        f"{path} is longer than {LONGEST_SECONDS / 3600:g} hours: cut it, or give each utterance's start and end"
    )


def stream_audio(
    path: str | Path, block_seconds: float = 10.0, *, warn: Warn = ignore, container: Container = container_sound
) -> Iterator[np.ndarray]:
    """`read_audio` of a whole file in blocks of about `block_seconds`, in constant memory: float32 [samples] each."""
    return at_sampling_rate(_native_sound(path, None, None, warn, container), block_seconds, warn)


RESAMPLED = "resampled from"
"""How the warning of `below_rate` begins."""


def below_rate(rate: int) -> str:
    """The warning for a sampling rate below 16 kHz."""
    return f"{RESAMPLED} {rate} Hz: nothing above {rate / 2000:g} kHz"


def open_soundfile(path: str | Path) -> soundfile.SoundFile | None:
    """The open file where soundfile reads it to its end, None where PyAV reads it."""
    sound = _opened(path)
    if sound is None or (sound.subtype not in _LEFT_TO_PYAV and _reaches_its_end(sound)):
        return sound
    sound.close()
    return None


def begins_as_sound_file(path: str | Path) -> bool:
    """Whether soundfile is tried first; also for a file that cannot be opened."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in _SOUNDFILE_HEADS
    except OSError:
        return True


def _opened(path: str | Path) -> soundfile.SoundFile | None:
    """The open file where soundfile opens it, however much it can read."""
    name = existing_file(path)
    with open(name, "rb") as file:
        head = file.read(4096)
    if head[:4] not in _SOUNDFILE_HEADS or _holds_mpeg(head):
        return None
    import soundfile

    try:
        return soundfile.SoundFile(name)
    except Exception:  # noqa: BLE001 - also TypeError, for a name in .raw, which says nothing of the content
        return None


def _holds_mpeg(head: bytes) -> bool:
    """Whether a WAV holds MP2 or MP3, of which soundfile's decoder complains on standard error."""
    place = head.find(b"fmt ") if head.startswith(b"RIFF") else -1
    return place >= 0 and head[place + 8 : place + 10] in (b"\x50\0", b"\x55\0")


def _reaches_its_end(sound: soundfile.SoundFile) -> bool:
    """Whether all of the file can be read, as far as can be told at once."""
    if sound.format == "OGG":
        return walk(sound.name).whole
    if sound.format != "FLAC":  # on opening, others are checked against the file's size
        return sound.frames < 2**60
    try:
        count = min(sound.frames, 2**16)  # to seek the last frame itself, libFLAC reads the whole file
        sound.seek(sound.frames - count)
        last = sound.read(count, dtype="int16")
        sound.seek(0)
    except Exception:  # noqa: BLE001 - the answer is no
        return False
    return len(last) == count


def _promised(sound: soundfile.SoundFile) -> float:
    """Seconds that the header promises."""
    seconds = sound.frames / sound.samplerate
    for promised, there in re.findall(_COUNTED, sound.extra_info):
        if int(there) and not unknown_size(int(promised)):
            return seconds * max(1.0, int(promised) / int(there))
    return seconds


def _native_sound(
    path: str | Path, start: float | None, end: float | None, warn: Warn, container: Container
) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of sampling rate and mono sound float32 [samples], in order, from `start` to `end`."""
    if not 0 <= (start or 0.0) < (_NO_END if end is None else end) <= _NO_END:  # also where one is NaN
        raise EmozooError(f"{path}: no span from {start} to {end} s: the start must be 0 or later, and before the end")
    file = open_soundfile(path)
    if file is None:
        pieces = _container_sound(path, (start, end), warn, container)
    else:
        pieces = _soundfile_sound(path, file, (start, end), warn, container)
    seconds = 0.0
    for rate, piece in pieces:
        if not np.isfinite(piece).all():
            raise EmozooError(f"{path} holds samples that are no numbers (NaN or infinity): export the sound again")
        if not seconds and rate < SAMPLING_RATE:
            warn(below_rate(rate))
        seconds += len(piece) / rate
        yield rate, piece
    if not seconds and start:
        raise EmozooError(f"{path} is over before {start} s: check the span")
    if not seconds:
        raise EmozooError(f"{path} holds no sound, its length is zero: record or export it again")
    if end is not None and seconds < end - (start or 0.0) - SLACK_SECONDS:
        raise EmozooError(f"{path} ends at {(start or 0.0) + seconds:.2f} s, before {end} s: check the span")


def _container_sound(
    path: str | Path, span: Span, warn: Warn, container: Container
) -> Iterator[tuple[int, np.ndarray]]:
    """What PyAV reads; where that is nothing, what soundfile reads."""
    pieces = container(path, *span, warn)
    try:
        first = next(pieces, None)
    except EmozooError:
        file = _opened(path)
        if file is None or not file.frames:
            raise
        yield from _soundfile_sound(path, file, span, warn, container)
        return
    if first is not None:
        yield first
        yield from pieces


def _soundfile_sound(
    path: str | Path,
    file: soundfile.SoundFile,
    span: Span,
    warn: Warn,
    container: Container,
) -> Iterator[tuple[int, np.ndarray]]:
    """What soundfile reads, and from where it fails on, what PyAV reads."""
    start, end = span
    mixer = Mixer()
    with file:
        rate = file.samplerate
        check_track(path, rate, file.channels)
        place = min(round((start or 0.0) * rate), file.frames)
        last = file.frames if end is None else min(round(end * rate), file.frames)
        failed = False
        try:
            for piece in _soundfile_pieces(file, place, last):
                place += len(piece)
                yield rate, mixer.mix(piece)
        except _SoundfileFails:
            failed = True
        missing = (last - place) / rate if file.format == "OGG" else 0.0
        failed = failed or (place < last and not missing)
        promised, there = _promised(file), file.frames / rate
    if mixer.remark:
        warn(mixer.remark)
    if failed:
        yield from _rest(path, place / rate, end, warn, container)
    elif missing > SLACK_SECONDS and end is None:  # its pages were all whole
        warn(f"a hole of {missing:.1f} s in the timestamps was left out")
    elif end is None and there < promised - 0.05:
        if there < ALMOST_NOTHING:
            raise EmozooError(f"{path} is cut off, next to nothing of it is there: copy or export it again")
        warn(f"cut off: the header promises {promised:.1f} s, {there:.1f} s are there")


def _soundfile_pieces(file: soundfile.SoundFile, first: int, last: int) -> Iterator[np.ndarray]:
    """float32 [samples, channels] each, from `first` to `last`, or as far as the file goes. Raises _SoundfileFails."""
    most = min(_READ_SECONDS * file.samplerate, _READ_BYTES // (4 * file.channels))
    place = first
    while place < last:
        try:
            if place == first:
                file.seek(first)
            piece = file.read(min(last - place, most), dtype="float32", always_2d=True)
        except Exception as error:  # noqa: BLE001 - whatever it raises, PyAV may know better
            raise _SoundfileFails from error
        if not len(piece):
            return
        place += len(piece)
        yield piece


def _rest(
    path: str | Path, place: float, end: float | None, warn: Warn, container: Container
) -> Iterator[tuple[int, np.ndarray]]:
    """What PyAV reads from `place`, in seconds, where soundfile failed. Where that is nothing, the file ends there."""
    try:
        yield from container(path, place, end, warn)
        warn("damaged: not all of it can be read")
    except EmozooError:
        if place < ALMOST_NOTHING:
            raise
        warn(f"cut off: what comes after {place:.1f} s cannot be read")


def at_sampling_rate(
    pieces: Iterable[tuple[int, np.ndarray]], block_seconds: float, warn: Warn
) -> Iterator[np.ndarray]:
    """Blocks at 16 kHz, without a constant offset."""
    remover = OffsetRemover()
    for block in _resampled(pieces, block_seconds):
        yield from remover.push(block)
    yield from remover.finish()
    if remover.offset:
        warn(f"a constant offset of {abs(remover.offset):.0%} of full scale was removed")


def _resampled(pieces: Iterable[tuple[int, np.ndarray]], block_seconds: float) -> Iterator[np.ndarray]:
    """Blocks at 16 kHz. The rate of the pieces may change where one recording follows another."""
    resampler = None
    rate_before = 0
    for rate, piece in pieces:
        if resampler is None or rate != rate_before:
            if resampler is not None:
                yield from resampler.finish()
            resampler = Resampler(rate, block_seconds)
            rate_before = rate
        yield from resampler.push(piece)
    if resampler is not None:
        yield from resampler.finish()
