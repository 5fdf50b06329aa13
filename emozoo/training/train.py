"""Trains an architecture on one fold of a dataset, or on all of them: checks, folders, results.

The loop is in `emozoo.training.loop`. The test fold is used once, after the last epoch, with the weights of the epoch that
was best on the dev split; without a dev split, of the last.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.checkpoint.groups import Grouping
from emozoo.checkpoint.lock import AtWork, locked
from emozoo.checkpoint.provenance import compare
from emozoo.checkpoint.results import Metrics, Summary
from emozoo.checkpoint.run import RunOptions, read_record
from emozoo.data.splits.fold import Fold, pick_fold, speaker_note
from emozoo.data.splits.kept import Split
from emozoo.errors import FULL, EmozooError, lacks_memory, lacks_room
from emozoo.evaluation.groups import pool_groups
from emozoo.evaluation.metrics import pool
from emozoo.filenames import CONFUSION, SUMMARY
from emozoo.paths import user_path, write_text
from emozoo.plots.results import confusion_matrix
from emozoo.training.claim import PATIENCE, claimed, join, meaning
from emozoo.training.folds import folds_of_run, with_digest
from emozoo.training.frozen import FeatureFile
from emozoo.training.plan import Plan
from emozoo.training.processes import check_same, from_main, joined, meeting
from emozoo.training.progress import Progress
from emozoo.training.report import finish
from emozoo.training.sharing import check_free, shared_out
from emozoo.training.task import FoldTask
from emozoo.training.trackers import LogTo, RunLog

if TYPE_CHECKING:
    from accelerate import PartialState

log = logging.getLogger("emozoo")


def train(
    options: RunOptions,
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
    log_to: LogTo | None = None,
    shared: bool = False,
) -> Summary:
    """Trains into `folder`, or for all folds into `folder/fold1`, ...; returns the test metrics of what was trained.

    With `resume`, finished folds are kept and an interrupted one goes on after its last whole epoch. Raises EmozooError
    before any work for options that do not fit, a folder that holds something else, in which another training is at work,
    or that cannot be written; and before the first epoch for what could not be saved and loaded again. Where nothing was
    trained, the folder is then as it was.

    `shared`: other processes may train other folds of the same run, with the same options and `resume`; each takes what no
    other is at. Raises AtWork where others are at the last of them. Without it, the run is this process' alone.
    """
    options.check()
    options = with_digest(options, resume)
    plan = Plan.of(options)
    processes = joined(device)
    run = _Run(plan, user_path(folder), str(folder), device, progress or Progress(), processes, log_to or LogTo())
    if shared and options.fold is None:
        join(run.folder, run.shown, options)
        check_free(run.folder, run.shown)
        return run.train(shared=True)
    with ExitStack() as held:  # of several processes, only the main one writes, so only that one holds the folder
        from_main(lambda: held.enter_context(claimed(run.folder, run.shown, options, resume)))
        return run.train()


@dataclass(frozen=True)
class _Run:
    """A plan, the folder that it is trained into, and by which processes."""

    plan: Plan
    folder: Path
    shown: str
    """The folder as the user named it."""
    device: str
    progress: Progress
    processes: PartialState
    log_to: LogTo
    """What is told of each fold, and where."""

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self.processes.is_main_process

    def train(self, shared: bool = False) -> Summary:
        """All folds that were asked for, and what they gave."""
        tasks, split = self.tasks()
        _warn(tasks)
        with closing(FeatureFile(self.folder)) as features:
            own = [replace(task, features=features) for task in tasks]
            if shared:
                results = shared_out(own, lambda task: self._train_free_fold(task, split))
            else:
                results = [self.train_fold(task, split) for task in own]
        summary = _summary(tasks, results)
        if self.plan.options.fold is None and self.writes:
            summary = replace(summary, groups=self.groups(tasks))
            with locked(self.folder, self.shown, waits=PATIENCE) if shared else nullcontext():
                self.write_summary(summary, tasks)
        return summary

    def tasks(self) -> tuple[list[FoldTask], Split]:
        """The folds that were asked for, and the split of the whole run, which is now in its folder."""
        options = self.plan.options
        own = replace(options, data_dir=None, start=None, folds=None)  # machines have folders of their own
        check_same(meaning(own), "the processes of this training were given different options: give all the same")
        meet = meeting()
        config = from_main(lambda: self.plan.prepared(self.folder))
        data = self.plan.open_data()  # the cache lets one process of each disk decode, and the others wait
        meet()
        check_same(
            hashlib.sha256(repr(Split.of(data.columns, data.classes, ())).encode()).digest(),
            f"the processes of this training do not have the same clips of {options.dataset}, in the same order: copy its "
            "data to every machine as they are",
        )
        folds, split = from_main(lambda: folds_of_run(self.folder, self.plan, data, self.progress))
        chosen = folds if options.fold is None else [pick_fold(folds, options.fold, data.corpus.name)]
        if not options.dev:
            chosen = [fold.without_dev() for fold in chosen]
        chosen = [fold.usable() for fold in chosen]
        from_main(lambda: split.write(self.folder))
        base = self.plan.base(config)
        tasks = []
        for fold in chosen:
            leak = compare(base, data.clips, fold.test)
            marked = replace(fold, caveat=leak.sentence)
            tasks.append(FoldTask(self.plan, config, data, base, marked, leak, len(folds)))
        return tasks, split

    def train_fold(self, task: FoldTask, split: Split) -> Metrics:
        """The test metrics of a fold, which is trained unless it was before."""
        self.progress.fold(task.fold, task.folds)
        with self._held(task.fold, split) as target:
            if record := from_main(lambda: read_record(target)):
                metrics = record.test
            else:
                with closing(self._run_log(task, target)) as run_log:
                    with self._explained():
                        trainer = task.trainer(target, self.device, self.progress, run_log)
                        trainer.run()
                    metrics = finish(trainer, task, target)
                self.processes.wait_for_everyone()
        self.progress.result(task.fold, metrics)
        return metrics

    def _train_free_fold(self, task: FoldTask, split: Split) -> Metrics:
        """As `train_fold`. Raises AtWork for a fold that another process trains."""
        try:
            return self.train_fold(task, split)
        except AtWork:
            self.progress.message(f"fold {task.fold.number} is trained by another process")
            raise

    def _run_log(self, task: FoldTask, target: Path) -> RunLog:
        """Of several processes, only the main one tells its trackers."""
        to = replace(self.log_to, root=self.log_to.root or self.folder) if self.writes else LogTo()
        return RunLog(to, target, task.facts(), self.progress)

    @contextmanager
    def _held(self, fold: Fold, split: Split) -> Iterator[Path]:
        """The folder of a fold. In a run over all folds each has its own, which is locked and gets its own record."""
        if self.plan.options.fold is not None:
            yield self.folder
            return
        name = f"fold{fold.number}"
        target = self.folder / name
        with ExitStack() as held:

            def hold() -> None:
                held.enter_context(locked(target, f"{self.shown}/{name}"))
                replace(self.plan.options, fold=fold.number).write(target)
                split.write(target)

            from_main(hold)
            yield target

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Says what the machine lacked, and the way out."""
        try:
            yield
        except Exception as error:
            found = [error, error.__cause__, error.__context__]
            if any(map(lacks_memory, found)):
                raise EmozooError(f"the memory is not enough to train this network here: {self._smaller()}") from error
            if any(map(lacks_room, found)):
                what = error if isinstance(error, EmozooError) else FULL
                raise EmozooError(
                    f"{what}; what was trained before is kept in {self.shown}, and --resume goes on with it"
                ) from error
            raise

    def _smaller(self) -> str:
        size, parts = self.plan.recipe.batch_size, self.plan.recipe.accumulation
        if parts * 2 <= size:
            return f"--set accumulation={parts * 2} takes less memory for the same batches"
        return f"--set batch_size={size // 2} takes less than {size}" if size > 1 else "it needs a smaller one"

    def groups(self, tasks: Sequence[FoldTask]) -> tuple[Grouping, ...]:
        """The groups of the test clips of all folds, as their records have them."""
        records = [read_record(self.folder / f"fold{task.fold.number}") for task in tasks]
        pooled = pool_groups([record.groups if record else () for record in records])
        return tuple(each.without_sums() for each in pooled)

    def write_summary(self, summary: Summary, tasks: Sequence[FoldTask]) -> None:
        """What stands in the folder of a run over all folds, beside the folds' own."""
        write_text(self.folder / SUMMARY, json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
        if summary.pooled.labels:
            heading = next((task for task in tasks if not task.leak.disjoint), tasks[0]).heading(every=True)
            confusion_matrix(summary.pooled, self.folder / CONFUSION, summary.folds, heading)


def _summary(tasks: Sequence[FoldTask], results: Sequence[Metrics]) -> Summary:
    """The folds together, with one note for all of them."""
    leaks = [task.leak for task in tasks]
    sentence = sum(leaks[1:], leaks[0]).sentence
    together = [replace(task.fold, caveat=sentence) for task in tasks]
    disjoint = all(fold.speaker_disjoint for fold in together)
    return replace(pool(results, apart=disjoint), note=speaker_note(*together))


def _warn(tasks: Sequence[FoldTask]) -> None:
    """Says, before any work, for which folds the test speakers may have been trained on."""
    for sentence in dict.fromkeys(task.leak.sentence for task in tasks if not task.leak.disjoint):
        numbers = [str(task.fold.number) for task in tasks if task.leak.sentence == sentence]
        log.warning("fold %s: %s", ", ".join(numbers), sentence)
