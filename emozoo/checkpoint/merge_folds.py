"""The models of all folds of a run become one checkpoint: an ensemble, which answers with their mean answer.

Its folder also holds what was measured of each model on its own test fold. Of the ensemble nothing was measured: on the
run's own clips nothing can be, for some of its networks were trained on each.
"""

from __future__ import annotations

import functools
import logging
import operator
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emozoo.checkpoint.ensemble import Ensemble, together
from emozoo.checkpoint.loading import load_folder
from emozoo.checkpoint.merge import LARGEST_DIFFERENCE, Merged, batches, check_empty
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import unrecorded
from emozoo.checkpoint.whole import WholeRun, read_whole, shown_place
from emozoo.errors import EmozooError
from emozoo.filenames import CONFUSION, METRICS, SUMMARY, WEIGHTS
from emozoo.paths import atomic, user_path

log = logging.getLogger("emozoo")


def merge_folds(run: str | os.PathLike[str], output: str | os.PathLike[str]) -> Merged:
    """Writes the ensemble of a run's folds, of its first random seed where there are several, into the folder `output`,
    which must hold no checkpoint.

    Raises EmozooError for a run that is not finished, has one fold, or whose models do not fit each other."""
    check_empty(output)
    whole = read_whole(user_path(run), os.fspath(run))
    if not whole.several:
        raise EmozooError(f"{run} has one fold, so there is nothing to merge: name {shown_place(whole, 0)}")
    models = [load_folder(place, shown_place(whole, number), "cpu") for number, place in enumerate(whole.places)]
    ensemble = _ensemble(models)
    difference = max(
        float(np.abs(np.mean([each.probabilities(windows) for each in models], axis=0) - found).max())
        for windows in batches(models[0])
        for found in [ensemble.probabilities(windows)]
    )
    if not difference <= LARGEST_DIFFERENCE:  # also where it is NaN
        raise EmozooError(f"{run} cannot be merged: its answers would be off by {difference:.1g}")
    if any(each.calibration for each in models):
        log.warning(
            "%s: what its folds were calibrated with is not that of the ensemble: run emozoo calibrate on it", run
        )
    folder = user_path(output)
    _copy_results(whole, folder)
    ensemble.save(folder)
    return Merged(str(Path(output, WEIGHTS)), (folder / WEIGHTS).stat().st_size, difference, members=len(models))


def _ensemble(models: Sequence[EmotionModel]) -> EmotionModel:
    """Raises EmozooError for models that differ in more than their weights."""
    first, rest = models[0], models[1:]
    for other in rest:
        for what in ("architecture", "config", "outputs", "preparation", "source"):
            if _named(first, what) != _named(other, what):
                raise EmozooError(
                    f"{first.name} and {other.name} cannot be merged, for they differ in {what}: name one of them"
                )
    records = [each.provenance or unrecorded(each.name) for each in models]
    whole = EmotionModel(
        together(first.architecture, len(models), first.outputs),
        first.config,
        first.outputs,
        first.origin,
        first.preparation,
        functools.reduce(operator.or_, records),
        synthetic=all(each.synthetic for each in models),
        source=first.source,
    )
    network = whole.network
    assert isinstance(network, Ensemble)
    for own, each in zip(network.members, models, strict=True):
        own.load_state_dict(each.network.state_dict())
    return whole.eval()


def _named(model: EmotionModel, what: str) -> object:
    return model.architecture.name if what == "architecture" else getattr(model, what)


def _copy_results(whole: WholeRun, folder: Path) -> None:
    """What was measured of the folds, under the names that `emozoo.checkpoint.whole` reads."""
    home = whole.places[0].parent
    top = home.parent if whole.seeds else home
    copies = {folder / SUMMARY: top / SUMMARY, folder / CONFUSION: home / CONFUSION}
    copies |= {folder / place.name / METRICS: place / METRICS for place in whole.places}
    for target, source in copies.items():
        if source.is_file():
            with atomic(target) as temporary:
                shutil.copyfile(source, temporary)
