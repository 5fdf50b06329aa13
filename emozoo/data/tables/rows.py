"""The lines of a user's table become rows of a dataset: `find_rows`. No audio or video is opened here."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.data.corpus import VIDEOS, row
from emozoo.data.splits.protocols import SPLIT_WORDS
from emozoo.data.tables.audformat import joined
from emozoo.data.tables.judgements import emotions_in, ratings_in, votes_in
from emozoo.data.tables.places import folder_of, label_words, table_of_folders
from emozoo.errors import EmozooError
from emozoo.tables.columns import NONE, Columns, meanings_given, understand
from emozoo.tables.files import Table, name_forms, read_table
from emozoo.tables.times import seconds

TEXTS = ("speaker", "gender", "age", "language", "session", "sentence", "corpus")
EMPTY = ("nan", "nat", "none", "null", "na", "n/a", "#n/a", "<na>", "-", "--")
"""What pandas, Excel and people write into empty cells, in lower case."""
MANY = 20
"""More different words than these, of fewer than four lines each, are not names of corpora."""


class _Missing(Exception):
    """The line's file is not there."""


@dataclass(frozen=True)
class Found:
    """The content of a table."""

    columns: Columns
    warnings: list[str]
    """About its columns."""
    rows: list[dict[str, Any]]
    bad: list[str]
    """Lines that cannot be used, with the reason."""
    missing: list[tuple[str, str]]
    """Files that are missing, as in the table, and the places of their lines."""


def find_rows(path: Path, inside: bool = False, given: Mapping[str, str] = NONE) -> Found:
    """The content of a table, the meanings of some columns as `given`; with `inside`, its files must lie in its folder,
    because a stranger wrote it.

    Raises EmozooError if it is not a table, or a column's meaning is unclear."""
    table = table_of_folders(path) if path.is_dir() else read_table(path)
    try:
        table, joined_warnings = joined(table, path)
        words = {} if path.is_dir() else label_words(path)
        columns, warnings = understand(table, given)
        columns, more = _plausible(columns, table, given)
        return _rows(table, Found(columns, [*joined_warnings, *warnings, *more], [], [], []), path, inside, words)
    except EmozooError as error:
        raise EmozooError(f"{path}: {error}") from error


def _plausible(columns: Columns, table: Table, given: Mapping[str, str]) -> tuple[Columns, list[str]]:
    """The columns without those whose content shows that their name means something else, and warnings of these. What is
    `given` is not doubted."""
    warnings = []
    told = {meaning for meaning, _ in meanings_given(table.names, given).values()}
    for meaning in (each for each in ("split", "corpus") if each not in told):
        for column in columns.known.get(meaning, ()):
            words = [_word(line.fields.get(column.name)).lower() for line in table.lines]
            kinds = set(words) - {""}
            if meaning == "split":
                why = "" if not kinds or kinds & SPLIT_WORDS.keys() else "it holds no train, dev or test"
            else:
                why = f"it holds {len(kinds)} different words" if len(kinds) > max(MANY, len(words) / 4) else ""
            if why and column.name.lower() != meaning:
                warnings.append(f"column {column.name} is not read as the {meaning}: {why}")
                columns = columns.without(meaning, why)
                break
    return columns, warnings


def _rows(table: Table, found: Found, path: Path, inside: bool, words: Mapping[str, str]) -> Found:
    named = [_file(line.fields, found.columns) for line in table.lines]
    folder = path.parent if inside and path.is_file() else folder_of(list(filter(None, named)), path)
    if folder not in (path, path.parent):
        found.warnings.append(f"its files are not in its own folder, but are named from {folder}")
    for line in table.lines:
        try:
            if line.fault:
                raise ValueError(line.fault)
            name = f"{path.stem}:{line.place.rpartition(' ')[2]}"
            each = _row(line.fields, found.columns, folder, name, table.decimal_comma, inside, words)
            found.rows.append(each)
        except _Missing as error:
            found.missing.append((str(error), line.place))
        except EmozooError as error:
            raise EmozooError(f"{line.place}: {error}") from error
        except (ValueError, OSError) as error:  # OSError: a name that no file can have
            found.bad.append(f"{line.place}: {error}")
    return found


def _file(fields: dict[str, Any], columns: Columns) -> str:
    """What a line names, as far as that is clear; "" where it is not."""
    try:
        written, _ = columns.of(fields, "file")
    except EmozooError:
        return ""
    return written.strip() if isinstance(written, str) else ""


def _row(
    fields: dict[str, Any],
    columns: Columns,
    folder: Path,
    name: str,
    decimal_comma: bool,
    inside: bool,
    words: Mapping[str, str],
) -> dict[str, Any]:
    """A row of `FEATURES`, whose label is in `words`' words. Raises ValueError with the reason if the line is wrong,
    `_Missing` if its file is missing."""
    written, _ = columns.of(fields, "file")
    if written is None:
        raise ValueError("no file is named")
    if not isinstance(written, str):
        raise ValueError(f"the file is no path, but {str(written)[:40]!r}")
    path = _path(written.strip(), folder, inside)
    given, _ = columns.of(fields, "label")
    emotions = tuple(dict.fromkeys(_word(words.get(each, each)) for each in emotions_in(given, _word)))
    ratings = ratings_in(fields, columns, _word, decimal_comma)
    votes = votes_in(fields, columns, _word, decimal_comma)
    if not (emotions or ratings or votes):
        raise ValueError("the label is empty" + (f" ({str(given).strip()})" if given is not None else ""))
    start, end = _span(fields, columns, decimal_comma)
    split = _word(columns.of(fields, "split")[0])
    if split and split.lower() not in SPLIT_WORDS:
        raise ValueError(f"split {split!r} is not train, dev, valid, validation or test")
    transcript, utterance = (columns.of(fields, meaning)[0] for meaning in ("transcript", "utterance_id"))
    return row(
        **{meaning: _word(columns.of(fields, meaning)[0]) for meaning in TEXTS},
        transcript="" if transcript is None else _encodable(str(transcript).strip()),
        utterance_id=_word(utterance) or name,
        emotion=emotions[0] if len(emotions) == 1 else "",
        votes=votes or (dict.fromkeys(emotions, 1) if len(emotions) > 1 else ""),
        **ratings,
        audio_path=str(path),
        video_path=str(path) if path.suffix.lower() in VIDEOS else "",
        start=start,
        end=end,
        split=SPLIT_WORDS.get(split.lower(), ""),
    )


def _word(value: Any) -> str:
    """A cell as a word in Unicode's composed form, without blanks around it; "" for an empty cell."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise ValueError(f"{str(value)[:40]!r} is no word")
    text = " ".join(unicodedata.normalize("NFC", str(value)).split())
    return "" if text.lower() in EMPTY else _encodable(text)


def _encodable(text: str) -> str:
    text.encode()  # a lone surrogate, as JSON may hold it, is a ValueError
    return text


def _path(written: str, folder: Path, inside: bool) -> Path:
    """The file that a line names: as in the table, or else as Windows or in another Unicode form."""
    _encodable(written)
    for each in name_forms(written):
        path = folder / os.path.expanduser(each)
        if inside and not Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder)):
            raise EmozooError(f"it names {written}, which is no file of its own")
        if path.is_file():
            return path
    raise _Missing(written)


def _span(fields: dict[str, Any], columns: Columns, decimal_comma: bool) -> tuple[float, float]:
    """Start and end of a clip in its file, in seconds; -1 for those of the file."""
    start, end, duration = (_seconds(fields, columns, what, decimal_comma) for what in ("start", "end", "duration"))
    if end < 0 <= duration:
        end = max(start, 0.0) + duration
    if 0 <= end <= max(start, 0.0):
        raise ValueError(f"end {end:g} is not after start {max(start, 0.0):g}")
    return start, end


def _seconds(fields: dict[str, Any], columns: Columns, meaning: str, decimal_comma: bool) -> float:
    """-1 if the cell is empty."""
    written, column = columns.of(fields, meaning)
    if column is None or not _word(written):
        return -1.0
    try:
        return seconds(str(written), column.unit, decimal_comma)
    except ValueError as error:
        raise ValueError(f"{column.name} {error}") from None
