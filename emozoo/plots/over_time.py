"""Emotions and dimensions over time, as a figure."""

from __future__ import annotations

import itertools
import math
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.plots.colours import emotion_colours, emotion_hatches, ink_on
from emozoo.plots.fonts import width_of, written
from emozoo.plots.plane import draw_plane, plane_of
from emozoo.plots.style import INK, SHADES, head, headed, new_figure, save_figure, styled
from emozoo.target import UNIT, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emozoo.inference.answers import WindowAnswer
    from emozoo.plots.outline import Outline


NOBODY = -1
"""In place of a label's number, where there is no voice."""
NOBODY_LOOKS: dict[str, Any] = {"facecolor": "#d9dbe0", "hatch": None, "linewidth": 0}
MOST_POINTS = 240
"""Windows that a timeline shows one by one. More are shown as means of several."""

LINES = ("-", "--", "-.", ":")
PLANE_INCHES = 3.2

CLOCK_STEPS = (*(2, 5, 10, 20, 30, 60, 120, 300, 600), *(900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200))
"""Seconds between the numbers on a long axis."""


def timeline(
    windows: Sequence[WindowAnswer],
    labels: Sequence[str],
    path: str | os.PathLike[str],
    outline: Outline | None = None,
    scale: Scale | None = None,
    whole: Mapping[str, float] | None = None,
    heading: Sequence[str] = (),
) -> None:
    """`draw_timeline` as a PNG file."""
    figure = new_figure()
    draw_timeline(figure, windows, labels, outline, scale, whole, heading)
    save_figure(figure, path)


def draw_timeline(
    figure: Figure,
    windows: Sequence[WindowAnswer],
    labels: Sequence[str],
    outline: Outline | None = None,
    scale: Scale | None = None,
    whole: Mapping[str, float] | None = None,
    heading: Sequence[str] = (),
) -> None:
    """Draws onto an empty figure, over time: the likeliest label, each label's probability, each dimension that the windows
    have, and with an `outline` the recording's wave and spectrogram. Windows without a voice are grey, or a gap.

    Dimensions are on the `scale` of their corpus, or from 0 to 1. Where valence and arousal are among them, the windows' way
    through their plane stands below, with the point of the `whole` clip, whose dimensions are from 0 to 1.
    The figure keeps its width and becomes as high as all this needs; the steps are those of `course`. `heading`: lines that
    name the file and the model. Raises ValueError where there is no window.
    """
    answers = course(windows, labels, outline.seconds if outline else None)
    edges, end = answers.edges, answers.edges[-1]
    names = written(labels)
    looks = _looks(labels)
    heights = [0.32, max(0.5, 0.36 * len(labels))] if labels else []  # inches
    heights += ([1.5] if answers.dimensions else []) + ([0.75, 1.3] if outline else [])
    plane = plane_of(answers.dimensions)
    lines, above = headed(heading, figure.get_figwidth())
    with styled([*names, *answers.dimensions, *lines]):
        *panels, last = _panels(figure, heights, bool(plane), above)
        head(figure, lines)
        rest: Iterator[Axes] = iter(panels)
        if labels:
            _draw_ribbon(next(rest), answers.likeliest, edges, names, looks, figure.get_figwidth() - 1.2)
            lanes = next(rest)
            _draw_lanes(lanes, answers.probabilities, edges, names, looks)
            if answers.step is not None:
                lanes.set_title(f"Probability (0 to 1, means of {answers.step:.0f} s)")
        if answers.dimensions:
            _draw_dimensions(next(rest), answers, scale or UNIT)
        if outline:
            _draw_wave(next(rest), outline)
            _draw_spectrogram(next(rest), outline)
        for axes in panels:
            axes.tick_params(axis="y", which="both", length=0)
        _draw_clock(panels[-1], end)
        if plane and last is not None:
            places = [answers.dimensions.index(name) for name in plane]
            point = [whole[name] for name in plane] if whole else None
            draw_plane(last, answers.values[:, places], point, scale or UNIT)


def _panels(figure: Figure, heights: Sequence[float], with_plane: bool, above: float) -> list[Any]:
    """Axes below each other with one axis of time, so many inches high, `above` them so many free; then the plane's, or
    None."""
    inches = [*heights, *([PLANE_INCHES] if with_plane else [])]
    figure.set_size_inches(figure.get_figwidth(), sum(inches) + 0.42 * len(inches) + 0.5 + above)
    grid = figure.add_gridspec(len(inches), 1, height_ratios=inches)
    first = figure.add_subplot(grid[0])
    panels = [first, *(figure.add_subplot(grid[row], sharex=first) for row in range(1, len(heights)))]
    for axes in panels[:-1]:
        axes.tick_params(axis="x", labelbottom=False)
    return [*panels, figure.add_subplot(grid[len(heights)]) if with_plane else None]


@dataclass(frozen=True)
class Course:
    """Answers over time, in no more steps than a figure can show."""

    edges: list[float]
    """Seconds: where the steps begin, and where the last one ends."""
    probabilities: np.ndarray
    """float64 [steps, labels]; zeros where there is no voice."""
    likeliest: np.ndarray
    """int [steps]: the number of the most probable label, or `NOBODY`."""
    step: float | None
    """Seconds in a step, where it is the mean of several windows; else None."""
    middles: list[float]
    """Seconds: the middle of each step's windows."""
    dimensions: tuple[str, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    """float64 [steps, dimensions]; NaN where there is no voice."""


def course(windows: Sequence[WindowAnswer], labels: Sequence[str], end: float | None = None) -> Course:
    """The windows' answers over time, until second `end`, or that of the last window. A window's numbers hold from halfway
    to the window before it to halfway to the one after it. Raises ValueError where there is no window."""
    if not windows:
        raise ValueError("no window to draw")
    parts = _joined(windows)
    dimensions = tuple(next((each.dimensions for each in windows if each.dimensions), ()))
    means = np.array([_mean(part, [*labels, *dimensions]) for part in parts])
    there = np.isfinite(means).any(axis=1)
    probabilities = np.where(there[:, None], means[:, : len(labels)], 0.0)
    likeliest = np.where(there, probabilities.argmax(axis=1), NOBODY) if labels else np.full(len(parts), NOBODY)
    step = parts[1][0].start - parts[0][0].start if len(parts[0]) > 1 else None
    middles = [(part[0].start + part[-1].end) / 2 for part in parts]
    edges = [0.0, *((one + other) / 2 for one, other in itertools.pairwise(middles))]
    edges.append(windows[-1].end if end is None else end)
    return Course(edges, probabilities, likeliest, step, middles, dimensions, means[:, len(labels) :])


def _mean(part: Sequence[WindowAnswer], names: Sequence[str]) -> list[float]:
    """The mean number of each name; NaN where no window has an answer."""
    answered = [each.scores for each in part if each.scores is not None]
    return [statistics.fmean(each[name] for each in answered) if answered else math.nan for name in names]


def _joined(windows: Sequence[WindowAnswer]) -> list[Sequence[WindowAnswer]]:
    """Neighbouring windows together, so that there are no more than `MOST_POINTS` groups."""
    size = math.ceil(len(windows) / MOST_POINTS)
    return [windows[start : start + size] for start in range(0, len(windows), size)]


def _looks(labels: Sequence[str]) -> list[dict[str, Any]]:
    """Each label's colour and hatch, as matplotlib takes them for filled shapes."""
    from matplotlib.colors import to_rgb

    colours, hatches = emotion_colours(labels), emotion_hatches(labels)
    return [
        {
            "facecolor": colours[label],
            "hatch": hatches[label],
            "edgecolor": [0.55 * share for share in to_rgb(colours[label])],  # the hatch's
            "linewidth": 0,
        }
        for label in labels
    ]


def _draw_ribbon(
    axes: Axes,
    likeliest: np.ndarray,
    edges: Sequence[float],
    names: Sequence[str],
    looks: Sequence[dict[str, Any]],
    width: float,
) -> None:
    """Boxes from edge to edge, equal neighbours joined. A box has its label where that fits; all are `width` inches wide."""
    begins = [*np.flatnonzero(np.diff(likeliest, prepend=NOBODY - 1)).tolist(), len(likeliest)]
    for begin, after in itertools.pairwise(begins):
        best, left, right = likeliest[begin], edges[begin], edges[after]
        name, look = ("no voice", NOBODY_LOOKS) if best == NOBODY else (names[best], looks[best])
        fits = (right - left) / edges[-1] * width > 0.1 * width_of(name) + 0.05
        axes.barh(0, right - left, 1, left, **look | ({"hatch": None} if fits else {}))
        if fits:
            ink = ink_on(look["facecolor"])
            axes.text((left + right) / 2, 0, name, ha="center", va="center_baseline", color=ink, size=10)
    axes.vlines([edges[begin] for begin in begins[1:-1]], -0.5, 0.5, color="white", linewidth=0.8)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(title="Likeliest emotion", ylim=(-0.5, 0.5), yticks=[])


def _draw_lanes(
    axes: Axes, probabilities: np.ndarray, edges: Sequence[float], names: Sequence[str], looks: Sequence[dict[str, Any]]
) -> None:
    """A row for each label, and beside its name a patch of its colour and hatch."""
    from matplotlib.patches import Rectangle

    count, full = len(names), 0.9
    for place, look in enumerate(looks):
        floor = count - 1 - place
        axes.stairs(floor + full * probabilities[:, place], edges, baseline=floor, fill=True, **look)
        beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        axes.add_patch(Rectangle((-0.026, floor), 0.02, full, **look, **beside))
        for number, height, side in (("0", floor, "bottom"), ("1", floor + full, "top")):
            axes.text(1.008, height, number, fontsize=9.5, va=side, **beside)
    axes.set_yticks([count - 1 - place + full / 2 for place in range(count)], names)
    axes.set_yticks(range(1, count), [""] * (count - 1), minor=True)
    axes.tick_params(axis="y", which="major", pad=11)
    axes.grid(axis="y", which="major", visible=False)
    axes.grid(axis="y", which="minor", color="#C8C8C8")
    axes.set(title="Probability (0 to 1 in each row)", ylim=(0, count))


def _draw_dimensions(axes: Axes, answers: Course, scale: Scale) -> None:
    """A line for each dimension, on the scale of its ratings."""
    rated = scale.low + answers.values * scale.span
    names = written(answers.dimensions)
    colours = emotion_colours(answers.dimensions)
    for place, name in enumerate(answers.dimensions):
        look: dict[str, Any] = {"color": colours[name], "linestyle": LINES[place % len(LINES)]}
        axes.plot(answers.middles, rated[:, place], marker="o", markersize=2.5, label=names[place], **look)
    known = rated[np.isfinite(rated)]
    margin = 0.05 * scale.span
    low, high = min([scale.low, *known]), max([scale.high, *known])
    step = "" if answers.step is None else f", means of {answers.step:.0f} s"
    ticks = [scale.low, scale.from_unit(0.5), scale.high]
    axes.set(title=f"Dimensions ({scale}{step})", ylim=(low - margin, high + margin))
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    beside_title = {
        "loc": "lower right",
        "bbox_to_anchor": (1.01, 1),
        "ncols": 3,
        "borderaxespad": 0,
        "columnspacing": 0.9,
    }
    place_of: dict[str, Any] = beside_title if len(names) <= 3 and not step else {"loc": "best"}
    axes.legend(fontsize=9, handlelength=1.8, handletextpad=0.4, **place_of).set_in_layout(False)


def _draw_wave(axes: Axes, outline: Outline) -> None:
    times = (np.arange(len(outline.lowest)) + 0.5) * outline.wave_step
    axes.fill_between(times, 100 * outline.lowest, 100 * outline.highest, color=INK, linewidth=0.5)
    axes.set_title("Wave (% of full scale)")


def _draw_spectrogram(axes: Axes, outline: Outline) -> None:
    rows, columns = outline.decibels.shape
    extent = (0, columns * outline.step, -0.02, 0.04 * rows - 0.02)
    axes.imshow(outline.decibels, cmap=SHADES, vmin=-70, vmax=0, extent=extent, origin="lower", aspect="auto")
    axes.grid(False)
    axes.set(title="Spectrogram (kHz; white to dark: 70 dB)", ylim=(0, 8), yticks=[0, 4, 8])


def _draw_clock(axes: Axes, end: float) -> None:
    """An axis of minutes and seconds; of seconds where there are few, of hours where there are many."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axes.set(xlim=(0, end), xlabel="Time (s)")
    if end > 10:
        step = next((step for step in CLOCK_STEPS if end / step <= 7), math.ceil(end / 7 / 86_400) * 86_400)
        unit, text = (3600, "Time (h:min)") if end > 3600 else (60, "Time (min:s)")
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda second, _: f"{second // unit:.0f}:{second % unit // (unit // 60):02.0f}")
        )
        axes.set_xlabel(text)
