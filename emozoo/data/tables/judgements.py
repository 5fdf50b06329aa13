"""What the raters of a table's clip said: ratings of its dimensions, votes for emotions, and labels of several words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from emozoo.data.corpus import written_votes
from emozoo.tables.columns import RATINGS, VOTES_OF, Columns, is_blank

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
Word = Callable[[Any], str]
"""A cell as a word; "" for an empty one."""


def emotions_in(cell: Any, word: Word) -> tuple[str, ...]:
    """The emotions in a label's cell, each once: a word, or several between `;` or `|`."""
    parts = re.split(r"[;|]", cell) if isinstance(cell, str) else [cell]
    return tuple(dict.fromkeys(filter(None, map(word, parts))))


def ratings_in(fields: dict[str, Any], columns: Columns, word: Word, decimal_comma: bool) -> dict[str, float]:
    """The ratings in a line, by dimension; only those that are there. Raises ValueError for what is no number."""
    ratings = {}
    for dimension in RATINGS:
        cell, column = columns.of(fields, dimension)
        if column is not None and (written := word(cell)):
            ratings[dimension] = _number(cell, written, column.name, decimal_comma)
    return ratings


def votes_in(fields: dict[str, Any], columns: Columns, word: Word, decimal_comma: bool) -> str:
    """The votes in a line, as rows hold them; "" where there are none. Raises ValueError for what are none."""
    votes: dict[str, float] = {}
    names = []
    cell, column = columns.of(fields, "votes")
    if column is not None and (isinstance(cell, dict) or word(cell)):
        names.append(column.name)
        votes |= _object(cell, column.name, word)
    for meaning in columns.known:
        cell, column = columns.of(fields, meaning) if meaning.startswith(VOTES_OF) else (None, None)
        if column is not None and (written := word(cell)):
            names.append(column.name)
            chosen = word(meaning.removeprefix(VOTES_OF))
            votes[chosen] = votes.get(chosen, 0) + _number(cell, written, column.name, decimal_comma)
    if not names:
        return ""
    found = written_votes(votes)
    if not found:
        raise ValueError(f"{' and '.join(names[:2])}: the votes add up to 0")
    return found


def _object(cell: Any, name: str, word: Word) -> dict[str, float]:
    """The votes in a cell that holds a JSON object, or was one."""
    try:
        content = json.loads(cell) if isinstance(cell, str) else cell
    except ValueError:
        content = None
    if not isinstance(content, Mapping):
        raise ValueError(f'{name} {str(cell)[:40]!r} is no JSON object, such as {{"happy": 2, "sad": 1}}')
    votes: dict[str, float] = {}
    for chosen, number in content.items():
        if not (chosen := word(chosen)):
            raise ValueError(f"{name} has votes for no word")
        if not is_blank(number):
            votes[chosen] = votes.get(chosen, 0) + _number(number, str(number), f"{name} for {chosen}", False)
    return votes


def _number(cell: Any, written: str, name: str, decimal_comma: bool) -> float:
    text = written.replace(",", ".") if decimal_comma else written
    number = float(text) if _NUMBER.fullmatch(text) and not isinstance(cell, bool) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {written[:40]!r} is no number")
    return number
