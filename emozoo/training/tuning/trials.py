"""What a search for settings has found: trials, the best of them, and what mattered; as a page, a table and a document."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emozoo.checkpoint.run import RunOptions
from emozoo.paths import write_text
from emozoo.plots.tuning import tuning_picture
from emozoo.text import printable
from emozoo.training.command import train_command
from emozoo.training.tuning.space import Dimension, as_json

COMPLETE, PRUNED, FAILED, STOPPED, RUNNING = "complete", "pruned", "failed", "stopped", "running"
FINISHED = (COMPLETE, PRUNED, FAILED)
"""The states of trials that are not repeated."""
PAGE, TABLE, PICTURE, BEST = "tune.md", "trials.csv", "tune.png", "best"
"""What stands in a search's folder: a page, a table and a picture of the trials, the record of the best settings."""
CLEAR = 20
"""Complete trials that tell fairly well which settings matter."""
RULE = "the score on the dev split of the epoch that is kept; the test split is not used"


@dataclass(frozen=True)
class Trial:
    """One training with settings that were tried."""

    number: int
    """From 0."""
    state: str
    """`complete`; `pruned`, stopped as worse than most; `failed`, with a reason; `stopped` from outside; `running`."""
    settings: dict[str, str]
    """Those that were tried, as `--set` takes them."""
    score: float | None = None
    """`DevScores.score` of the best epoch so far."""
    epoch: int | None = None
    """The number of that epoch."""
    epochs: int = 0
    """How many were trained."""
    dev: dict[str, float] | None = None
    """All scores of that epoch, as metrics.json has them."""
    seconds: float | None = None
    reason: str = ""

    @property
    def rank(self) -> tuple[bool, float, float, int]:
        """Lower for a better trial."""
        loss = (self.dev or {}).get("dev_loss", math.inf)
        return (self.state != COMPLETE, math.inf if self.score is None else -self.score, loss, self.number)


@dataclass(frozen=True)
class Importance:
    """How much of the differences between trials a setting explains, by fANOVA; all shares are 1 together."""

    name: str
    share: float


@dataclass(frozen=True)
class Tuning:
    """A search: what was asked for, and the trials so far."""

    options: RunOptions
    """Of every trial, but for the settings that are tried."""
    space: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    asked: int
    """How many trials were asked for in all."""
    importances: tuple[Importance, ...] = ()
    """The most important first; empty where too few trials are complete to tell."""

    @property
    def finished(self) -> int:
        return sum(trial.state in FINISHED for trial in self.trials)

    @property
    def told_by(self) -> str:
        """What the importances are told by."""
        count = sum(trial.state == COMPLETE for trial in self.trials)
        return f"fANOVA over {count} complete trials" + (", so few that this is a guess" if count < CLEAR else "")

    @property
    def best(self) -> Trial | None:
        """Of the complete trials. A pruned one is never the best."""
        return next((trial for trial in self.ranked if trial.state == COMPLETE), None)

    @property
    def ranked(self) -> list[Trial]:
        """Complete trials before others, the highest score first; of equals that with the lower loss, then the earlier."""
        return sorted(self.trials, key=lambda each: each.rank)

    @property
    def best_options(self) -> RunOptions | None:
        """What trains with the best settings."""
        if self.best is None:
            return None
        return replace(self.options, settings={**self.options.settings, **self.best.settings})

    @property
    def command(self) -> str | None:
        """What trains with the best settings, and measures the test split once."""
        return train_command(self.best_options) if self.best_options else None

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo tune --json` prints it."""
        options = self.options
        return {
            "architecture": options.architecture,
            "dataset": options.dataset,
            "protocol": options.protocol,
            "fold": options.fold,
            "seed": options.seed,
            "rule": RULE,
            "space": as_json(self.space),
            "asked": self.asked,
            "finished": self.finished,
            "trials": [asdict(trial) for trial in self.trials],
            "best": asdict(self.best) if self.best else None,
            "command": self.command,
            "importances": [asdict(each) for each in self.importances],
        }

    def write(self, folder: Path) -> None:
        """Writes the page, the table and, once a trial is complete, the run.json of the best settings."""
        write_text(folder / TABLE, self._table())
        if self.best_options:
            self.best_options.write(folder / BEST)
        write_text(folder / PAGE, self._page())

    def draw(self, folder: Path) -> None:
        """Draws the scores of the trials, once one is complete."""
        scored = [(each.state == COMPLETE, (each.number, each.score)) for each in self.trials if each.score is not None]
        complete, others = ([point for done, point in scored if done is wanted] for wanted in (True, False))
        if complete:
            asked = self.options
            heading = (f"{asked.architecture} on {asked.dataset}", f"fold {asked.fold}, seed {asked.seed}")
            tuning_picture(complete, others, folder / PICTURE, heading)

    def _table(self) -> str:
        names = [each.name for each in self.space]
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["trial", "state", "score", "epoch", "epochs", "seconds", *names, "reason"])
        for trial in self.trials:
            own = [trial.number, trial.state, trial.score, trial.epoch, trial.epochs, trial.seconds]
            rows.writerow([*own, *(trial.settings.get(name) for name in names), printable(trial.reason)])
        return text.getvalue()

    def _page(self) -> str:
        options = self.options
        names = [each.name for each in self.space]
        tried = "\n".join(f"- `{each.name}`: {_cell(each.words)}" for each in self.space)
        rows = [_row(trial, names) for trial in self.ranked]
        lines = [
            f"# Settings of {options.architecture} on {options.dataset}",
            f"{self.finished} of {self.asked} trials are finished, on fold {options.fold} with random seed {options.seed}. "
            f"Each score is {RULE}.",
            f"Tried were\n\n{tried}",
            *_best_lines(self),
            _markdown(("Trial", "State", "Dev score", "Kept epoch", *names), rows),
            *_importance_lines(self),
        ]
        return "\n\n".join(lines) + "\n"


def _best_lines(found: Tuning) -> list[str]:
    if not found.best:
        return ["No trial is complete yet."]
    asked = f"The best is trial {found.best.number}, with a dev score of {found.best.score:.4f}. Its settings:"
    return [asked, f"```sh\n{printable(found.command or '')}\n```"]


def _importance_lines(found: Tuning) -> list[str]:
    if not found.importances:
        return []
    rows = [(f"`{each.name}`", f"{100 * each.share:.0f} %") for each in found.importances]
    head = f"How much of the differences between trials each setting explains ({found.told_by}):"
    return [head, _markdown(("Setting", "Share"), rows)]


def _row(trial: Trial, names: list[str]) -> tuple[str, ...]:
    score = "-" if trial.score is None else f"{trial.score:.4f}"
    state = f"{trial.state}: {trial.reason}" if trial.reason else trial.state
    own = (str(trial.number), state, score, str(trial.epoch or "-"))
    return (*own, *(trial.settings.get(name, "-") for name in names))


def _markdown(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, each))} |" for each in lines)


def _cell(text: Mapping[str, Any] | str) -> str:
    return printable(str(text)).replace("|", "\\|")
