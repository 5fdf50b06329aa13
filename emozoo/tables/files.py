"""A table's file becomes lines of named fields: CSV, JSON Lines, a JSON array or object of clips, or Parquet, in usual
encodings.

`emozoo.tables.columns` gives columns their meaning.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
TEXTS = (".csv", ".tsv", *JSON_SUFFIXES)
DELIMITERS = ",;\t|"
ROOT = re.compile(r"\{data_(?:root|folder)\}[\\/]*")
"""How SpeechBrain's tables write the folder of the recordings."""
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Encodings by the bytes at the beginning of a text; without them, it is UTF-8."""


@dataclass(frozen=True)
class Line:
    """One line below the heading, or one item of JSON."""

    place: str
    """Its place, counted from 1: `line 3`, `item 2`."""
    fields: dict[str, Any]
    """By the column's name as in the table."""
    fault: str = ""
    """Why it cannot be read; then it has no fields."""


@dataclass(frozen=True)
class Table:
    names: tuple[str, ...]
    """Of the columns as in the table, without blanks and unprintable characters."""
    lines: tuple[Line, ...]
    decimal_comma: bool = False
    """Whether a comma in a number is a decimal comma, because commas do not separate the fields."""


def read_table(path: Path) -> Table:
    """The table in a file. Raises EmozooError, with the way out, if it is not a table."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmozooError(f"{path} cannot be read: {error.strerror or error}") from error
    return parse_table(data, path)


def parse_table(data: bytes, path: Path) -> Table:
    """The table in the bytes of a file. Raises EmozooError, with the way out, if it is not a table."""
    if data.startswith(b"PAR1"):
        return _parquet(data, path)
    if data.startswith(b"PK\x03\x04"):
        raise EmozooError(f"{path} is an Excel workbook or a zip, not a table of text: save it as CSV UTF-8")
    text = decoded(data, path)
    try:
        if path.suffix.lower() in JSON_SUFFIXES or re.match(r"\s*[\[{]", text):
            return _json(text, path)
        return _csv(text, path)
    except RecursionError as error:
        raise EmozooError(f"{path} is nested too deeply for a table") from error


def decoded(data: bytes, path: Path) -> str:
    """The text in a file's bytes, without a byte order mark. Raises EmozooError, with the way out, if it is no text."""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        wrong = "UTF-16" if encoding == "utf-16" else "UTF-8"
        line = data[: error.start].count(b"\n") + 1
        raise EmozooError(
            f"{path} is not {wrong} text (byte {error.start}, line {line}): save it as UTF-8; Excel calls that CSV UTF-8"
        ) from error
    if "\0" in text:
        raise EmozooError(f"{path} is no text: a table is CSV, JSON Lines, a JSON array or Parquet")
    return text


def _json(text: str, path: Path) -> Table:
    try:
        whole = json.loads(text)
    except ValueError:
        return _table(_json_lines(text))
    if isinstance(whole, list):
        return table_of_items(whole)
    if isinstance(whole, dict) and whole and all(_is_clip(each) for each in whole.values()):
        return table_of_items([{"utterance_id": name, **clip} for name, clip in whole.items()])
    if isinstance(whole, dict) and not (whole and all(isinstance(each, dict | list) for each in whole.values())):
        return _table([_json_line("line 1", whole)])
    raise EmozooError(
        f"{path} is one JSON value and no list of clips: write an array of objects, such as "
        '[{"file": "a.wav", "label": "happy"}], or one object a line'
    )


def _is_clip(value: Any) -> bool:
    """Whether it is a clip as SpeechBrain and EmoBox write it under its name, `{"wav": "a.wav", "emo": "hap"}`, and no
    column of numbered cells."""
    return isinstance(value, dict) and any(not name.isdecimal() for name in value)


def table_of_items(items: Sequence[Any]) -> Table:
    """The table that a JSON array holds."""
    return _table(_json_line(f"item {number}", item) for number, item in enumerate(items, start=1))


def _json_lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _json_line(f"line {number}", json.loads(line))
        except ValueError as error:
            yield Line(f"line {number}", {}, f"no JSON ({error})")


def _json_line(place: str, value: Any) -> Line:
    if not isinstance(value, dict):
        return Line(place, {}, "no JSON object")
    return Line(place, {_name(name): content for name, content in value.items()})


def _name(written: str) -> str:
    """A column's name in one line, as it may be shown."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(written.split()))


def _table(lines: Iterator[Line] | list[Line]) -> Table:
    found = tuple(lines)
    return Table(tuple(dict.fromkeys(name for line in found for name in line.fields)), found)


def _csv(text: str, path: Path) -> Table:
    rows = text.lstrip()
    skipped = text[: len(text) - len(rows)].count("\n")
    if told := re.match(r"sep=(.)\r?\n", rows, re.IGNORECASE):  # as Excel writes it for itself
        rows = rows[told.end() :]
        skipped += 1
    heading = re.split(r"[\r\n]", rows, maxsplit=1)[0]
    delimiter = told[1] if told else _delimiter(heading, path)
    reader = csv.reader(io.StringIO(rows, newline=""), delimiter=delimiter)
    names: tuple[str, ...] = ()
    lines: list[Line] = []
    number = skipped + 1
    try:
        for fields in reader:
            if not names:
                names = tuple(map(_name, fields))
            elif len(fields) == len(names):
                lines.append(Line(f"line {number}", dict(zip(names, fields, strict=True))))
            elif any(field.strip() for field in fields):
                lines.append(Line(f"line {number}", {}, f"{len(fields)} fields, not {len(names)}"))
            number = skipped + reader.line_num + 1  # where the next row begins: a quoted field may span several lines
    except csv.Error as error:
        raise EmozooError(f"{path}, line {number}: {error}; save it again as CSV") from error
    return Table(names, tuple(lines), decimal_comma=delimiter != ",")


def _delimiter(heading: str, path: Path) -> str:
    """What the file's name says, unless the heading has another and not that; else what the heading has most."""
    most = max(DELIMITERS, key=heading.count)
    return "\t" if path.suffix.lower() == ".tsv" and ("\t" in heading or most not in heading) else most


def _parquet(data: bytes, path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        nested = [name for name in schema.names if pa.types.is_nested(schema.field(name).type)]
        if nested and any("bytes" in str(schema.field(name).type) for name in nested):
            raise EmozooError(
                f"{path} holds the audio itself, in its column {nested[0]}: write it to files, and name these in a "
                "table; --data-dir hub:user/name reads such a dataset from the Hub"
            )
        names = [name for name in schema.names if name not in nested]
        rows = file.read(columns=names).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise EmozooError(f"{path} is a Parquet file that cannot be read ({reason})") from error
    return _table(_json_line(f"row {number}", row) for number, row in enumerate(rows, start=1))


def name_forms(written: str) -> list[str]:
    """The names that a file may have for which a table writes this one."""
    bare = ROOT.sub("", written)
    slashes = bare.replace("\\", "/")
    composed = [unicodedata.normalize(form, each) for form in ("NFC", "NFD") for each in (bare, slashes)]
    return list(dict.fromkeys([bare, slashes, *composed]))
