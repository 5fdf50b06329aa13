"""Texts are made safe for where they are shown: a terminal, JSON, a spreadsheet.

File names, labels and messages of plugins and libraries may come from anyone. They are cleaned where they leave the program,
and nowhere else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

SCHEMA = 1
"""The version of the JSON that commands print (docs/schema). It changes only if a field is taken away or gets another
meaning."""


def percent(share: float | None) -> str:
    """`54.3`, or `-` for None."""
    return "-" if share is None else f"{100 * share:.1f}"


def shown(value: Any) -> str:
    """A value for a one-line error: at most 60 characters, without terminal control characters."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # a number with more digits than Python prints
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def letters(name: str) -> str:
    """A name without case, blanks and signs, which people write in several ways: `EMO-DB` and `emo_db` are both `emodb`."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def number(value: float | None) -> str:
    """A score that is no share: `0.543`, or `-` for None."""
    return "-" if value is None else f"{value:.3f}"


def listed(words: Sequence[str], most: int = 5, separator: str = ", ", what: str = "") -> str:
    """The first few of many, and how many more: `a, b and 7 more`, with `what` they are after it."""
    pause = ";" if separator.startswith(";") else ""
    more = f"{pause} and {len(words) - most} more{what and ' '}{what}" if len(words) > most else ""
    return separator.join(words[:most]) + more


def suggestion(word: str, known: Sequence[str]) -> str:
    """What an unknown word may have meant: `did you mean cnn?`, or all known words."""
    import difflib

    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"


OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories that a terminal obeys or hides: control characters, bidirectional overrides and other format
characters, lone surrogates, line and paragraph separators."""
JOINERS = "\u200c\u200d"
"""The format characters with which Persian, Indian scripts and emoji are spelled."""
LOOSE = re.compile(rf"^[{JOINERS}]+|(?<=[{JOINERS}])[{JOINERS}]+")
"""Those that join nothing, at the beginning or after another, by which rich fails to break a line."""
ADDRESS = re.compile(
    r"(?P<scheme>https?)?://(?P<user>[^\s/'\"]*@)?(?P<path>[^\s?]*)(?P<query>\?[^\s)'\",;]*)?", re.IGNORECASE
)
SIGNED = re.compile(r"(sig|token|key|credential|secret|password)[^=&]*=", re.IGNORECASE)
"""A query of an address that lets anybody in."""
FORMULA = re.compile(r"[\x00-\x20\s']*[=+\-@＝＋－＠\t\r\n]")  # noqa: RUF001 - the wide signs are meant
"""The beginning of a text that a spreadsheet takes for a formula, or that `csv_cell` has escaped."""


def printable(text: object, *, lines: bool = False) -> str:
    r"""The text on one line, with an escape such as `\x1b` for each character that a terminal would obey or hide. An
    address loses its user and password, and a query that signs it.

    `lines` keeps line breaks and tabs, for texts of several lines.
    """
    words = ADDRESS.sub(_without_secrets, str(text))
    if words.isprintable():
        return words
    if lines:
        words = words.replace("\r\n", "\n")
    words = LOOSE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), words)
    return re.sub(r"[^ -~]", lambda found: found[0] if lines and found[0] in "\n\t" else _escaped(found[0]), words)


def one_line(error: BaseException, most: int = 200) -> str:
    """An exception's message in one line of at most so many characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def json_text(document: Any, *, indent: int | None = None) -> str:
    """The document as JSON, with escapes for what a terminal would obey. Raises ValueError for NaN and infinity."""
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    return re.sub(r"[\x7f-\U0010ffff]", lambda found: _json_escaped(found[0]), text)


def csv_cell(text: str) -> str:
    """The text for a CSV cell: after an apostrophe if a spreadsheet would run it. Not for numbers."""
    return f"'{text}" if FORMULA.match(text) else text


def csv_text(cell: str) -> str:
    """The text that `csv_cell` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _without_secrets(address: re.Match[str]) -> str:
    scheme, user, path, query = (part or "" for part in address.groups())
    container = user if not scheme and ":" not in user else ""  # on Azure, one stands before the @
    return f"{scheme}://{container}{path}{'' if SIGNED.search(query) else query}"


def _is_obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in OBEYED and sign not in JOINERS


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii") if _is_obeyed(sign) else sign


def _json_escaped(sign: str) -> str:
    return json.dumps(sign)[1:-1] if sign == "\x7f" or _is_obeyed(sign) else sign
