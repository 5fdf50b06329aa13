"""How a search for settings looks on the terminal, during and after it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.training_progress import TrainingProgress

if TYPE_CHECKING:
    from emozoo.training.tuning.trials import Trial, Tuning

MOST_ROWS = 15
"""Trials that are shown; trials.csv has all."""


class TuningProgress(TrainingProgress):
    """A bar for the steps of an epoch, and a line for each trial."""

    def __init__(self) -> None:
        super().__init__()
        self.study: Tuning | None = None

    def trial(self, trial: Trial, study: Tuning) -> None:
        self.study = study
        self.bars.update(self.task, visible=False)
        score = "" if trial.score is None else f"  dev score {trial.score:.4f} in epoch {trial.epoch} of {trial.epochs}"
        settings = "".join(f"  {name}={value}" for name, value in trial.settings.items())
        best = "  best so far" if study.best and study.best.number == trial.number else ""
        why = f": {trial.reason}" if trial.reason else ""
        done = f"{study.finished}/{study.asked}"
        self.message(f"trial {trial.number} {trial.state}{why}  {done}{score}{settings}  {trial.seconds:.1f} s{best}")


def show_tuning(folder: str, study: Tuning) -> None:
    """The best trials, what mattered, and the command that trains with the best settings."""
    names = [each.name for each in study.space]
    ordered = study.ranked
    table = Table(title=f"{study.finished} of {study.asked} trials: dev split of fold {study.options.fold}")
    for name in ("trial", "state", "dev score", "epoch", *names):
        table.add_column(name, justify="left" if name == "state" else "right", overflow="fold")
    for trial in ordered[:MOST_ROWS]:
        score = "-" if trial.score is None else f"{trial.score:.4f}"
        settings = [trial.settings.get(name, "-") for name in names]
        table.add_row(str(trial.number), trial.state, score, str(trial.epoch or "-"), *settings)
    console.out.print(table)
    if len(ordered) > MOST_ROWS:
        console.out.print(f"{len(ordered) - MOST_ROWS} more trials are in {folder}/trials.csv", soft_wrap=True)
    if study.importances:
        shares = ", ".join(f"{each.name} {100 * each.share:.0f} %" for each in study.importances)
        console.out.print(f"what mattered ({study.told_by}): {shares}", soft_wrap=True)
    if study.command is None:
        console.out.print("no trial is complete yet", soft_wrap=True)
        return
    console.out.print(f"the best settings, as a training that is tested once: {study.command}", soft_wrap=True)
    record = shlex.quote(f"{folder}/best/run.json")
    console.out.print(f"or: emozoo train --config {record}", soft_wrap=True)
