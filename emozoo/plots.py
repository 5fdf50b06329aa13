"""Pictures of results, as PNG files: the confusion matrix, the course of training, emotions over time.

The numbers come ready-made; nothing is computed here but their look. Drawn without matplotlib's global state, so it
works in threads and without a screen; a file appears complete or not at all. An emotion has one colour everywhere, out
of palettes that colour-blind readers can tell apart (Okabe and Ito 2008), and shapes that tell it apart in grey print.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emozoo.paths import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emozoo.metrics import Metrics

COLOURS = {
    "angry": "#D55E00",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "neutral": "#6C6C6C",
    "fearful": "#CC79A7",
    "disgusted": "#009E73",
    "surprised": "#56B4E9",
    "excited": "#E6D52A",
    "frustrated": "#5C2A00",
    "calm": "#8FD6C4",
    "bored": "#6F1551",
    "other": "#000000",
}
SYNONYMS = {
    "anger": "angry", "happiness": "happy", "joy": "happy", "sadness": "sad", "fear": "fearful", "disgust": "disgusted",
    "surprise": "surprised", "excitement": "excited", "frustration": "frustrated", "boredom": "bored",
}  # fmt: skip
MARKERS = "osD^vPX*<>hp"
INK, FAINT = "#222222", "#8A8A8A"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#E4E4E4",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.dpi": 150,
}


class Stretch(Protocol):
    """A window's answer: seconds from the start of the file, and the probability of each label, 0..1."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def probabilities(self) -> Mapping[str, float]: ...


def emotion_colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: an emotion's own, and for other words, by the alphabet, what the palette has left."""
    colours: dict[str, str] = {}
    for label in labels:
        own = COLOURS.get(SYNONYMS.get(label.lower(), label.lower()))
        if own and own not in colours.values():
            colours[label] = own
    left = [colour for colour in COLOURS.values() if colour not in colours.values()] or list(COLOURS.values())
    for position, label in enumerate(sorted(set(labels).difference(colours))):
        colours[label] = left[position % len(left)]
    return {label: colours[label] for label in labels}


def confusion_matrix(metrics: Metrics, path: str | os.PathLike[str]) -> None:
    """Rows are the true emotion; a cell's colour and number are its share of the row, below it the clips."""
    import matplotlib

    counts = np.array(metrics.confusion)
    occurring = counts.sum(axis=1)
    shares = counts / np.maximum(occurring, 1)[:, None]
    size = len(metrics.labels)
    longest = 0.095 * max(map(len, metrics.labels))  # inches
    side = max(4.2, 0.95 * size)
    slanted = longest > 0.95 * side / size
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(side + longest + 0.8, side + (0.65 * longest if slanted else 0.2) + 1.1)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        # Only the lighter part of the map, so that dark text reads well on every cell.
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.65)
        for row, column in np.ndindex(size, size):
            weight = "bold" if row == column else "normal"
            texts = (
                (f"{100 * shares[row, column]:.0f} %", 5, 11, weight),
                (f"{counts[row, column]:,}", -10, 8.5, "normal"),
            )
            for text, rise, points, boldness in texts if occurring[row] else ():
                style = {"ha": "center", "va": "center", "fontsize": points, "weight": boldness}
                axes.annotate(text, (column, row), (0, rise), textcoords="offset points", **style)  # type: ignore[arg-type]
        for row in np.flatnonzero(occurring == 0).tolist():
            axes.text((size - 1) / 2, row, "no such clip", ha="center", va="center", color=FAINT, style="italic")
        axes.set_xticks(range(size), metrics.labels, rotation=40 if slanted else 0, ha="right" if slanted else "center")
        axes.set_yticks(range(size), metrics.labels)
        axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=2)
        axes.tick_params(which="both", length=0)
        axes.set(xlabel="Predicted emotion", ylabel="True emotion (each row is 100 %)")
        axes.set_title(
            f"Confusion matrix, {metrics.count:,} clips\nUA {100 * metrics.ua:.1f} %, WA {100 * metrics.wa:.1f} %"
        )
        _save(figure, path)


def training_curves(history: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Loss, UA and WA, and learning rate over epochs; each entry of `history` is an epoch's numbers.

    Keys: `epoch`, `loss`, `dev_loss`, `dev_ua`, `dev_wa` (shares, 0..1), `learning_rate`. The best UA is marked. Epochs
    without dev numbers are left out: in pretraining the loss is another.
    """
    import matplotlib.ticker

    history = [entry for entry in history if "dev_ua" in entry]
    if not history:
        raise ValueError("no epoch to draw")

    def column(name: str) -> list[float]:
        return [float(entry[name]) for entry in history]

    epochs = column("epoch")
    best = max(range(len(history)), key=column("dev_ua").__getitem__)
    marker = "o" if len(history) <= 15 else ""
    with matplotlib.rc_context(STYLE):
        figure, _ = _figure(7.6, 7.4, rows=3, height_ratios=[3, 3, 1.3])
        loss, accuracy, rate = figure.axes
        loss.plot(epochs, column("loss"), color=COLOURS["sad"], marker=marker, label="train")
        loss.plot(epochs, column("dev_loss"), color=COLOURS["angry"], marker=marker, linestyle="--", label="dev")
        loss.set(ylabel="Cross entropy (nats)", title="Loss")
        percent = {name: [100 * value for value in column(name)] for name in ("dev_ua", "dev_wa")}
        accuracy.plot(epochs, percent["dev_ua"], color=COLOURS["sad"], marker=marker, label="UA")
        accuracy.plot(epochs, percent["dev_wa"], color=COLOURS["angry"], marker=marker, linestyle="--", label="WA")
        accuracy.plot(epochs[best], percent["dev_ua"][best], "*", color=INK, markersize=13, linestyle="", zorder=4)
        accuracy.set(ylabel="Accuracy (%)")
        accuracy.set_title(f"Dev split: best UA {percent['dev_ua'][best]:.1f} % at epoch {epochs[best]:.0f} (star)")
        rate.plot(epochs, column("learning_rate"), color=INK, marker=marker)
        rate.set(ylabel="Rate", xlabel="Epoch", title="Learning rate")
        rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
        rate.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        rate.set_ylim(bottom=0)
        rate.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        for axes in (loss, accuracy):
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)
        _save(figure, path)


def timeline(
    windows: Sequence[Stretch], labels: Sequence[str], path: str | os.PathLike[str], *, title: str = "Emotion over time"
) -> None:
    """The probability of each label over seconds, and above it a ribbon of the likeliest.

    A window's probabilities stand at its middle, and hold to the ends of the clip before the first and after the last.
    """
    import matplotlib

    if not windows:
        raise ValueError("no window to draw")
    values = np.array([[window.probabilities[label] for label in labels] for window in windows])
    middles = [(window.start + window.end) / 2 for window in windows]
    start, end = windows[0].start, windows[-1].end
    colours = emotion_colours(labels)
    step = max(1, len(windows) // 12)
    with matplotlib.rc_context(STYLE):
        figure, _ = _figure(8.4, 4.6, rows=2, height_ratios=[1, 9])
        ribbon, axes = figure.axes
        for position, label in enumerate(labels):
            axes.plot(
                [start, *middles, end],
                100 * values[[0, *range(len(windows)), -1], position],
                color=colours[label],
                marker=MARKERS[position % len(MARKERS)],
                markevery=slice(1 + position * step // len(labels), -1, step),
                markersize=6,
                linewidth=1.8,
                linestyle=("-", "--", "-.")[position // 4 % 3],
                label=label,
            )
        axes.set(xlim=(start, end), ylim=(0, 102), xlabel="Time (s)", ylabel="Probability (%)")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)
        ribbon.set_title(title)
        ribbon.set_axis_off()
        _draw_ribbon(
            ribbon, [labels[best] for best in values.argmax(axis=1)], [start, *_between(middles), end], colours
        )
        _save(figure, path)


def _between(middles: Sequence[float]) -> list[float]:
    return [(one + other) / 2 for one, other in itertools.pairwise(middles)]


def _draw_ribbon(ribbon: Axes, likeliest: Sequence[str], edges: Sequence[float], colours: Mapping[str, str]) -> None:
    """Boxes from edge to edge, equal neighbours joined, with the word where it fits."""
    from matplotlib.colors import to_rgba

    first = 0
    for position, label in enumerate(likeliest):
        if position + 1 < len(likeliest) and likeliest[position + 1] == label:
            continue
        left, right = edges[first], edges[position + 1]
        first = position + 1
        ribbon.barh(0, right - left, left=left, color=colours[label], linewidth=0)
        if (right - left) / (edges[-1] - edges[0]) > 0.016 * len(label) + 0.01:
            ink = _ink(to_rgba(colours[label]))
            ribbon.text((left + right) / 2, 0, label, ha="center", va="center_baseline", color=ink, weight="bold")


def _ink(background: Sequence[float]) -> str:
    """Dark or white text, whichever has more contrast on a colour (WCAG 2 relative luminance)."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in background[:3]
    )
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.21 else "white"


def _figure(width: float, height: float, *, rows: int = 1, **grid: Any) -> tuple[Figure, Axes]:
    """A figure of `rows` axes over one x axis, size in inches, and its first axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr,call-arg]
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, gridspec_kw=grid)
    return figure, axes[0, 0]


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    with atomic(Path(path)) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
