"""A user's own clips, from a table: `emozoo.data.tables` reads it, and here its rows are cleaned and told about.

docs/datasets.md has the names of columns that are understood. No audio or video is opened here.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets

from emozoo.data.corpora.hub_table import fetch
from emozoo.data.corpus import Corpus, RowsBuilder, read_votes, written_votes
from emozoo.data.tables.places import find_table
from emozoo.data.tables.rows import Found, find_rows
from emozoo.errors import EmozooError
from emozoo.tables.columns import NONE
from emozoo.tables.emotions import same_emotion
from emozoo.text import listed

REPORTED = 10
JUDGED = ("emotion", "valence", "activation", "dominance", "votes")
log = logging.getLogger("emozoo")


@dataclass
class TableConfig(datasets.BuilderConfig):
    """How a table is read."""

    columns: dict[str, str] = field(default_factory=dict)
    """Names of columns by meaning, beside those that are understood."""
    labels_as_is: bool = False
    """Whether other spellings of an emotion are other labels."""


class Manifest(RowsBuilder):
    """One row of `FEATURES` for each good line of the table, which is `config.data_dir` or lies in that folder.

    A video file is both `audio_path` and `video_path`. Lines that cannot be used are left out, with a warning that gives
    their numbers; so are missing files, and clips under two labels. Preparing raises EmozooError if no row is left, or if
    it is not clear what a column means.
    """

    BUILDER_CONFIG_CLASS = TableConfig

    def read(self, folder: Path) -> list[dict[str, Any]]:
        return read(find_table(folder), self.config.columns, self.config.labels_as_is)


def read(path: Path, columns: Mapping[str, str] = NONE, labels_as_is: bool = False) -> list[dict[str, Any]]:
    """The rows of a table, the meanings of some `columns` as given. Logs how it was understood, and what is left out.

    Without `labels_as_is`, labels that spell the same emotion in other words are one."""
    found = find_rows(path, given=columns)
    _tell(found, path)
    for meaning in (*(["emotion"] if not labels_as_is else []), "speaker", "corpus"):
        _one_spelling(found.rows, meaning, path)
    return _one_each(found.rows, path)


def _tell(found: Found, path: Path) -> None:
    """Raises EmozooError if a table has no row."""
    if told := found.columns.names_read():
        log.info("%s: %s", path, told)
    for warning in found.warnings:
        log.warning("%s: %s", path, warning)
    reasons = _some(found.bad, REPORTED)
    missing = _some([f"{name} ({place})" for name, place in found.missing], 3)
    where = _where(found.missing[0][0], path) if found.missing else ""
    if not found.rows and found.missing:
        others = f"; and {len(found.bad)} lines cannot be used: {reasons}" if found.bad else ""
        raise EmozooError(f"{path}: none of its files is there: {missing}; {where}{others}")
    if not found.rows:
        raise EmozooError(f"{path} has no line that can be used ({reasons or 'only a heading'})")
    if found.bad:
        log.warning("%s: %d lines are left out: %s", path, len(found.bad), reasons)
    if found.missing:
        log.warning("%s: %d files are missing and left out: %s; %s", path, len(found.missing), missing, where)


def _some(texts: list[str], count: int) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in listed(texts, count, "; "))


def _where(file: str, table: Path) -> str:
    """Where a missing file was looked for, and where it is: in the current folder, or in one around the table."""
    if Path(file).is_absolute() or re.match(r"[A-Za-z]:[\\/]", file):
        return "these paths are absolute: write them as seen from the table's folder if the files were moved"
    looked = f"looked for in the table's folder, {table.parent}"
    try:
        for folder in (Path.cwd(), *list(table.absolute().parents)[1:4]):
            if (folder / file).is_file():
                return f"{looked}; {file} is there from {folder}: put the table into that folder"
    except (OSError, ValueError):
        pass
    return looked


def _one_spelling(rows: list[dict[str, Any]], meaning: str, path: Path) -> None:
    """Words that differ in case only become one, with a warning: the one in lower case, else the most frequent. So do other
    words for the same emotion: emozoo's."""
    key = same_emotion if meaning == "emotion" else str.casefold
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for each in rows:
        for word in (each[meaning], *_voted(each, meaning)):
            spellings[key(word)][word] += 1
    chosen = {}
    for same, counts in spellings.items():
        alike = len({word.casefold() for word in counts}) == 1
        chosen[same] = min(counts, key=lambda word: (word != word.lower(), -counts[word], word)) if alike else same
    told = [
        f"{', '.join(sorted(counts.keys() - {chosen[same]}))} as {chosen[same]}"
        for same, counts in sorted(spellings.items(), key=lambda each: chosen[each[0]].casefold())
        if len(counts) > 1
    ]
    if told:
        more = "; --labels-as-is keeps them apart" if meaning == "emotion" else ""
        log.warning("%s: the same %s in several spellings is one: %s%s", path, meaning, _some(told, REPORTED), more)
    for each in rows:
        each[meaning] = chosen[key(each[meaning])]
        if votes := _voted(each, meaning):
            counted: dict[str, float] = defaultdict(float)
            for word, number in votes.items():
                counted[chosen[key(word)]] += number
            each["votes"] = written_votes(counted)


def _voted(row: dict[str, Any], meaning: str) -> dict[str, float]:
    """The words that raters chose, which are emotions, and how many did."""
    return read_votes(row["votes"]) if meaning == "emotion" else {}


def _one_each(rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """The rows, each clip once: no clip that has two labels or ratings, and one of those that are repeated."""
    clips: dict[tuple[str, float, float], list[dict[str, Any]]] = defaultdict(list)
    for each in rows:
        clips[os.path.normpath(each["audio_path"]), max(each["start"], 0.0), each["end"]].append(each)
    kept: list[dict[str, Any]] = []
    torn = []
    repeated = 0
    for (file, start, end), same in clips.items():
        labels = sorted({each["emotion"] for each in same})
        judged = {repr([each[name] for name in JUDGED]) for each in same}
        if len(judged) > 1:
            span = "" if (start, end) == (0.0, -1.0) else f" from {start:g} s"
            differ = ", ".join(label or "none" for label in labels) if len(labels) > 1 else "other ratings or votes"
            torn.append(f"{os.path.relpath(file, path.parent)}{span} ({differ})")
            continue
        # Test before dev before train: a clip of the test split is not trained on. Two speakers of one clip stay.
        same.sort(key=lambda each: ("test", "dev", "train", "").index(each["split"]))
        once = {(each["speaker"], each["session"], each["corpus"]): each for each in reversed(same)}
        repeated += len(same) - len(once)
        kept += reversed(once.values())
    if torn:
        log.warning("%s: %d clips stand under several labels and are left out: %s", path, len(torn), _some(torn, 3))
    if repeated:
        log.warning("%s: %d lines repeat a clip with the same label, and count once", path, repeated)
    if not kept:
        raise EmozooError(f"{path}: every clip stands under several labels, such as {torn[0]}: give each one label")
    return kept


corpus = Corpus(
    name="manifest",
    builder=Manifest,
    obtain=(
        "Write a table of your own clips, CSV with the columns file and label (and speaker, split, start, end if you "
        "have them) or JSON Lines with the same names."
    ),
    summary="your own clips, from a CSV or JSON Lines table",
    fetch=fetch,
    table=True,
    private=True,
    at_once="--dataset manifest --data-dir my.csv",
)
