"""What was measured here: results.csv, and the best of it. Importing this costs nothing."""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Iterable

from emozoo.registry.facts import Measured
from emozoo.text import letters


def measured_results() -> list[dict[str, str]]:
    """The rows of results.csv: each from a finished run of the command that stands in it."""
    text = importlib.resources.files("emozoo").joinpath("results.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def best_of_architecture(name: str, rows: Iterable[dict[str, str]]) -> Measured | None:
    """The highest UA, a mean over the folds; None where none was measured."""
    return _best(row for row in rows if row["architecture"] == name)


def best_on_dataset(name: str, rows: Iterable[dict[str, str]]) -> Measured | None:
    """The same on a dataset, whose name may be spelled otherwise: `emo_db` and `emodb` are one."""
    return _best(row for row in rows if letters(row["dataset"]) == letters(name))


def _best(rows: Iterable[dict[str, str]]) -> Measured | None:
    kept = (row for row in rows if row["protocol"] != "random")  # where speakers of training are tested
    row = max(kept, key=lambda row: float(row["ua"]), default=None)
    if row is None:
        return None
    labels = len(row["labels"].split())
    return Measured(
        float(row["ua"]), row["dataset"], row["protocol"], labels, row["architecture"], source=row["command"]
    )
