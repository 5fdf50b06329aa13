"""How pictures look: an emotion's colour and hatch, its name in letters that can be drawn, sizes, the file that is written.

An emotion has one colour everywhere, out of palettes that colour-blind readers can tell apart (Okabe and Ito 2008), and
where colours stand side by side, a hatch that tells it apart in grey print. Pictures are laid out for a width of 700
pixels, as model cards have it, and can still be read at half of that.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import itertools
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "angry": "#D55E00",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "neutral": "#6C6C6C",
    "fearful": "#CC79A7",
    "disgusted": "#009E73",
    "surprised": "#56B4E9",
    "excited": "#E6D52A",
    "frustrated": "#5C2A00",
    "calm": "#8FD6C4",
    "bored": "#6F1551",
    "contempt": "#6A1FBF",
    "other": "#000000",
}
SYNONYMS = {
    "anger": "angry", "happiness": "happy", "joy": "happy", "joyful": "happy", "sadness": "sad", "fear": "fearful",
    "disgust": "disgusted", "surprise": "surprised", "excitement": "excited", "frustration": "frustrated",
    "calmness": "calm", "boredom": "bored", "contemptuous": "contempt",
}  # fmt: skip
HATCHES = (
    *("", "////", "....", "\\\\\\\\", "----", "xxxx", "||||", "ooo", "+++", "OO", "-o", "\\.", "//"),
    *("..", "\\\\", "--", "xx", "||", "/o", "|o", "-.", "+.", "xo"),
)
"""Told apart in grey; the emotions above have them in this order."""
SHADES = "Blues"
"""matplotlib's colour map for shares and levels: each step is darker than the one before, in grey too."""
INK, FAINT, ACCENT = "#222222", "#8A8A8A", "#8A4FBF"
"""Text and first line; what stands back; second line. The accent is no emotion's colour."""
WIDTH, DPI = 5.6, 200
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
FONT = "DejaVu Sans"
"""Comes with matplotlib."""
_LOCK = threading.RLock()
"""matplotlib's settings are one for all threads: who changes them for a while must be alone."""


def emotion_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, `#RRGGBB`, no two alike.

    An emotion has its own, and any other word one that is drawn from its letters: the same in every picture and on every
    machine, and far from the emotions'. Only where two labels of one picture would be alike, such as `anger` beside `angry`,
    one of them, the same each time, is drawn again.
    """
    labels = list(dict.fromkeys(labels))
    colours: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: (label not in COLOURS, label)):
        own, taken = COLOURS.get(_emotion(label)), {*COLOURS.values(), *colours.values()}
        colours[label] = own if own and own not in colours.values() else _drawn(_emotion(label), taken)
    return {label: colours[label] for label in labels}


def emotion_hatches(labels: Iterable[str]) -> dict[str, str]:
    """A hatch of matplotlib's for each label, no two alike; emotions have their own."""
    labels = list(dict.fromkeys(labels))
    own = dict(zip(COLOURS, HATCHES, strict=False))
    hatches: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: label not in COLOURS):
        hatch = own.get(_emotion(label))
        if hatch is not None and hatch not in hatches.values():
            hatches[label] = hatch
    left = (hatch for hatch in _all_hatches() if hatch not in hatches.values())
    return {label: hatches[label] if label in hatches else next(left) for label in labels}


def ink_on(colour: str | Sequence[float]) -> str:
    """Black or white, whichever has more contrast on a colour; at least 4.5 (WCAG 2)."""
    from matplotlib.colors import to_rgb

    return "black" if _linear(to_rgb(colour)) @ [0.2126, 0.7152, 0.0722] > 0.179 else "white"  # type: ignore[arg-type]


def _emotion(label: str) -> str:
    word = unicodedata.normalize("NFKC", label).strip().casefold()
    return SYNONYMS.get(word, word)


def _drawn(word: str, taken: set[str]) -> str:
    """A colour out of the word's letters, dark enough to be seen on white, that stands off from those taken."""
    places = np.array([_oklab(colour) for colour in taken])
    for draw in itertools.count():
        one, two, three = hashlib.sha256(f"{draw} {word}".encode(errors="surrogatepass")).digest()[:3]
        shares = colorsys.hls_to_rgb(one / 256, 0.28 + 0.32 * two / 256, 0.45 + 0.4 * three / 256)
        colour = "#" + "".join(f"{round(255 * share):02X}" for share in shares)
        if np.linalg.norm(places - _oklab(colour), axis=1).min() > 0.08 * 0.97**draw:
            return colour
    raise AssertionError


def _linear(shares: Sequence[float]) -> np.ndarray:
    """Linear light, red, green, blue (IEC 61966-2-1)."""
    channels = np.array(shares[:3])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _oklab(colour: str) -> np.ndarray:
    """Where distances are about as seen: Ottosson 2020, https://bottosson.github.io/posts/oklab/."""
    light = _linear([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
             [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    axes = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip
    return np.array(axes) @ np.cbrt(np.array(cones) @ light)


def _all_hatches() -> Iterator[str]:
    for stars in itertools.count():
        yield from (hatch + "*" * stars for hatch in HATCHES)


def written(labels: Sequence[str], most: int = 18) -> list[str]:
    """The labels as a picture shows them: on one line, no wider than `most` letters, different where they differ.

    Letters that no installed font has are written as `\\u9ad8`, for all would look the same.
    """
    lines = []
    for label in labels:
        line = "".join(letter if letter.isprintable() else " " for letter in label)
        _, lacking = _fonts(line)
        line = "".join(ascii(letter)[1:-1] if letter in lacking else letter for letter in line)
        lines.append(" ".join(line.split()) or "(no name)")
    short = [_shortened(line, most) for line in lines]
    return [
        each if short.count(each) == 1 else _shortened(line, most - len(mark := f" ({number})")) + mark
        for number, (line, each) in enumerate(zip(lines, short, strict=True), 1)
    ]


def width_of(text: str) -> int:
    """How many letters wide it is, where a Chinese one counts for two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _shortened(text: str, most: int) -> str:
    """With its beginning and its end where it is wider."""
    if width_of(text) <= most:
        return text
    head, tail = text, text
    while width_of(head) > (most - 1) // 2 + 1:
        head = head[:-1]
    while width_of(head) + 1 + width_of(tail) > most:
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"


@contextmanager
def styled(texts: Iterable[str] = ()) -> Iterator[None]:
    """What is drawn meanwhile has emozoo's look, in fonts that have the letters of these texts; afterwards matplotlib's
    settings are what they were."""
    import matplotlib.style

    fonts, _ = _fonts("".join(texts))
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


def _fonts(text: str) -> tuple[list[str], set[str]]:
    """Installed fonts that together have the letters which matplotlib's own lacks, and the letters that none has."""
    lacking, fonts = set(text) - _letters_of(_installed()[FONT]), []
    for font, file in _installed().items() if lacking else ():
        if found := lacking & _letters_of(file):
            lacking -= found
            fonts.append(font)
    return fonts, lacking


def _installed() -> dict[str, str]:
    """Upright fonts of usual weight, and a file of each, by name."""
    from matplotlib.font_manager import fontManager

    upright = (entry for entry in fontManager.ttflist if entry.style == "normal" and entry.weight in (400, "normal"))
    files = sorted((entry.name, entry.fname) for entry in upright)
    # matplotlib's fonts for formulas have other letters than they say, and its last resort has boxes.
    return {name: file for name, file in files if not name.startswith(("cm", "STIX", "Last Resort"))}


@lru_cache
def _letters_of(file: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font

    try:
        return frozenset(map(chr, get_font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):  # damaged, or of a kind that matplotlib does not read
        return frozenset()
