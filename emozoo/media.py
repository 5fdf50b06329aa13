"""A file becomes a `Clip`: sound as 16 kHz mono, pictures as small frames, cut into the windows a network sees.

This is the door: what soundfile reads is decoded here, by `emozoo.sound`; all else by a `Decoder`, in a process of its own.
Importing it costs no more than numpy: decoders are imported on first use. What a sound or a picture means to a network is
`emozoo.features`' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo import sound
from emozoo.container import ContainerFacts
from emozoo.decoder import Decoder, Video
from emozoo.errors import EmozooError
from emozoo.film import FRAME_HEIGHT, FRAME_WIDTH, SAMPLES_PER_FRAME, WHOLE_PICTURE, Crop
from emozoo.media_files import Warn, ignore
from emozoo.sound import SAMPLING_RATE, SLACK_SECONDS
from emozoo.soundtrack import SILENT

__all__ = [
    "DARK",
    "FRAMES_PER_WINDOW",
    "FRAME_HEIGHT",
    "FRAME_WIDTH",
    "HOP_SAMPLES",
    "SAMPLES_PER_FRAME",
    "SAMPLING_RATE",
    "SILENT",
    "SLACK_SECONDS",
    "WHOLE_PICTURE",
    "WINDOW_SAMPLES",
    "WINDOW_SECONDS",
    "Clip",
    "Crop",
    "Decoder",
    "Video",
    "WindowCutter",
    "cut_window",
    "duration",
    "has_sound",
    "has_video",
    "modalities_of",
    "read_audio",
    "read_clip",
    "silence_beside",
    "stack_frames",
    "stream_audio",
    "window_starts",
]

WINDOW_SECONDS = 3.0
WINDOW_SAMPLES = 48_000
HOP_SAMPLES = 16_000
FRAMES_PER_WINDOW = 20
LONGEST_SILENCE = 4 * 3600.0
"""Seconds that `silence_beside` gives at most: a header may claim any length."""
DARK = 16
"""Frames with nothing above it, of 255, are black, as a window with no peak above `SILENT` is silent. To a network that can
do without sound or picture, these are missing."""


@dataclass(frozen=True)
class Clip:
    """What a file, or a span of it, sounds and looks like."""

    waveform: np.ndarray
    """float32 [samples], 16 kHz mono."""
    frames: np.ndarray | None = None
    """uint8 [ceil(samples / 2400), 60, 100, 3], RGB; frame k is the picture at (k + 0.5) * 0.15 s. None: not asked for."""


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

    `warn` is told, in a sentence each, what is wrong with a sound that is answered all the same; with a `decoder`, its own
    is told. Raises EmozooError where the file is missing, without a sound track, damaged beyond use, or does not reach from
    `start` to `end` (a tenth of a second beyond its end is forgiven).
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
    """Whether the file has moving pictures; a cover picture is none. Raises EmozooError where it is no media file."""
    return _facts(path, decoder).has_video


def has_sound(path: str | Path, decoder: Decoder | None = None) -> bool:
    """Whether the file has a sound track. Raises EmozooError where it is no media file."""
    return _facts(path, decoder).has_sound


def duration(path: str | Path, decoder: Decoder | None = None) -> float:
    """Seconds from the file's first sound or picture to its last. Raises EmozooError where it is no media file."""
    return _facts(path, decoder).seconds


def _facts(path: str | Path, decoder: Decoder | None) -> ContainerFacts:
    file = sound.open_soundfile(path)
    if file is None:
        with _borrowed(decoder) as used:
            return used.probe(path)
    with file:
        return ContainerFacts(True, False, file.frames / file.samplerate)


def _borrowed(decoder: Decoder | None, warn: Warn = ignore) -> AbstractContextManager[Decoder]:
    """The decoder that is given, which stays open, or one of its own."""
    return Decoder(warn) if decoder is None else nullcontext(decoder)


def silence_beside(
    path: str | Path, start: float | None = None, end: float | None = None, decoder: Decoder | None = None
) -> np.ndarray:
    """The sound of a video that has none, from `start` to `end` (seconds; None: the file's own): zeros, float32 [samples].

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
    if last - first > sound.LONGEST_SECONDS:
        raise sound.too_long(path)
    return np.zeros(max(1, round((last - first) * SAMPLING_RATE)), np.float32)


def window_starts(samples: int) -> list[int]:
    """The first sample of every window of a clip: one a second while it fits, and a last one that ends with the clip.

    A clip shorter than a window has one, at 0.
    """
    last = max(samples - WINDOW_SAMPLES, 0)
    starts = list(range(0, last + 1, HOP_SAMPLES))
    return starts if starts[-1] == last else [*starts, last]


class WindowCutter:
    """Cuts sound that comes block by block into the windows of `window_starts`, in constant memory."""

    def __init__(self) -> None:
        self._held, self._first = np.zeros(0, np.float32), 0
        """What is held begins at sample `_first`, the next window at `_start`."""
        self._start = 0

    def push(self, block: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The next sound at 16 kHz, float32 [samples]; gives the windows that are complete with it: first sample, sound."""
        self._held = np.concatenate([self._held, block])
        while self._first + len(self._held) - self._start >= WINDOW_SAMPLES:
            yield self._start, self._held[self._start - self._first :][:WINDOW_SAMPLES]
            self._start += HOP_SAMPLES
        # What the last window needs, should the sound end with this block, is kept.
        drop = max(0, len(self._held) - WINDOW_SAMPLES)
        self._held, self._first = self._held[drop:], self._first + drop

    def finish(self) -> Iterator[tuple[int, np.ndarray]]:
        """The last window, once all has been pushed, where none has ended with the sound; it may be short."""
        samples = self._first + len(self._held)
        if self._start == 0 or samples > self._start - HOP_SAMPLES + WINDOW_SAMPLES:
            last = max(0, samples - WINDOW_SAMPLES)
            yield last, self._held[last - self._first :]


def cut_window(waveform: np.ndarray, frames: np.ndarray | None, start: int) -> tuple[np.ndarray, np.ndarray | None]:
    """One window of a clip: sound [48000] of the same dtype and, where there are frames, uint8 [20, 60, 100, 3].

    Behind the clip's end lie silence and its last frame. `start` is a sample of the clip; the frames are those nearest
    to the window's own moments, so at most 0.075 s off.
    """
    sound = np.zeros(WINDOW_SAMPLES, waveform.dtype)
    piece = waveform[start : start + WINDOW_SAMPLES]
    sound[: len(piece)] = piece
    if frames is None:
        return sound, None
    numbers = (start + SAMPLES_PER_FRAME // 2) // SAMPLES_PER_FRAME + np.arange(FRAMES_PER_WINDOW)
    return sound, frames[np.minimum(numbers, len(frames) - 1)]


def stack_frames(frames: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """The frames of windows, uint8 [20, 60, 100, 3] each, as uint8 [windows, 20, 60, 100, 3]; those of a window without are
    black. None where all are without."""
    if all(each is None for each in frames):
        return None
    black = np.zeros((FRAMES_PER_WINDOW, FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
    return np.stack([black if each is None else each for each in frames])


def modalities_of(sound: np.ndarray, frames: np.ndarray | None) -> set[str]:
    """Which of `audio` and `video` there are in a window, as `cut_window` gives it."""
    peak = max(float(sound.max()), -float(sound.min())) / (32768 if sound.dtype == np.int16 else 1)
    found = {"audio"} if peak > SILENT else set()
    return found | ({"video"} if frames is not None and frames.max() > DARK else set())
