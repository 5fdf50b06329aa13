"""Runs side by side as a picture: points with their intervals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emozoo.plots.fonts import width_of, written
from emozoo.plots.style import ACCENT, FAINT, INK, WIDTH, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_NAME = 34
"""Letters of a name; two names in a difference."""
ROW = 0.3
PANEL = 0.75
"""Inches: the height of a row, and what a panel needs beside its rows."""
LEGEND = 0.3
LETTER = 0.085
"""Inches of the line below the panels, and of a letter."""
NARROWEST = 3.4
"""Inches of a panel beside its names."""


@dataclass(frozen=True)
class Point:
    """A value with its interval."""

    name: str
    value: float
    low: float
    high: float
    found: bool = True
    """Whether it is drawn full; a difference that was not found is drawn hollow."""


@dataclass(frozen=True)
class Panel:
    """Points on one scale, one below the other."""

    title: str
    points: Sequence[Point]
    differences: bool = False
    """Whether 0 is marked."""


def comparison_picture(panels: Sequence[Panel], path: str | os.PathLike[str]) -> None:
    """A PNG or SVG file, by the name's end, with the panels below each other."""
    names = [written([point.name for point in panel.points], LONGEST_NAME) for panel in panels]
    rows = [len(panel.points) for panel in panels]
    longest = max(width_of(name) for each in names for name in each)
    with styled("".join(name for each in names for name in each)):
        heights = [ROW * count + PANEL for count in rows]
        figure = new_figure(max(WIDTH, NARROWEST + LETTER * longest), sum(heights) + LEGEND)
        every = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
        for axes, panel, own in zip(every, panels, names, strict=True):
            _draw(axes, panel, own)
        figure.supxlabel("lines: 95 % intervals; hollow: no difference found", size=10, color=INK)
        save_figure(figure, path)


def _draw(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    colour = ACCENT if panel.differences else INK
    for place, point in enumerate(panel.points):
        axes.plot([point.low, point.high], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(
            point.value,
            place,
            marker="o",
            markersize=7,
            color=colour,
            markerfacecolor=colour if point.found else "white",
            markeredgewidth=1.6,
        )
    if panel.differences:
        axes.axvline(0, color=FAINT, linewidth=1.2, zorder=0.5)
    axes.set_title(panel.title)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
