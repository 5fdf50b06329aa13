"""Figures of results, as PNG files: the confusion matrix and the course of training.

They are drawn without pyplot, so this works in threads and without a screen. A file appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emozoo.plots.colours import ink_on
from emozoo.plots.fonts import width_of, written
from emozoo.plots.style import ACCENT, FAINT, INK, SHADES, WIDTH, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROOMY_LABELS = 10
"""With more, each cell of a confusion matrix is small on a card."""
LARGEST_CELL = 1.3
SMALLEST_CELL = 0.5
"""Inches."""
LABEL_INCHES = 0.09
AXIS_INCHES = 0.7
"""The width of a label's letter, and of what is written along the labels."""
MOST_MARKED_EPOCHS = 15
DEV_SCORES = {
    "dev_ua": "UA", "dev_macro_f1": "macro F1", "dev_ccc": "CCC", "dev_wa": "WA", "dev_divergence": "divergence",
}  # fmt: skip
"""What is drawn of the dev split, where it was measured, in the order of its weight."""
SHARES = frozenset(("dev_ua", "dev_wa", "dev_macro_f1"))


class Counted(Protocol):
    """What a confusion matrix shows, such as `emozoo.evaluation.metrics.Metrics`."""

    @property
    def labels(self) -> Sequence[str]:
        """In the order of rows and columns."""

    @property
    def confusion(self) -> Sequence[Sequence[int]]:
        """Clips by true label and predicted label."""

    @property
    def count(self) -> int:
        """All clips."""

    @property
    def ua(self) -> float:
        """The mean of the per-class recalls."""

    @property
    def wa(self) -> float:
        """Accuracy."""


def confusion_matrix(metrics: Counted, path: str | os.PathLike[str], pooled: int = 1) -> None:
    """Rows are the true emotions. A cell's colour and number are its share of the row, below it is the number of clips.

    `pooled`: of how many folds the clips are.
    """
    size = len(metrics.labels)
    names = written(metrics.labels)
    beside = LABEL_INCHES * max(map(width_of, names)) + AXIS_INCHES
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, (WIDTH - beside) / size))
    slanted = beside - AXIS_INCHES > 0.9 * cell
    with styled(names):
        figure = new_figure(max(WIDTH, cell * size + beside), cell * size + (0.6 * beside if slanted else 0.65) + 0.5)
        axes = figure.subplots()
        _draw_cells(axes, np.array(metrics.confusion))
        _name_cells(axes, names, slanted)
        together = f" of {pooled} folds, pooled" if pooled > 1 else ""
        title = f"{metrics.count:,} clips{together}: UA {100 * metrics.ua:.1f} %, WA {100 * metrics.wa:.1f} %"
        figure.suptitle(title, weight="bold", size=11.5)
        save_figure(figure, path)


def _draw_cells(axes: Axes, counts: np.ndarray) -> None:
    """int [labels, labels] as coloured cells with their shares and numbers."""
    import matplotlib

    size = len(counts)
    occurring = counts.sum(axis=1)
    shares = counts / np.maximum(occurring, 1)[:, None]
    colours = matplotlib.colormaps[SHADES](shares)
    unit, points, small = ("\N{THIN SPACE}%", 11, 9) if size <= MOST_ROOMY_LABELS else ("", 14, 10)
    axes.imshow(colours)
    for row, column in np.argwhere(counts).tolist():
        look: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "color": ink_on(colours[row, column]),
            "weight": "bold" if row == column else "normal",
            "textcoords": "offset points",
        }
        share = f"{100 * shares[row, column]:.0f}{unit}"
        axes.annotate(share, (column, row), (0, 0.5 * points), fontsize=points, **look)
        axes.annotate(f"{counts[row, column]:,}", (column, row), (0, -0.8 * points), fontsize=small, **look)
    for row in np.flatnonzero(occurring == 0).tolist():
        axes.text((size - 1) / 2, row, "no such clip", ha="center", va="center", color=FAINT, style="italic")


def _name_cells(axes: Axes, names: Sequence[str], slanted: bool) -> None:
    size = len(names)
    turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(size), names, **turn)  # type: ignore[arg-type]
    axes.set_yticks(range(size), names)
    axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    axes.grid(which="major", visible=False)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0)
    axes.set(xlabel="Predicted emotion (each row is 100 %)", ylabel="True emotion")


def training_curves(history: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], kept: int) -> None:
    """Loss, scores on the dev split, and learning rate over epochs; each entry of `history` is an epoch's numbers. `kept` is
    the number of the epoch whose weights were kept; it is marked.

    Keys: `epoch`, `pretraining`, `loss`, `learning_rate`, and where a dev split was kept `dev_loss` and some of
    `DEV_SCORES`, 0..1. Epochs of pretraining are left out: their loss is another.
    """
    history = [entry for entry in history if not entry["pretraining"]]
    if not history:
        raise ValueError("no epoch to draw")
    scores = [name for name in DEV_SCORES if name in history[0]]
    measured = bool(scores)
    epochs = _column(history, "epoch")
    marker = "o" if len(history) <= MOST_MARKED_EPOCHS else ""
    first: dict[str, Any] = {"color": INK, "marker": marker}
    second: dict[str, Any] = {"color": ACCENT, "marker": marker, "linestyle": "--"}
    with styled():
        figure = new_figure(height=6.4 if measured else 3.8)
        heights = [3, 3, 1.4] if measured else [3, 1.4]
        loss, *accuracies, rate = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        loss.plot(epochs, _column(history, "loss"), **first, label="train")
        loss.set_title("Loss (cross entropy, nats)" if "dev_ccc" not in scores else "Loss")
        for accuracy in accuracies:
            loss.plot(epochs, _column(history, "dev_loss"), **second, label="dev")
            for number, name in enumerate(scores):
                style = {**(second if number else first), "linestyle": ("-", "--", ":")[number % 3]}
                accuracy.plot(epochs, _column(history, name, _factor(scores)), **style, label=DEV_SCORES[name])
            _mark_kept(accuracy, history, kept, scores)
        rate.plot(epochs, _column(history, "learning_rate"), **first)
        _label_epochs(rate, epochs)
        for axes in (loss, *accuracies):
            axes.legend(loc="best", handlelength=2.6, fontsize=10)
        save_figure(figure, path)


def _column(history: Sequence[Mapping[str, Any]], name: str, factor: int = 1) -> list[float]:
    return [factor * float(entry[name]) for entry in history]


def _factor(scores: Sequence[str]) -> int:
    """Shares are drawn in per cent, where there is nothing else beside them."""
    return 100 if SHARES.issuperset(scores) else 1


def _mark_kept(axes: Axes, history: Sequence[Mapping[str, Any]], kept: int, scores: Sequence[str]) -> None:
    name, factor = scores[0], _factor(scores)
    score = _column(history, name, factor)[_column(history, "epoch").index(kept)]
    written = f"{score:.1f} %" if factor == 100 else f"{score:.3f}"
    star: dict[str, Any] = {"marker": "*", "color": INK, "markersize": 13, "linestyle": "", "zorder": 4}
    axes.plot(kept, score, **star, label=f"kept: epoch {kept}, {DEV_SCORES[name]} {written}")
    axes.set_title("Accuracy on the dev split (%)" if factor == 100 else "Scores on the dev split")


def _label_epochs(axes: Axes, epochs: Sequence[float]) -> None:
    """The learning rate's axes, and below them those of the epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.set(title="Learning rate", xlabel="Epoch")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_ylim(bottom=0)
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
