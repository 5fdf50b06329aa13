"""Which model a push publishes: the one in a folder or, of a run over all folds, one of them or their ensemble."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emozoo.checkpoint.whole import fold_folders, is_several, read_whole, seed_folders, shown_place
from emozoo.errors import EmozooError
from emozoo.paths import user_path


@dataclass(frozen=True)
class Choice:
    """A model to publish."""

    place: Path
    """Its folder, which for an ensemble is a temporary one."""
    name: str
    """What errors call it."""
    home: Path
    """The folder that keeps its card."""
    words: str = ""
    """Which it is of several; "" for the only one."""


@contextmanager
def chosen(folder: str | Path, fold: int | None) -> Iterator[Choice]:
    """The model of the run in `folder`, or of a `fold` of it; without one, the ensemble of all folds, which is there while
    the context lasts. Of several random seeds, the first is taken.

    Raises EmozooError for a fold that is not there, a run that is not finished, and folds that cannot be merged."""
    name, place = str(folder), user_path(folder)
    if not is_several(place):
        if fold is not None:
            raise EmozooError(f"--fold {fold}: {name} holds no folds, but one model: leave it out")
        yield Choice(place, name, place)
    elif fold is not None:
        yield _fold(place, name, fold)
    else:
        whole = read_whole(place, name)
        seed = f", with the random seed {whole.seeds.seeds[0]}" if whole.seeds else ""
        if not whole.several:
            yield Choice(
                whole.places[0], shown_place(whole, 0), whole.places[0], f"{shown_place(whole, 0)}, one of several"
            )
            return
        from emozoo.checkpoint.merge_folds import merge_folds  # imports torch

        with tempfile.TemporaryDirectory(prefix="emozoo-") as temporary:
            ensemble = Path(temporary, "ensemble")
            merge_folds(name, ensemble)
            yield Choice(ensemble, name, place, f"the ensemble of the {len(whole.places)} folds of {name}{seed}")


def _fold(place: Path, name: str, number: int) -> Choice:
    seeds = [] if fold_folders(place) else seed_folders(place)
    home = seeds[0] if seeds else place
    folds = {each.name: each for each in fold_folders(home)}
    if f"fold{number}" not in folds:
        there = ", ".join(each.removeprefix("fold") for each in folds)
        raise EmozooError(f"--fold {number}: {name} has no such fold; it has {there or 'none'}")
    shown = "/".join([name, *([home.name] if seeds else []), f"fold{number}"])
    found = folds[f"fold{number}"]
    return Choice(found, shown, found, shown)
