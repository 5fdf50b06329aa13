"""The trainings of several studies, and the folder of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import typer

from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.cli.app import app
from emozoo.cli.study import cells_of
from emozoo.errors import EmozooError
from emozoo.filenames import RUN
from emozoo.hub.reference import is_reference
from emozoo.paths import user_path
from emozoo.training.study import Cell, check_study


@dataclass(frozen=True)
class Study:
    name: str
    folder: Path
    """It has a folder for each training."""
    cells: tuple[Cell, ...]
    device: str

    def called(self, cell: Cell) -> str:
        return f"{self.name}/{cell.name}"


def read_studies(
    paths: Sequence[Path], folder: Path, only: str | None = None, device: str | None = None
) -> list[Study]:
    """The studies in files, each with a folder of its own in `folder`. `only`: those trainings whose name has this part, in
    which * stands for anything; `device` replaces that of the studies.

    Raises EmozooError for a study that cannot be trained, before anything is, and where no training is left.
    """
    if twice := {path.stem for path in paths if sum(path.stem == other.stem for other in paths) > 1}:
        raise EmozooError(f"two studies are called {', '.join(sorted(twice))}: their runs would share a folder")
    studies = [_read(path, folder / path.stem, device) for path in paths]
    if only is None:
        return studies
    chosen = [
        replace(study, cells=tuple(cell for cell in study.cells if fnmatchcase(study.called(cell), f"*{only}*")))
        for study in studies
    ]
    if not any(study.cells for study in chosen):
        names = ", ".join(study.called(cell) for study in studies for cell in study.cells)
        raise EmozooError(f"--only {only} leaves no training: they are {names}")
    return [study for study in chosen if study.cells]


def _read(path: Path, folder: Path, device: str | None) -> Study:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    with command.make_context("train", []) as ctx:
        cells, own = cells_of(ctx, str(path))
    study = Study(path.stem, folder, tuple(cells), device or own)
    try:
        check_study(cells, str(folder), study.device)
    except EmozooError as error:
        raise EmozooError(f"{path}: {error}") from error
    for cell in cells:
        _check_data(path, cell.options)
    return study


def _check_data(path: Path, options: RunOptions) -> None:
    place = options.data_dir
    if place is not None and not is_reference(place) and not user_path(place).exists():
        raise EmozooError(
            f"{path}: there is no {user_path(place)}: --data names the folder of the manifests, which "
            "research/open_corpora.py writes"
        )


def find_data_again(studies: Sequence[Study]) -> None:
    """Runs that were begun on another machine record where their manifest is on this one, where the recorded place is gone.
    Whether it has the same clips, a run that goes on finds out by its split."""
    for study in studies:
        for cell in study.cells:
            here = cell.options.placed().data_dir
            for record in sorted((study.folder / cell.name).rglob(RUN)):
                recorded = read_options(record.parent)
                there = Path(recorded.data_dir or "") if recorded else Path()
                if here and recorded and there.name == Path(here).name and not there.exists():
                    replace(recorded, data_dir=here).write(record.parent)
