"""The picture of a clip on the demo page: emotions over time, and under them what was heard. It has the colours and the
style of `emozoo.plots`; it differs in shape, for it must be read on a phone."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence

import numpy as np

from emozoo import plots
from emozoo.media import SAMPLING_RATE
from emozoo.predict import Stretch

WIDTH, HEIGHT = 5.4, 5.0
"""Inches: narrow, so that letters stay legible where a phone shows it at 360 pixels."""
COLUMNS, SPECTRUM = 700, 512
"""Of the picture of the sound, at most; samples of a spectrum."""
RANGE = 70
"""dB below the loudest part of a clip that its spectrogram shows."""
_one_at_a_time = threading.Lock()  # matplotlib has one style for all threads


def heard(windows: Sequence[Stretch], labels: Sequence[str], sound: np.ndarray) -> bytes:
    """A PNG on a transparent ground: the probability of each label over seconds, and under it waveform and spectrogram of
    the sound, float32 [samples] at 16 kHz."""
    import matplotlib
    from matplotlib.figure import Figure

    colours = plots.emotion_colours(labels)
    middles = [(window.start + window.end) / 2 for window in windows]
    start, end = windows[0].start, windows[-1].end
    style = {**plots.STYLE, "font.size": 10, "grid.color": "#C8C8C8"}
    with _one_at_a_time, matplotlib.rc_context(style):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        emotions, wave, spectrum = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [5, 2, 3]})
        step = max(1, len(windows) // 10)
        for position, label in enumerate(labels):
            shares = [100 * window.probabilities[label] for window in windows]
            emotions.plot(
                [start, *middles, end],
                [shares[0], *shares, shares[-1]],
                color=colours[label],
                label=label,
                linewidth=1.8,
                marker=plots.MARKERS[position % len(plots.MARKERS)],
                markevery=slice(1 + position * step // len(labels), -1, step),
                markersize=5,
                linestyle=("-", "--", "-.")[position // 4 % 3],
            )
        emotions.set(xlim=(start, end), ylim=(0, 102), ylabel="Probability (%)")
        emotions.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2, columnspacing=1.2)
        moments, low, high = _envelope(sound)
        wave.fill_between(moments, low, high, color=plots.INK, linewidth=0.4)
        wave.set(ylabel="Sound")
        wave.set_ylim(-1.05 * max(1e-3, np.abs(sound).max()), 1.05 * max(1e-3, np.abs(sound).max()))
        spectrum.imshow(
            _spectrogram(sound),
            cmap="magma",
            aspect="auto",
            origin="lower",
            extent=(0, len(sound) / SAMPLING_RATE, 0, SAMPLING_RATE / 2000),
            interpolation="bilinear",
        )
        spectrum.grid(False)
        spectrum.set(ylabel="kHz", xlabel="Time (s)")
        figure.align_ylabels()
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=190, transparent=True)
    return file.getvalue()


def _envelope(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds, and the lowest and highest sample around each: at most `COLUMNS`."""
    size = max(1, -(-len(sound) // COLUMNS))
    edges = np.arange(0, len(sound), size)
    return (edges + size / 2) / SAMPLING_RATE, np.minimum.reduceat(sound, edges), np.maximum.reduceat(sound, edges)


def _spectrogram(sound: np.ndarray) -> np.ndarray:
    """dB, float [257, at most `COLUMNS`], no lower than `RANGE` below the loudest."""
    padded = np.pad(sound, SPECTRUM // 2)
    hop = max(80, -(-len(sound) // COLUMNS))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, SPECTRUM)[::hop]
    decibels = 20 * np.log10(np.abs(np.fft.rfft(pieces * np.hanning(SPECTRUM))).T + 1e-9)
    return np.maximum(decibels, decibels.max() - RANGE)
