"""The figure of a search for settings: the score of each trial, and the best so far."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from emozoo.plots.style import ACCENT, FAINT, INK, head, headed, new_figure, save_figure, styled


def tuning_picture(
    complete: Sequence[tuple[int, float]],
    others: Sequence[tuple[int, float]],
    path: str | os.PathLike[str],
    heading: Sequence[str] = (),
) -> None:
    """A PNG file. Both are numbers of trials with their scores: `complete` ones, of which one or more, and `others`, which
    ended early. `heading`: lines that name the network, the dataset and the fold."""
    from matplotlib.ticker import MaxNLocator

    numbers, scores = zip(*complete, strict=True)
    dots: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6}
    lines, above = headed(heading)
    with styled(lines):
        figure = new_figure(height=3.2 + above)
        axes = figure.subplots()
        axes.step(numbers, list(accumulate(scores, max)), where="post", color=ACCENT, label="best so far")
        axes.plot(numbers, scores, **dots, color=INK, label="complete")
        if others:
            axes.plot(*zip(*others, strict=True), **dots, color=FAINT, markerfacecolor="white", label="ended early")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set(title="Score on the dev split", xlabel="Trial")
        axes.legend(loc="best", fontsize=10)
        head(figure, lines)
        save_figure(figure, path)
