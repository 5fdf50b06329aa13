"""What the demo page has to say of one clip by one model: the answer of `emozoo predict`, what the network heard and saw for
it, or the sentence that tells why there is none. What it looks like is `emozoo.demo.html`'s business."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.answers import Prediction, Window
from emozoo.inference.files import predict_file
from emozoo.media.decoder import Video
from emozoo.media.reading import duration
from emozoo.media.window import SAMPLES_PER_FRAME, SAMPLING_RATE, SLACK_SECONDS, modalities_of

if TYPE_CHECKING:
    from emozoo.inference.answers import Model

log = logging.getLogger("emozoo")
SHOWN_FRAMES = 8
FRAME_SECONDS = SAMPLES_PER_FRAME / SAMPLING_RATE


@dataclass(frozen=True)
class Limits:
    """What the page takes."""

    megabytes: float = 100
    """Size of a file, in 2**20 bytes."""
    seconds: float = 600
    """Length of a clip."""
    waiting: int = 10
    """Clips of one visit that are not answered yet."""
    clips: int = 100
    """Clips of one visit in all."""
    visits: int = 500
    """Visits at once."""
    uploads: int = 20
    """Files that arrive at once."""
    stored: int = 40
    """How many files of the largest size would fill what all visits together may take up on the disk."""
    idle: float = 300
    """Seconds after which a visit ends that no browser has open."""


@dataclass(frozen=True)
class Answer:
    """What is shown of a clip."""

    prediction: Prediction
    """Its windows included; or with the sentence that tells why there is none."""
    sound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """What the network heard: float32 [samples], 16 kHz."""
    frames: tuple[tuple[float, np.ndarray], ...] = ()
    """Some of the frames that it saw, with their seconds: uint8 [60, 100, 3] each."""
    whole: tuple[np.ndarray, ...] = ()
    """The same moments before they were cropped to the face; empty where they were not."""


def answer(model: Model, path: Path, name: str, limits: Limits) -> Answer:
    """Answers for a file, which the visitor calls `name`. Whatever is wrong with it becomes the answer's `error`."""
    try:
        return _answer(model, path, name, limits)
    except EmozooError as error:
        sentence = str(error).replace(str(path), name)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's file makes of a decoder, the page goes on
        log.warning("the demo could not answer a clip: %r", error)
        sentence = f"{name} cannot be answered: it made a decoder or the network fail ({type(error).__name__})"
    return Answer(Prediction(name, error=sentence))


def _answer(model: Model, path: Path, name: str, limits: Limits) -> Answer:
    if path.stat().st_size > limits.megabytes * 2**20:
        raise EmozooError(f"{name} is larger than the {limits.megabytes:g} MB that this page takes: cut or compress it")
    seconds = duration(path)
    if seconds > limits.seconds:
        raise EmozooError(f"{name} lasts {seconds:,.0f} s, and this page takes {limits.seconds:g} s at most: cut it")
    witness = _Witness(name, limits.seconds)
    prediction = predict_file(model, path, timeline=True, seen=witness)
    if prediction.error is not None:
        raise EmozooError(prediction.error)
    frames = witness.some_frames()
    whole: tuple[np.ndarray, ...] = ()
    if frames and model.preparation.crop:
        film = Video(path)
        whole = tuple(film.frames(max(0.0, at - FRAME_SECONDS / 2), SAMPLES_PER_FRAME)[0] for at, _ in frames)
    return Answer(dataclasses.replace(prediction, file=name), np.concatenate(witness.sound), frames, whole)


class _Witness:
    """Notes what a network hears and sees, window by window, and ends it where a file goes on for longer than it said."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self._limit = name, seconds
        self.sound: list[np.ndarray] = []
        self.modalities: set[str] = set()
        self._samples = 0
        self._frames: list[tuple[float, np.ndarray]] = []

    def __call__(self, start: float, end: float, window: Window) -> None:
        if end > self._limit + SLACK_SECONDS:
            raise EmozooError(
                f"{self._name} goes on for longer than the {self._limit:g} s that this page takes: cut it"
            )
        sound, frames = window
        self.modalities |= modalities_of(sound, frames)
        first, last = round(start * SAMPLING_RATE), round(end * SAMPLING_RATE)
        self.sound.append(sound[self._samples - first : last - first])
        self._samples = last
        for number in range(0, 0 if frames is None else len(frames), 2):
            at = start + (number + 0.5) * FRAME_SECONDS
            if at < end and (not self._frames or at > self._frames[-1][0] + FRAME_SECONDS):
                self._frames.append((at, frames[number]))  # type: ignore[index]

    def some_frames(self) -> tuple[tuple[float, np.ndarray], ...]:
        """Evenly spread over the clip; none where all are black, as of a model that can do without."""
        if "video" not in self.modalities:
            return ()
        count = min(SHOWN_FRAMES, len(self._frames))
        return tuple(self._frames[int(place)] for place in np.linspace(0, len(self._frames) - 1, count).round())
