"""Trains an architecture on one fold of a dataset, or on all of them: checks, folders, results.

The loop itself is in `emozoo.training.loop`. The test fold is touched once, when the last epoch is over, with the
weights of the
epoch that was best on the dev split, or of the last where that split was trained on.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.lock import locked
from emozoo.checkpoint.predictions import read_tested
from emozoo.checkpoint.provenance import Leak, Provenance, compare
from emozoo.checkpoint.run import METRICS, RunOptions, read_options, read_record
from emozoo.data.splits.kept import Split, read_split
from emozoo.data.splits.protocols import Fold, pick_fold, speaker_note
from emozoo.errors import FULL, EmozooError, blamed, lacks_memory, lacks_room
from emozoo.evaluation.data import Data
from emozoo.evaluation.metrics import Metrics, Summary, pool
from emozoo.filenames import CONFUSION, RESUME, RUN, SUMMARY
from emozoo.paths import user_path, write_text
from emozoo.plots.results import confusion_matrix
from emozoo.training.claim import claimed
from emozoo.training.loop import Trainer
from emozoo.training.plan import Plan
from emozoo.training.progress import Progress
from emozoo.training.rehearsal import rehearse
from emozoo.training.report import finish

log = logging.getLogger("emozoo")


def train(
    options: RunOptions,
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Trains into `folder`, or for all folds into `folder/fold1`, ...; returns the test metrics of what was trained.

    With `resume`, finished folds are kept and an interrupted one goes on after its last whole epoch. Raises EmozooError
    before any work for options that do not fit, a folder that holds something else, in which another training is at work,
    or that cannot be written; and before the first epoch for what could not be saved and loaded again. Where nothing was
    trained, the folder is then as it was.
    """
    from accelerate import PartialState

    options.check()
    progress, place = progress or Progress(), user_path(folder)
    plan = Plan.of(options)
    processes = PartialState(cpu=pick_device(device).type == "cpu")
    main = processes.is_main_process
    # Of several processes, the main one alone writes: so it alone holds the folder.
    with claimed(place, str(folder), options, resume) if main else nullcontext():
        with processes.main_process_first():  # it decodes, the others find the cache
            config = plan.prepared(place)
            data = plan.open_data()
            folds, split = _kept_folds(place, data, options, progress)
            chosen = folds if options.fold is None else [pick_fold(folds, options.fold, data.corpus.name)]
            if not options.dev:
                chosen = [fold.without_dev() for fold in chosen]
            chosen = [fold.usable() for fold in chosen]
            if main:
                split.write(place)
        base = plan.base(config)
        leaks = [compare(base, data.clips, fold.test) for fold in chosen]
        _warn(chosen, leaks)
        results = []
        for fold, leak in zip(chosen, leaks, strict=True):
            fold = dataclasses.replace(fold, caveat=leak.sentence)
            progress.fold(fold, len(folds))
            with _held(place, str(folder), fold, options, split if main else None) as target:
                if (metrics := _finished(target)) is None:
                    with _explained(plan, str(folder)):
                        trainer = _trainer(plan, config, base, data, fold, target, device, progress)
                        trainer.run()
                    metrics = finish(trainer, data, fold, leak, base, options, target, len(folds), plan.start)
                    processes.wait_for_everyone()
            progress.result(fold, metrics)
            results.append(metrics)
        together = dataclasses.replace(chosen[0], caveat=sum(leaks[1:], leaks[0]).sentence)
        apart = all(fold.speaker_disjoint for fold in chosen)
        summary = dataclasses.replace(pool(results, apart=apart), note=speaker_note(together))
        if options.fold is None and main:
            write_text(place / SUMMARY, json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
            confusion_matrix(summary.pooled, place / CONFUSION, len(results))
    return summary


@contextmanager
def _held(place: Path, shown: str, fold: Fold, options: RunOptions, split: Split | None) -> Iterator[Path]:
    """The folder of a fold, held and labelled by the process that is given the `split`: of all folds each has its own."""
    if options.fold is not None:
        yield place
        return
    name = f"fold{fold.number}"
    with locked(place / name, f"{shown}/{name}") if split else nullcontext():
        if split:
            dataclasses.replace(options, fold=fold.number).write(place / name)
            split.write(place / name)
        yield place / name


@contextmanager
def _explained(plan: Plan, folder: str) -> Iterator[None]:
    """What the machine lacked, and the way out."""
    try:
        yield
    except Exception as error:
        found = [error, error.__cause__, error.__context__]
        if any(map(lacks_memory, found)):
            size = plan.recipe.batch_size
            smaller = (
                f"--set batch_size={max(1, size // 2)} takes less than {size}" if size > 1 else "it needs a smaller one"
            )
            raise EmozooError(f"the memory is not enough to train this network here: {smaller}") from error
        if any(map(lacks_room, found)):
            raise EmozooError(
                f"{error if isinstance(error, EmozooError) else FULL}; what was trained before is kept in {folder}, and "
                "--resume goes on with it"
            ) from error
        raise


def _finished(folder: Path) -> Metrics | None:
    """What a fold that was trained before has given."""
    record = read_record(folder)
    return record.test if record else None


def _trainer(
    plan: Plan,
    config: Any,
    base: Provenance,
    data: Data,
    fold: Fold,
    folder: Path,
    device: str,
    progress: Progress,
) -> Trainer:
    """A fold's training with its first weights. Raises EmozooError for a network that cannot be built, or not be saved and
    loaded again."""
    start, options = plan.start, plan.options
    trainer = Trainer(
        plan.architecture,
        config,
        plan.recipe,
        data.store,
        data.labels,
        fold.train,
        fold.dev,
        folder,
        seed=f"{options.seed} fold {fold.number}",
        device=device,
        precision=options.precision,
        preparation=plan.preparation,
        provenance=base | data.clips.provenance(fold.train, fold.dev),
        progress=progress,
    )
    if start and (fresh := start.lend(trainer.model)):
        progress.message(f"of other labels than those of {start.name}, so this starts afresh: {', '.join(fresh)}")
    network: Any = trainer.model.network
    if not (folder / RESUME).exists():
        if not start and hasattr(network, "load_pretrained"):
            with blamed(trainer.plugin, "cannot load what it is pretrained with"):
                network.load_pretrained(plan.asked)
        if trainer.accelerator.is_main_process:
            rehearse(trainer.model, folder)
    return trainer


def _kept_folds(folder: Path, data: Data, options: RunOptions, progress: Progress) -> tuple[list[Fold], Split]:
    """The folds of a run: as they were dealt when it was begun, where it was, else new ones.

    Raises EmozooError, naming what has changed, where the data are no longer those that the run was begun with.
    """
    split = read_split(folder)
    if split is None:
        folds = data.folds(options.protocol, options.seed)
        _compare_finished(folder, data, folds, progress)
        return folds, Split.of(data.columns, data.labels, folds)
    found = split.find(data.columns, data.labels)
    if changed := split.differences(found):
        raise EmozooError(
            f"{folder} cannot be resumed, for its data are no longer those that it was begun with: {changed}; bring "
            "them back, or start a new run in another --output"
        )
    if found.new:
        progress.message(
            f"clips that were not there when this run was begun are left out of it: {len(found.new)}; a new run in "
            "another --output has them"
        )
    return split.placed(found), split


def _compare_finished(folder: Path, data: Data, folds: list[Fold], progress: Progress) -> None:
    """Of a run that was begun before runs kept their split: whether its finished folds are still dealt as they were, as
    far as the ids of their test clips tell. Raises EmozooError where they are not."""
    places = {fold.number: folder / f"fold{fold.number}" for fold in folds}
    own = read_options(folder)
    if own and own.fold is not None:
        places = {own.fold: folder}
    for number, place in places.items():
        tested = read_tested(place)
        if tested is None or number > len(folds):
            continue
        if tested != {data.columns["utterance_id"][row] for row in folds[number - 1].test}:
            raise EmozooError(
                f"{folder} cannot be resumed: it was begun before runs kept their split, and fold {number} would now "
                "have other test clips than it had, so its data are others; start a new run in another --output"
            )
    if any(
        (place / RUN).is_file() and ((place / METRICS).is_file() or (place / RESUME).is_file())
        for place in places.values()
    ):
        progress.message(
            "this run was begun before runs kept their split: whether its data are still the same is told only by the ids "
            "of the test clips of its finished folds"
        )


def _warn(folds: list[Fold], leaks: list[Leak]) -> None:
    """Says, before any work, of which folds the figures will not be of speakers that were never heard."""
    for sentence in dict.fromkeys(leak.sentence for leak in leaks if not leak.disjoint):
        numbers = [str(fold.number) for fold, leak in zip(folds, leaks, strict=True) if leak.sentence == sentence]
        log.warning("fold %s: %s", ", ".join(numbers), sentence)
