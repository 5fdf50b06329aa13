"""What strangers wrote, made fit for where it is shown: a terminal, JSON, a spreadsheet.

File names, labels, plugins' words and what libraries say may come from anyone. They are cleaned where they leave the
program, and nowhere else: inside, a text is the text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any


def percent(share: float | None) -> str:
    """`54.3`, or `-` for None."""
    return "-" if share is None else f"{100 * share:.1f}"


def shown(value: Any) -> str:
    """A value for an error's one line: no longer than a line, nothing that a terminal would obey."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # a number of more digits than Python likes to write
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(words: Sequence[str], most: int = 5, separator: str = ", ", what: str = "") -> str:
    """The first few of many, and how many more: `a, b and 7 more`, with `what` they are behind it."""
    pause = ";" if separator.startswith(";") else ""
    more = f"{pause} and {len(words) - most} more{what and ' '}{what}" if len(words) > most else ""
    return separator.join(words[:most]) + more


def suggestion(word: str, known: Sequence[str]) -> str:
    """What a word that nothing is named may have meant: `did you mean cnn?`, or all that is known."""
    import difflib

    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"


OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what a terminal obeys or hides instead of showing: control characters, bidirectional overrides
and other format characters, lone surrogates, line and paragraph separators."""
JOINERS = "\u200c\u200d"
"""Of the format characters, those with which Persian, Indian scripts and emoji are spelt."""
FORMULA = re.compile(r"[\x00-\x20\s']*[=+\-@＝＋－＠\t\r\n]")  # noqa: RUF001 - the wide signs are meant
"""How a text begins that a spreadsheet takes for a formula, or that has been kept from that by `csv_cell`."""


def printable(text: object, *, lines: bool = False) -> str:
    r"""The text on one line, with a backslash escape such as `\x1b` for each character that a terminal would obey or hide.

    `lines`: line breaks and tabs stay as well, for what is meant to be several lines.
    """
    words = str(text)
    if words.isprintable():
        return words
    if lines:
        words = words.replace("\r\n", "\n")
    return re.sub(r"[^ -~]", lambda found: found[0] if lines and found[0] in "\n\t" else _escaped(found[0]), words)


def json_text(document: Any, *, indent: int | None = None) -> str:
    """The document as JSON, with escapes for whatever a terminal would obey. Raises ValueError for NaN and infinity."""
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    return re.sub(r"[\x7f-\U0010ffff]", lambda found: _json_escaped(found[0]), text)


def csv_cell(text: str) -> str:
    """The text for a cell of CSV: behind an apostrophe where a spreadsheet would run it. Numbers need none."""
    return f"'{text}" if FORMULA.match(text) else text


def csv_text(cell: str) -> str:
    """What `csv_cell` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _is_obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in OBEYED and sign not in JOINERS


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii") if _is_obeyed(sign) else sign


def _json_escaped(sign: str) -> str:
    return json.dumps(sign)[1:-1] if sign == "\x7f" or _is_obeyed(sign) else sign
