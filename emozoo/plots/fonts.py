"""Labels in letters that a font can draw."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

FONT = "DejaVu Sans"
"""Comes with matplotlib."""
BOLD_LETTER = 0.68
"""The width of a bold letter, on average, as a share of its size."""


def written(labels: Sequence[str], most: int = 18) -> list[str]:
    """The labels as a figure shows them: on one line, at most `most` letters wide, different where they differ.

    Letters that no installed font has are written as `\\u9ad8`, because they would all look the same.
    """
    lines = []
    for label in labels:
        line = "".join(letter if letter.isprintable() else " " for letter in label)
        _, lacking = fonts_for(line)
        line = "".join(ascii(letter)[1:-1] if letter in lacking else letter for letter in line)
        lines.append(" ".join(line.split()) or "(no name)")
    short = [_shortened(line, most) for line in lines]
    return [
        each if short.count(each) == 1 else _shortened(line, most - len(mark := f" ({number})")) + mark
        for number, (line, each) in enumerate(zip(lines, short, strict=True), 1)
    ]


def fitting(lines: Sequence[str], inches: float, points: float) -> list[str]:
    """The lines as a heading shows them, no wider than so many inches in bold type of so many points: each on one line, on
    two, or shortened in its middle."""
    most = int(inches * 72 / (BOLD_LETTER * points))
    fitted = []
    for line in lines:
        fitted += [_shortened(part, most) for part in _broken(written([line], len(line) * 10 + 10)[0], most)]
    return fitted


def _broken(line: str, most: int) -> list[str]:
    """A line in two, at the last space before it is `most` wide, where the rest then fits; else as it is."""
    if width_of(line) <= most:
        return [line]
    head = line
    while width_of(head) > most:
        head = head.rpartition(" ")[0]
    rest = line[len(head) :].strip()
    return [head, rest] if head and width_of(rest) <= most else [line]


def width_of(text: str) -> int:
    """Its width in letters; a Chinese one counts as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _shortened(text: str, most: int) -> str:
    """Its beginning and its end, where it is wider than `most`."""
    if width_of(text) <= most:
        return text
    head = tail = text
    while width_of(head) > (most - 1) // 2 + 1:
        head = head[:-1]
    while width_of(head) + 1 + width_of(tail) > most:
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"


def fonts_for(text: str) -> tuple[list[str], set[str]]:
    """Installed fonts for the letters that matplotlib's own font lacks, and the letters that no font has."""
    lacking = set(text) - _letters_of(_installed()[FONT])
    fonts = []
    for font, file in _installed().items() if lacking else ():
        if found := lacking & _letters_of(file):
            lacking -= found
            fonts.append(font)
    return fonts, lacking


def _installed() -> dict[str, str]:
    """Upright fonts of usual weight: a file of each, by name."""
    from matplotlib.font_manager import fontManager

    upright = (entry for entry in fontManager.ttflist if entry.style == "normal" and entry.weight in (400, "normal"))
    files = sorted((entry.name, entry.fname) for entry in upright)
    # matplotlib's fonts for formulas draw other letters than they say, and its last resort draws boxes.
    return {name: file for name, file in files if not name.startswith(("cm", "STIX", "Last Resort"))}


@lru_cache
def _letters_of(file: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font

    try:
        return frozenset(map(chr, get_font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):  # damaged, or of a kind that matplotlib does not read
        return frozenset()
