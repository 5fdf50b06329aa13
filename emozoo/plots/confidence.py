"""The risk-coverage curve as a PNG file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emozoo.plots.style import ACCENT, FAINT, INK, head, headed, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKED = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""The confidences that are marked on the curve."""
CLOSEST = 0.07
"""Marks that are closer along the coverage would cover each other's words."""
NARROW = 0.15
"""Left of this coverage there is no room for words before the mark."""


def risk_coverage_curve(
    coverages: np.ndarray,
    risks: np.ndarray,
    confidences: np.ndarray,
    path: str | os.PathLike[str],
    heading: Sequence[str] = (),
) -> None:
    """Risk over coverage, as `emozoo.evaluation.confidence.risk_coverage` gives both, float [clips]. The curve is marked
    where the answers of clips below some of `confidences`, float [clips], would be withheld. `heading`: lines that name the
    network, the dataset and its split."""
    lines, above = headed(heading)
    with styled(lines):
        figure = new_figure(height=3.9 + above)
        axes = figure.subplots()
        axes.plot(100 * coverages, 100 * risks, color=INK)
        axes.axhline(100 * risks[-1], color=FAINT, linestyle=":", linewidth=1.2)
        _mark(axes, coverages, risks, confidences)
        axes.set_title(f"Wrong answers among the surest clips (%); area {100 * risks.mean():.1f}")
        axes.set_xlabel(f"Coverage: the share of the {len(risks):,} clips that is answered (%)")
        axes.set_xlim(0, 102)
        axes.set_ylim(0, max(5.0, 118 * float(risks.max())))
        head(figure, lines)
        save_figure(figure, path)


def _mark(axes: Axes, coverages: np.ndarray, risks: np.ndarray, confidences: np.ndarray) -> None:
    last = 2.0
    for confidence in MARKED:
        answered = int((confidences >= confidence).sum())
        if not answered or last - coverages[answered - 1] < CLOSEST:
            continue
        last = coverages[answered - 1]
        place = 100 * last, 100 * risks[answered - 1]
        axes.plot(*place, marker="o", color=ACCENT, markersize=6)
        beside = ((8, -4), "left") if last < NARROW else ((-2, 7), "right")
        axes.annotate(
            f"≥ {confidence:g}",
            place,
            beside[0],
            textcoords="offset points",
            ha=beside[1],
            color=ACCENT,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
