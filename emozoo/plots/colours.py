"""A colour and a hatch for each emotion."""

from __future__ import annotations

import colorsys
import hashlib
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from emozoo.tables.emotions import emotion_of

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
DARK = "#27272A"
"""The lightest background of a dark page."""
HATCHES = (
    *("", "////", "....", "\\\\\\\\", "----", "xxxx", "||||", "ooo", "+++", "OO", "-o", "\\.", "//"),
    *("..", "\\\\", "--", "xx", "||", "/o", "|o", "-.", "+.", "xo"),
)
"""They can be told apart in grey. The emotions above have them in this order."""


def emotion_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, `#RRGGBB`, no two alike.

    An emotion has its own colour. That of any other word is computed from its letters: it is the same in every figure and
    on every machine, and far from the emotions' colours. Where two labels would be alike, such as `anger` beside `angry`,
    one of them, always the same, gets such a colour too.
    """
    labels = list(dict.fromkeys(labels))
    colours: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: (label not in COLOURS, label)):
        own, taken = COLOURS.get(_emotion(label)), {*COLOURS.values(), *colours.values()}
        colours[label] = own if own and own not in colours.values() else _colour_of(_emotion(label), taken)
    return {label: colours[label] for label in labels}


def emotion_hatches(labels: Iterable[str]) -> dict[str, str]:
    """A hatch of matplotlib's for each label, no two alike. An emotion has its own."""
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
    """Black or white, whichever has more contrast on a colour, `#RRGGBB` or shares; at least 4.5 (WCAG 2)."""
    if not isinstance(colour, str):
        colour = "#" + "".join(f"{round(255 * share):02X}" for share in colour[:3])
    return "black" if _luminance(colour) > 0.179 else "white"


def on_dark(colour: str) -> str:
    """A colour `#RRGGBB` as a dark page shows it: mixed with white until it has a contrast of 3 there (WCAG 2)."""
    shares = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    background = _luminance(DARK)
    for white in np.linspace(0, 1, 21):
        mixed = "#" + "".join(f"{round(share):02X}" for share in shares + white * (255 - shares))
        if (_luminance(mixed) + 0.05) / (background + 0.05) >= 3:
            return mixed
    raise AssertionError


def _emotion(label: str) -> str:
    word = unicodedata.normalize("NFKC", label).strip().casefold()
    return emotion_of(word) or word


def _colour_of(word: str, taken: set[str]) -> str:
    """A colour from a hash of the word, dark enough to be seen on white, and unlike those taken."""
    places = np.array([_oklab(colour) for colour in taken])
    for attempt in itertools.count():
        one, two, three = hashlib.sha256(f"{attempt} {word}".encode(errors="surrogatepass")).digest()[:3]
        shares = colorsys.hls_to_rgb(one / 256, 0.28 + 0.32 * two / 256, 0.45 + 0.4 * three / 256)
        colour = "#" + "".join(f"{round(255 * share):02X}" for share in shares)
        if np.linalg.norm(places - _oklab(colour), axis=1).min() > 0.08 * 0.97**attempt:
            return colour
    raise AssertionError


def _linear(shares: Sequence[float]) -> np.ndarray:
    """Linear light, red, green, blue (IEC 61966-2-1)."""
    channels = np.array(shares[:3])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _luminance(colour: str) -> float:
    """Relative luminance of `#RRGGBB`, from 0 to 1 (WCAG 2)."""
    return float(_linear([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]) @ [0.2126, 0.7152, 0.0722])


def _oklab(colour: str) -> np.ndarray:
    """In the space Oklab, where distances are about as seen: Ottosson 2020, https://bottosson.github.io/posts/oklab/."""
    light = _linear([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
             [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    axes = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip
    return np.array(axes) @ np.cbrt(np.array(cones) @ light)


def _all_hatches() -> Iterator[str]:
    for stars in itertools.count():
        yield from (hatch + "*" * stars for hatch in HATCHES)
