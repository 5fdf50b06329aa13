"""From media files, or decoded clips, to probabilities. Training and evaluation answer through the same functions.

A clip is cut into windows of 3 s, one a second; its probabilities are the mean of its windows'. Importing this costs no
torch: what answers may be an `EmotionModel` or an `OnnxModel`.
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
"""Of which each core decodes the first windows before their turn comes."""


def stream_windows(
    path: str | Path,
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    warn: Warn = ignore,
    timeout: float | None = None,
) -> Iterator[tuple[float, float, Window]]:
    """The windows of a file, one after the other, in constant memory: start and end in seconds, then what `media.cut_window`
    gives. They are those of `media.window_starts`: one a second, and a last one that ends with the file.

    Of what is `optional`, `audio` or `video`, the file may lack: then it is silent, or there are no frames, as where its
    pictures cannot be decoded. Sound and pictures are prepared as `preparation` says, as they were in training. `warn` is
    told what is wrong with a file that is answered all the same; `timeout` is that of `emozoo.media.decoder.Decoder`. Raises
    EmozooError where the file cannot be decoded."""
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
    """Answers for one file, in memory that does not grow with its length unless `timeline` asks for each window.

    Where a speaker's `bias` is given, it is taken off the file's answer and each window's. `seen` is told of each window, in
    order, before the network answers it: start and end in seconds, and what it hears and sees; what that raises ends the
    work. Raises EmozooError for a file that cannot be read, or that lacks the sound or picture which the model needs, and
    where something is not installed that prepares clips for the model.
    """
    model.preparation.require("this model")
    spans: list[tuple[float, float]] = []
    there: set[str] = set()
    warnings: list[str] = []

    def windows() -> Iterator[Window]:
        for start, end, window in _windows_of(model, path, warnings.append, timeout):
            if seen is not None:
                seen(start, end, window)
            spans.append((start, end))
            there.update(modalities_of(*window))
            yield window

    total, count, answers = np.zeros(len(model.labels)), 0, []
    for probabilities in classify(model, windows()):
        total += probabilities
        if timeline:
            answers.append(WindowAnswer(*spans[count], *answer_in_words(model, probabilities, bias)))
        count += 1
    if _is_silent(model, there):
        return _silent(os.fspath(path), model, there, warnings)
    emotion, by_label = answer_in_words(model, total / count, bias)
    spoken = tuple(answers) if timeline else None
    return Prediction(
        os.fspath(path), emotion, by_label, spoken, warnings=tuple(warnings), modalities=_modalities(model, there)
    )


def hear_speaker(model: Model, recordings: str | Path | Iterable[str | Path]) -> SpeakerBias:
    """The bias that a speaker's recordings show: files, folders and patterns, as `emozoo.media.files.find_files` takes them.

    Those that cannot be read are left out with a warning. Raises EmozooError where none can.
    """
    given = [recordings] if isinstance(recordings, str | Path) else recordings
    files, heard = find_files([os.fspath(each) for each in given], warn=log.warning), []
    for answer in predict_files(model, files):
        if answer.probabilities is not None:
            heard.append(list(answer.probabilities.values()))
        else:
            log.warning("left out of the speaker's recordings: %s", answer.error)
    if files and not heard:
        raise EmozooError("none of the speaker's recordings could be read: name others, or leave --speaker out")
    return SpeakerBias.from_probabilities(np.reshape(heard, (-1, len(model.labels))).astype(float))


class PredictsFiles:
    """Gives a `Model` its `predict`."""

    def predict(
        self: Model,
        path: str | Path,
        *,
        timeline: bool = False,
        speaker: str | Path | Iterable[str | Path] | None = None,
    ) -> Prediction:
        """Emotion and probabilities of a media file, adapted to the `speaker` of whom other recordings are given (see
        `emozoo.inference.files.hear_speaker`). Raises EmozooError for a file that cannot be read."""
        bias = None if speaker is None else hear_speaker(self, speaker)
        return predict_file(self, path, timeline=timeline, bias=bias)


def _windows_of(
    model: Model, path: str | Path, warn: Warn, timeout: float | None
) -> Iterator[tuple[float, float, Window]]:
    return stream_windows(
        path, video=model.video, optional=model.optional, preparation=model.preparation, warn=warn, timeout=timeout
    )


def _is_silent(model: Model, there: Collection[str]) -> bool:
    """Whether a file has neither sound nor, where those are enough, pictures: no voice, no emotion."""
    return "audio" not in there and not ("audio" in model.optional and "video" in there)


def _silent(path: str, model: Model, there: Collection[str], warnings: Iterable[str]) -> Prediction:
    nothing = " and shows nothing" if model.video and "video" not in there else ""
    sentence = f"{path} is silent{nothing}: there is no voice in it to answer for"
    return Prediction(path, error=sentence, reason="silent", warnings=tuple(warnings))


def _modalities(model: Model, there: set[str]) -> tuple[str, ...] | None:
    """What an answer rests on, as `Prediction` says it."""
    return tuple(each for each in ("audio", "video") if each in there) if model.optional else None


class _File:
    """A file on its way to its answer: what of it was read, and what has been answered."""

    def __init__(self, path: str, labels: int) -> None:
        self.path = path
        self.spans: list[tuple[float, float]] = []
        self.modalities: set[str] = set()
        self.read = False
        """Whether no window of it will follow."""
        self.error: str | None = None
        self.warnings: list[str] = []
        self.count, self.total, self.answers = 0, np.zeros(labels), list[WindowAnswer]()


def predict_files(
    model: Model,
    paths: Iterable[str],
    *,
    timeline: bool = False,
    bias: SpeakerBias | None = None,
    timeout: float | None = None,
) -> Iterator[Prediction]:
    """`predict_file` for each, in order; one that fails gives a Prediction with its `error`, and the others go on.

    Several files are decoded at a time, a few windows ahead of what is answered, and a batch holds windows of several: so
    memory grows neither with the number of files nor with their lengths (but for `timeline`, which keeps every answer).
    Raises EmozooError where something is not installed that prepares clips for the model.
    """
    model.preparation.require("this model")
    files: deque[_File] = deque()

    def windows() -> Iterator[Window]:
        for path, piece in _decoded(model, paths, timeout):
            if not files or files[-1].read:
                files.append(_File(path, len(model.labels)))
            file = files[-1]
            for start, end, window in piece.windows:
                file.spans.append((start, end))
                file.modalities |= modalities_of(*window)
                yield window
            file.read, file.error, file.warnings = piece.rest is None, piece.error, piece.warnings

    def finished() -> Iterator[Prediction]:
        while files and files[0].read and files[0].count == len(files[0].spans):
            file = files.popleft()
            if file.error is not None:
                yield Prediction(file.path, error=file.error)
            elif _is_silent(model, file.modalities):
                yield _silent(file.path, model, file.modalities, file.warnings)
            else:
                answer = answer_in_words(model, file.total / file.count, bias)
                answers, there = tuple(file.answers) if timeline else None, _modalities(model, file.modalities)
                yield Prediction(file.path, *answer, answers, warnings=tuple(file.warnings), modalities=there)

    for probabilities in classify(model, windows()):
        yield from finished()
        file = files[0]
        if timeline:
            file.answers.append(WindowAnswer(*file.spans[file.count], *answer_in_words(model, probabilities, bias)))
        file.count += 1
        file.total += probabilities
    yield from finished()


@dataclass(frozen=True)
class _Piece:
    """Some windows of a file."""

    windows: list[tuple[float, float, Window]]
    rest: Iterator[tuple[float, float, Window]] | None
    """Where the next ones come from; None: these were the last."""
    warnings: list[str]
    """Of the whole file so far."""
    error: str | None = None


def _decoded(model: Model, paths: Iterable[str], timeout: float | None) -> Iterator[tuple[str, _Piece]]:
    """Every file in pieces, in order; the first pieces of the next files are decoded meanwhile."""
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
    except Exception as error:  # noqa: BLE001 - whatever is made of a file, the others go on
        return _Piece([], None, warnings, f"{path} cannot be read ({type(error).__name__}: {error}): it is damaged")
    return _Piece(found, windows if len(found) == CPU_BATCH else None, warnings)
