"""Sound that has no end yet: `Listener` takes it chunk by chunk and answers each window as soon as it is complete, with the
probabilities that `emozoo predict --timeline` gives for a file of the same sound.

Where the chunks come from is the business of `emozoo.listening.pcm` and `emozoo.listening.microphone`. Importing this
costs no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.answers import Window, WindowAnswer, answer_in_words
from emozoo.inference.batches import classify
from emozoo.media.decoders.soundtrack import mean_of_channels
from emozoo.media.denoise import BLOCK_SAMPLES, CONTEXT_SAMPLES, Denoiser
from emozoo.media.preparation import Preparation
from emozoo.media.resampling import OffsetRemover, Resampler, check_rate
from emozoo.media.window import SAMPLING_RATE, WindowCutter, cut_window

if TYPE_CHECKING:
    from emozoo.inference.adaptation import SpeakerBias
    from emozoo.inference.answers import Model

BLOCK_SECONDS = 0.1
"""Sound that is resampled at a time, and by which a window can be late."""
DENOISING_SECONDS = (BLOCK_SAMPLES + CONTEXT_SAMPLES) // SAMPLING_RATE
"""By which it can be late behind a model that takes out noise."""
SAMPLES = ("uint8", "int16", "int32", "float32", "float64")


class Listener:
    """Hears one stream: `feed` it chunks, and `finish` when there are no more.

    Windows are those of a file: 3 s, one a second, and a last one that ends with the stream. Memory does not grow with its
    length, and how it is cut into chunks changes nothing.
    """

    def __init__(
        self,
        model: Model,
        rate: int = SAMPLING_RATE,
        *,
        bias: SpeakerBias | None = None,
        skip_pauses: bool = False,
    ) -> None:
        """`rate` is in samples a second. A speaker's `bias` (see `emozoo.inference.files.hear_speaker`) is taken off
        each answer;
        with `skip_pauses`, windows in which nobody speaks get none (see `emozoo.listening.vad`).

        Raises EmozooError for a model that needs pictures, a rate that cannot be, and where something is not installed.
        """
        check_model(model)
        check_rate(rate)
        self._model, self._bias = model, bias
        self._resampler, self._cutter = Resampler(rate, BLOCK_SECONDS), WindowCutter()
        self._remover = OffsetRemover()
        self._denoiser = Denoiser() if model.preparation.denoise else None
        self._speech = None
        if skip_pauses:
            from emozoo.listening.vad import SpeechDetector

            self._speech = SpeechDetector()
        self._samples, self._over = 0, False

    def hear(self, chunks: Iterable[np.ndarray]) -> Iterator[WindowAnswer]:
        """Feeds all chunks and finishes: each answer as soon as there is one."""
        for chunk in chunks:
            yield from self.feed(chunk)
        yield from self.finish()

    def feed(self, chunk: np.ndarray) -> list[WindowAnswer]:
        """Answers the windows that are complete with a chunk [samples] or [samples, channels], of any length.

        Samples are int16, int32, uint8 around 128, or float32 and float64 in [-1, 1]; of channels the mean is heard. A
        window is complete up to a fifth of a second after its end; where the model takes out noise, up to 32 s. Raises
        EmozooError for a chunk of another kind and for samples that are no numbers; what was fed before it stays.
        """
        self._check_open()
        sound = _mono(chunk)
        self._samples += len(sound)
        return self._answers(self._cuts(self._resampler.push(sound))) if len(sound) else []

    def finish(self) -> list[WindowAnswer]:
        """Answers the windows that are left. Raises EmozooError where no sound was fed."""
        self._check_open()
        if not self._samples:
            raise EmozooError("the stream holds no sound: check what should send it")
        self._over = True
        return self._answers(self._cuts(self._resampler.finish()))

    def _check_open(self) -> None:
        if self._over:
            raise EmozooError("the stream is over: a Listener hears one; make another")

    def _cuts(self, blocks: Iterator[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        """First sample, and sound, of the windows that are complete with these blocks at 16 kHz."""
        for block in self._prepared(self._level(blocks)):
            if self._speech:
                self._speech.push(block)
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
        spans: list[tuple[float, float]] = []

        def windows() -> Iterator[Window]:
            for start, sound in cuts:
                end = start + len(sound)
                if self._speech is None or self._speech.heard(start, end):
                    spans.append((start / SAMPLING_RATE, end / SAMPLING_RATE))
                    yield cut_window(sound, None, 0)

        answers: list[WindowAnswer] = []
        with _one_core():
            for probabilities in classify(self._model, windows()):
                words = answer_in_words(self._model, probabilities, self._bias)
                answers.append(WindowAnswer(*spans[len(answers)], *words))
        return answers


def check_model(model: Model) -> None:
    """Raises EmozooError for a model that cannot hear a stream, or not without something that is not installed."""
    if model.video and "video" not in model.optional:
        raise EmozooError("this model needs pictures, and a stream has none: name a model that can do without")
    Preparation(denoise=model.preparation.denoise).require("this model")  # there are no pictures to crop


@contextmanager
def _one_core() -> Iterator[None]:
    """A window a second needs no more; on a busy machine each step of a network would wait for the slowest of several."""
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


def _mono(chunk: np.ndarray) -> np.ndarray:
    """float32 [samples], a copy."""
    sound = np.asarray(chunk)
    if sound.dtype.name not in SAMPLES:
        raise EmozooError(f"a chunk holds {', '.join(SAMPLES)}, not {sound.dtype.name}")
    if sound.ndim not in (1, 2) or sound.shape[1:] == (0,):
        raise EmozooError(f"a chunk is [samples] or [samples, channels], not of shape {list(sound.shape)}")
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is told below
        mono = mean_of_channels(sound.reshape(len(sound), -1) if len(sound) else np.zeros((0, 1), np.float32))
    if not np.isfinite(mono).all():
        raise EmozooError(
            "the stream holds samples that are no numbers (NaN or infinity): check the format of its samples"
        )
    return mono
