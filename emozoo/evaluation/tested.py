"""What a run answered for its test clips: read from its folder, from that of all its folds, or from a predictions.csv of any
tool."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.checkpoint.run import RunRecord, read_record, read_summary
from emozoo.checkpoint.whole import fold_folders, is_whole_run, seed_folders
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, PREDICTIONS, SUMMARY
from emozoo.paths import user_path
from emozoo.tables.columns import meaning_of
from emozoo.tables.files import Table, read_table
from emozoo.text import csv_text, listed, shown

ID, SPEAKER, LABEL, PREDICTED, TRAINED_ON = "utterance_id", "speaker", "label", "predicted", "trained_on"
VOTES = "votes"
TRUE = "_true"
"""A dimension's values are in a column of its name; the ratings of the corpus in one with this behind it."""
NEEDED = f"it needs {ID}, {LABEL}, and {PREDICTED} or a probability for each label"
CLOSE = 0.01
"""How far from 1 the probabilities of a clip may add up to."""


@dataclass(frozen=True)
class Answer:
    """A test clip and what a run answered."""

    speaker: str = ""
    """"" where unknown."""
    label: str = ""
    """The true one; "" where raters have no majority, or only dimensions are rated."""
    predicted: str = ""
    """"" for a clip without an answer, such as a silent one."""
    rated: tuple[float, ...] = ()
    """The corpus' ratings, in the order of `Run.dimensions`; NaN where there is none."""
    valued: tuple[float, ...] = ()
    """What was answered; NaN for a clip without an answer."""
    fold: int = 0
    """Of which fold it is a test clip; 0 where unknown."""

    @property
    def answered(self) -> bool:
        return bool(self.predicted or not self.label) and not any(map(math.isnan, self.valued))


@dataclass(frozen=True)
class Run:
    """A run and its answers. What is not recorded is None."""

    name: str
    """As the user named it."""
    labels: tuple[str, ...]
    whole: bool
    """Whether `labels` are all that it tells apart, and not just those that occur in the table."""
    dimensions: tuple[str, ...]
    clips: Mapping[str, Answer] = field(repr=False)
    dataset: str | None = None
    protocol: str | None = None
    seed: int | None = None
    parameters: int | None = None
    seconds: float | None = None
    """Of training, all folds together."""
    note: str = ""
    """What a reader of the numbers must know, such as that they are leaked or speaker-dependent."""

    @property
    def folds(self) -> tuple[int, ...]:
        """The numbers of its folds; none where unknown."""
        return tuple(sorted({clip.fold for clip in self.clips.values()} - {0}))


def read_run(name: str) -> Run:
    """A run's folder, also one over all folds or of `emozoo evaluate --output`, or a predictions.csv. Raises EmozooError for
    another place, a training that is not finished, and a damaged file."""
    place = user_path(name)
    if place.is_file():
        return read_answers(place, name)
    if is_whole_run(place):
        return _whole_run(place, name)
    if (place / PREDICTIONS).is_file():
        return _fold(place, name)
    if seeds := seed_folders(place):
        raise EmozooError(
            f"{name} holds the runs of several random seeds, which are not one run: name one of them, such as "
            f"{name}/{seeds[0].name}, or all of them to see whether they differ"
        )
    if (place / CONFIG).is_file():
        raise EmozooError(
            f"{name} has no {PREDICTIONS}: its training is not finished, or it is no run; --dataset and --data-dir measure "
            "models here"
        )
    raise EmozooError(
        f"{name} is no run's folder and no {PREDICTIONS}: to compare models, name the clips with --dataset and --data-dir"
    )


def read_answers(path: Path, name: str) -> Run:
    """A predictions.csv, or such a table as JSON Lines or Parquet. `name` is what errors call it. Raises EmozooError where a
    column is missing, a clip occurs twice, a label is not among the columns, or there is no row."""
    table = read_table(path)
    rows = _rows(table, name)
    dimensions = tuple(each for each in _names(table) if each + TRUE in _names(table))
    words = not dimensions or LABEL in _names(table)
    _check_columns(table, name, (ID, *([LABEL] if words else [])))
    labels, whole = _labels(table, rows, name, dimensions) if words else ((), True)
    clips: dict[str, Answer] = {}
    for place, row in rows:
        where = f"{name}, {place}"
        if not row[ID]:
            raise EmozooError(f"{where}: the column {ID} is empty")
        if row[ID] in clips:
            raise EmozooError(f"{where}: the clip {row[ID]} occurs twice: keep one of its rows")
        predicted = _predicted(row, labels, where) if words else ""
        clips[row[ID]] = Answer(
            row.get(SPEAKER, ""),
            row[LABEL] if words else "",
            predicted,
            tuple(_number(row[each + TRUE], where, each + TRUE) for each in dimensions),
            tuple(_number(row[each], where, each) for each in dimensions),
        )
    return Run(name, labels, whole, dimensions, clips, note=_marked(rows))


def _whole_run(folder: Path, name: str) -> Run:
    summary = read_summary(folder)
    places = fold_folders(folder)
    if summary is None or summary.folds != len(places):
        raise EmozooError(
            f"{name} has no {SUMMARY} of its {len(places)} folds: finish its training with emozoo train --resume, or "
            f"compare one of its folds, such as {name}/{places[0].name}"
        )
    parts = [_fold(place, f"{name}/{place.name}") for place in places]
    first = parts[0]
    clips: dict[str, Answer] = {}
    for part in parts:
        if part.labels != first.labels:
            raise EmozooError(f"{part.name} has other labels than {first.name}: they are not of one run")
        if twice := sorted(clips.keys() & part.clips.keys()):
            raise EmozooError(f"{name} tests the clip {twice[0]} in two folds: compare single folds of it")
        clips |= part.clips
    seconds = [part.seconds for part in parts if part.seconds is not None]
    total = round(sum(seconds), 1) if len(seconds) == len(parts) else None
    return replace(first, name=name, clips=clips, seconds=total, note=summary.note)


def _fold(folder: Path, name: str) -> Run:
    """The folder of one fold, or of an evaluation, which has no record."""
    tested = replace(read_answers(folder / PREDICTIONS, f"{name}/{PREDICTIONS}"), name=name)
    record = read_record(folder)
    return tested if record is None else recorded(tested, record)


def recorded(tested: Run, record: RunRecord) -> Run:
    """With what a finished run says of itself."""
    data, training = record.data, record.training
    return replace(
        tested,
        clips={key: replace(clip, fold=data.fold) for key, clip in tested.clips.items()},
        dataset=data.dataset,
        protocol=data.protocol,
        seed=training.seed,
        parameters=training.parameters,
        seconds=training.seconds,
        note=data.note,
    )


def _names(table: Table) -> tuple[str, ...]:
    return tuple(map(csv_text, table.names))


def _rows(table: Table, name: str) -> list[tuple[str, dict[str, str]]]:
    """The place of each line, and its fields as texts."""
    twice = [column for column, count in Counter(_names(table)).items() if count > 1]
    if twice:
        raise EmozooError(f"{name} has two columns {shown(twice[0])}: keep one")
    if not table.lines:
        raise EmozooError(f"{name} has no row: {NEEDED}")
    rows = []
    for line in table.lines:
        if line.fault:
            raise EmozooError(f"{name}, {line.place}: {line.fault}")
        fields = {csv_text(column): _text(line.fields.get(column)) for column in table.names}
        rows.append((line.place, fields))
    return rows


def _text(value: Any) -> str:
    return "" if value is None else csv_text(str(value))


def _check_columns(table: Table, name: str, needed: Sequence[str]) -> None:
    if missing := [column for column in needed if column not in _names(table)]:
        have = listed([shown(column)[1:-1] for column in _names(table)], 8)
        raise EmozooError(f"{name} has no column {' or '.join(missing)}: {NEEDED}; its columns are {have}")


def _labels(
    table: Table, rows: Sequence[tuple[str, Mapping[str, str]]], name: str, dimensions: Sequence[str]
) -> tuple[tuple[str, ...], bool]:
    """The label set, and whether it is all of it: in the order of the columns, or the words that occur."""
    words = {row[column] for _, row in rows for column in (LABEL, PREDICTED) if row.get(column)}
    taken = {ID, SPEAKER, LABEL, PREDICTED, VOTES, TRAINED_ON, *dimensions, *(each + TRUE for each in dimensions)}
    free = [column for column in _names(table) if column not in taken]
    if not words & set(free):
        if PREDICTED not in _names(table):
            _check_columns(table, name, [PREDICTED])
        return tuple(sorted(words)), False
    for place, row in rows:
        for column in (LABEL, PREDICTED):
            if row.get(column) and row[column] not in free:
                raise EmozooError(
                    f"{name}, {place}: {shown(row[column])} is not among the columns: each label needs one with its "
                    "probability"
                )
    shares = {column: found for column in free if (found := _shares(column, rows)) is not None}
    if wrong := sorted(words - shares.keys()):
        raise EmozooError(f"{name}: the column {wrong[0]} does not hold probabilities, from 0 to 1")
    likely = [column for column in shares if column in words or meaning_of(column) is None]
    for columns in (likely, [column for column in likely if column in words]):
        if np.nanmax(np.abs(np.sum([shares[column] for column in columns], axis=0) - 1), initial=0) <= CLOSE:
            return tuple(columns), True
    if VOTES in _names(table):
        raise EmozooError(
            f"{name} gives several labels a clip, for the probabilities of one do not add up to 1: only runs with one label "
            "a clip, or dimensions, can be compared"
        )
    return tuple(column for column in likely if column in words), False


def _shares(column: str, rows: Sequence[tuple[str, Mapping[str, str]]]) -> np.ndarray | None:
    """The probabilities of a column, NaN where it is empty; None where it holds something else."""
    try:
        found = np.array([float(row[column]) if row[column].strip() else math.nan for _, row in rows])
    except ValueError:
        return None
    return None if (found < 0).any() or (found > 1).any() else found


def _predicted(row: Mapping[str, str], labels: Sequence[str], where: str) -> str:
    """The predicted label, or the most probable one; "" for a clip without an answer."""
    if not row[LABEL] and VOTES not in row:
        raise EmozooError(f"{where}: the column {LABEL} is empty")
    if PREDICTED in row:
        return row[PREDICTED]
    shares = [_number(row[label], where, label) for label in labels]
    if all(map(math.isnan, shares)):
        return ""
    if any(map(math.isnan, shares)):
        raise EmozooError(f"{where}: a probability is missing")
    return labels[int(np.argmax(shares))]


def _number(text: str, where: str, column: str) -> float:
    """NaN where it is empty."""
    try:
        value = float(text) if text.strip() else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise EmozooError(f"{where}: {column} is {shown(text)}, not a number")
    return value


def _marked(rows: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """That clips are marked as trained on, where the table says so."""
    marked = sum(bool(row.get(TRAINED_ON)) for _, row in rows)
    return f"leaked: {marked} of {len(rows)} test clips, or their speakers, were trained on" if marked else ""
