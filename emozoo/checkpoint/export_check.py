"""Compares the answers of an ONNX graph with those of the network that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_model import LEAST_SAMPLES, OnnxModel
from emozoo.errors import EmozooError
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.target import PRESENT, Outputs

if TYPE_CHECKING:
    from emozoo.inference.model import Window

LARGEST_DIFFERENCE = 1e-3
"""Of a probability, between the network and what was written, on sounds and frames that try it out."""
LARGEST_SHARE = 1e-2
"""The same of an embedding's number, as a share of its largest. Most of a pure tone's spectrum is rounding."""
LEAST_SAME = 0.9
"""Share of windows that a graph in 8 bits must answer as the network does."""
NEAR = 0.05
"""Within which two values of a dimension, which are from 0 to 1, are alike."""
SHORT_CLIPS, SHORT_STEP = 9, 160
"""Of a network that takes lengths: how many short clips are tried, and by how many samples each is longer than the last."""


def differences(model: EmotionModel, written: OnnxModel) -> float:
    """The largest of a probability. Raises EmozooError where file and network differ by more than rounding."""
    difference = _difference(model, written)
    features_off = _features_difference(model, written) if written.has_embeddings else 0.0
    for what, off, most in (
        ("probabilities", difference, LARGEST_DIFFERENCE),
        ("embeddings", features_off, LARGEST_SHARE),
    ):
        if not off <= most:  # also where it is NaN
            raise EmozooError(f"as ONNX, its {what} are off by {off:.1g}")
    return difference


def rounded_differences(model: EmotionModel, written: OnnxModel, windows: Sequence[Window]) -> tuple[float, float]:
    """The largest of an output, and the share of windows with the same answer. Raises EmozooError where it is small."""
    ours, theirs = (each.probabilities(windows) for each in (model, written))
    same = float(alike(model.outputs, ours, theirs).mean())
    if same < LEAST_SAME:
        raise EmozooError(
            f"in 8 bits, it answers {1 - same:.0%} of the recordings otherwise: leave --quantize out, or name recordings "
            "like those that you will ask about with --calibration"
        )
    return float(np.abs(ours - theirs).max()), same


def alike(outputs: Outputs, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which of two models' answers, float64 [windows, outputs], have the same label, or labels, and dimensions that are
    `NEAR`: bool [windows]."""
    alike = (np.abs(ours - theirs)[:, outputs.of_dimensions] <= NEAR).all(1)
    words = [each[:, outputs.of_labels] for each in (ours, theirs)]
    if outputs.multi:
        return alike & ((words[0] >= PRESENT) == (words[1] >= PRESENT)).all(1)
    return alike & (words[0].argmax(1) == words[1].argmax(1)) if outputs.labels else alike


def _difference(model: EmotionModel, written: OnnxModel) -> float:
    """The largest difference of a probability, over several batches; of a dimension's value a quarter, for a probability
    changes by no more than that share of its logit."""
    shares = np.where(np.arange(len(model.outputs.names)) < len(model.labels), 1.0, 0.25)
    gaps = [model.probabilities(each) - written.probabilities(each) for each in _batches(model)]
    return max(float((np.abs(gap) * shares).max()) for gap in gaps)


def _features_difference(model: EmotionModel, written: OnnxModel) -> float:
    """The largest difference of an embedding's number, as a share of its largest, over several batches."""
    pairs = [(model.embeddings(each), written.embeddings(each)) for each in _batches(model)]
    return max(float(np.abs(ours - theirs).max() / max(np.abs(ours).max(), 1e-6)) for ours, theirs in pairs)


def _batches(model: EmotionModel) -> list[list[Window]]:
    """Of several sizes: noise, loud and soft, tones and silence. For a network that takes lengths, and may standardise each
    band, tones swell and have the noise of a recording: in a pure and steady one, most of a band is rounding."""
    rng = np.random.default_rng(0)
    seconds = np.arange(model.window.samples) / SAMPLING_RATE
    natural = float(model.architecture.lengths)
    swell = 1 - 0.5 * natural * np.cos(2 * np.pi * 1.7 * seconds)
    sounds = [rng.normal(0, level, len(seconds)) for level in (0.3, 0.1, 0.01, 0.001)]
    sounds += [
        0.5 * np.sin(2 * np.pi * pitch * seconds) * swell * (seconds < 2 * model.window.seconds / 3)
        + rng.normal(0, 0.001 * natural, len(seconds))
        for pitch in (110, 440, 1760)
    ]
    sounds += [np.zeros(len(seconds))]
    windows: list[Window] = []
    for number, sound in enumerate(sounds):
        lacking = "video" in model.optional and number % 2
        frames = rng.integers(0, 256, (*model.window.frames, 3), np.uint8) if model.video and not lacking else None
        whole = len(sound) if number % 2 or not model.architecture.lengths else len(sound) // (number + 1)
        windows.append((sound[:whole].clip(-1, 1).astype(np.float32), frames))
    # A graph may be right for its example's length only, and for those that leave the same remainder.
    shortest = windows[0][0][: LEAST_SAMPLES + SHORT_STEP * SHORT_CLIPS]
    clips = range(SHORT_CLIPS if model.architecture.lengths else 0)
    short: list[Window] = [(shortest[: LEAST_SAMPLES + SHORT_STEP * clip], windows[0][1]) for clip in clips]
    return [windows[:1], windows[1:4], windows + short]
