"""How figures look: sizes, fonts, colours, and the PNG file.

Figures are laid out for a width of 700 pixels, as on model cards, and can still be read at half of that. Emotions' colours
can be told apart by colour-blind readers (Okabe and Ito 2008), and their hatches in grey print.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emozoo.paths import atomic, user_path
from emozoo.plots.fonts import FONT, fitting, fonts_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = "Blues"
"""matplotlib's colour map for shares and levels: each step is darker than the one before, in grey too."""
INK = "#222222"
FAINT = "#8A8A8A"
ACCENT = "#8A4FBF"
"""For text and first lines; for frames and remarks; for second lines. The accent is no emotion's colour."""
WIDTH = 5.6
DPI = 200
"""Width in inches. 11 points are 19 pixels where a figure is 700 wide, and 9.5 at 350."""
HEADING_POINTS = 11.5
HEADING_INCHES = 0.2
"""The size of a heading's letters, and the height of a line of it."""
STYLE = {
    "font.size": 11,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#E4E4E4",
    "hatch.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.dpi": DPI,
}
_LOCK = threading.RLock()
"""matplotlib's settings are the same for all threads: only one may change them at a time."""


@contextmanager
def styled(texts: Iterable[str] = ()) -> Iterator[None]:
    """Gives emozoo's look, with fonts for the letters of these texts, to what is drawn meanwhile. Afterwards, matplotlib's
    settings are what they were."""
    import matplotlib.style

    fonts, _ = fonts_for("".join(texts))
    with _LOCK, matplotlib.style.context(["default", {**STYLE, "font.family": [FONT, *fonts]}]):
        yield


def new_figure(width: float = WIDTH, height: float = WIDTH) -> Figure:
    """An empty figure, in inches, outside of pyplot: it needs no screen, and is freed with its last reference."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr,call-arg]
    return figure


def headed(lines: Sequence[str], width: float = WIDTH) -> tuple[list[str], float]:
    """The lines of a heading as a figure of so many inches has room for them, and their height in inches."""
    shown = fitting(lines, width - 0.2, HEADING_POINTS)
    return shown, HEADING_INCHES * len(shown)


def head(figure: Figure, lines: Sequence[str]) -> None:
    """Writes the lines that `headed` gave above everything else of the figure, smaller where their letters are wide."""
    if lines:
        text = figure.suptitle("\n".join(lines), weight="bold", size=HEADING_POINTS)
        too_wide = text.get_window_extent().width / figure.dpi / (figure.get_figwidth() - 0.2)
        text.set_fontsize(HEADING_POINTS / max(1.0, too_wide))


def png(figure: Figure) -> bytes:
    """The figure as a PNG file. The same figure gives the same bytes, without time, place or version."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file, its letters drawn as outlines. The same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with styled(), matplotlib.rc_context({"svg.hashsalt": "emozoo"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """As an SVG file where its name ends so, else as a PNG file."""
    place = user_path(path)
    with atomic(place) as temporary:
        temporary.write_bytes(svg(figure) if place.suffix.lower() == ".svg" else png(figure))
