"""Trains many runs into one folder, one after the other: what is finished is kept, and one that fails does not stop the
others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.lock import AtWork
from emozoo.checkpoint.results import Summary
from emozoo.checkpoint.run import RunOptions, read_options, read_record, read_summary
from emozoo.checkpoint.seeds import SeedsSummary
from emozoo.checkpoint.whole import find_summary
from emozoo.data.splits.protocols import parse_protocol
from emozoo.errors import EmozooError, brief, of_the_machine
from emozoo.evaluation.metrics import pool
from emozoo.filenames import RUN
from emozoo.paths import user_path
from emozoo.training.claim import differences, meaning
from emozoo.training.plan import Plan
from emozoo.training.progress import Progress
from emozoo.training.seeds import train_seeds
from emozoo.training.trackers import LogTo
from emozoo.training.train import train

FINISHED, FAILED, ELSEWHERE = "finished", "failed", "elsewhere"


@dataclass(frozen=True)
class Cell:
    """One training of a study."""

    name: str
    """That of its folder."""
    options: RunOptions


@dataclass(frozen=True)
class CellResult:
    """What became of a training."""

    cell: Cell
    run: str
    """Its folder, as the user would name it."""
    result: Summary | SeedsSummary | None
    problem: str = ""
    """Why there is no result."""
    elsewhere: bool = False
    """Whether another process is training it."""

    @property
    def status(self) -> str:
        return FINISHED if self.result else ELSEWHERE if self.elsewhere else FAILED

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {"name": self.cell.name, "run": self.run, "status": self.status}
        if self.result:
            document["result"] = self.result.to_dict()
        else:
            document["error"] = self.problem
        return {**document, "options": asdict(self.cell.options)}


def check_study(cells: Sequence[Cell], folder: str, device: str = "auto") -> None:
    """Raises EmozooError for a training that cannot be, or that is in the study twice, and for a folder that holds something
    else. The data are not looked at."""
    pick_device(device)
    place = user_path(folder)
    if (place / RUN).exists() or place.exists() and not place.is_dir():
        raise EmozooError(f"{folder} is no folder of a study: name another --output")
    known: dict[str, str] = {}
    for cell in cells:
        try:
            cell.options.check()
            if cell.options.protocol is not None:
                parse_protocol(cell.options.protocol)
            Plan.of(cell.options)
            other = known.setdefault(meaning(cell.options), cell.name)
        except EmozooError as error:
            raise EmozooError(f"{cell.name}: {error}") from error
        if other != cell.name:
            raise EmozooError(f"{other} and {cell.name} are the same training: leave one of them out")


def train_study(
    cells: Sequence[Cell],
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
    log_to: LogTo | None = None,
) -> tuple[CellResult, ...]:
    """Trains each into a folder of its own in `folder`, as `train` and `train_seeds` do, and returns what became of it, in
    the order of `cells`.

    What is finished is only read, what was interrupted goes on, and what another process is at is left to that one: of a
    training over folds or random seeds, the folds that it is at. An error of one training is its result, and the others
    go on, unless `stopped` says that it comes from the user's wish to stop. See `check_study` for what is better found
    before.
    """
    progress = progress or Progress()

    def result(cell: Cell) -> CellResult:
        run = str(Path(folder, cell.name))
        try:
            return CellResult(cell, run, _trained(cell, run, device, progress, log_to))
        except Exception as error:  # a plugin may raise anything
            if stopped():
                raise
            problem = str(error) if isinstance(error, EmozooError) else of_the_machine(error) or brief(error)
            elsewhere = isinstance(error, AtWork)
            progress.message(f"{cell.name} {'is left out' if elsewhere else 'failed'}: {problem}")
            return CellResult(cell, run, None, problem, elsewhere)

    results: dict[str, CellResult] = {}
    for number, cell in enumerate(cells, 1):
        progress.message(f"training {number} of {len(cells)}: {cell.name}")
        results[cell.name] = result(cell)
    for cell in cells:  # by now, another process may have finished what it was at, or was stopped
        if results[cell.name].elsewhere:
            progress.message(f"again: {cell.name}")
            results[cell.name] = result(cell)
    return tuple(results[cell.name] for cell in cells)


def _trained(cell: Cell, run: str, device: str, progress: Progress, log_to: LogTo | None) -> Summary | SeedsSummary:
    """What a training gives, now or before."""
    if found := finished_result(user_path(run), cell.options):
        progress.message(f"{cell.name}: finished before")
        return found
    if cell.options.seeds:
        return train_seeds(cell.options, run, device=device, resume=True, progress=progress, log_to=log_to, shared=True)
    return train(cell.options, run, device=device, resume=True, progress=progress, log_to=log_to, shared=True)


def finished_result(folder: Path, options: RunOptions) -> Summary | SeedsSummary | None:
    """What a finished training gave; None where there is none, or that of other options. The data are not opened."""
    recorded = read_options(folder)
    if recorded is None or differences(options, recorded):
        return None
    if options.seeds:
        seeds = (find_summary(folder) or (None, None))[1]
        return seeds if seeds and seeds.seeds == options.seeds else None
    if options.fold is None:
        return read_summary(folder)
    record = read_record(folder)
    return None if record is None else replace(pool([record.test], apart=False), note=record.data.note)
