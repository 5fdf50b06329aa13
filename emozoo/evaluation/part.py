"""Which clips of a dataset a model is measured on: a fold's test split, or all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from emozoo.checkpoint.predictions import read_tested
from emozoo.checkpoint.run import RunOptions
from emozoo.data.splits.fold import Fold, pick_fold
from emozoo.data.splits.kept import read_split
from emozoo.errors import EmozooError
from emozoo.evaluation.data import Data
from emozoo.evaluation.selection import Selection

OLD_RUN = (
    "this run was made before runs kept their split, so its test clips are found by the ids in its predictions.csv"
)
SPLIT_ANEW = "this run keeps no such split, so its data were split anew"


@dataclass(frozen=True)
class Part:
    """Rows of a dataset to measure on."""

    rows: list[int]
    words: str
    """What they are, such as `session fold 1 (Ses01), 10 clips`."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know of them."""
    dependent: bool = False
    """Whether they are the test split of a speaker-dependent fold."""
    text_dependent: bool = False
    """Whether the model was trained on sentences of theirs."""


def chosen_part(folder: Path, run: RunOptions | None, selection: Selection, data: Data) -> Part:
    """The rows to measure on: of the test split of the run in `folder`, of another fold, or all."""
    fold = selection.fold
    if selection.dataset is None and run:
        protocol = selection.protocol or run.protocol
        return _own_part(folder, run, data, protocol, fold or run.fold or 1)
    if selection.folds is not None:
        words = f"folds {Path(selection.folds).name}"
        return _of_fold(pick_fold(data.given_folds(selection.folds, selection.seed or 0), fold or 1, words), words)
    if fold is not None or selection.protocol is not None:
        seed = selection.seed if selection.seed is not None else run.folds_seed if run else 0
        return _new_part(data, selection.protocol, fold or 1, seed)
    count = len(data.store)
    return Part(list(range(count)), f"all {count} clips")


def _own_part(folder: Path, run: RunOptions, data: Data, protocol: str | None, fold: int) -> Part:
    """The test split of a fold of the run in `folder`: as the run kept it, else split anew."""
    kept = read_split(folder) if protocol == run.protocol else None
    words = run.split_by(data.corpus.protocol) if protocol == run.protocol else protocol or data.corpus.protocol
    if kept is None:
        if part := _tested_part(folder, run, data, protocol, fold, words):
            return part
        folds = data.folds_of(run) if protocol == run.protocol else data.folds(protocol, run.folds_seed)
        return replace(_of_fold(pick_fold(folds, fold, words), words), notes=(SPLIT_ANEW,))
    found = kept.find(data.columns, data.classes)
    was = pick_fold(kept.folds, fold, words)
    now = pick_fold(kept.placed(found), fold, words)
    if not now.test:
        raise EmozooError(
            f"none of the {len(was.test)} test clips of fold {fold} of {folder} is there: name the run's own data with "
            "--data-dir, or measure others with --dataset"
        )
    notes = [changed[:1].upper() + changed[1:]] if (changed := kept.differences(found, was.test)) else []
    if found.new:
        notes.append(f"clips that the run did not have are left out: {len(found.new)}")
    return Part(list(now.test), _fold_words(words, now), tuple(notes), not now.speaker_disjoint, now.text_dependent)


def _tested_part(folder: Path, run: RunOptions, data: Data, protocol: str | None, fold: int, words: str) -> Part | None:
    """The test clips of a run from before runs kept their split, by its predictions.csv; None where that has none."""
    tested = read_tested(folder) if (protocol, fold) == (run.protocol, run.fold) else None
    rows = [row for row, name in enumerate(data.columns["utterance_id"]) if name in (tested or ())]
    if tested is None or not rows:
        return None
    note = f"{OLD_RUN}: {len(rows)} of {len(tested)} are there"
    return Part(
        rows,
        f"{words} fold {fold}, {len(rows)} clips",
        (note,),
        dependent=run.protocol == "random" or run.folds is not None,
    )


def _new_part(data: Data, protocol: str | None, fold: int, seed: int) -> Part:
    """The test split of a fold that the protocol makes now."""
    words = protocol or data.corpus.protocol
    return _of_fold(pick_fold(data.folds(protocol, seed), fold, words), words)


def _of_fold(fold: Fold, words: str) -> Part:
    return Part(list(fold.test), _fold_words(words, fold), dependent=not fold.speaker_disjoint)


def _fold_words(protocol: str, fold: Fold) -> str:
    return f"{protocol} fold {fold.number} ({fold.name}), {len(fold.test)} clips"
