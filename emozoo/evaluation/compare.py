"""Runs side by side: which clips they are compared on, the scores of each, and the differences of every two."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.named import leads_to
from emozoo.checkpoint.results import Metrics, Summary
from emozoo.checkpoint.run import read_options, read_record
from emozoo.checkpoint.whole import is_whole_run
from emozoo.data.truth import UNDECIDED
from emozoo.errors import EmozooError
from emozoo.evaluation.agreement import same_clips, shared_answers
from emozoo.evaluation.comparison import Answers, Pair, differences
from emozoo.evaluation.dimensions import measure_dimensions
from emozoo.evaluation.metrics import evaluate_predictions, pool
from emozoo.evaluation.sums import over
from emozoo.evaluation.tested import Run, read_answers, read_run
from emozoo.evaluation.verdicts import sentences
from emozoo.filenames import PREDICTIONS
from emozoo.hub.reference import is_reference
from emozoo.paths import user_path
from emozoo.target import DIMENSIONS, Outputs
from emozoo.text import listed


@dataclass(frozen=True)
class Row:
    """A run in the table. None is what is not recorded, or does not apply."""

    name: str
    dataset: str | None
    protocol: str | None
    seed: int | None
    metrics: Metrics
    """Of all clips pooled."""
    folds: Summary | None
    """Mean and standard deviation over folds; None for a single fold."""
    parameters: int | None
    seconds: float | None
    """Of training, all folds together."""
    note: str
    """What a reader of the row must know, such as that it is leaked; "" for nothing."""


@dataclass(frozen=True)
class Comparison:
    """Runs that were tested on the same clips."""

    clips: int
    over: str
    """What the intervals are over: `speakers` or `clips`."""
    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()
    """What holds for all of them."""

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo compare --json` prints it."""
        return {
            "clips": self.clips,
            "over": self.over,
            "labels": list(self.labels),
            "dimensions": list(self.dimensions),
            "runs": [_row_dict(row) for row in self.rows],
            "pairs": [_pair_dict(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }


def _row_dict(row: Row) -> dict[str, Any]:
    folds = row.folds and {key: value for key, value in row.folds.to_dict().items() if key not in ("pooled", "note")}
    return {**asdict(row), "metrics": row.metrics.to_dict(), "folds": folds}


def _pair_dict(pair: Pair) -> dict[str, Any]:
    ccc = [{**asdict(each), "found": each.found and not pair.too_few} for each in pair.ccc]
    return {**asdict(pair), "found": pair.found, "ccc": ccc, "sentences": sentences(pair)}


def compare(
    names: Sequence[str],
    *,
    common: bool = False,
    dataset: str | None = None,
    data_dir: str | None = None,
    merge: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    protocol: str | None = None,
    fold: int | None = None,
    device: str = "auto",
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
) -> Comparison:
    """Compares two or more runs' folders or predictions.csv, or with a `dataset` models of any reference, which are measured
    on it as `emozoo.evaluation.evaluate.evaluate` does.

    With `common`, only the clips that all were tested on count, whatever their folds. Raises EmozooError where they were
    tested on other clips, in other folds, or tell other labels apart; and for a run that is named twice.
    """
    names = [name.rstrip(os.sep) or name for name in names]
    if len(names) < 2:
        raise EmozooError("name two runs or more to compare")
    _check_places(names)
    if dataset is None and (data_dir or merge or scale or columns or labels_as_is or protocol or fold is not None):
        raise EmozooError(
            "--data-dir, --merge, --scale, --columns, --labels-as-is, --protocol and --fold are about a --dataset to "
            "measure models on: name it"
        )
    if dataset is None:
        return compared([read_run(name) for name in names], common=common)
    models = [name for name in names if not user_path(name).is_file()]
    split = {"protocol": protocol, "fold": fold, "seed": _seed(models) if protocol or fold is not None else None}
    data = {"dataset": dataset, "data_dir": data_dir, "merge": merge, "scale": scale, "columns": columns}
    asked = {**data, "labels_as_is": labels_as_is, "device": device, **split}
    return compared([_measured(name, asked) if name in models else read_run(name) for name in names], common=common)


def compared(runs: Sequence[Run], *, common: bool = False) -> Comparison:
    """The comparison of runs that have been read; `common` and errors as for `compare`."""
    labels, dimensions, notes = shared_answers(runs)
    ids, more = same_clips(runs, common)
    notes += more
    unanswered = {run.name: sum(not run.clips[key].answered for key in ids) for run in runs}
    for name, count in unanswered.items():
        if count:
            notes.append(f"{count} of {len(ids)} clips have no answer from {name}: they are left out for all")
    ids = [key for key in ids if all(run.clips[key].answered for run in runs)]
    if len(ids) < 2:
        each = listed([run.name for run in runs])
        raise EmozooError(f"{len(ids) or 'no'} clip has an answer from each of {each}: that is too few to compare")
    if labels and not any(runs[0].clips[key].label for key in ids):
        raise EmozooError(f"none of the {len(ids)} clips has a label that most raters chose: there is no UA to compare")
    speakers = [next(filter(None, (run.clips[key].speaker for run in runs)), "") for key in ids]
    answers = _answers(runs, ids, speakers, labels, dimensions)
    pairs = differences(answers, [run.name for run in runs])
    rows = tuple(_row(run, ids, speakers, labels, dimensions) for run in runs)
    among = rows[0].metrics.interval_over
    if among == "clips":
        notes.append(
            "fewer than two speakers are known, or some are not: the intervals are over clips, and tell nothing of other "
            "speakers"
        )
    if undecided := int((answers.true < 0).sum()):
        notes.append(f"{undecided} of {len(ids)} clips have no label: they are not in UA, WA and F1")
    return Comparison(len(ids), among, labels, dimensions, rows, pairs, tuple(notes))


def _check_places(names: Sequence[str]) -> None:
    places: dict[str, str] = {}
    for name in names:
        place = user_path(name)
        place = place / PREDICTIONS if (place / PREDICTIONS).is_file() else place
        key = str(place.resolve()) if place.exists() else name
        if key in places:
            same = "" if places[key] == name else f"{places[key]} and {name} are the same: "
            raise EmozooError(f"{same}{name} cannot be compared with itself; name another run")
        places[key] = name


def _seed(models: Sequence[str]) -> int:
    """The random seed that a dataset is split by for all models: that of the runs among them, else 0. Raises EmozooError
    where they had several."""
    seeds = {}
    for name in models:
        if not is_reference(leads_to(name)) and (run := read_options(resolve(name))):
            seeds[run.folds_seed] = name
    if len(seeds) > 1:
        told = " and ".join(f"{name} has the random seed {seed}" for seed, name in list(seeds.items())[:2])
        raise EmozooError(f"{told}, which split a dataset into other folds: leave --protocol and --fold out")
    return next(iter(seeds), 0)


def _measured(name: str, asked: Mapping[str, Any]) -> Run:
    """The answers of a model, ours or foreign, to the clips that `evaluate` is asked for."""
    from emozoo.evaluation.evaluate import evaluate  # imports torch, which tables do not need

    if is_whole_run(user_path(name)):
        raise EmozooError(
            f"{name} is a run over all folds: with --dataset, name one of its models, such as {name}/fold1"
        )
    with tempfile.TemporaryDirectory(prefix="emozoo-compare-") as place:
        done = evaluate(name, output=place, **asked)
        tested = read_answers(Path(place) / PREDICTIONS, name)
    record = read_record(resolve(name))
    return replace(
        tested,
        dataset=done.dataset,
        protocol=asked["protocol"],
        seed=asked["seed"],
        parameters=done.parameters,
        seconds=record.training.seconds if record else None,
        note=done.note,
    )


def _answers(
    runs: Sequence[Run],
    ids: Sequence[str],
    speakers: Sequence[str],
    labels: Sequence[str],
    dimensions: Sequence[str],
) -> Answers:
    """The answers as arrays; words in the order of the alphabet, so that the order of the runs does not matter."""
    place = {label: number for number, label in enumerate(sorted(labels))}
    clips = {run.name: [run.clips[key] for key in ids] for run in runs}
    rated, valued = {}, {}
    for dimension in dimensions:
        at = {run.name: run.dimensions.index(dimension) for run in runs}
        valued[dimension] = {name: np.array([each.valued[at[name]] for each in own]) for name, own in clips.items()}
        rated[dimension] = np.array([each.rated[at[runs[0].name]] for each in clips[runs[0].name]])
    words = {
        name: np.array([place.get(each.predicted, UNDECIDED) for each in own]) for name, own in clips.items() if labels
    }
    true = np.array([place.get(each.label, UNDECIDED) for each in clips[runs[0].name] if labels], dtype=int)
    return Answers(speakers, len(labels), true, words, rated, valued)


def _row(
    run: Run, ids: Sequence[str], speakers: Sequence[str], labels: Sequence[str], dimensions: Sequence[str]
) -> Row:
    known = dict(zip(ids, speakers, strict=True))
    folds: dict[int, list[str]] = {}
    for key in run.clips:  # in the order of the run, so that the intervals are those of its own metrics
        if key in known:
            folds.setdefault(run.clips[key].fold, []).append(key)
    own = (run.labels if run.whole else labels) if labels else ()
    each = [
        _metrics(run, keys, [known[key] for key in keys], own, dimensions)
        for _, keys in sorted(folds.items())
        if not own or any(run.clips[key].label for key in keys)
    ]
    summary = pool(each, apart=False) if len(each) > 1 else None
    metrics = summary.pooled if summary else each[0]
    return Row(run.name, run.dataset, run.protocol, run.seed, metrics, summary, run.parameters, run.seconds, run.note)


def _metrics(
    run: Run, keys: Sequence[str], speakers: list[str], labels: Sequence[str], dimensions: Sequence[str]
) -> Metrics:
    """The scores of a fold's clips."""
    clips = [run.clips[key] for key in keys]
    found = Metrics(count=len(clips), interval_over=over(speakers))
    if labels:
        there = [place for place, clip in enumerate(clips) if clip.label]
        true, predicted = (
            [labels.index(getattr(clips[place], name)) for place in there] for name in ("label", "predicted")
        )
        found = evaluate_predictions(labels, true, predicted, [speakers[place] for place in there])
    at = [run.dimensions.index(dimension) for dimension in dimensions]
    rated, valued = (
        np.array([[getattr(clip, name)[place] for place in at] for clip in clips]) for name in ("rated", "valued")
    )
    measured = measure_dimensions(Outputs.of(dimensions, DIMENSIONS), rated, valued, speakers) if dimensions else ()
    return replace(found, dimensions=measured, answered=len(clips))
