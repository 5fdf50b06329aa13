"""Searches for settings: trains with many on one fold, and keeps those that are best on its dev split, by Optuna.

The test clips of the fold are empty for every trial, so none is trained or chosen by them. A search is a SQLite file in its
folder: the same call goes on with it, and several processes may work on it.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.lock import locked
from emozoo.checkpoint.provenance import compare
from emozoo.checkpoint.run import RunOptions
from emozoo.checkpoint.window import window_of
from emozoo.data.splits.fold import Fold, pick_fold
from emozoo.data.splits.kept import Split, read_split
from emozoo.errors import EmozooError, lacks_memory
from emozoo.evaluation.data import Data
from emozoo.paths import user_path
from emozoo.registry.loading import get_architecture
from emozoo.training.frozen import FeatureFile
from emozoo.training.history import EpochRecord
from emozoo.training.plan import Plan
from emozoo.training.progress import Progress
from emozoo.training.task import FoldTask
from emozoo.training.tuning.search import PATIENCE, TOLD, ask, check_folder, importances, open_study, trials_of
from emozoo.training.tuning.space import Dimension, read_space, usual_space
from emozoo.training.tuning.trials import COMPLETE, FAILED, PRUNED, RUNNING, STOPPED, Trial, Tuning

if TYPE_CHECKING:
    import optuna

PLACE = ".trial-"
"""The beginning of the name of a trial's folder, which is gone after it."""
HOPELESS = 3
"""Trials that fail before one was complete: then the search ends."""


def tune(
    options: RunOptions,
    folder: str | os.PathLike[str],
    *,
    trials: int,
    space: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Tuning:
    """Tries settings on `options.fold` until `trials` are finished in all, and writes what is known into `folder` after
    each. `space` is a file, as `read_space` takes it; None: `usual_space`.

    Raises EmozooError before any work for options that do not fit, for a folder that holds something else, or a search of
    other options, and where optuna is missing; and after it where the first trials all failed."""
    if not find_spec("optuna"):
        raise EmozooError("searching for settings needs Optuna: pip install 'emozoo[tune]'")
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise EmozooError("a search trains in one process each: start emozoo tune itself several times on one --output")
    options.check()
    if options.fold is None or not options.dev or options.seeds:
        raise EmozooError("settings are chosen on the dev split of one fold, with one random seed")
    architecture = get_architecture(options.architecture)
    fixed = options.settings
    tried = read_space(space, architecture, fixed) if space is not None else usual_space(architecture, fixed)
    plan = Plan.of(options)
    place, shown = user_path(folder), str(folder)
    check_folder(place, shown)
    with locked(place, shown, waits=PATIENCE):
        study = open_study(place, shown, options, tried)
    with closing(FeatureFile(place)) as features:
        return _Search(study, options, tried, trials, place, shown, device, progress or Progress(), features).run(plan)


class _Pruned(Exception):
    """A trial is worse than most at the same epoch."""


@dataclass
class _TrialProgress(Progress):
    """Tells Optuna of each epoch, and stops a trial that is worse than most."""

    outer: Progress
    asked: optuna.Trial
    heard: set[str]
    """What was said in this search: each message is shown once."""
    epochs: int = 0
    best: EpochRecord | None = None

    def message(self, text: str) -> None:
        if text not in self.heard:
            self.heard.add(text)
            self.outer.message(text)

    def step(self, epoch: int, done: int, total: int) -> None:
        self.outer.step(epoch, done, total)

    def epoch(self, record: EpochRecord, total: int, is_best: bool) -> None:
        self.epochs = record.epoch
        if record.dev is None:
            return
        self.best = record if is_best else self.best
        self.asked.report(record.dev.score, record.epoch)
        if self.asked.should_prune():
            raise _Pruned


@dataclass
class _Search:
    """A search at work in this process."""

    study: optuna.Study
    options: RunOptions
    space: Sequence[Dimension]
    trials: int
    folder: Path
    shown: str
    device: str
    progress: Progress
    features: FeatureFile
    heard: set[str] = field(default_factory=set)
    opened: dict[Any, tuple[Data, Fold, int]] = field(default_factory=dict)
    """The clips without those of the test split, and the fold, by the frames that a network takes."""

    def run(self, plan: Plan) -> Tuning:
        data, fold, _ = self.data(plan)  # finds what is wrong with the data before the first trial
        if plan.start or plan.adopted:
            known = compare(plan.base(plan.asked), data.clips, fold.dev)
            if known.trained_clips or known.trained_speakers:
                self.progress.message(
                    f"{self.options.start} was trained on clips or speakers of the dev split: its scores here are too high"
                )
        while self._try_next():
            self._check_hope()
        with locked(self.folder, self.shown, waits=PATIENCE):
            found = replace(self.known(), importances=importances(self.study, self.options.seed))
            found.write(self.folder)
            found.draw(self.folder)
        return found

    def data(self, plan: Plan) -> tuple[Data, Fold, int]:
        """The decoded clips, of which those of the test split are empty, the fold, and how many folds there are."""
        grid = window_of(plan.architecture, plan.asked).grid if plan.architecture.video else None
        if grid not in self.opened:
            data = plan.open_data()
            folds, kept = self._folds(data)
            fold = pick_fold(folds, self.options.fold or 1, data.corpus.name).usable()
            used = {*fold.train, *fold.dev}
            store = data.store.without(row for row in range(len(data.store)) if row not in used)
            self.opened[grid] = replace(data, store=store), fold, len(folds)
            if kept:
                kept.write(self.folder)
        return self.opened[grid]

    def _folds(self, data: Data) -> tuple[list[Fold], Split | None]:
        """The folds as the search keeps them, or new ones and the split to keep. What has become of test clips is no matter.

        Raises EmozooError where other clips are no longer those that the search was begun with."""
        kept = read_split(self.folder)
        if kept is None:
            folds = data.folds_of(self.options)
            return folds, Split.of(data.columns, data.classes, folds)
        own = pick_fold(kept.folds, self.options.fold or 1, data.corpus.name)
        found = kept.find(data.columns, data.classes)
        if changed := kept.differences(found, (*own.train, *own.dev)):
            raise EmozooError(
                f"{self.shown} cannot go on, for its data are no longer those that it was begun with: {changed}; bring "
                "them back, or name another --output"
            )
        return kept.placed(found), None

    def _end_dead(self) -> None:
        """Ends trials of processes that are no more, and removes what they left."""
        from optuna.trial import TrialState

        running = {each.number for each in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))}
        left = {int(path.name.removeprefix(PLACE)) for path in self.folder.glob(f"{PLACE}[0-9]*")}
        for number in running | left:
            with suppress(EmozooError), self._place(number):  # a living one holds its folder
                if number in running:
                    self.study.tell(number, state=TrialState.FAIL)

    @contextmanager
    def _place(self, number: int) -> Iterator[Path]:
        """A trial's own folder, which is locked, and gone afterwards."""
        place = self.folder / f"{PLACE}{number}"
        with locked(place, f"{self.shown}/{place.name}"):
            try:
                yield place
            finally:
                for path in place.iterdir():
                    if path.name != ".lock":
                        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        with suppress(OSError):
            place.rmdir()

    def _try_next(self) -> bool:
        """One trial more; false where enough are finished, or will be by other processes."""
        with ExitStack() as held:
            with locked(self.folder, self.shown, waits=PATIENCE):
                self._end_dead()
                known = self.known()
                if known.finished + sum(trial.state == RUNNING for trial in known.trials) >= self.trials:
                    return False
                trial = ask(self.study, len(known.trials), self.options.seed)
                place = held.enter_context(self._place(trial.number))
            self._try(trial, place)
        return True

    def _try(self, trial: optuna.Trial, place: Path) -> None:
        """Trains with the settings of a trial, and keeps what it gave."""
        from optuna.trial import TrialState

        settings = {each.name: each.suggest(trial) for each in self.space}
        told = _TrialProgress(self.progress, trial, self.heard)
        started = time.perf_counter()
        state, reason = STOPPED, ""
        try:
            self._train(place, settings, told)
            state = COMPLETE
        except _Pruned:
            state = PRUNED
        except EmozooError as error:
            state, reason = FAILED, str(error)
        except Exception as error:
            if not any(map(lacks_memory, (error, error.__cause__, error.__context__))):
                raise
            state, reason = FAILED, "the memory is not enough"
        finally:
            best = told.best
            found = Trial(
                trial.number,
                state,
                settings,
                best.dev.score if best and best.dev else None,
                best.epoch if best else None,
                told.epochs,
                best.dev.to_dict() if best and best.dev else None,
                round(time.perf_counter() - started, 1),
                reason,
            )
            trial.set_user_attr(TOLD, dataclasses.asdict(found))
            if state == COMPLETE:
                self.study.tell(trial, found.score)
            else:
                self.study.tell(trial, state=TrialState.PRUNED if state == PRUNED else TrialState.FAIL)
            with locked(self.folder, self.shown, waits=PATIENCE):
                known = self.known()
                known.write(self.folder)
            self.progress.trial(found, known)

    def _train(self, place: Path, settings: dict[str, str], told: Progress) -> None:
        plan = Plan.of(replace(self.options, settings={**self.options.settings, **settings}))
        data, fold, folds = self.data(plan)
        config = plan.prepared(place)
        base = plan.base(config)
        leak = compare(base, data.clips, fold.test)
        FoldTask(plan, config, data, base, fold, leak, folds, self.features).trainer(place, self.device, told).run()

    def _check_hope(self) -> None:
        """Raises EmozooError where the first trials all failed."""
        known = self.known()
        failed = [trial for trial in known.trials if trial.state == FAILED]
        if not known.best and len(failed) >= HOPELESS and len(failed) == known.finished:
            raise EmozooError(f"the first {len(failed)} trials all failed; the last, because {failed[-1].reason}")

    def known(self) -> Tuning:
        """What the search has found so far, here and in other processes."""
        return Tuning(self.options, tuple(self.space), trials_of(self.study), self.trials)
