"""Folds that others made, as their files name the clips: a folder as EmoBox has it, or one table. No clip is looked for
here; `emozoo.data.splits.given` finds them in a dataset."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.data.splits.protocols import SPLIT_WORDS
from emozoo.data.splits.units import sorted_texts
from emozoo.data.tables.rows import EMPTY
from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.tables.columns import is_blank, recognised
from emozoo.tables.files import TEXTS, read_table
from emozoo.tables.times import seconds
from emozoo.text import letters, listed

FOLD = ("fold", "folds", "foldid", "foldnumber", "cvfold")
PART = ("part", "set")
CLIP = ("clip", "clipid", "id", "name")
"""Names of columns of such a table, without blanks and signs, beside those of any table of clips."""
_FOLD_OF = re.compile(r"(?:^|[_\-. ])fold[_\-. ]?(\d+)(?![^_\-. ])", re.IGNORECASE)
WHOLE = "1"
"""The fold of a table that has parts and no column of folds."""


@dataclass(frozen=True, order=True)
class Named:
    """A clip as a file names it; "" and -1 for what it does not say."""

    id: str
    path: str
    start: float = -1.0
    """Seconds in the file."""

    @property
    def words(self) -> str:
        return self.id or self.path


@dataclass(frozen=True)
class FoldList:
    """The clips of a fold."""

    name: str
    train: tuple[Named, ...]
    dev: tuple[Named, ...]
    test: tuple[Named, ...]


@dataclass(frozen=True)
class FoldLists:
    """All folds of a file or folder, in their order."""

    place: str
    folds: tuple[FoldList, ...]

    @property
    def digest(self) -> str:
        """Of what the folds say, wherever their files are and in whatever order their lines: 16 hexadecimal digits."""
        said = [
            [fold.name, *([[each.id, each.path, each.start] for each in sorted(set(part))] for part in _parts(fold))]
            for fold in self.folds
        ]
        return hashlib.blake2b(json.dumps(said).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _parts(fold: FoldList) -> tuple[tuple[Named, ...], ...]:
    return fold.train, fold.dev, fold.test


def read_fold_lists(given: str) -> FoldLists:
    """The folds in a table, whose columns say the clip, its fold and, unless fold k is just tested on, its part; or in a
    folder of a table for each fold and part, as EmoBox has them. Raises EmozooError, with the way out, for anything else."""
    path = user_path(given)
    if path.is_dir():
        return FoldLists(given, tuple(_of_folder(path)))
    if not path.is_file():
        raise EmozooError(f"--folds {given}: there is no such file or folder")
    try:
        return FoldLists(given, tuple(_of_table(path)))
    except EmozooError as error:
        raise EmozooError(f"--folds {given}: {error}") from error


def _of_folder(folder: Path) -> Iterator[FoldList]:
    """A fold for each `fold_1`, `fold_2`, ...: subfolders, or in the names of files."""
    files: dict[int, dict[str, Path]] = {}
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and _FOLD_OF.search(path.name))
    for path in sorted(each for place in (folder, *inner) for each in place.iterdir() if each.is_file()):
        number, part = _FOLD_OF.search(path.stem) or _FOLD_OF.search(path.parent.name), _part_of(path.stem)
        if path.suffix.lower() not in TEXTS or path.name.startswith(".") or not number or not part:
            continue
        same = files.setdefault(int(number[1]), {})
        if (other := same.setdefault(part, path)) != path and other.stem != path.stem:
            raise EmozooError(
                f"--folds {folder}: {other.relative_to(folder)} and {path.relative_to(folder)} are both the {part} part of "
                f"fold {number[1]}: name the folder of one corpus"
            )
        if path.suffix.lower() == ".jsonl":
            same[part] = path
    if not files:
        corpora = sorted(path.name for path in folder.iterdir() if any(path.glob("fold_*/*")))
        hint = f"name one of its folders: {listed(corpora, 8)}" if corpora else "as in fold_1/emodb_train_fold_1.jsonl"
        raise EmozooError(f"--folds {folder} holds no files of folds, with train and test in their names: {hint}")
    for which, parts in sorted(files.items()):
        named = {part: tuple(clip for clip, _, _ in _clips(path)) for part, path in parts.items()}
        yield FoldList(f"fold_{which}", *(named.get(part, ()) for part in ("train", "dev", "test")))


def _part_of(stem: str) -> str:
    """Which part a file's name says that it holds: its last word that is one; "" for none."""
    words = [word for word in re.split(r"[_\-. ]", stem.lower()) if word in SPLIT_WORDS]
    return SPLIT_WORDS[words[-1]] if words else ""


def _of_table(path: Path) -> Iterator[FoldList]:
    """The folds of a table: by its columns fold and part, or either. With folds alone, each is tested on in turn."""
    clips = list(_clips(path))
    folds = sorted_texts({fold for _, fold, _ in clips} - {""})
    parts = {part for _, _, part in clips} - {""}
    if not folds and not parts:
        raise EmozooError(
            "it has no column fold (numbers; fold k is tested on in turn) and none called part (train, dev or test)"
        )
    if not parts:
        if len(folds) < 2:
            raise EmozooError(f"it names a single fold, {folds[0]}, and no parts: it takes two folds, or a column part")
        for name in folds:
            test, train = (
                tuple(clip for clip, fold, _ in clips if fold and (fold == name) is own) for own in (True, False)
            )
            yield FoldList(_called(name), train, (), test)
        return
    for name in folds or [WHOLE]:
        named: dict[str, tuple[Named, ...]] = {
            side: tuple(clip for clip, fold, part in clips if part == side and (not folds or fold == name))
            for side in ("train", "dev", "test")
        }
        yield FoldList(_called(name), **named)


def _called(name: str) -> str:
    return f"fold_{name}" if name.isdecimal() else name


def _clips(path: Path) -> Iterator[tuple[Named, str, str]]:
    """Each line's clip, fold and part; "" where the table has no such column. Raises EmozooError for a line that names no
    clip, or a part that is none."""
    table = read_table(path)
    columns = recognised(table)
    own = {meaning: _column(table.names, names) for meaning, names in (("fold", FOLD), ("part", PART), ("id", CLIP))}

    def cell(fields: dict[str, Any], name: str, meaning: str = "") -> str:
        value = fields.get(own.get(name) or "") if own.get(name) else None
        if is_blank(value) and meaning:
            value, _ = columns.of(fields, meaning)
        word = "" if is_blank(value) else " ".join(str(value).split())
        return "" if word.lower() in EMPTY else word

    for line in table.lines:
        where = f"{path.name}, {line.place}"
        if line.fault:
            raise EmozooError(f"{where}: {line.fault}")
        fields = line.fields
        clip = Named(cell(fields, "id", "utterance_id"), cell(fields, "path", "file"), _start(fields, columns, where))
        if not clip.words:
            raise EmozooError(f"{where} names no clip: it needs a column file or utterance_id")
        part = cell(fields, "part", "split")
        if part and part.lower() not in SPLIT_WORDS:
            raise EmozooError(f"{where}: part {part!r} is not train, dev, valid, validation or test")
        yield clip, _whole(cell(fields, "fold")), SPLIT_WORDS.get(part.lower(), "")


def _start(fields: dict[str, Any], columns: Any, where: str) -> float:
    written, column = columns.of(fields, "start")
    if column is None or str(written).strip().lower() in EMPTY:
        return -1.0
    try:
        return seconds(str(written), column.unit)
    except ValueError as error:
        raise EmozooError(f"{where}: {column.name} {error}") from None


def _whole(fold: str) -> str:
    """A fold's name; that of a number as tables of numbers write it, `1.0`, is `1`."""
    return fold[:-2] if re.fullmatch(r"\d+\.0", fold) else fold


def _column(names: Sequence[str], known: tuple[str, ...]) -> str | None:
    return next((name for name in names if letters(name) in known), None)
