"""Measures a run over all folds as one: the model of each fold on its own test fold, and all these clips together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from emozoo.checkpoint.groups import Grouping
from emozoo.checkpoint.provenance import Leak
from emozoo.checkpoint.results import Summary
from emozoo.checkpoint.run import read_summary
from emozoo.checkpoint.whole import fold_folders, is_whole_run
from emozoo.errors import EmozooError
from emozoo.evaluation.adapting import Adaptation
from emozoo.evaluation.evaluate import Evaluation, evaluate
from emozoo.evaluation.groups import pool_groups
from emozoo.evaluation.metrics import pool
from emozoo.paths import user_path


@dataclass(frozen=True)
class WholeEvaluation:
    """What was measured of a run over all folds."""

    model: str
    """The run."""
    names: tuple[str, ...]
    """The folders of its folds."""
    each: tuple[Evaluation, ...]
    """Of each fold, in the order of `names`."""
    summary: Summary
    groups: tuple[Grouping, ...] = ()
    """Of the clips of all folds, for the columns that were asked for."""

    @property
    def dataset(self) -> str:
        return self.each[0].dataset

    @property
    def part(self) -> str:
        clips = sum(one.metrics.answered or one.metrics.count for one in self.each)
        return f"each of its {len(self.each)} models on its own test fold, {clips} clips pooled"

    @property
    def note(self) -> str:
        return ". ".join(dict.fromkeys(one.note for one in self.each if one.note))

    @property
    def adapted(self) -> Adaptation | None:
        known = {name: one.adapted for name, one in zip(self.names, self.each, strict=True) if one.adapted}
        if not known:
            return None
        first = next(iter(known.values()))
        return Adaptation(first.to, first.recordings, "; ".join(f"{name}: {own.note}" for name, own in known.items()))

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo evaluate --json` prints it: the pooled figures in the place of a model's own."""
        leak: Leak = reduce(add, (one.leak for one in self.each))
        over = {key: value for key, value in self.summary.to_dict().items() if key not in ("pooled", "note", "groups")}
        by_fold = [{"fold": name, **one.to_dict()} for name, one in zip(self.names, self.each, strict=True)]
        named = {"model": self.model, "dataset": self.dataset, "part": self.part, "note": self.note}
        adapted = None if self.adapted is None else vars(self.adapted)
        told = {**named, "leak": leak.to_dict(), "adapted": adapted, **self.summary.pooled.to_dict()}
        groups = {"groups": [each.to_dict() for each in self.groups]} if self.groups else {}
        return {**told, **groups, "over_folds": over, "by_fold": by_fold}


def is_whole(name: str) -> bool:
    """Whether it is the folder of a run over all folds, and not a model."""
    return is_whole_run(user_path(name))


def evaluate_whole(
    name: str,
    *,
    protocol: str | None = None,
    fold: int | None = None,
    output: str | None = None,
    folds: str | None = None,
    **options: Any,
) -> WholeEvaluation:
    """Measures each model of a finished run over all folds; `options` are those of `evaluate`, which are the same for all.

    Raises EmozooError as `evaluate` does, for a run that is not finished, and for what is asked of a single model.
    """
    folder = user_path(name)
    places = fold_folders(folder)
    if any(each is not None for each in (protocol, fold, output, folds)):
        raise EmozooError(
            f"{name} is a run over all folds, and each of its models is measured on its own test fold: for --protocol, "
            f"--folds, --fold and --output, name one of them, such as {name}/{places[0].name}"
        )
    summary = read_summary(folder)
    if summary is None or summary.folds != len(places):
        raise EmozooError(
            f"{name} is not finished: emozoo train --resume --output {name} goes on with it; or name one of its folds, "
            f"such as {name}/{places[0].name}"
        )
    each = tuple(evaluate(Path(name, place.name), **options) for place in places)
    pooled = pool([one.metrics for one in each], apart=False)
    groups = pool_groups([one.groups for one in each])
    return WholeEvaluation(name, tuple(place.name for place in places), each, pooled, groups)
