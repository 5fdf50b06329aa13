"""Reads the sound and the frames of a file: `read_audio`, `stream_audio`, `read_clip`.

What soundfile reads is decoded here, by `emozoo.media.sound`; all else by a `Decoder`, in a process of its own. Importing
this costs no more than numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media import sound
from emozoo.media.decoder import Decoder
from emozoo.media.decoders.probe import ContainerFacts
from emozoo.media.files import Warn, ignore
from emozoo.media.sound import LONGEST_SECONDS, open_soundfile, too_long
from emozoo.media.window import SLACK_SECONDS, Crop
from emozoo.media.window_shape import SAMPLING_RATE

LONGEST_SILENCE = 4 * 3600.0
"""Seconds that `silence_beside` gives at most: a header may claim any length."""


@dataclass(frozen=True)
class Clip:
    """The sound and the frames of a file, or of a span of it."""

    waveform: np.ndarray
    """float32 [samples], 16 kHz mono."""
    frames: np.ndarray | None = None
    """uint8 [ceil(samples / 2400), 60, 100, 3], RGB. Frame k is what the video shows at (k + 0.5) * 0.15 s. None: not asked
    for."""


def read_audio(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    *,
    warn: Warn = ignore,
    decoder: Decoder | None = None,
) -> np.ndarray:
    """The sound from `start` to `end` (seconds; None: the file's own): float32 [samples], 16 kHz, the mean of all channels,
    without a constant offset.

    `warn` is told, in a sentence each, what is wrong with sound that can be used all the same. With a `decoder`, its own
    `warn` is told. Raises EmozooError where the file is missing, without a sound track, damaged beyond use, or does not
    reach from `start` to `end` (a tenth of a second beyond its end is forgiven).
    """
    with _borrowed(decoder, warn) as used:
        return sound.read_audio(path, start, end, warn=used.warn, container=used.sound)


def stream_audio(
    path: str | Path, block_seconds: float = 10.0, *, warn: Warn = ignore, decoder: Decoder | None = None
) -> Iterator[np.ndarray]:
    """`read_audio` of a whole file in blocks of about `block_seconds`, in constant memory: float32 [samples] each."""
    with _borrowed(decoder, warn) as used:
        yield from sound.stream_audio(path, block_seconds, warn=used.warn, container=used.sound)


def read_clip(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    *,
    video: bool = False,
    crop: Crop | None = None,
    warn: Warn = ignore,
) -> Clip:
    """The sound from `start` to `end` (seconds; None: the file's own) and, with `video`, the frames beside it.

    `warn` is as in `read_audio`. Raises EmozooError where the file cannot give them.
    """
    with Decoder(warn) as decoder:
        waveform = read_audio(path, start, end, decoder=decoder)
        return Clip(waveform, decoder.video(path).frames(start or 0.0, len(waveform), crop) if video else None)


def has_video(path: str | Path, decoder: Decoder | None = None) -> bool:
    """Whether the file has a video track; a cover picture is none. Raises EmozooError where it is no media file."""
    return _facts(path, decoder).has_video


def has_sound(path: str | Path, decoder: Decoder | None = None) -> bool:
    """Whether the file has a sound track. Raises EmozooError where it is no media file."""
    return _facts(path, decoder).has_sound


def duration(path: str | Path) -> float:
    """Seconds from the file's first sound or frame to its last. Raises EmozooError where it is no media file."""
    return _facts(path, None).seconds


def _facts(path: str | Path, decoder: Decoder | None) -> ContainerFacts:
    file = open_soundfile(path)
    if file is None:
        with _borrowed(decoder) as used:
            return used.probe(path)
    with file:
        return ContainerFacts(True, False, file.frames / file.samplerate)


def _borrowed(decoder: Decoder | None, warn: Warn = ignore) -> AbstractContextManager[Decoder]:
    """The given decoder, which stays open, or a new one."""
    return Decoder(warn) if decoder is None else nullcontext(decoder)


def silence_beside(
    path: str | Path, start: float | None = None, end: float | None = None, decoder: Decoder | None = None
) -> np.ndarray:
    """Silence in place of a video's sound, from `start` to `end` (seconds; None: the file's own): zeros, float32 [samples].

    Raises EmozooError where the video does not reach that far.
    """
    with _borrowed(decoder) as used:
        seconds = used.video(path).seconds
    first, last = start or 0.0, seconds if end is None else end
    if not 0 <= first < last <= seconds + SLACK_SECONDS:
        raise EmozooError(
            f"{path}: no span from {first} to {last} s, the video ends at {seconds:.2f} s: check the span"
        )
    if last - first > LONGEST_SILENCE:
        raise EmozooError(f"{path} claims to be {last - first:.0f} s long, more than is read: give a span of it")
    if last - first > LONGEST_SECONDS:
        raise too_long(path)
    return np.zeros(max(1, round((last - first) * SAMPLING_RATE)), np.float32)
