"""A clip is read and cut into windows, in constant memory: `ClipReader`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.clips import Clip
from emozoo.inference.model import Model, Window
from emozoo.inference.options import PredictOptions
from emozoo.inference.voice import speech_detector, window_reason
from emozoo.media.decoder import Decoder
from emozoo.media.files import Warn
from emozoo.media.prepared import PreparedFrames, prepare_samples, stream_prepared_audio
from emozoo.media.reading import has_video
from emozoo.media.window import WindowCutter, cut_window, modalities_of
from emozoo.media.window_shape import SAMPLING_RATE


@dataclass(frozen=True)
class Cut:
    """A window of a clip."""

    start: float
    """Seconds from the clip's start, as `end`."""
    end: float
    window: Window
    modalities: frozenset[str]
    """Which of `audio` and `video` it has."""
    speech: float | None = None
    """How much of it is speech, from 0 to 1; None: not searched for."""
    reason: str | None = None
    """Why it is not answered; None: it is."""


class ClipReader:
    """Reads one clip for a model, and collects what is to be said of it."""

    def __init__(self, clip: Clip, model: Model, options: PredictOptions) -> None:
        self.clip = clip
        self.warnings: list[str] = []
        """What is wrong with a clip that can be answered nonetheless."""
        self.seconds = 0.0
        """How long it is, as far as it was read."""
        self._model = model
        self._options = options
        self._shape = model.window.every(options.hop)
        self._detector = speech_detector(model, options)

    @property
    def speech(self) -> float | None:
        """How much of what was read is speech, from 0 to 1; None: not searched for."""
        return None if self._detector is None else self._detector.share

    def cuts(self) -> Iterator[Cut]:
        """The windows, in order: `emozoo.media.window.window_starts`. Raises EmozooError for a clip that cannot be read, and
        for one that lacks the sound or the video that the model needs. Closes the clip at the end."""
        try:
            yield from self._of_samples() if self.clip.sound is not None else self._of_file()
        except EmozooError as error:
            raise EmozooError(self.clip.in_words(error)) from error
        finally:
            self.clip.close()

    def _of_samples(self) -> Iterator[Cut]:
        model, clip = self._model, self.clip
        if model.video and "video" not in model.optional:
            raise EmozooError(f"{clip.name}: this model needs video, and samples have none: give a video file")
        assert clip.sound is not None
        yield from self._cut(prepare_samples(clip.sound, clip.rate, clip.name, model.preparation, self._warn), None)

    def _of_file(self) -> Iterator[Cut]:
        model, path = self._model, self.clip.path
        assert path is not None
        with Decoder(self._warn, self._options.timeout) as decoder:
            frames = _Frames(path, model, decoder, self._warn) if model.video else None
            silent_seconds = frames.seconds if frames and "audio" in model.optional else 0.0
            blocks = stream_prepared_audio(path, model.preparation, decoder, silent_seconds=silent_seconds)
            yield from self._cut(blocks, frames)
            if not model.video and decoder.is_used and has_video(path, decoder):
                self._warn("only the sound of the video was used")

    def _warn(self, sentence: str) -> None:
        self.warnings.append(self.clip.in_words(sentence))

    def _cut(self, blocks: Iterator[np.ndarray], frames: _Frames | None) -> Iterator[Cut]:
        cutter = WindowCutter(self._shape)
        for block in blocks:
            self.seconds += len(block) / SAMPLING_RATE
            if self._detector:
                self._detector.push(block)
            for start, sound in cutter.push(block):
                yield self._window(start, sound, frames)
        for start, sound in cutter.finish():
            yield self._window(start, sound, frames)

    def _window(self, start: int, sound: np.ndarray, frames: _Frames | None) -> Cut:
        begin, seconds = start / SAMPLING_RATE, len(sound) / SAMPLING_RATE
        window = cut_window(sound, frames.read(begin, len(sound)) if frames else None, 0, self._shape)
        modalities = frozenset(modalities_of(*window))
        share = None if self._detector is None else self._detector.share_of(start, start + len(sound))
        reason = window_reason(modalities, share, seconds, self._model.optional)
        return Cut(begin, (start + len(sound)) / SAMPLING_RATE, window, modalities, share, reason)


class _Frames:
    """The frames of a file beside its windows. A file that may lack video has none from where it cannot be decoded."""

    def __init__(self, path: str, model: Model, decoder: Decoder, warn: Warn) -> None:
        self._optional = "video" in model.optional
        self._warn = warn
        self._frames: PreparedFrames | None = None
        with self._forgiven():
            self._frames = PreparedFrames(
                path, model.preparation, decoder, optional=self._optional, grid=model.window.grid
            )

    @property
    def seconds(self) -> float:
        """When the last frame ends; 0 where there is none."""
        return self._frames.seconds if self._frames else 0.0

    def read(self, start: float, samples: int) -> np.ndarray | None:
        """Beside so many samples of sound from second `start`; the last frame is held where the sound is longer."""
        with self._forgiven():
            if self._frames:
                return self._frames.read_or_hold(start, samples)
        return None

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except EmozooError as error:
            if not self._optional:
                raise
            self._frames = None
            self._warn(f"only the sound is used: {error}")
