"""Several processes train one run: each takes a part that no other is at, a fold or a random seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from emozoo.checkpoint.lock import AtWork, is_held
from emozoo.data.splits.kept import read_split
from emozoo.filenames import METRICS

Part = TypeVar("Part")
Result = TypeVar("Result")


def shared_out(parts: Sequence[Part], work: Callable[[Part], Result]) -> list[Result]:
    """What `work` gives for each part. Where it raises AtWork, the part is tried again after the others, because whoever is
    the last to finish one must find all of them. Raises AtWork where other processes are at the rest."""
    results: dict[int, Result] = {}
    waiting = list(range(len(parts)))
    while waiting:
        elsewhere = []
        for number in waiting:
            try:
                results[number] = work(parts[number])
            except AtWork as error:
                elsewhere.append(number)
                problem = error
        if elsewhere == waiting:
            raise problem
        waiting = elsewhere
    return [results[number] for number in range(len(parts))]


def check_free(folder: Path, shown: str) -> None:
    """Raises AtWork where other processes are at all folds of a run that are not finished. The data are not opened."""
    split = read_split(folder)
    if split is None:
        return
    places = [folder / f"fold{fold.number}" for fold in split.folds]
    open_ = [place for place in places if not (place / METRICS).exists()]
    if open_ and all(map(is_held, open_)):
        raise AtWork(f"other processes are at the last folds of {shown}: wait until they end")
