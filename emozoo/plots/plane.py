"""A clip in the plane of valence and arousal (Russell 1980), as a part of a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emozoo.plots.style import ACCENT, FAINT, INK
from emozoo.target import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TIMES = "cividis_r"
"""matplotlib's colour map from the first window to the last, light to dark; the same for colour-blind readers."""
AROUSAL = ("arousal", "activation")
"""Two names for one dimension."""


def plane_of(dimensions: Iterable[str]) -> tuple[str, str] | None:
    """What a model calls valence and arousal; None where it does not have both."""
    known = {name.strip().casefold(): name for name in dimensions}
    arousal = next((known[name] for name in AROUSAL if name in known), None)
    return (known["valence"], arousal) if "valence" in known and arousal else None


def draw_plane(axes: Axes, path: np.ndarray, point: Sequence[float] | None, scale: Scale) -> None:
    """The windows in turn, float [windows, 2] of valence and arousal from 0 to 1, NaN where there is no voice, and the whole
    clip's `point`. Both axes are of the `scale`."""
    middle = scale.from_unit(0.5)
    for line in (axes.axhline, axes.axvline):
        line(middle, color=FAINT, linewidth=0.8)
    rated = scale.low + path * scale.span
    axes.plot(*rated.T, color=FAINT, linewidth=1)
    there = np.isfinite(rated).all(axis=1)
    times = np.linspace(0, 1, len(rated))[there]
    label = "windows: the first is\nlight, the last dark"
    x, y = rated[there].T
    axes.scatter(x, y, c=times, cmap=TIMES, vmin=0, vmax=1, s=26, edgecolors=INK, linewidths=0.4, zorder=3,
                 label=label)  # fmt: skip
    if point is not None:
        valence, arousal = (scale.from_unit(value) for value in point)
        axes.scatter(valence, arousal, marker="*", s=190, color=ACCENT, edgecolors="white", linewidths=0.8, zorder=4,
                     label="the whole clip")  # fmt: skip
    shown = np.vstack([rated[there], [[scale.low] * 2, [scale.high] * 2]])
    margin = 0.04 * scale.span
    axes.set(
        title=f"Valence and arousal ({scale})",
        xlabel="Valence: negative to positive",
        ylabel="Arousal: calm to excited",
        xlim=(shown[:, 0].min() - margin, shown[:, 0].max() + margin),
        ylim=(shown[:, 1].min() - margin, shown[:, 1].max() + margin),
    )
    ticks = [scale.from_unit(share / 4) for share in range(5)]
    for one in (axes.xaxis, axes.yaxis):
        one.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_box_aspect(1)
    axes.set_anchor("W")
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.03, 1), borderaxespad=0, fontsize=9, handletextpad=0.3
    ).set_in_layout(False)
