"""What the pages say of a row of a result: of its seeds, its training, and where its command stands."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
LEFT_OUT = "corpus"
"""The protocol that tests on one corpus and trains on the others."""


def read(name: str) -> list[dict[str, str]]:
    """The rows of results/`name`; none where it was not made yet."""
    path = RESULTS / name
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same_task(row: dict[str, str]) -> tuple[str, ...]:
    """What rows of corpora.csv share that differ only in their seeds."""
    return row["command"], row["corpus"], row["labels"]


def seeds_of(row: dict[str, str]) -> str:
    """The seeds, and where there are several the UA of each."""
    task = (row["command"], row["dataset"], row["labels"])
    each = [one["ua"] for one in read("corpora.csv") if one["recordings"] == "0" and same_task(one) == task][:-1]
    seeds = row["seed"].replace(" ", ", ")
    return f"{seeds}: {', '.join(f'{100 * float(ua):.1f}' for ua in each)}" if each else seeds


def training_of(row: dict[str, str]) -> str:
    """What a row's network was trained on and how long, in words; the rest is in its command."""
    words = row["command"].split()
    batch = next((f", batches of {word.partition('=')[2]}" for word in words if word.startswith("batch_size=")), "")
    epochs = f"; {words[words.index('--epochs') + 1]} epochs" if "--epochs" in words else ""
    return f"{data_of(row)}{epochs}{batch}"


def data_of(row: dict[str, str]) -> str:
    """The data that a row's network was trained on, in words."""
    command = row["command"]
    if row["protocol"] == LEFT_OUT:
        data = "the other corpora"
    elif "open.csv" in command:
        data = "several corpora"
    else:
        data = "several corpora, then this one" if "--from" in command else "this corpus"
    data += ", degraded recordings" if "band=" in command else ""
    return data if "--no-dev" in command else f"{data}, without dev speakers"


def link_of(row: dict[str, str], path: str, rows: Sequence[dict[str, str]]) -> str:
    """A link from docs/ or cards/ to the line of a CSV that has the row's command, commit and hardware.

    `rows` are those of the CSV at `path`, from the repository's root; the row may have more columns. Raises StopIteration
    where it is not among them.
    """
    number = next(number for number, one in enumerate(rows, 2) if one.items() <= row.items())
    return f"[{number}](../{path}#L{number})"
