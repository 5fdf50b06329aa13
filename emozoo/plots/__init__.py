"""Figures of results, their colours and fonts. The names here are public; the modules may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.plots.colours import emotion_colours
    from emozoo.plots.outline import read_outline
    from emozoo.plots.over_time import draw_timeline, timeline
    from emozoo.plots.results import confusion_matrix
    from emozoo.plots.style import png
    from emozoo.plots.training import training_curves

__all__ = [
    "confusion_matrix",
    "training_curves",
    "timeline",
    "draw_timeline",
    "read_outline",
    "png",
    "emotion_colours",
]

__getattr__ = hand_on(
    __name__,
    {
        "confusion_matrix": "results",
        "training_curves": "training",
        "timeline": "over_time",
        "draw_timeline": "over_time",
        "read_outline": "outline",
        "png": "style",
        "emotion_colours": "colours",
    },
)
