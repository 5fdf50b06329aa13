"""Media files and samples become answers.

A clip is cut into the windows of its model. Its probabilities are the mean of its windows' probabilities.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import SpeakerBias, middles_of
from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.inference.batches import classify
from emozoo.inference.checks import check_adaptation, check_options
from emozoo.inference.clips import Clip, as_clip, numbered
from emozoo.inference.cuts import ClipReader, Cut
from emozoo.inference.embeddings import stack
from emozoo.inference.model import Model, Window
from emozoo.inference.options import DEFAULTS, PredictOptions
from emozoo.inference.pipeline import ClipWindows, in_clips, reader_of
from emozoo.inference.recordings import RecordingsBias
from emozoo.inference.segment_reader import SegmentReader, SegmentsAnswer
from emozoo.inference.segment_sources import segment_source
from emozoo.inference.together import adapt_together
from emozoo.inference.words import in_words
from emozoo.media.files import find_files
from emozoo.text import shown

log = logging.getLogger("emozoo")


def predict_file(
    model: Model,
    clip: str | Path | Clip,
    options: PredictOptions = DEFAULTS,
    *,
    seen: Callable[[Cut], None] | None = None,
) -> Prediction:
    """The answer for a clip. Memory does not grow with its length, unless a timeline asks for the windows' answers.

    A clip without a voice gets a Prediction with a `reason` and an `error`. `seen` is called with each window, before the
    network answers it. What it raises ends the prediction. Raises EmozooError for a clip that cannot be read, for one that
    lacks the sound or video that the model needs, and where a package is missing that prepares clips for the model.
    """
    model.preparation.require("this model")
    check_options(model, options)
    reader = reader_of(as_clip(clip), model, options)
    answer = _answer(reader, model, options)

    def windows() -> Iterator[Window]:
        for cut in reader.cuts():
            if seen is not None:
                seen(cut)
            if answer.note(cut):
                yield cut.window

    for probabilities in classify(model, windows()):
        answer.add(probabilities)
    return answer.prediction()


def speaker_bias(model: Model, recordings: str | Path | Iterable[str | Path]) -> SpeakerBias:
    """The bias of a model for a speaker, from recordings: files, folders and patterns, as in
    `emozoo.media.files.find_files`.

    Files that cannot be read, or have no voice in them, are left out with a warning. Raises EmozooError if there is no
    other.
    """
    check_adaptation(model)
    given = [recordings] if isinstance(recordings, str | Path) else recordings
    try:
        names = [os.fspath(each) for each in given]
    except TypeError:
        raise EmozooError(f"a speaker's recordings are a path or several, not {shown(recordings)}") from None
    files = find_files(names, warn=log.warning)
    found: list[list[float]] = []
    for answer in predict_files(model, files):
        if (scores := answer.scores) is not None:
            found.append(list(scores.values()))
        else:
            log.warning("left out of the speaker's recordings: %s", answer.error)
    if files and not found:
        raise EmozooError("none of the speaker's recordings could be read: name others, or leave --speaker out")
    rows = np.reshape(found, (-1, len(model.outputs.names))).astype(float)
    return SpeakerBias.from_probabilities(rows, middles_of(model))


def _answer(reader: ClipReader, model: Model, options: PredictOptions) -> _ClipAnswer | SegmentsAnswer:
    if isinstance(reader, SegmentReader):
        return SegmentsAnswer(reader, model, options)
    return _ClipAnswer(reader, model, options)


class PredictsFiles:
    """Gives a `Model` its `predict`."""

    def predict(
        self: Model,
        clips: Any,
        *,
        timeline: bool = False,
        speaker: str | Path | Iterable[str | Path] | None = None,
        hop: float | None = None,
        vad: bool | None = None,
        min_confidence: float = 0.0,
        coverage: float | None = None,
        segments: str | Path | Iterable[Any] | None = None,
        diarize: bool | str = False,
        adapt_speakers: bool = False,
        adapt_recordings: bool = False,
    ) -> Any:
        """The `Prediction` for a clip: a path, bytes, an open file, or samples, as `emozoo.inference.clips.as_clip` takes
        them. For a list of these, a list of Predictions, computed in batches.

        With other recordings of its `speaker`, the answer is adapted to that person (see
        `emozoo.inference.files.speaker_bias`). `segments` are a path, or a list of (start, end, speaker): then they and
        their speakers are answered (`Prediction.segments`, `.speakers`), as those that a diarizer finds, by name or the
        only one that is installed. With `adapt_recordings`, the clips of a list are adapted to one another. The other
        options are those of `PredictOptions`. Raises EmozooError for what is no clip, and for a single clip that cannot be
        read; in a list, that clip's Prediction has the `error`. Many threads may ask one model.
        """
        options = PredictOptions(
            timeline=timeline,
            hop=hop,
            vad=vad,
            min_confidence=min_confidence,
            coverage=coverage,
            segments=segment_source(segments, diarize, len(clips) if isinstance(clips, list) else 1),
            adapt_speakers=adapt_speakers,
            adapt_recordings=adapt_recordings,
        )
        if speaker is not None:
            options = replace(options, bias=speaker_bias(self, speaker))
        if isinstance(clips, list):
            return list(predict_files(self, numbered(clips), options))
        return predict_file(self, as_clip(clips), options)

    def embed(
        self: Model, clips: Any, *, windows: bool = False, hop: float | None = None, vad: bool | None = None
    ) -> np.ndarray:
        """What the network makes of a clip before it decides: float32 [features], the mean over the windows that count. For
        a list of clips, float32 [clips, features]. `clips`, `hop` and `vad` are as for `predict`.

        With `windows`, float32 [windows, features] of one clip: a row for each window that counts. Raises EmozooError for
        a network without features, and for a clip that cannot be read or has no voice in it, also for one of a list; see
        `emozoo.inference.embeddings.embed_files` for those that go on.
        """
        return stack(self, clips, PredictOptions(hop=hop, vad=vad), windows)


class _ClipAnswer(ClipWindows):
    """The answer for a clip, while its windows are read and answered."""

    def __init__(self, reader: ClipReader, model: Model, options: PredictOptions) -> None:
        super().__init__(reader, model)
        self._options = options
        self._total = np.zeros(len(model.outputs.names))
        self._windows: list[WindowAnswer] = []
        """For a timeline: an answered window's words stand in its place once they are known."""
        self._places: deque[int] = deque()

    def note(self, cut: Cut) -> bool:
        if self._options.timeline:
            if cut.reason is None:
                self._places.append(len(self._windows))
            self._windows.append(WindowAnswer(cut.start, cut.end, speech=cut.speech, reason=cut.reason))
        return super().note(cut)

    def add(self, answer: np.ndarray) -> None:
        """The next answer of the network, float64 [outputs]."""
        super().add(answer)
        if self._options.timeline:
            place = self._places.popleft()
            self._windows[place] = replace(self._windows[place], **vars(in_words(self._model, answer, self._options)))
        self._total += answer

    def prediction(self) -> Prediction:
        reader, optional = self.reader, self._model.optional
        if self.error is not None:
            return Prediction(reader.clip.name, error=self.error)
        known = Prediction(
            reader.clip.name,
            windows=tuple(self._windows) if self._options.timeline else None,
            warnings=tuple(reader.warnings),
            modalities=tuple(each for each in ("audio", "video") if each in self._modalities) if optional else None,
            speech=reader.speech,
        )
        if nothing := self.without_voice():
            return replace(known, reason=nothing[0], error=nothing[1])
        return replace(known, **vars(in_words(self._model, self._total / self._count, self._options)))


def predict_files(
    model: Model,
    clips: Iterable[str | Path | Clip],
    options: PredictOptions = DEFAULTS,
    *,
    adapted: Callable[[RecordingsBias], None] | None = None,
) -> Iterator[Prediction]:
    """`predict_file` for each clip, in order. One that fails gives a Prediction with its `error`, and the others go on.

    Several clips are decoded at a time, a few windows ahead of the network, and a batch holds windows of several clips.
    Memory grows neither with the number of clips nor with their lengths, except for the answers that a timeline keeps, and
    for all answers where they are adapted to one another (`adapt_recordings`, without segments): then the first comes after
    the last clip, and `adapted` is called before it. Raises EmozooError where a package is missing that prepares clips for
    the model.
    """
    answers = _predict_files(model, clips, options)
    if options.adapt_recordings and options.segments is None:
        together, bias = adapt_together(model, list(answers), options)
        if adapted is not None:
            adapted(bias)
        answers = iter(together)
    yield from answers


def _predict_files(model: Model, clips: Iterable[str | Path | Clip], options: PredictOptions) -> Iterator[Prediction]:
    def begin(reader: ClipReader) -> _ClipAnswer | SegmentsAnswer:
        return _answer(reader, model, options)

    one_at_a_time = options.segments is not None and options.segments.one_at_a_time
    for some in ([clip] for clip in clips) if one_at_a_time else (clips,):
        for answer in in_clips(model, some, options, model.probabilities, begin):
            yield answer.prediction()
