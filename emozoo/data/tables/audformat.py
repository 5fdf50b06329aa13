"""What a database of audformat says of files and speakers beside a table of emotions: in its other tables and `db.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError
from emozoo.tables.columns import is_blank, meaning_of
from emozoo.tables.files import Table, read_table
from emozoo.tables.plain_yaml import plain_data

HEADER = "db.yaml"
"""What lies beside the tables, `db.NAME.csv`."""
SUFFIXES = (".csv", ".parquet")
OF_SPEAKERS = ("gender", "age", "language")
OF_FILES = ("speaker", *OF_SPEAKERS, "session", "transcript", "sentence")
Known = dict[str, dict[str, Any]]
"""By file or speaker, values by meaning."""


def is_table(path: Path) -> bool:
    return path.name.startswith("db.") and path.suffix in SUFFIXES


def joined(table: Table, path: Path) -> tuple[Table, list[str]]:
    """A table with what the database around it knows of its files and speakers, in columns that it lacks; and warnings. The
    table itself where no `db.yaml` is beside it."""
    if not (path.parent / HEADER).is_file() or not is_table(path):
        return table, []
    warnings: list[str] = []
    meanings = {name: found[0] for name in table.names if (found := meaning_of(name))}
    lacking = [meaning for meaning in OF_FILES if meaning not in meanings.values()]
    file, who = (_named(meanings, meaning) for meaning in ("file", "speaker"))
    of_files, of_speakers = _tables(path, warnings)
    of_speakers = {**_labels(path.parent / HEADER, warnings), **of_speakers}
    lines = []
    for line in table.lines:
        own = of_files.get(_key(line.fields.get(file)), {})
        speaker = _key(line.fields.get(who)) if who in line.fields else _key(own.get("speaker"))
        more = {**of_speakers.get(speaker, {}), **own}
        added = {meaning: more[meaning] for meaning in lacking if not is_blank(more.get(meaning))}
        lines.append(line if line.fault else replace(line, fields={**line.fields, **added}))
    names = [meaning for meaning in lacking if any(meaning in line.fields for line in lines)]
    return replace(table, names=(*table.names, *names), lines=tuple(lines)), warnings


def _named(meanings: Mapping[str, str], meaning: str) -> str:
    return next((name for name, each in meanings.items() if each == meaning), "")


def _key(value: Any) -> str:
    return "" if is_blank(value) else str(value).strip()


def _tables(path: Path, warnings: list[str]) -> tuple[Known, Known]:
    """What other tables beside `path` say of whole files, and of speakers: those whose first column is either."""
    of_files: Known = {}
    of_speakers: Known = {}
    for other in sorted(path.parent.iterdir()):
        if other == path or not is_table(other) or other.stem == path.stem:
            continue
        try:
            table = read_table(other)
        except EmozooError as error:
            warnings.append(f"what {other.name} says is not used: {error}")
            continue
        meanings = {name: found[0] for name in table.names if (found := meaning_of(name))}
        index = meanings.get(table.names[0]) if table.names else None
        if index not in ("file", "speaker") or {"start", "end"} & {*meanings.values()}:
            continue
        for line in table.lines:
            known = (of_files if index == "file" else of_speakers).setdefault(_key(line.fields.get(table.names[0])), {})
            for meaning, value in _said(line.fields, OF_FILES if index == "file" else OF_SPEAKERS):
                known.setdefault(meaning, value)
    return of_files, of_speakers


def _labels(header: Path, warnings: list[str]) -> Known:
    """What the scheme of speakers in `db.yaml` says of each."""
    try:
        document = plain_data(header.read_text(encoding="utf-8"), header.name)
    except (EmozooError, OSError, UnicodeDecodeError) as error:
        warnings.append(f"what {header.name} says of speakers is not used: {error}")
        return {}
    found: Any = document
    for name in ("schemes", "speaker", "labels"):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: dict(_said(told, OF_SPEAKERS)) for name, told in found.items() if isinstance(told, dict)}


def _said(fields: Mapping[str, Any], wanted: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        meaning = meaning_of(name)
        if meaning and meaning[0] in wanted and not is_blank(value) and not isinstance(value, dict | list):
            yield meaning[0], value
