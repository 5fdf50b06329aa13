"""Dimensions on the demo page, as HTML and SVG: bars, lines over time, and a point in the plane of two of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from emozoo.demo.charts import axis, colour_styles, lane
from emozoo.inference.answers import WindowAnswer
from emozoo.inference.segment_answers import SegmentAnswer
from emozoo.plots.over_time import Course, course
from emozoo.plots.plane import plane_of
from emozoo.target import UNIT, Outputs

SIDE = 100
"""Of the plane, in units of its picture."""
FASTEST, SLOWEST = 3.0, 20.0
"""Seconds that the point takes for its way; in between, as long as the clip lasts."""
Point = tuple[float, float]


def in_ratings(values: Mapping[str, float], outputs: Outputs) -> str:
    """Dimensions as ratings, in words and with their scale: `valence 3.4, arousal 2.1 (1 to 5)`."""
    scale = outputs.scale or UNIT
    return f"{', '.join(f'{name} {scale.written(value)}' for name, value in values.items())} ({scale})"


def dimension_bars(values: Mapping[str, float], outputs: Outputs) -> str:
    """A bar for each dimension, from the lowest rating to the highest."""
    scale, styles = outputs.scale or UNIT, colour_styles(outputs.dimensions)
    rows = "".join(
        f'<li><span>{escape(name)}</span><span class="emz-bar"><i class="emz-ink" '
        f'style="width:{100 * min(max(value, 0), 1):.1f}%;{styles[name]}"></i></span>'
        f'<span data-value="{value:.6f}">{scale.written(value)}</span></li>'
        for name, value in values.items()
    )
    return f'<ul class="emz-bars emz-dimensions" aria-label="Ratings, {scale}">{rows}</ul>'


def dimensions_chart(windows: Sequence[WindowAnswer], outputs: Outputs) -> str:
    """A lane with a line for each dimension over time."""
    answers, scale = course(windows, ()), outputs.scale or UNIT
    styles = colour_styles(answers.dimensions)
    lanes = "".join(
        lane(
            f"<small>{scale.high:g}</small><span>{escape(name)}</span><small>{scale.low:g}</small>",
            f'<svg viewBox="0 0 {answers.edges[-1]:.3f} 1" preserveAspectRatio="none" aria-hidden="true">'
            f'<path class="emz-line" style="{styles[name]}" d="{_line(answers, place)}"/></svg>',
            "emz-value",
        )
        for place, name in enumerate(answers.dimensions)
    )
    step = "" if answers.step is None else f", means of {answers.step:.0f} s"
    return (
        f'<figure class="emz-chart emz-values" role="img" aria-label="Dimensions over time, {scale}">'
        f"<figcaption>Dimensions over time ({scale}{step})</figcaption>{lanes}{axis(answers.edges[-1])}</figure>"
    )


def _line(answers: Course, place: int) -> str:
    """A dimension's values as an SVG path, each from its step's beginning to its end; a gap where there is no voice."""
    values = np.clip(answers.values[:, place], 0, 1)
    return "".join(
        "" if np.isnan(value) else f"{'M' if before else 'L'}{start:.3f},{1 - value:.3f}H{end:.3f}"
        for value, before, (start, end) in zip(
            values, np.isnan([np.nan, *values[:-1]]), itertools.pairwise(answers.edges), strict=True
        )
    )


def plane_chart(
    parts: Sequence[WindowAnswer | SegmentAnswer], whole: Mapping[str, float], outputs: Outputs, moves: bool
) -> str:
    """The plane of valence and arousal, with a point for the whole clip and one for each of its parts; if it `moves`,
    another one goes their way in turn. Empty for a model without these dimensions."""
    names = plane_of(outputs.dimensions)
    if names is None:
        return ""
    if moves:
        averaged = course([each for each in parts if isinstance(each, WindowAnswer)], ())
        places = [averaged.dimensions.index(name) for name in names] if averaged.dimensions else []
        points = [_place(row[places]) for row in averaged.values if places and not np.isnan(row[places]).any()]
    else:
        points = [_place([each.dimensions[name] for name in names]) for each in parts if each.dimensions]
    scale = outputs.scale or UNIT
    told = in_ratings({name: whole[name] for name in names}, outputs)
    seconds = min(max(max((each.end for each in parts), default=0), FASTEST), SLOWEST)
    way, moving = (_way(points), _moving(points, seconds)) if moves else ("", "")
    dots = "".join(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="1.1"/>' for x, y in points)
    x, y = _place([whole[name] for name in names])
    picture = (
        f'<svg viewBox="-2 -2 {SIDE + 4} {SIDE + 4}" aria-hidden="true">'
        f'<path class="emz-grid" d="M0,0H{SIDE}V{SIDE}H0ZM0,{SIDE / 2}H{SIDE}M{SIDE / 2},0V{SIDE}"/>'
        f'{way}<g class="emz-dots">{dots}</g>{moving}<circle class="emz-whole" cx="{x:.2f}" cy="{y:.2f}" r="3.2"/></svg>'
    )
    return (
        f'<figure class="emz-plane" role="img" aria-label="In the plane of valence and arousal: {escape(told)}">'
        f"<figcaption>Valence and arousal ({scale}): the large point is the whole clip</figcaption>"
        f'<div class="emz-square"><small>excited</small><small>calm</small>{picture}'
        f"<small>negative</small><small>positive</small></div></figure>"
    )


def _place(values: Sequence[float] | np.ndarray) -> Point:
    """Where valence and arousal, from 0 to 1, stand in the picture. y grows downwards."""
    valence, arousal = (min(max(float(value), 0.0), 1.0) for value in values)
    return SIDE * valence, SIDE * (1 - arousal)


def _way(points: Sequence[Point]) -> str:
    listed = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polyline class="emz-way" points="{listed}"/>'


def _moving(points: Sequence[Point], seconds: float) -> str:
    """A point that goes from one to the next, and begins again at the end."""
    if len(points) < 2:
        return ""
    ways = "".join(
        f'<animate attributeName="{axis}" dur="{seconds:.1f}s" repeatCount="indefinite" '
        f'values="{";".join(f"{point[number]:.2f}" for point in points)}"/>'
        for number, axis in enumerate(("cx", "cy"))
    )
    return f'<circle class="emz-moving" cx="{points[0][0]:.2f}" cy="{points[0][1]:.2f}" r="2.4">{ways}</circle>'
