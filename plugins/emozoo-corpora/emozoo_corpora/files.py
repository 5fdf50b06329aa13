"""What the corpora share: finding files, reading tables, counting what is left out. No audio or video is opened here."""

from __future__ import annotations

import csv
import io
import logging
import math
import os
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, VIDEOS

Key = TypeVar("Key")
POINTER = b"version https://git-lfs"
WINDOWS = {number: bytes([number]).decode("cp1252", "ignore") for number in range(0x80, 0xA0)}
"""Signs of Windows' code page that tables hold as control characters."""


class Lost:
    """What was left out, by reason; told in one warning."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, name: str) -> None:
        self.names[reason].append(name)

    def tell(self, folder: Path) -> None:
        counts = [f"{len(names)} {reason}, such as {min(names)}" for reason, names in self.names.items()]
        if counts:
            logging.getLogger("emozoo").warning("%s: left out: %s", folder, "; ".join(counts))


def keep(found: dict[Key, Path], key: Key, path: Path, lost: Lost) -> bool:
    """Puts the first file of a recording into `found` and says whether it was that; a copy of its very name is counted."""
    first = found.setdefault(key, path)
    if first is not path and first.name.lower() == path.name.lower():
        lost.add("files are there twice and count once", path.name)
    return first is path


def media_files(folder: Path) -> list[Path]:
    """All sound and video files in a folder and below it: best ending first, then by path; no hidden ones, as macOS' `._*`.

    Raises EmozooError where Git has left pointers in place of the files."""
    endings = SOUNDS + VIDEOS
    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name.lower().endswith(endings)
    ]
    if pointers := [path for path in found if _is_pointer(path)]:
        raise EmozooError(
            f"{len(pointers)} files in {folder}, such as {min(pointers).name}, are pointers of Git LFS and not the "
            "recordings: install git-lfs and run git lfs pull there"
        )
    return sorted(found, key=lambda path: (endings.index(path.suffix.lower()), path))


def _is_pointer(path: Path) -> bool:
    try:
        return path.stat().st_size < 1000 and path.read_bytes().startswith(POINTER)
    except OSError:
        return False  # whoever decodes it will say what is wrong


def find_files(folder: Path, name: str) -> list[Path]:
    """The files of that name, in either case, in a folder and below it, the nearest first; or the one beside the folder."""
    below = [Path(parent, each) for parent, _, names in os.walk(folder) for each in names if each.lower() == name]
    if below:
        return sorted(below, key=lambda path: (len(path.parts), path))
    try:
        return sorted(path for path in folder.parent.iterdir() if path.name.lower() == name)
    except OSError:
        return []


def read_text(path: Path) -> str:
    """A text in UTF-8 or Windows' code page 1252. Raises EmozooError for one that cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmozooError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_table(
    path: Path, columns: tuple[str, ...], delimiter: str = ",", optional: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """The rows of a table with a heading, by `columns`, whose case does not matter, and the `optional` ones that it has.

    Raises EmozooError for one that cannot be read, or lacks a column."""
    text = read_text(path)
    try:
        heading, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row] or [[]]
    except csv.Error as error:
        raise EmozooError(f"{path} is damaged: {error}") from error
    places = {name.strip().lower(): place for place, name in enumerate(heading)}
    if missing := [column for column in columns if column.lower() not in places]:
        raise EmozooError(f"{path} has no column {missing[0]}: its columns are {', '.join(heading)}")
    wanted = {column: places[column.lower()] for column in (*columns, *optional) if column.lower() in places}
    return [
        {column: row[place].translate(WINDOWS).strip() if place < len(row) else "" for column, place in wanted.items()}
        for row in rows
    ]


def number(text: str) -> float:
    """A number of a table; NaN for what is none, or not finite."""
    try:
        found = float(text)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan
