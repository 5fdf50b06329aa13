"""Pictures of results, as PNG files: the confusion matrix, the course of training, emotions over time.

The numbers come ready-made; nothing is computed here but where they stand. How pictures look is `emozoo.plots.style`'
matter.
Drawn without pyplot, so it works in threads and without a screen; a file appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from emozoo.plots.colours import ink_on
from emozoo.plots.fonts import width_of, written
from emozoo.plots.style import ACCENT, FAINT, INK, SHADES, WIDTH, new_figure, save_figure, styled


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
    """Rows are the true emotion; a cell's colour and number are its share of the row, below it the clips. `pooled`: of how
    many folds the clips are."""
    import matplotlib

    counts = np.array(metrics.confusion)
    occurring = counts.sum(axis=1)
    shares = counts / np.maximum(occurring, 1)[:, None]
    size = len(metrics.labels)
    names = written(metrics.labels)
    beside = 0.09 * max(map(width_of, names)) + 0.7  # inches, of the names and what is written along them
    cell = min(1.3, max(0.5, (WIDTH - beside) / size))
    slanted = beside - 0.7 > 0.9 * cell
    colours = matplotlib.colormaps[SHADES](shares)
    few = size <= 10  # of many cells, each is small on a card
    unit, points, small = ("\N{THIN SPACE}%", 11, 9) if few else ("", 14, 10)
    with styled(names):
        figure = new_figure(max(WIDTH, cell * size + beside), cell * size + (0.6 * beside if slanted else 0.65) + 0.5)
        axes = figure.subplots()
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
        together = f" of {pooled} folds, pooled" if pooled > 1 else ""
        title = f"{metrics.count:,} clips{together}: UA {100 * metrics.ua:.1f} %, WA {100 * metrics.wa:.1f} %"
        figure.suptitle(title, weight="bold", size=11.5)
        save_figure(figure, path)


def training_curves(history: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], kept: int) -> None:
    """Loss, UA and WA, and learning rate over epochs; each entry of `history` is an epoch's numbers. `kept` is the epoch
    whose weights were kept, by its number; it is marked.

    Keys: `epoch`, `pretraining`, `loss`, `learning_rate`, and where a dev split was kept `dev_loss`, `dev_ua`, `dev_wa`
    (shares, 0..1). Pretraining is left out: its loss is another.
    """
    import matplotlib.ticker

    history = [entry for entry in history if not entry["pretraining"]]
    if not history:
        raise ValueError("no epoch to draw")

    def column(name: str, factor: int = 1) -> list[float]:
        return [factor * float(entry[name]) for entry in history]

    epochs, measured = column("epoch"), "dev_ua" in history[0]
    marker = "o" if len(history) <= 15 else ""
    first: dict[str, Any] = {"color": INK, "marker": marker}
    second: dict[str, Any] = {"color": ACCENT, "marker": marker, "linestyle": "--"}
    with styled():
        figure = new_figure(height=6.4 if measured else 3.8)
        heights = [3, 3, 1.4] if measured else [3, 1.4]
        loss, *accuracies, rate = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        loss.plot(epochs, column("loss"), **first, label="train")
        loss.set_title("Loss (cross entropy, nats)")
        for accuracy in accuracies:
            loss.plot(epochs, column("dev_loss"), **second, label="dev")
            ua = column("dev_ua", 100)
            best = epochs.index(kept)
            accuracy.plot(epochs, ua, **first, label="UA")
            accuracy.plot(epochs, column("dev_wa", 100), **second, label="WA")
            star: dict[str, Any] = {"marker": "*", "color": INK, "markersize": 13, "linestyle": "", "zorder": 4}
            accuracy.plot(epochs[best], ua[best], **star, label=f"kept: epoch {kept}, UA {ua[best]:.1f} %")
            accuracy.set_title("Accuracy on the dev split (%)")
        rate.plot(epochs, column("learning_rate"), **first)
        rate.set(title="Learning rate", xlabel="Epoch")
        rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
        rate.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        rate.set_ylim(bottom=0)
        rate.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        for axes in (loss, *accuracies):
            axes.legend(loc="best", handlelength=2.6, fontsize=10)
        save_figure(figure, path)
