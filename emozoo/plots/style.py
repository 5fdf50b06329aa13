"""How pictures look: an emotion's colour and hatch, its name in letters that can be drawn, sizes, the file that is written.

An emotion has one colour everywhere, out of palettes that colour-blind readers can tell apart (Okabe and Ito 2008), and
where colours stand side by side, a hatch that tells it apart in grey print. Pictures are laid out for a width of 700
pixels, as model cards have it, and can still be read at half of that.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emozoo.paths import atomic, user_path
from emozoo.plots.fonts import FONT, fonts_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    with atomic(user_path(path)) as temporary:
        temporary.write_bytes(png(figure))


SHADES = "Blues"
"""matplotlib's colour map for shares and levels: each step is darker than the one before, in grey too."""
INK = "#222222"  # 222222", "#8A8A8A", "#8A4FBF"
FAINT = "#8A8A8A"
ACCENT = "#8A4FBF"
"""Text and first line; what stands back; second line. The accent is no emotion's colour."""
WIDTH = 5.6
DPI = 200
"""Inches: 11 points are 19 pixels where a picture is 700 wide, and 9.5 at 350."""
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
"""matplotlib's settings are one for all threads: who changes them for a while must be alone."""


@contextmanager
def styled(texts: Iterable[str] = ()) -> Iterator[None]:
    """What is drawn meanwhile has emozoo's look, in fonts that have the letters of these texts; afterwards matplotlib's
    settings are what they were."""
    import matplotlib.style

    fonts, _ = fonts_for("".join(texts))
    with _LOCK, matplotlib.style.context(["default", {**STYLE, "font.family": [FONT, *fonts]}]):
        yield


def new_figure(width: float = WIDTH, height: float = WIDTH) -> Figure:
    """An empty one, in inches, outside of pyplot: it needs no screen, and goes when nothing refers to it any more."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr,call-arg]
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file: the same picture gives the same bytes, without time, place or version."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
