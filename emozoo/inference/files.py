"""Media files become predictions.

A file is cut into windows of 3 s, one per second. Its probabilities are the mean of its windows' probabilities.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.answers import Model, Prediction, Window, WindowAnswer, answer_in_words
from emozoo.inference.batches import CPU_BATCH, classify, thread_pool
from emozoo.media.decoder import Decoder
from emozoo.media.files import Warn, find_files, ignore
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.prepared import PreparedFrames, stream_prepared_audio
from emozoo.media.window import SAMPLING_RATE, WindowCutter, cut_window, modalities_of
from emozoo.paths import cores

log = logging.getLogger("emozoo")
FILES_AHEAD = 4
"""How many files per core are decoded ahead."""


def stream_windows(
    path: str | Path,
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    warn: Warn = ignore,
    timeout: float | None = None,
) -> Iterator[tuple[float, float, Window]]:
    """The windows of a file, in order and in constant memory: start and end in seconds, then what `media.cut_window` gives.
    There is one per second, and a last one that ends with the file (`media.window_starts`).

    A file may lack what is `optional`, `audio` or `video`: then its sound is silence, or there are no frames, as for video
    that cannot be decoded. Sound and frames are prepared as in training (`preparation`). `warn` is called with what is
    wrong with a file that can be answered nonetheless. For `timeout`, see `emozoo.media.decoder.Decoder`. Raises
    EmozooError for a file that cannot be decoded."""
    with Decoder(warn, timeout) as decoder:
        frames_of = _FramesOfWindows(path, optional, preparation, decoder, warn) if video else None
        silent_seconds = frames_of.seconds if frames_of and "audio" in optional else 0.0
        sounds = stream_prepared_audio(path, preparation, decoder, silent_seconds=silent_seconds)

        def window(start: int, sound: np.ndarray) -> tuple[float, float, Window]:
            begin, end = start / SAMPLING_RATE, (start + len(sound)) / SAMPLING_RATE
            frames = frames_of.read(begin, len(sound)) if frames_of else None
            return begin, end, cut_window(sound, frames, 0)

        cutter = WindowCutter()
        for block in sounds:
            yield from itertools.starmap(window, cutter.push(block))
        yield from itertools.starmap(window, cutter.finish())


class _FramesOfWindows:
    """The frames of a file beside its windows. A file that may lack video has none from where it cannot be decoded."""

    def __init__(
        self, path: str | Path, optional: Collection[str], preparation: Preparation, decoder: Decoder, warn: Warn
    ) -> None:
        self._optional = "video" in optional
        self._warn = warn
        self._frames: PreparedFrames | None = None
        with self._forgiven():
            self._frames = PreparedFrames(path, preparation, decoder, optional=self._optional)

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


def predict_file(
    model: Model,
    path: str | Path,
    *,
    timeline: bool = False,
    bias: SpeakerBias | None = None,
    seen: Callable[[float, float, Window], None] | None = None,
    timeout: float | None = None,
) -> Prediction:
    """The answer for a file. Memory does not grow with its length, unless `timeline` asks for the windows' answers.

    A speaker's `bias` is subtracted from the answers of the file and of its windows. `seen` is called with each window
    before the network answers it: start and end in seconds, sound and frames. What it raises ends the prediction. Raises
    EmozooError for a file that cannot be read, for one that lacks the sound or video that the model needs, and where a
    package is missing that prepares clips for the model.
    """
    model.preparation.require("this model")
    answer = _FileAnswer(os.fspath(path), model, bias, timeline)

    def windows() -> Iterator[Window]:
        for start, end, window in _windows_of(model, path, answer.warnings.append, timeout):
            if seen is not None:
                seen(start, end, window)
            answer.note_window(start, end, window)
            yield window

    for probabilities in classify(model, windows()):
        answer.add(probabilities)
    return answer.prediction()


def speaker_bias(model: Model, recordings: str | Path | Iterable[str | Path]) -> SpeakerBias:
    """The bias of a model for a speaker, from recordings: files, folders and patterns, as in
    `emozoo.media.files.find_files`.

    Files that cannot be read are left out with a warning. Raises EmozooError if there is no other.
    """
    given = [recordings] if isinstance(recordings, str | Path) else recordings
    files = find_files([os.fspath(each) for each in given], warn=log.warning)
    found: list[list[float]] = []
    for answer in predict_files(model, files):
        if answer.probabilities is not None:
            found.append(list(answer.probabilities.values()))
        else:
            log.warning("left out of the speaker's recordings: %s", answer.error)
    if files and not found:
        raise EmozooError("none of the speaker's recordings could be read: name others, or leave --speaker out")
    return SpeakerBias.from_probabilities(np.reshape(found, (-1, len(model.labels))).astype(float))


class PredictsFiles:
    """Gives a `Model` its `predict`."""

    def predict(
        self: Model,
        path: str | Path,
        *,
        timeline: bool = False,
        speaker: str | Path | Iterable[str | Path] | None = None,
    ) -> Prediction:
        """Emotion and probabilities of a media file. With other recordings of its `speaker`, the answer is adapted to that
        person (see `emozoo.inference.files.speaker_bias`). Raises EmozooError for a file that cannot be read."""
        bias = None if speaker is None else speaker_bias(self, speaker)
        return predict_file(self, path, timeline=timeline, bias=bias)


def _windows_of(
    model: Model, path: str | Path, warn: Warn, timeout: float | None
) -> Iterator[tuple[float, float, Window]]:
    return stream_windows(
        path, video=model.video, optional=model.optional, preparation=model.preparation, warn=warn, timeout=timeout
    )


class _FileAnswer:
    """The answer for a file, while its windows are read and answered."""

    def __init__(self, path: str, model: Model, bias: SpeakerBias | None, timeline: bool) -> None:
        self._path = path
        self._model = model
        self._bias = bias
        self._timeline = timeline
        self.is_read = False
        """Whether no more windows follow."""
        self.error: str | None = None
        self.warnings: list[str] = []
        self._spans: list[tuple[float, float]] = []
        self._modalities: set[str] = set()
        self._count = 0
        self._total = np.zeros(len(model.labels))
        self._windows: list[WindowAnswer] = []

    @property
    def is_complete(self) -> bool:
        """Whether the file is read and each of its windows is answered."""
        return self.is_read and self._count == len(self._spans)

    def note_window(self, start: float, end: float, window: Window) -> None:
        """Call this for each window, before its answer is added."""
        self._spans.append((start, end))
        self._modalities |= modalities_of(*window)

    def add(self, probabilities: np.ndarray) -> None:
        """The next window's answer, float64 [labels]."""
        if self._timeline:
            words = answer_in_words(self._model, probabilities, self._bias)
            self._windows.append(WindowAnswer(*self._spans[self._count], *words))
        self._count += 1
        self._total += probabilities

    def prediction(self) -> Prediction:
        if self.error is not None:
            return Prediction(self._path, error=self.error)
        if self._is_silent():
            return self._silent()
        emotion, by_label = answer_in_words(self._model, self._total / self._count, self._bias)
        return Prediction(
            self._path,
            emotion,
            by_label,
            tuple(self._windows) if self._timeline else None,
            warnings=tuple(self.warnings),
            modalities=self._used() if self._model.optional else None,
        )

    def _used(self) -> tuple[str, ...]:
        return tuple(each for each in ("audio", "video") if each in self._modalities)

    def _is_silent(self) -> bool:
        """Whether there is neither sound nor, for a model that can do without sound, video: no voice, no emotion."""
        video_is_enough = "audio" in self._model.optional and "video" in self._modalities
        return "audio" not in self._modalities and not video_is_enough

    def _silent(self) -> Prediction:
        nothing = " and shows nothing" if self._model.video and "video" not in self._modalities else ""
        sentence = f"{self._path} is silent{nothing}: there is no voice in it to answer for"
        return Prediction(self._path, error=sentence, reason="silent", warnings=tuple(self.warnings))


def predict_files(
    model: Model,
    paths: Iterable[str],
    *,
    timeline: bool = False,
    bias: SpeakerBias | None = None,
    timeout: float | None = None,
) -> Iterator[Prediction]:
    """`predict_file` for each file, in order. A file that fails gives a Prediction with its `error`, and the others go on.

    Several files are decoded at a time, a few windows ahead of the network, and a batch holds windows of several files.
    Memory grows neither with the number of files nor with their lengths, except for the answers that `timeline` keeps.
    Raises EmozooError where a package is missing that prepares clips for the model.
    """
    model.preparation.require("this model")
    files: deque[_FileAnswer] = deque()

    def windows() -> Iterator[Window]:
        for path, piece in _decoded(model, paths, timeout):
            if not files or files[-1].is_read:
                files.append(_FileAnswer(path, model, bias, timeline))
            file = files[-1]
            for start, end, window in piece.windows:
                file.note_window(start, end, window)
                yield window
            file.error = piece.error
            file.warnings = piece.warnings
            file.is_read = piece.rest is None

    def complete() -> Iterator[Prediction]:
        while files and files[0].is_complete:
            yield files.popleft().prediction()

    for probabilities in classify(model, windows()):
        yield from complete()
        files[0].add(probabilities)
    yield from complete()


@dataclass(frozen=True)
class _Piece:
    """Consecutive windows of a file."""

    windows: list[tuple[float, float, Window]]
    rest: Iterator[tuple[float, float, Window]] | None
    """The windows after these; None at the end of the file."""
    warnings: list[str]
    """About the whole file so far."""
    error: str | None = None


def _decoded(model: Model, paths: Iterable[str], timeout: float | None) -> Iterator[tuple[str, _Piece]]:
    """Each file in pieces, in order. Meanwhile, the first pieces of the next files are decoded."""
    with thread_pool(cores()) as pool:
        waiting: deque[tuple[str, Future[_Piece]]] = deque()
        remaining = iter(paths)

        def begin(path: str) -> Future[_Piece]:
            warnings: list[str] = []
            return pool.submit(_read_piece, path, _windows_of(model, path, warnings.append, timeout), warnings)

        while True:
            for path in itertools.islice(remaining, FILES_AHEAD * cores() - len(waiting)):
                waiting.append((path, begin(path)))
            if not waiting:
                return
            path, future = waiting.popleft()
            while (piece := future.result()).rest is not None:
                future = pool.submit(_read_piece, path, piece.rest, piece.warnings)
                yield path, piece
            yield path, piece


def _read_piece(path: str, windows: Iterator[tuple[float, float, Window]], warnings: list[str]) -> _Piece:
    try:
        found = list(itertools.islice(windows, CPU_BATCH))
    except EmozooError as error:
        return _Piece([], None, warnings, str(error))
    except Exception as error:  # noqa: BLE001 - a bad file must not stop the others
        return _Piece([], None, warnings, f"{path} cannot be read ({type(error).__name__}: {error}): it is damaged")
    return _Piece(found, windows if len(found) == CPU_BATCH else None, warnings)
