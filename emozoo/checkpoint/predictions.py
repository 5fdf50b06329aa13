"""predictions.csv of a run: each test clip's true and predicted label, and its probabilities."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emozoo.filenames import PREDICTIONS
from emozoo.paths import write_text
from emozoo.text import csv_cell, csv_text


def read_tested(folder: Path) -> set[str] | None:
    """The ids of the clips that a run was tested on; None where it keeps no predictions."""
    try:
        return {row["utterance_id"] for row in read_predictions(folder / PREDICTIONS)}
    except (OSError, KeyError, ValueError):
        return None


def write_predictions(
    path: Path,
    labels: Sequence[str],
    ids: Sequence[str],
    speakers: Sequence[str],
    true: np.ndarray,
    probabilities: np.ndarray,
    trained_on: Sequence[str] = (),
) -> None:
    """predictions.csv: utterance, speaker, true label, predicted label, then the probability of each label, both empty for
    a clip without an answer, whose probabilities are NaN; last, where
    there is any such clip, what of it the model had been trained on, as `emozoo.checkpoint.provenance.marks` has it."""
    last = [[mark] for mark in trained_on] if any(trained_on) else [[]] * len(ids)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heading = ["utterance_id", "speaker", "label", "predicted", *map(csv_cell, labels)]
    writer.writerow([*heading, *(["trained_on"] if any(trained_on) else [])])
    for row, name in enumerate(ids):
        answered = np.isfinite(probabilities[row]).all()
        predicted = labels[int(probabilities[row].argmax())] if answered else ""
        shares = [f"{value:.6f}" if answered else "" for value in probabilities[row]]
        writer.writerow([*map(csv_cell, (name, speakers[row], labels[true[row]], predicted)), *shares, *last[row]])
    write_text(path, text.getvalue())


def read_predictions(path: Path) -> list[dict[str, str]]:
    """The rows of a predictions.csv, by column, with the words that were written. Raises OSError or ValueError for a file
    that cannot be read, as `csv` does."""
    with open(path, encoding="utf-8", newline="") as file:
        try:
            heading, *rows = csv.reader(file)
        except csv.Error as error:
            raise ValueError(str(error)) from error
    return [dict(zip(map(csv_text, heading), map(csv_text, row), strict=True)) for row in rows]
