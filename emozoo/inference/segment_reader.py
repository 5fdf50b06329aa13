"""Answers for the segments of a clip, and a summary for each of its speakers.

A clip is read once, in order, whatever the number, the order and the overlap of its segments; memory does not grow with its
length. A segment gets the windows and the answer that a clip of its own would get.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import biases_from_others, middles_of
from emozoo.inference.answers import Prediction
from emozoo.inference.cuts import ClipReader, Cut
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions
from emozoo.inference.recordings import biases_of_speakers
from emozoo.inference.segment_answers import SegmentAnswer, SpeakerAnswer
from emozoo.inference.segments import Segment
from emozoo.inference.voice import SHORTEST, TOO_SHORT, clip_reason
from emozoo.inference.words import calibrated, in_words, words
from emozoo.media.window import SLACK_SECONDS, WindowCutter
from emozoo.media.window_shape import SAMPLING_RATE, WindowShape


@dataclass(frozen=True)
class SegmentCut(Cut):
    """A window of a segment."""

    number: int = 0
    """Of the segment, in the order in which they were given."""


class SegmentReader(ClipReader):
    """Reads the segments of a clip for a model. Its windows come by their starts."""

    segments: Sequence[Segment] = ()
    """Known once the first window is asked for."""

    def cuts(self) -> Iterator[Cut]:
        """The windows of all segments. Raises EmozooError also where the segments cannot be had, or lie beyond the clip."""
        assert self._options.segments is not None
        try:
            self.segments = self._options.segments.of(self.clip)
        except EmozooError:
            self.clip.close()
            raise
        yield from super().cuts()

    def _cut(self, blocks: Iterator[np.ndarray], frames: Any) -> Iterator[Cut]:
        sweep = _Sweep(self.segments, self._shape)
        for block in blocks:
            self.seconds += len(block) / SAMPLING_RATE
            if self._detector:
                self._detector.push(block)
            for number, start, sound in sweep.push(block):
                yield SegmentCut(**vars(self._window(start, sound, frames)), number=number)
            if sweep.is_done:
                break
        for number, start, sound in sweep.finish(self.clip.name):
            yield SegmentCut(**vars(self._window(start, sound, frames)), number=number)


class _Sweep:
    """Cuts the segments of sound that comes block by block into windows, by their starts.

    A window is held back until none can begin before it: those that are not complete begin less than a window ago.
    """

    def __init__(self, segments: Sequence[Segment], shape: WindowShape) -> None:
        self._shape = shape
        spans = sorted((*_samples(segment), number) for number, segment in enumerate(segments))
        self._coming = deque(spans)
        self._open: dict[int, tuple[int, int, WindowCutter]] = {}
        """By number: the first sample, the one behind the last, and what cuts the segment."""
        self._ready: list[tuple[int, int, np.ndarray]] = []
        """A heap of windows that are complete: start, number of the segment, sound."""
        self._segments = segments
        self._place = 0

    @property
    def is_done(self) -> bool:
        """Whether no segment reaches beyond what was pushed."""
        return not self._coming and not self._open

    def push(self, block: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """The next sound at 16 kHz, float32 [samples]; gives windows: number of the segment, first sample, sound."""
        begin, end = self._place, self._place + len(block)
        while self._coming and self._coming[0][0] < end:
            first, last, number = self._coming.popleft()
            if last > first:
                self._open[number] = first, last, WindowCutter(self._shape)
        for number, (first, last, cutter) in list(self._open.items()):
            windows = list(cutter.push(block[max(first - begin, 0) : last - begin]))
            if last <= end:
                windows += cutter.finish()
                del self._open[number]
            self._hold(number, first, windows)
        self._place = end
        yield from self._released(end - self._shape.samples)

    def finish(self, name: str) -> Iterator[tuple[int, int, np.ndarray]]:
        """The rest, once all has been pushed. Raises EmozooError for segments that end after the clip called `name`."""
        late = [last for _, last, _ in self._coming] + [last for _, last, _ in self._open.values()]
        if late and max(late) > self._place + SLACK_SECONDS * SAMPLING_RATE:
            numbers = [*self._open, *(number for _, _, number in self._coming)]
            last = max((self._segments[number] for number in numbers), key=lambda segment: segment.end)
            raise EmozooError(
                f"{last.place or 'a segment'}: {last.start:g} to {last.end:g} s is not within {name}, which ends at "
                f"{self._place / SAMPLING_RATE:.2f} s: check the segments, and whether their times are in seconds"
            )
        for number, (first, _, cutter) in self._open.items():
            self._hold(number, first, list(cutter.finish()))
        yield from self._released(self._place)

    def _hold(self, number: int, first: int, windows: Iterable[tuple[int, np.ndarray]]) -> None:
        for start, sound in windows:
            heapq.heappush(self._ready, (first + start, number, sound))

    def _released(self, until: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """The windows that begin at `until` or before."""
        while self._ready and self._ready[0][0] <= until:
            start, number, sound = heapq.heappop(self._ready)
            yield number, start, sound


def _samples(segment: Segment) -> tuple[int, int]:
    return round(segment.start * SAMPLING_RATE), round(segment.end * SAMPLING_RATE)


class SegmentsAnswer:
    """The answer for a clip by its segments, while their windows are read and answered."""

    def __init__(self, reader: SegmentReader, model: Model, options: PredictOptions) -> None:
        self.reader = reader
        self._model = model
        self._options = options
        self.is_read = False
        """Whether no more windows follow."""
        self.error: str | None = None
        self._modalities: set[str] = set()
        self._open: dict[int, _OpenSegment] = {}
        self._asked: deque[int] = deque()
        """The segments of the windows that the network has not yet answered."""

    @property
    def is_complete(self) -> bool:
        """Whether the clip is read and each of its windows is answered."""
        return self.is_read and not self._asked

    def note(self, cut: Cut) -> bool:
        """Call this for each window, before its answer is added. Whether the network is to answer it."""
        assert isinstance(cut, SegmentCut)
        self._modalities |= cut.modalities
        segment = self._open.setdefault(cut.number, _OpenSegment(set(), [], np.zeros(len(self._model.outputs.names))))
        segment.note(cut)
        if cut.reason is None:
            self._asked.append(cut.number)
        return cut.reason is None

    def add(self, probabilities: np.ndarray) -> None:
        """The next answer of the network, float64 [outputs]."""
        segment = self._open[self._asked.popleft()]
        segment.total += probabilities
        segment.count += 1

    def prediction(self) -> Prediction:
        reader, optional = self.reader, self._model.optional
        if self.error is not None:
            return Prediction(reader.clip.name, error=self.error)
        answers = self._answers()
        whole = self._together(answers)
        known = Prediction(
            reader.clip.name,
            warnings=tuple(reader.warnings),
            modalities=tuple(each for each in ("audio", "video") if each in self._modalities) if optional else None,
            speech=reader.speech,
            segments=tuple(answers),
            speakers=tuple(self._speakers(answers)),
        )
        if whole:
            return replace(known, **whole)
        reason = clip_reason({answer.reason for answer in answers}) if answers else "no speech"
        return replace(known, reason=reason, error=self._sentence(len(answers)))

    def _answers(self) -> list[SegmentAnswer]:
        """By segment, in the order in which they were given."""
        segments = self.reader.segments
        found = [_unanswered(segment) for segment in segments]
        for number, segment in self._open.items():
            found[number] = replace(found[number], reason=clip_reason(segment.reasons), speech=segment.speech)
        rows = sorted(number for number, segment in self._open.items() if segment.count)
        means = {number: self._open[number].total / self._open[number].count for number in rows}
        biases = self._biases([segments[number].speaker for number in rows], list(means.values()))
        for number, bias in zip(rows, biases, strict=True):
            options = replace(self._options, bias=bias, adapt_recordings=False) if bias else self._options
            said = vars(in_words(self._model, means[number], options))
            found[number] = replace(found[number], **said, adapted_with=bias.adapted_with if bias else None)
        return found

    def _biases(self, speakers: list[str], means: list[np.ndarray]) -> list[Any]:
        """The bias for each answered segment; None where it stays as it is."""
        if not means or not (self._options.adapt_speakers or self._options.adapt_recordings):
            return [None] * len(means)
        rows = calibrated(self._model, np.stack(means))
        if self._options.adapt_recordings:
            return list(biases_of_speakers(rows[:, self._model.outputs.of_labels], speakers))
        return list(biases_from_others(rows, speakers, middles_of(self._model)))

    def _speakers(self, answers: Sequence[SegmentAnswer]) -> Iterator[SpeakerAnswer]:
        """In the order in which they first speak."""
        by_speaker: dict[str, list[SegmentAnswer]] = {}
        for answer in sorted(answers, key=lambda answer: answer.start):
            by_speaker.setdefault(answer.speaker, []).append(answer)
        for speaker, own in by_speaker.items():
            count = sum(answer.scores is not None for answer in own)
            seconds = round(sum(answer.seconds for answer in own), 6)
            said = self._together(own) or {"reason": clip_reason({answer.reason for answer in own})}
            yield SpeakerAnswer(speaker, len(own), count, seconds, **said)

    def _together(self, answers: Sequence[SegmentAnswer]) -> dict[str, Any] | None:
        """The answer of several segments, the mean of their numbers by length; None where none is answered."""
        rows = [answer for answer in answers if answer.scores is not None]
        if not rows:
            return None
        table = np.array([list((answer.scores or {}).values()) for answer in rows])
        mean = np.average(table, axis=0, weights=[answer.seconds for answer in rows])
        return vars(words(self._model, mean, self._options))

    def _sentence(self, count: int) -> str:
        name = self.reader.clip.name
        if not count:
            return f"{name} has no segments, so there is nothing in it to answer for"
        return (
            f"{name} has {count} segment{'' if count == 1 else 's'} and in none of them a voice to answer for: they are "
            f"silent, without speech or shorter than {SHORTEST:g} s"
        )


@dataclass
class _OpenSegment:
    """A segment, while its windows are answered."""

    reasons: set[str | None]
    shares: list[tuple[float, float]]
    """For each window, its seconds and how much of it is speech."""
    total: np.ndarray
    count: int = 0

    def note(self, cut: Cut) -> None:
        self.reasons.add(cut.reason)
        if cut.speech is not None:
            self.shares.append((cut.end - cut.start, cut.speech))

    @property
    def speech(self) -> float | None:
        """The mean over the windows, by length; None: not searched for."""
        seconds = sum(length for length, _ in self.shares)
        return sum(length * share for length, share in self.shares) / seconds if seconds else None


def _unanswered(segment: Segment) -> SegmentAnswer:
    return SegmentAnswer(segment.start, segment.end, segment.speaker, segment.text, reason=TOO_SHORT)
