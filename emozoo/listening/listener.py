"""`Listener` answers live audio: it takes chunks of sound, and answers each window as soon as it is complete.

The answers are those of `emozoo predict --timeline` for a file of the same sound.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.answers import WindowAnswer
from emozoo.inference.batches import classify
from emozoo.inference.checks import check_options
from emozoo.inference.model import Window
from emozoo.inference.options import DEFAULTS, PredictOptions
from emozoo.inference.recordings import Evidence
from emozoo.inference.voice import speech_detector, window_reason
from emozoo.inference.words import calibrated, in_words
from emozoo.media.denoise import BLOCK_SAMPLES, CONTEXT_SAMPLES, Denoiser
from emozoo.media.mixing import Mixer, checked_mono
from emozoo.media.preparation import Preparation
from emozoo.media.resampling import OffsetRemover, Resampler, check_rate
from emozoo.media.window import WindowCutter, modalities_of
from emozoo.media.window_shape import SAMPLING_RATE, WindowShape

if TYPE_CHECKING:
    from emozoo.inference.model import Model

BLOCK_SECONDS = 0.1
"""Sound that is resampled at once. An answer can be that late."""
DENOISING_SECONDS = (BLOCK_SAMPLES + CONTEXT_SAMPLES) // SAMPLING_RATE
"""How late an answer can be if the model removes noise."""
LONGEST = 10.0
"""Seconds of a window, at most, for which one waits in a stream."""
LIVE = WindowShape(5.0, 1.0)
FEWEST = 5
"""Windows that do not overlap: a stream is not adapted to itself before it held as much voice."""


class Listener:
    """Answers one stream: `feed` it chunks, then call `finish`.

    Windows are those of a file, but for models of long ones (`live_window`), and a last one that ends with the stream. One
    without a voice has a reason in place of an emotion. Memory does not grow with the stream's length. The size of the
    chunks does not change the answers. With `adapt_recordings`, a window is adapted to the stream up to its end.
    """

    def __init__(self, model: Model, rate: int = SAMPLING_RATE, options: PredictOptions = DEFAULTS) -> None:
        """`rate` is in samples per second.

        Raises EmozooError for a model that needs video, for an impossible rate, and for a package that is missing.
        """
        check_model(model)
        check_rate(rate)
        check_options(model, options)
        self._model = model
        self._options = options
        self._resampler = Resampler(rate, BLOCK_SECONDS)
        self._mixer = Mixer()
        shape = live_window(model).every(options.hop)
        self._cutter = WindowCutter(shape)
        self._evidence = Evidence(len(model.labels)) if options.adapt_recordings else None
        self._weight = shape.hop / shape.seconds
        self._remover = OffsetRemover()
        self._denoiser = Denoiser() if model.preparation.denoise else None
        self._detector = speech_detector(model, options)
        self._samples = 0
        self._over = False

    def hear(self, chunks: Iterable[np.ndarray]) -> Iterator[WindowAnswer]:
        """Feeds all chunks and finishes. Yields each answer as soon as it is known."""
        for chunk in chunks:
            yield from self.feed(chunk)
        yield from self.finish()

    def feed(self, chunk: np.ndarray) -> list[WindowAnswer]:
        """Takes a chunk [samples] or [samples, channels] of any length, and answers the windows that it completes.

        Samples are int16, int32, uint8 around 128, or float32 and float64 in [-1, 1]. Channels are averaged. A window is
        complete up to a fifth of a second after its end, or up to 32 s if the model removes noise. Raises EmozooError for
        a chunk of another kind and for samples that are not finite. What was fed before stays.
        """
        self._check_open()
        sound = checked_mono(chunk, "a chunk of the stream", self._mixer)
        self._samples += len(sound)
        return self._answers(self._cuts(self._resampler.push(sound))) if len(sound) else []

    def finish(self) -> list[WindowAnswer]:
        """Answers the remaining windows. Raises EmozooError if no sound was fed."""
        self._check_open()
        if not self._samples:
            raise EmozooError("the stream holds no sound: check what should send it")
        self._over = True
        return self._answers(self._cuts(self._resampler.finish()))

    def _check_open(self) -> None:
        if self._over:
            raise EmozooError("the stream is over: a Listener answers a single stream, so make another")

    def _cuts(self, blocks: Iterator[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        """The first sample and the sound of each window that these blocks complete, at 16 kHz."""
        for block in self._prepared(self._level(blocks)):
            if self._detector:
                self._detector.push(block)
            yield from self._cutter.push(block)
        if self._over:
            yield from self._cutter.finish()

    def _level(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            yield from self._remover.push(block)
        if self._over:
            yield from self._remover.finish()

    def _prepared(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        if self._denoiser is None:
            yield from blocks
            return
        for block in blocks:
            yield from self._denoiser.push(block)
        if self._over:
            yield from self._denoiser.finish()

    def _answers(self, cuts: Iterator[tuple[int, np.ndarray]]) -> list[WindowAnswer]:
        answers: list[WindowAnswer] = []
        places: list[int] = []

        def windows() -> Iterator[Window]:
            for start, sound in cuts:
                window = (sound, None)
                share = None if self._detector is None else self._detector.share_of(start, start + len(sound))
                reason = window_reason(modalities_of(*window), share, len(sound) / SAMPLING_RATE, self._model.optional)
                if reason is None:
                    places.append(len(answers))
                span = (start / SAMPLING_RATE, (start + len(sound)) / SAMPLING_RATE)
                answers.append(WindowAnswer(*span, speech=share, reason=reason))
                if reason is None:
                    yield window

        with _one_core():
            for place, probabilities in enumerate(classify(self._model, windows())):
                answers[places[place]] = replace(answers[places[place]], **self._words(probabilities))
        return answers

    def _words(self, given: np.ndarray) -> dict[str, Any]:
        """The fields of an answer, from the network's numbers float64 [outputs]."""
        if self._evidence is None:
            return vars(in_words(self._model, given, self._options))
        self._evidence.add(calibrated(self._model, given)[self._model.outputs.of_labels], self._weight)
        bias = self._evidence.bias(FEWEST)
        options = replace(self._options, adapt_recordings=False, bias=bias)
        return {**vars(in_words(self._model, given, options)), "adapted_with": bias.adapted_with}


def live_window(model: Model) -> WindowShape:
    """The windows of a stream: the model's, but of one that takes more than `LONGEST` at once, windows of `LIVE`, so that an
    answer is about now."""
    return LIVE if model.window.seconds > LONGEST else model.window


def check_model(model: Model) -> None:
    """Raises EmozooError for a model that needs video, or a package that is missing."""
    if model.video and "video" not in model.optional:
        raise EmozooError("this model needs video, and a stream has none: name a model that can do without")
    Preparation(denoise=model.preparation.denoise).require("this model")  # a stream has no faces to crop


@contextmanager
def _one_core() -> Iterator[None]:
    """One core is enough for a window per second. With several, a busy machine would slow down each step of the network."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
