"""What a run was asked to do, and the files in its folder that are not part of the checkpoint.

`run.json` holds the options (with this machine's folders, so it is never published); `metrics.json` what came out.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.checkpoint.bundled import folder_of
from emozoo.checkpoint.config import read_json
from emozoo.errors import EmozooError
from emozoo.filenames import METRICS, PREDICTIONS, RUN
from emozoo.hints import type_problem
from emozoo.hub.reference import is_reference
from emozoo.paths import user_path, write_text
from emozoo.text import csv_cell, csv_text, shown
from emozoo.version import version as emozoo_version

WRITER = "emozoo"
"""The key under which a file says which version of emozoo wrote it."""
LARGEST_METRICS = 2**26
"""Bytes of a metrics.json that is read."""


@dataclass(frozen=True)
class RunOptions:
    """What `emozoo train` was asked for, its defaults filled in."""

    architecture: str
    dataset: str = "iemocap"
    data_dir: str | None = None
    labels: tuple[str, ...] | None = None
    """None: the dataset's usual label set."""
    merge: dict[str, str] = field(default_factory=dict)
    protocol: str | None = None
    """None: the dataset's usual protocol."""
    fold: int | None = 1
    """From 1; None: all folds."""
    seed: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    precision: str = "auto"
    start: str | None = None
    """The model that is fine-tuned: a folder, or a reference as it was given; None: fresh weights."""
    crop: str | None = None
    denoise: bool = False
    """As in `emozoo.media.preparation.Preparation`; a model that is fine-tuned keeps its own beside."""
    dev: bool = True
    """Whether the dev split is kept out of training, to choose the epoch by."""

    def check(self) -> None:
        """Raises EmozooError for a value of the wrong type, or one that is no text, which no file could hold."""
        problem = type_problem(self, RunOptions)
        for name in ("settings", "merge"):
            for key, value in getattr(self, name).items() if not problem else ():
                if not isinstance(key, str) or not isinstance(value, str):
                    problem = (
                        f"{name} holds {shown(key)}: {shown(value)}, which are not both text, as on the command line"
                    )
        if problem:
            raise EmozooError(f"the training's options are wrong: {problem}")
        for name, value in dataclasses.asdict(self).items():
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except (UnicodeEncodeError, TypeError):
                raise EmozooError(f"{name}: {shown(value)} is not UTF-8 text: write it in plain letters") from None

    def placed(self) -> RunOptions:
        """The same, found from any folder: with absolute paths."""
        data_dir, start = self.data_dir, self.start
        if data_dir is not None and not is_reference(data_dir):
            data_dir = str(user_path(data_dir))
        if start is not None and not is_reference(start) and folder_of(start) is None:
            start = str(user_path(start))
        labels = None if self.labels is None else tuple(self.labels)
        return dataclasses.replace(self, data_dir=data_dir, start=start, labels=labels)

    def write(self, folder: Path) -> None:
        document = {WRITER: emozoo_version(), **dataclasses.asdict(self.placed())}
        write_text(folder / RUN, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_options(folder: Path) -> RunOptions | None:
    """The options recorded in a run's folder; None where there are none. Raises EmozooError for a damaged record."""
    path = folder / RUN
    if not path.is_file():
        return None
    known = {each.name for each in dataclasses.fields(RunOptions)}
    values: Any = None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        labels = values["labels"]
        found = {name: value for name, value in values.items() if name in known}
        options = RunOptions(**{**found, "labels": None if labels is None else tuple(labels)})
        strangers = values.keys() - known - {WRITER}
        if strangers or type_problem(options, RunOptions):
            raise ValueError(*strangers)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable(path, values, "it is not the record of a run") from error
    return options


def unreadable(path: Path, document: Any, why: str) -> EmozooError:
    """What to say of a file of a run: another version of emozoo wrote it, or it is damaged."""
    writer = document.get(WRITER) if isinstance(document, dict) else None
    if isinstance(writer, str) and writer != emozoo_version():
        return EmozooError(
            f"{path} was written by emozoo {shown(writer)[1:-1]}, and this is {emozoo_version()}, which cannot read it: "
            "use that version"
        )
    return EmozooError(f"{path} is damaged: {why}")


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """metrics.json of a finished run; None where there is none. Raises EmozooError for a damaged one."""
    path = folder / METRICS
    if not path.is_file():
        return None
    document = read_json(path, str(path), LARGEST_METRICS)
    parts = [document.get(part) if isinstance(document, dict) else None for part in ("data", "test", "training")]
    if not all(isinstance(part, dict) for part in parts) or "confusion" not in document["test"]:
        raise unreadable(path, document, "it does not hold a run's results")
    return {**document, "data": _told_honestly(document["data"], document["training"])}


def _told_honestly(data: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """What a run says of its data. Fine-tunings of before models kept a record of what they were trained on say that their
    test speakers were never heard, which nobody knows."""
    if "leak" in data or not (start := training.get("start")):
        return data
    note = f"unknown whether test speakers were trained on: {start} keeps no record of what it was trained on"
    return data | {"speaker_disjoint": False, "note": "; ".join(filter(None, (note, data.get("note"))))}


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
    """predictions.csv: utterance, speaker, true label, predicted label, then the probability of each label; last, where
    there is any such clip, what of it the model had been trained on, as `emozoo.checkpoint.provenance.marks` has it."""
    last = [[mark] for mark in trained_on] if any(trained_on) else [[]] * len(ids)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heading = ["utterance_id", "speaker", "label", "predicted", *map(csv_cell, labels)]
    writer.writerow([*heading, *(["trained_on"] if any(trained_on) else [])])
    for row, name in enumerate(ids):
        words = [name, speakers[row], labels[true[row]], labels[int(probabilities[row].argmax())]]
        writer.writerow([*map(csv_cell, words), *(f"{value:.6f}" for value in probabilities[row]), *last[row]])
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
