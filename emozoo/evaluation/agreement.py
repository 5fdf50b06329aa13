"""What runs have in common: labels, dimensions, clips and folds; and the refusal of runs that differ in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.evaluation.tested import Answer, Run
from emozoo.text import listed, shown


def shared_answers(runs: Sequence[Run]) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The labels and the dimensions that all runs answer with, and notes on what only some do.

    Raises EmozooError where there are none, or the label sets differ."""
    worded = all(run.labels for run in runs)
    dimensions = tuple(each for each in runs[0].dimensions if all(each in run.dimensions for run in runs))
    if not worded and not dimensions:
        raise EmozooError(
            f"{'; '.join(f'{run.name} answers with {_answered(run)}' for run in runs)}: only runs that answer the same "
            "question can be compared"
        )
    known = max(runs, key=lambda run: (run.whole, len(run.labels)))
    for run in runs if worded else ():
        if set(run.labels) != set(known.labels) if run.whole else not set(run.labels) <= set(known.labels):
            raise EmozooError(
                f"{known.name} tells {', '.join(known.labels)} apart, and {run.name} {', '.join(run.labels)}: only runs "
                "with one label set can be compared"
            )
    notes = []
    for run in runs:
        only = [*(["words"] if run.labels and not worded else []), *(set(run.dimensions) - set(dimensions))]
        if only:
            notes.append(f"left out, because not all runs have it: {', '.join(sorted(only))} of {run.name}")
    return known.labels if worded else (), dimensions, notes


def _answered(run: Run) -> str:
    return ", ".join([*(["words"] if run.labels else []), *run.dimensions])


def same_clips(runs: Sequence[Run], common: bool) -> tuple[list[str], list[str]]:
    """The ids of the clips to compare on, sorted, and notes. Raises EmozooError where the runs differ in what they were
    tested on."""
    for one, other in itertools.combinations(runs, 2):
        if one.dataset and other.dataset and one.dataset != other.dataset:
            raise EmozooError(
                f"{one.name} was tested on {one.dataset}, and {other.name} on {other.dataset}: only runs on one dataset can "
                "be compared"
            )
        _check_truth(one, other)
        if not common:
            _check_same(one, other)
    shared = set.intersection(*(set(run.clips) for run in runs))
    if not shared:
        raise EmozooError(f"no clip was tested by each of {listed([run.name for run in runs])}")
    notes = []
    if left := [f"{len(shared)} of {len(run.clips)} of {run.name}" for run in runs if len(run.clips) > len(shared)]:
        notes.append(f"only the clips that all were tested on: {', '.join(left)}")
    for one, other in itertools.combinations(runs, 2):
        if _other_folds(one, other, shared):
            notes.append(f"{one.name} and {other.name} were trained in other folds ({_agreed(one, other)})")
    return sorted(shared), notes


def _check_truth(one: Run, other: Run) -> None:
    """Raises EmozooError where two runs take clips of one id for others."""
    places = [
        (one.dimensions.index(each), other.dimensions.index(each))
        for each in one.dimensions
        if each in other.dimensions
    ]

    def differ(here: Answer, there: Answer) -> bool:
        mine, theirs = ([clip.rated[at[side]] for at in places] for side, clip in enumerate((here, there)))
        words = one.labels and other.labels and here.label != there.label
        return bool(words or places and not np.allclose(mine, theirs, rtol=1e-4, equal_nan=True))

    def alien(here: Answer, there: Answer) -> bool:
        return bool(here.speaker and there.speaker and here.speaker != there.speaker)

    both = [key for key in one.clips if key in other.clips]
    for what, wrong, way in (
        ("true labels" if one.labels else "ratings", differ, ""),
        ("speakers", alien, ", or leave the column speaker out of one"),
    ):
        if found := [key for key in both if wrong(one.clips[key], other.clips[key])]:
            raise EmozooError(
                f"{one.name} and {other.name} give other {what} for {len(found)} of {len(both)} clips, such as "
                f"{shown(min(found))[1:-1]}: compare runs on the same data{way}"
            )


def _check_same(one: Run, other: Run) -> None:
    """Raises EmozooError where the clips or the folds of two runs differ."""
    shared = one.clips.keys() & other.clips.keys()
    here, there = len(one.clips), len(other.clips)
    if not here == there == len(shared):
        of = f"of {here}" if here == there else f"of {here} of {one.name} and {there} of {other.name}"
        are = f"{len(shared) or 'none'} {of} {'is' if len(shared) == 1 else 'are'} in both"
        way = "--common compares on those" if shared else ""
        told = "; ".join(filter(None, (are, _agreed(one, other), way)))
        raise EmozooError(f"{one.name} and {other.name} were tested on different clips: {told}")
    if _other_folds(one, other, shared):
        raise EmozooError(
            f"{one.name} and {other.name} were tested on the same {len(shared)} clips, but in other folds "
            f"({_agreed(one, other)}), so they were trained on other clips; --common compares them all the same"
        )


def _other_folds(one: Run, other: Run, shared: set[str]) -> bool:
    """Whether clips that are in one fold of one run are in several of the other; unknown folds are no other ones."""
    pairs = {(one.clips[key].fold, other.clips[key].fold) for key in shared}
    if not one.folds or not other.folds:
        return False
    return len(pairs) > len({own for own, _ in pairs}) or len(pairs) > len({own for _, own in pairs})


def _agreed(one: Run, other: Run) -> str:
    """What two runs have in common and in what they differ, as far as both record it; "" where they do not."""
    settings = list(_settings(one, other))
    same = [f"{name} {here}".strip() for name, here, there in settings if here == there]
    others = [f"{name} {here} and {there}".strip() for name, here, there in settings if here != there]
    together = " and ".join(filter(None, (", ".join(same[:-1]), *same[-1:])))
    return ", but ".join(filter(None, (f"the same {together}" if same else "", ", ".join(others))))


def _settings(one: Run, other: Run) -> Iterator[tuple[str, Any, Any]]:
    for name in ("dataset", "protocol", "seed"):
        here, there = getattr(one, name), getattr(other, name)
        if here is not None and there is not None:
            yield name, here, there
    if one.labels and other.labels:
        yield "labels", "", ""  # others were refused before
    if one.folds and other.folds:
        yield "", _span(one.folds), _span(other.folds)


def _span(folds: Sequence[int]) -> str:
    return f"fold {folds[0]}" if len(folds) == 1 else f"folds {folds[0]} to {folds[-1]}"
