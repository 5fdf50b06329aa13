"""One model's answer for one clip on the demo page, with frames that the network got, or the error; and the clip's sound.

`emozoo.demo.html` renders it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.answers import Prediction
from emozoo.inference.clips import Clip
from emozoo.inference.cuts import Cut
from emozoo.inference.files import predict_file
from emozoo.inference.options import PredictOptions
from emozoo.inference.segment_sources import SegmentSource
from emozoo.media.decoder import Video
from emozoo.media.reading import duration, has_sound, stream_audio
from emozoo.media.window import SLACK_SECONDS
from emozoo.media.window_shape import SAMPLING_RATE, FrameGrid
from emozoo.plots.outline import Outline, outline

if TYPE_CHECKING:
    from emozoo.inference.model import Model

log = logging.getLogger("emozoo")
SHOWN_FRAMES = 8


@dataclass(frozen=True)
class Limits:
    """Limits on what visitors give to the page."""

    megabytes: float = 100
    """Largest file, in 2**20 bytes."""
    seconds: float = 600
    """Longest clip."""
    waiting: int = 10
    """Clips of a visit that wait for an answer, at most."""
    clips: int = 100
    """Clips of a visit, at most."""
    visits: int = 500
    """Visits at the same time, at most."""
    uploads: int = 20
    """Uploads at the same time, at most."""
    stored: int = 40
    """Disk space for all visits together, in files of the largest size."""
    idle: float = 300
    """Seconds until a visit ends that is open in no browser."""


@dataclass(frozen=True)
class Answer:
    """What the page shows for a clip."""

    prediction: Prediction
    """With its windows or segments, or with an error."""
    frames: tuple[tuple[float, np.ndarray], ...] = ()
    """Some of the frames that it got, with their times in seconds: uint8 [height, width, 3] each."""
    uncropped: tuple[np.ndarray, ...] = ()
    """The same frames before they were cropped to the face; empty if they were not cropped."""


def answer(model: Model, path: Path, name: str, limits: Limits, segments: SegmentSource | None = None) -> Answer:
    """The answer for a file, which the visitor calls `name`, or for its segments. What is wrong with it becomes the
    prediction's `error`."""
    try:
        return _answer(model, path, name, limits, segments)
    except EmozooError as error:
        sentence = str(error).replace(str(path), name)
    except Exception as error:  # noqa: BLE001 - a bad file must not end the page
        log.warning("the demo could not answer a clip: %r", error)
        sentence = f"{name} cannot be answered: a decoder or the network failed ({type(error).__name__})"
    return Answer(Prediction(name, error=sentence))


def _answer(model: Model, path: Path, name: str, limits: Limits, segments: SegmentSource | None) -> Answer:
    check_size(path, name, limits)
    record = _Record(name, limits.seconds, model.window.grid)
    options = PredictOptions(timeline=segments is None, segments=segments)
    prediction = predict_file(model, Clip(name, str(path)), options, seen=record)
    warnings = tuple(warning.replace(str(path), name) for warning in prediction.warnings)
    prediction = dataclasses.replace(prediction, warnings=warnings)
    if prediction.scores is None:
        return Answer(prediction)
    frames = record.some_frames()
    uncropped: tuple[np.ndarray, ...] = ()
    if frames and model.preparation.crop:
        grid = model.window.grid
        video, half = Video(path, grid=grid), grid.step / SAMPLING_RATE / 2
        uncropped = tuple(video.frames(max(0.0, at - half), grid.step)[0] for at, _ in frames)
    return Answer(prediction, frames, uncropped)


def check_size(path: Path, name: str, limits: Limits) -> None:
    """Raises EmozooError for a file that is larger, or says that it lasts longer, than the page takes."""
    if path.stat().st_size > limits.megabytes * 2**20:
        raise EmozooError(f"{name} is larger than the {limits.megabytes:g} MB that this page takes: cut or compress it")
    seconds = duration(path)
    if seconds > limits.seconds:
        raise EmozooError(f"{name} lasts {seconds:,.0f} s, and this page takes {limits.seconds:g} s at most: cut it")


def clip_outline(path: Path, name: str, limits: Limits) -> Outline | None:
    """The outline of a clip's sound; None where it has none, cannot be read or is too long, as the answers say."""
    try:
        check_size(path, name, limits)
        return outline(_limited(stream_audio(path), limits.seconds)) if has_sound(path) else None
    except (EmozooError, ValueError, OSError) as error:  # it may be gone by now
        log.debug("no outline of a clip: %r", error)
    except Exception as error:  # noqa: BLE001 - a bad file must not end the page
        log.warning("the demo could not outline a clip: %r", error)
    return None


def _limited(blocks: Iterator[np.ndarray], seconds: float) -> Iterator[np.ndarray]:
    """Raises EmozooError for sound that goes on for longer."""
    samples = 0
    for block in blocks:
        samples += len(block)
        if samples > (seconds + SLACK_SECONDS) * SAMPLING_RATE:
            raise EmozooError("the clip goes on for longer than this page takes")
        yield block


class _Record:
    """Keeps frames that a network gets, window by window. Raises EmozooError for a file that is longer than it claims."""

    def __init__(self, name: str, seconds: float, grid: FrameGrid) -> None:
        self._name = name
        self._step = grid.step / SAMPLING_RATE
        self._limit = seconds
        self.modalities: set[str] = set()
        self._frames: list[tuple[float, np.ndarray]] = []

    def __call__(self, cut: Cut) -> None:
        start, end = cut.start, cut.end
        if end > self._limit + SLACK_SECONDS:
            raise EmozooError(
                f"{self._name} goes on for longer than the {self._limit:g} s that this page takes: cut it"
            )
        _, frames = cut.window
        self.modalities |= cut.modalities
        if frames is None:
            return
        for number in range(0, len(frames), 2):
            at = start + (number + 0.5) * self._step
            if at < end and (not self._frames or at > self._frames[-1][0] + self._step):
                self._frames.append((at, frames[number]))

    def some_frames(self) -> tuple[tuple[float, np.ndarray], ...]:
        """Frames, evenly spread over the clip. There are none if the clip has no video."""
        if "video" not in self.modalities:
            return ()
        count = min(SHOWN_FRAMES, len(self._frames))
        return tuple(self._frames[int(place)] for place in np.linspace(0, len(self._frames) - 1, count).round())
