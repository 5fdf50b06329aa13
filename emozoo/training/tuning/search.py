"""The search of `emozoo tune` as Optuna keeps it: a SQLite file in the search's folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.run import RunOptions
from emozoo.errors import EmozooError
from emozoo.hints import from_json
from emozoo.training.claim import differences
from emozoo.training.tuning.space import Dimension, as_json
from emozoo.training.tuning.trials import COMPLETE, RUNNING, STOPPED, Importance, Trial

if TYPE_CHECKING:
    import optuna

DATABASE = "search.db"
NAME = "emozoo"
ASKED = "asked"
"""Of a search: what was asked for."""
TOLD = "told"
"""Of a trial: what it gave, as `Trial` holds it."""
BEFORE_PRUNING = 5
"""Trials that are complete before any is pruned."""
EPOCHS_BEFORE_PRUNING = 3
FEWEST = 4
"""Complete trials from which importances are told."""
PATIENCE = 60.0
"""Seconds to wait while another process writes into the search."""


def check_folder(place: Path, shown: str) -> None:
    """Raises EmozooError for a folder that holds something else than a search."""
    if place.exists() and not (place / DATABASE).is_file() and not (place.is_dir() and not _visible(place)):
        raise EmozooError(f"{shown} exists and is not a search of emozoo tune; name another --output")


def _visible(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if not path.name.startswith(".")]


def open_study(place: Path, shown: str, options: RunOptions, space: Sequence[Dimension]) -> optuna.Study:
    """The search of the folder, or a new one. Raises EmozooError where it is one of other options."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = place / DATABASE
    connecting = {"creator": lambda: sqlite3.connect(path, timeout=PATIENCE), "poolclass": NullPool}
    asked = {"options": dataclasses.asdict(options.placed()), "space": as_json(tuple(space))}
    asked = json.loads(json.dumps(asked))
    try:
        storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=connecting)
        pruner = optuna.pruners.MedianPruner(BEFORE_PRUNING, EPOCHS_BEFORE_PRUNING + 1)
        study = optuna.create_study(
            storage=storage, study_name=NAME, direction="maximize", pruner=pruner, load_if_exists=True
        )
        known = study.user_attrs.get(ASKED)
        if known is None:
            study.set_user_attr(ASKED, asked)
    except (SQLAlchemyError, sqlite3.Error, RuntimeError) as error:
        raise EmozooError(f"{shown}/{DATABASE} cannot be read or written: name another --output") from error
    if known is not None and (changed := _changes(options, asked, known)):
        raise EmozooError(
            f"{shown} holds a search that was begun with other options ({changed}): give those, or name another --output"
        )
    return study


def _changes(options: RunOptions, asked: dict[str, Any], known: dict[str, Any]) -> str:
    recorded = from_json(RunOptions, known["options"])
    changed = differences(options, recorded)
    names = {**known["space"], **asked["space"]}
    other = [name for name in names if known["space"].get(name) != asked["space"].get(name)]
    return "; ".join([*changed, *(f"another range of {name}" for name in other)])


def ask(study: optuna.Study, number: int, random_seed: int) -> optuna.Trial:
    """A new trial. Each has its own random numbers, so an interrupted search does not draw the same ones again."""
    from optuna.samplers import TPESampler

    seed = hashlib.sha256(f"{random_seed} trial {number}".encode()).digest()
    study.sampler = TPESampler(seed=int.from_bytes(seed[:4], "little"))
    return study.ask()


def trials_of(study: optuna.Study) -> tuple[Trial, ...]:
    """All of them, in order."""
    return tuple(map(_trial, study.get_trials(deepcopy=False)))


def importances(study: optuna.Study, random_seed: int) -> tuple[Importance, ...]:
    """Empty where the trials do not tell."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    scores = [trial.score for trial in trials_of(study) if trial.state == COMPLETE]
    if len(scores) < FEWEST or len(set(scores)) < 2 or not find_spec("sklearn"):
        return ()
    with warnings.catch_warnings(), suppress(ValueError, RuntimeError):
        warnings.simplefilter("ignore")
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=random_seed))
        return tuple(Importance(name, float(share)) for name, share in shares.items())
    return ()


def _trial(found: optuna.trial.FrozenTrial) -> Trial:
    """A trial as it told of itself; one that could not is running, or was stopped."""
    from optuna.trial import TrialState

    if found.state.is_finished() and TOLD in found.user_attrs:
        return from_json(Trial, found.user_attrs[TOLD])
    settings = {name: str(value) for name, value in found.params.items()}
    return Trial(found.number, STOPPED if found.state == TrialState.FAIL else RUNNING, settings)
