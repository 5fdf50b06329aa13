"""The confusion matrix as a PNG file.

It is drawn without pyplot, so this works in threads and without a screen. The file appears complete or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emozoo.plots.colours import ink_on
from emozoo.plots.fonts import width_of, written
from emozoo.plots.style import FAINT, SHADES, WIDTH, head, headed, new_figure, save_figure, styled

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


def confusion_matrix(
    metrics: Counted, path: str | os.PathLike[str], pooled: int = 1, heading: Sequence[str] = ()
) -> None:
    """Rows are the true emotions. A cell's colour and number are its share of the row, below it is the number of clips.

    `pooled`: of how many folds the clips are. `heading`: lines that name the network, the dataset and its split.
    """
    size = len(metrics.labels)
    names = written(metrics.labels)
    beside = LABEL_INCHES * max(map(width_of, names)) + AXIS_INCHES
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, (WIDTH - beside) / size))
    slanted = beside - AXIS_INCHES > 0.9 * cell
    below = 0.6 * beside if slanted else 0.65
    scores = f"UA {100 * metrics.ua:.1f} %, WA {100 * metrics.wa:.1f} %"
    title = (
        [f"{metrics.count:,} clips of {pooled} folds, pooled", scores]
        if pooled > 1
        else [f"{metrics.count:,} clips: {scores}"]
    )
    width = max(WIDTH, cell * size + beside)
    lines, above = headed([*heading, *title], width)
    with styled([*names, *lines]):
        figure = new_figure(width, cell * size + below + 0.3 + above)
        axes = figure.subplots()
        _draw_cells(axes, np.array(metrics.confusion))
        _name_cells(axes, names, slanted)
        head(figure, lines)
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
