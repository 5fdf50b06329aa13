"""Writes the manifests of the open corpora: `python research/open_corpora.py TABLE FOLDER`

TABLE is a CSV file with the columns file, corpus, speaker, gender, language, emotion and sentence; its files are found from
its own folder. FOLDER gets open.csv, with the column `corpus`, and a manifest for each corpus, such as emodb.csv. File names
are absolute there, and `utterance_id` is the name in TABLE, the same on each machine. Studies of research/studies name the
manifests without a folder.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from emozoo.errors import EmozooError
from emozoo.paths import atomic

COLUMNS = ("file", "emotion", "speaker", "gender", "language", "sentence", "corpus")
WRITTEN = ("utterance_id", *COLUMNS)
ALL = "open"


def read_table(table: Path) -> list[dict[str, str]]:
    """The rows of `WRITTEN`. Raises EmozooError for a table that lacks a column, a row's corpus
    or a file."""
    try:
        with open(table, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EmozooError(f"{table} cannot be read as a CSV file: {error}") from error
    if not rows:
        raise EmozooError(f"{table} has no rows: name a table of recordings")
    if lacking := [name for name in COLUMNS if name not in rows[0]]:
        raise EmozooError(f"{table} lacks the columns {', '.join(lacking)}: it needs {', '.join(COLUMNS)}")
    places = [(table.parent / row["file"]).resolve() for row in rows]
    for line, (row, place) in enumerate(zip(rows, places, strict=True), 2):
        if not (row["corpus"] or "").isidentifier() or row["corpus"] == ALL:
            raise EmozooError(f"{table}, line {line}: {row['corpus']!r} is no name of a corpus, such as emodb")
        if not place.is_file():
            raise EmozooError(f"{table}, line {line}: there is no file {place}")
    return [
        {**{name: row[name] for name in COLUMNS}, "utterance_id": row["file"], "file": str(place)}
        for row, place in zip(rows, places, strict=True)
    ]


def write_manifests(table: Path, folder: Path) -> dict[str, int]:
    """The manifests by name, with their numbers of recordings."""
    rows = read_table(table)
    corpora = {
        corpus: [row for row in rows if row["corpus"] == corpus] for corpus in sorted({row["corpus"] for row in rows})
    }
    for name, own in {ALL: rows, **corpora}.items():
        with atomic(folder / f"{name}.csv") as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, WRITTEN)
            writer.writeheader()
            writer.writerows(own)
    return {name: len(own) for name, own in {ALL: rows, **corpora}.items()}


def main(table: str, folder: str) -> None:
    for name, count in write_manifests(Path(table), Path(folder)).items():
        print(f"{Path(folder, name)}.csv: {count} recordings")


if __name__ == "__main__":
    try:
        if len(sys.argv) != 3:
            raise EmozooError("say which table, and which folder: python research/open_corpora.py TABLE FOLDER")
        main(*sys.argv[1:])
    except EmozooError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
