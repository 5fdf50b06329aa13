"""The folds of a run: as the run keeps them in split.json, or new ones for a run that begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emozoo.checkpoint.predictions import read_tested
from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.data.splits.fold import Fold
from emozoo.data.splits.kept import Split, read_split
from emozoo.data.tables.fold_lists import read_fold_lists
from emozoo.errors import EmozooError
from emozoo.evaluation.data import Data
from emozoo.filenames import METRICS, RESUME, RUN
from emozoo.paths import user_path
from emozoo.training.plan import Plan
from emozoo.training.progress import Progress


def with_digest(options: RunOptions, resume: bool) -> RunOptions:
    """The options with a digest of the folds that others made, so that another content is noticed. A run to `resume` keeps
    its split, so its file may be gone. Raises EmozooError for folds that are no longer those that a run has recorded."""
    if options.folds is None or resume and options.folds_digest and not user_path(options.folds).exists():
        return options
    digest = read_fold_lists(options.folds).digest
    if options.folds_digest not in (None, digest):
        raise EmozooError(
            f"{options.folds} has other folds now than when this run began: bring them back, or start a "
            "new run in another --output, with --folds to take them as they are"
        )
    return replace(options, folds_digest=digest)


def folds_of_run(folder: Path, plan: Plan, data: Data, progress: Progress) -> tuple[list[Fold], Split]:
    """All folds, in row numbers of `data`, and the split to keep in `folder`.

    Raises EmozooError, naming what has changed, where the data are no longer those that the run was begun with.
    """
    split = read_split(folder)
    if split is None:
        folds = data.folds_of(plan.options)
        _compare_finished(folder, data, folds, progress)
        return folds, Split.of(data.columns, data.classes, folds)
    found = split.find(data.columns, data.classes)
    if changed := split.differences(found):
        raise EmozooError(
            f"{folder} cannot be resumed, for its data are no longer those that it was begun with: {changed}; bring "
            "them back, or start a new run in another --output"
        )
    if found.new:
        progress.message(
            f"clips that were not there when this run was begun are left out of it: {len(found.new)}; a new run in "
            "another --output has them"
        )
    return split.placed(found), split


def _compare_finished(folder: Path, data: Data, folds: list[Fold], progress: Progress) -> None:
    """Checks the finished folds of a run from before runs kept their split, by the ids of their test clips.

    Raises EmozooError where a fold would now have others."""
    places = {fold.number: folder / f"fold{fold.number}" for fold in folds}
    own = read_options(folder)
    if own and own.fold is not None:
        places = {own.fold: folder}
    for number, place in places.items():
        tested = read_tested(place)
        if tested is None or number > len(folds):
            continue
        if tested != {data.columns["utterance_id"][row] for row in folds[number - 1].test}:
            raise EmozooError(
                f"{folder} cannot be resumed: it was begun before runs kept their split, and fold {number} would now "
                "have other test clips than it had, so its data are others; start a new run in another --output"
            )
    if any(map(_has_trained, places.values())):
        progress.message(
            "this run was begun before runs kept their split: only the ids of the test clips of its finished folds "
            "tell whether its data are still the same"
        )


def _has_trained(place: Path) -> bool:
    return (place / RUN).is_file() and any((place / name).is_file() for name in (METRICS, RESUME))
