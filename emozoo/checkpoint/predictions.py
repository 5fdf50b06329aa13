"""predictions.csv of a run: what people said of each test clip, and what the model answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emozoo.filenames import PREDICTIONS
from emozoo.paths import write_text
from emozoo.target import Outputs
from emozoo.text import csv_cell, csv_text


def read_tested(folder: Path) -> set[str] | None:
    """The ids of the clips that a run was tested on; None where it keeps no predictions."""
    try:
        return {row["utterance_id"] for row in read_predictions(folder / PREDICTIONS)}
    except (OSError, KeyError, ValueError):
        return None


def write_predictions(
    path: Path,
    outputs: Outputs,
    ids: Sequence[str],
    speakers: Sequence[str],
    words: np.ndarray,
    counts: np.ndarray | None,
    ratings: np.ndarray,
    answers: np.ndarray,
    trained_on: Sequence[str] = (),
) -> None:
    """predictions.csv, a line for each clip: utterance and speaker; for words the true label, "" without a majority, the
    predicted label and the probability of each label, and where raters voted, how many said each as JSON; for each dimension
    its rating and its value, as NAME_true and NAME, on the corpus' scale. What was not answered, whose `answers` float64
    [clips, outputs] are NaN, is empty. `words`, `counts` and `ratings` are as of `emozoo.data.truth.Truth`. Last, where
    there is any such clip, what of it the model had been trained on, as `emozoo.checkpoint.provenance.marks` has it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heading = ["utterance_id", "speaker"]
    heading += ["label", "predicted", *map(csv_cell, outputs.labels)] if outputs.labels else []
    heading += [] if counts is None else ["votes"]
    heading += [csv_cell(each) for name in outputs.dimensions for each in (f"{name}_true", name)]
    writer.writerow([*heading, *(["trained_on"] if any(trained_on) else [])])
    for row, name in enumerate(ids):
        answer = answers[row] if np.isfinite(answers[row]).all() else None
        cells = [csv_cell(name), csv_cell(speakers[row])]
        if outputs.labels:
            cells += _words(outputs, int(words[row]), answer)
        if counts is not None:
            cells.append(_votes(outputs, counts[row]))
        for number, rating in enumerate(ratings[row]):
            value = None if answer is None else answer[outputs.of_dimensions][number]
            cells += [_rated(outputs, rating), "" if value is None else _rated(outputs, value)]
        writer.writerow([*cells, *([trained_on[row]] if any(trained_on) else [])])
    write_text(path, text.getvalue())


def _words(outputs: Outputs, label: int, answer: np.ndarray | None) -> list[str]:
    true = csv_cell(outputs.labels[label]) if label >= 0 else ""
    if answer is None:
        return [true, "", *([""] * len(outputs.labels))]
    shares = answer[outputs.of_labels]
    return [true, csv_cell(outputs.labels[int(shares.argmax())]), *(f"{share:.6f}" for share in shares)]


def _votes(outputs: Outputs, counts: np.ndarray) -> str:
    votes = {label: float(count) for label, count in zip(outputs.labels, counts, strict=True) if count}
    whole = {label: int(count) if count.is_integer() else count for label, count in votes.items()}
    return csv_cell(json.dumps(whole, ensure_ascii=False))


def _rated(outputs: Outputs, value: float) -> str:
    if not np.isfinite(value):
        return ""
    return f"{outputs.scale.from_unit(float(value)) if outputs.scale else float(value):.6f}"


def read_predictions(path: Path) -> list[dict[str, str]]:
    """The rows of a predictions.csv, by column, with the words that were written. Raises OSError or ValueError for a file
    that cannot be read, as `csv` does."""
    with open(path, encoding="utf-8", newline="") as file:
        try:
            heading, *rows = csv.reader(file)
        except csv.Error as error:
            raise ValueError(str(error)) from error
    return [dict(zip(map(csv_text, heading), map(csv_text, row), strict=True)) for row in rows]
