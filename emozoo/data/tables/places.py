"""Where a user's table is in a folder, and the folder that its files are named from. No table is opened here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from emozoo.data.corpus import SOUNDS, VIDEOS
from emozoo.data.splits.protocols import SPLIT_WORDS
from emozoo.data.tables.audformat import HEADER, is_table
from emozoo.errors import EmozooError
from emozoo.tables import files
from emozoo.tables.columns import meaning_of
from emozoo.tables.emotions import emotion_of
from emozoo.tables.files import Table, name_forms, table_of_items
from emozoo.text import listed

TABLES = tuple(f"{name}{suffix}" for name in ("metadata", "manifest") for suffix in files.TEXTS)
"""Names of tables that are found in a folder, besides any `.jsonl`."""
LABEL_MAP = "label_map.json"
"""What EmoBox has beside its folders of folds: the words for the labels in its tables."""
TRIED = 20
"""Files that are looked for to find the folder that they are named from."""


def find_table(given: Path) -> Path:
    """The table: `given` itself, or the one in that folder; the folder, where its folders are labels. Raises EmozooError if
    there is none, or several."""
    if given.is_file():
        return given
    visible = sorted(path for path in given.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in visible if path.name.lower() in TABLES or path.suffix.lower() == ".jsonl"]
    if not found and any(path.name == HEADER for path in visible):
        found = [path for path in visible if is_table(path)]
        found = [path for path in found if not _is_of_speakers(path)] or found
        found = list({path.stem: path for path in reversed(found)}.values())[::-1]  # CSV before Parquet
    if len(found) == 1:
        return found[0]
    if found:
        raise EmozooError(
            f"{given} holds {', '.join(path.name for path in found)}: name the one to read with --data-dir"
        )
    if labelled(given):
        return given
    names = [path.name for path in visible]
    there = listed(names, what="files") or "no file"
    raise EmozooError(
        f"{given} holds no metadata.csv, manifest.csv or .jsonl file, but {there}: name the table with --data-dir my.csv"
    )


def _is_of_speakers(path: Path) -> bool:
    """Whether a table begins with a column of speakers, and so says nothing of clips."""
    if path.suffix != ".csv":
        return False
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        name = meaning_of(file.readline(1000).partition(",")[0].strip())
    return name is not None and name[0] == "speaker"


def label_words(table: Path) -> dict[str, str]:
    """The words for the labels of a table of EmoBox: of the `label_map.json` beside it, or beside the folder of its fold.
    Raises EmozooError for one that maps no words to words."""
    around = (
        (table.parent, table.parent.parent) if re.match("fold", table.parent.name, re.IGNORECASE) else (table.parent,)
    )
    path = next((folder / LABEL_MAP for folder in around if (folder / LABEL_MAP).is_file()), None)
    if path is None:
        return {}
    try:
        words = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"{path} cannot be read: mend it, or move it away to take labels as they are") from error
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        raise EmozooError(f'{path} is no map of labels to words, such as {{"ang": "angry"}}: mend it, or move it away')
    return words


def labelled(folder: Path) -> list[dict[str, str]]:
    """The clips in folders that are named by their label, also below folders of splits; none unless at least one is named
    like an emotion."""
    clips = []
    for path in sorted(folder.glob("*/*")) + sorted(folder.glob("*/*/*")):
        parts = path.relative_to(folder).parts
        split = parts[0] if parts[0].lower() in SPLIT_WORDS else ""
        if len(parts) != 2 + bool(split) or any(part.startswith(".") for part in parts):
            continue
        if path.name.lower().endswith(SOUNDS + VIDEOS):
            clips.append({"file": "/".join(parts), "label": parts[-2], "split": split})
    return clips if any(emotion_of(clip["label"]) for clip in clips) else []


def table_of_folders(folder: Path) -> Table:
    """The clips in folders that are named by their label, as a table."""
    return table_of_items(labelled(folder))


def folder_of(written: Sequence[str], table: Path) -> Path:
    """The folder that a table's files are named from: its own, or, where none of the first is there, one around it."""
    if table.is_dir():
        return table
    for folder in (table.parent, *list(table.absolute().parents)[1:4]):
        if any(path_of(name, folder) for name in written[:TRIED]):
            return folder
    return table.parent


def path_of(written: str, folder: Path) -> Path | None:
    """The file that a line names: as in the table, or as Windows or in another Unicode form; None if it is not there."""
    for each in name_forms(written):
        try:
            if (path := folder / os.path.expanduser(each)).is_file():
                return path
        except (ValueError, OSError):  # a name that no file can have
            continue
    return None
