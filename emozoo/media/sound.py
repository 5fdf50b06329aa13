"""The sound of a file, and who reads it: part of `emozoo.media.reading`, which is what the rest of emozoo imports.

soundfile reads sound files that are whole; PyAV (`emozoo.media.decoders.container`) all else: the sound tracks of
videos, MP3, M4A, and
what soundfile refuses or would read in part. (decord's AudioReader is not used: it decodes the whole track at once, never
frees it, and mixes channels to other levels than a sound file's.) Which one reads a file is found from its bytes and by
trying, never from its name. Both are imported on first use.
"""

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
from emozoo.media.resampling import OffsetRemover, Resampler
from emozoo.media.window import SAMPLING_RATE, SLACK_SECONDS

if TYPE_CHECKING:
    import soundfile

LONGEST_SECONDS = 4 * 3600.0
"""Of a clip that is read as a whole."""
_SOUNDFILE_HEADS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd")
"""How files begin that soundfile may open. It would take all else for MP3, and complain about it on standard error."""
_COUNTED = re.compile(r"(?:data|SSND|BODY|riff|Riff size|Data Size) *: (\d+) \(should be (\d+)")
"""What soundfile's log says of a file that lacks its end: the bytes that are promised, and those that are there."""
_LEFT_TO_PYAV = ("GSM610", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
_PIECE_BYTES = 2**24
"""That are read at a time at most."""

Span = tuple[float | None, float | None]
"""Where it starts and ends, in seconds; None: as the file does."""
Container = Callable[[str | Path, float | None, float | None, Warn], Iterator[tuple[int, np.ndarray]]]
"""`container_sound`, or what does the same elsewhere."""


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

    `warn` is told, in a sentence each, what a listener should know of the sound: that it is cut off, damaged, resampled.
    `container` does what `container_sound` does, perhaps in another process.
    Raises EmozooError where the file is missing, without a sound track, damaged beyond use, or does not reach from `start`
    to `end` (a tenth of a second beyond its end is forgiven), or lasts longer than `LONGEST_SECONDS`.
    """
    blocks, samples = [], 0
    for block in _at_sampling_rate(_native_sound(path, start, end, warn, container), 60.0, warn):
        samples += len(block)
        if samples > LONGEST_SECONDS * SAMPLING_RATE:
            raise too_long(path)
        blocks.append(block)
    return np.concatenate(blocks)


def too_long(path: str | Path) -> EmozooError:
    """What to tell of a clip that is longer than `LONGEST_SECONDS`."""
    return EmozooError(
        f"{path} is longer than {LONGEST_SECONDS / 3600:g} hours: cut it, or give each utterance's start and end"
    )


def stream_audio(
    path: str | Path, block_seconds: float = 10.0, *, warn: Warn = ignore, container: Container = container_sound
) -> Iterator[np.ndarray]:
    """`read_audio` of a whole file in blocks of about `block_seconds`, in constant memory: float32 [samples] each."""
    return _at_sampling_rate(_native_sound(path, None, None, warn, container), block_seconds, warn)


def open_soundfile(path: str | Path) -> soundfile.SoundFile | None:
    """The file where soundfile reads it to its end, None where that is PyAV's work."""
    sound = _opened(path)
    if sound is None or (sound.subtype not in _LEFT_TO_PYAV and _reaches_its_end(sound)):
        return sound
    sound.close()
    return None


def begins_as_sound_file(path: str | Path) -> bool:
    """Whether soundfile is asked first; also for a file that cannot be opened."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in _SOUNDFILE_HEADS
    except OSError:
        return True


def _opened(path: str | Path) -> soundfile.SoundFile | None:
    """The file where soundfile knows it, whatever it reads of it."""
    name = existing_file(path)
    with open(name, "rb") as file:
        head = file.read(4096)
    if head[:4] not in _SOUNDFILE_HEADS or _holds_mpeg(head):
        return None
    import soundfile

    try:
        return soundfile.SoundFile(name)
    except Exception:  # noqa: BLE001 - also TypeError: a name in .raw, which says no more of its content than any other
        return None


def _holds_mpeg(head: bytes) -> bool:
    """Whether a WAV has MP2 or MP3 inside, about which soundfile's decoder complains on standard error."""
    place = head.find(b"fmt ") if head.startswith(b"RIFF") else -1
    return place >= 0 and head[place + 8 : place + 10] in (b"\x50\0", b"\x55\0")


def _reaches_its_end(sound: soundfile.SoundFile) -> bool:
    """Whether all that is there can be read, as far as can be told at once."""
    if sound.format == "OGG":
        return walk(sound.name).whole
    if sound.format != "FLAC":  # the header of others was checked against the file's size when it was opened
        return sound.frames < 2**60
    try:
        count = min(sound.frames, 2**16)  # to seek the last frame itself takes libFLAC a walk over the whole file
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
    if not 0 <= (start or 0.0) < (1e9 if end is None else end) <= 1e9:  # also where one is NaN
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
            warn(f"resampled from {rate} Hz: nothing above {rate / 2000:g} kHz")
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
    """What PyAV reads, or where that is nothing, what soundfile does."""
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
    with file:
        rate = file.samplerate
        check_track(path, rate, file.channels)
        place = first = min(round((start or 0.0) * rate), file.frames)
        last = file.frames if end is None else min(round(end * rate), file.frames)
        few = min(10 * rate, _PIECE_BYTES // (4 * file.channels))
        failed = False
        while place < last and not failed:
            try:
                if place == first:
                    file.seek(first)
                piece = file.read(min(last - place, few), dtype="float32", always_2d=True)
            except Exception:  # noqa: BLE001 - whatever it raises, PyAV may know better
                failed = True
                break
            if not len(piece):
                break
            place += len(piece)
            yield rate, piece.mean(axis=1)
        missing = (last - place) / rate if file.format == "OGG" else 0.0
        failed = failed or (place < last and not missing)
        promised, there = _promised(file), file.frames / rate
    if failed:
        yield from _rest(path, place / rate, end, warn, container)
    elif missing > SLACK_SECONDS and end is None:  # its pages were all whole
        warn(f"a hole of {missing:.1f} s in the timestamps was left out")
    elif end is None and there < promised - 0.05:
        if there < ALMOST_NOTHING:
            raise EmozooError(f"{path} is cut off, next to nothing of it is there: copy or export it again")
        warn(f"cut off: the header promises {promised:.1f} s, {there:.1f} s are there")


def _rest(
    path: str | Path, place: float, end: float | None, warn: Warn, container: Container
) -> Iterator[tuple[int, np.ndarray]]:
    """What PyAV reads from where soundfile failed, after `place` seconds; where that is nothing, the file ends there."""
    try:
        yield from container(path, place, end, warn)
        warn("damaged: not all of it can be read")
    except EmozooError:
        if place < ALMOST_NOTHING:
            raise
        warn(f"cut off: what comes after {place:.1f} s cannot be read")


def _at_sampling_rate(
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
    """Blocks at 16 kHz; the rate of the pieces may change where one recording follows another."""
    resampler, before = None, 0
    for rate, piece in pieces:
        if resampler is None or rate != before:
            if resampler is not None:
                yield from resampler.finish()
            resampler, before = Resampler(rate, block_seconds), rate
        yield from resampler.push(piece)
    if resampler is not None:
        yield from resampler.finish()
