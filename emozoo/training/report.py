"""What a run's folder holds when the training is over: metrics, predictions, figures."""

from __future__ import annotations

import collections
import dataclasses
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import DataRecord, PartRecord, RunRecord, TrainingRecord
from emozoo.data.splits.fold import speaker_note
from emozoo.evaluation.data import Data
from emozoo.evaluation.evaluate import measure
from emozoo.evaluation.groups import told_columns
from emozoo.filenames import CONFUSION, CURVES, RESUME
from emozoo.plots.training import training_curves
from emozoo.training.loop import Trainer
from emozoo.training.processes import send
from emozoo.training.task import FoldTask


def finish(trainer: Trainer, task: FoldTask, folder: Path) -> Metrics:
    """Measures the best epoch on the test fold and writes everything that the run's folder holds."""
    accelerator = trainer.accelerator
    test = task.fold.test
    main = accelerator.is_main_process
    model = load(folder, str(accelerator.device)) if main else trainer.model.to(accelerator.device).eval()
    send(model.network.state_dict().values())  # the others may not have the folder
    if not main:
        return measure(model, task.data, test).metrics
    heading, by = task.heading(), told_columns(task.data)
    metrics, groups, _ = measure(model, task.data, test, folder, provenance=task.base, by=by, heading=heading)
    training = _training_record(trainer, model, task)
    training_curves(training.history, folder / CURVES, training.best_epoch, heading, training.recipe)
    best = trainer.best.dev
    dev = best.to_dict() if best else {}
    RunRecord(test=metrics, dev=dev, data=_data_record(task), training=training, groups=groups).write(folder)
    (folder / RESUME).unlink(missing_ok=True)
    if trainer.run_log:
        trainer.run_log.numbers(_figures(metrics), trainer.epochs_done)
        trainer.run_log.pictures([folder / CONFUSION, folder / CURVES], trainer.epochs_done)
    return metrics


def _figures(metrics: Metrics) -> dict[str, float | None]:
    """The scores of the test fold by name, as in `test_ua`."""
    return {"test_" + re.sub(r"\W+", "_", score.name).lower(): score.value for score in metrics.scores}


def _data_record(task: FoldTask) -> DataRecord:
    corpus = task.data.corpus
    fold = task.fold
    return DataRecord(
        dataset=corpus.name,
        private=corpus.private,
        licence=corpus.licence,
        language=corpus.language,
        citation=corpus.citation,
        merge=task.plan.options.merge,
        protocol=task.plan.options.split_by(corpus.protocol),
        fold=fold.number,
        fold_name=fold.name,
        folds=task.folds,
        speaker_disjoint=fold.speaker_disjoint and task.leak.disjoint,
        leak=task.leak,
        note=speaker_note(fold),
        parts={name: _part_record(task.data, getattr(fold, name)) for name in ("train", "dev", "test")},
    )


def _part_record(data: Data, rows: Sequence[int]) -> PartRecord:
    counts = collections.Counter(data.classes[row] for row in rows)
    return PartRecord(
        clips=len(rows),
        labels={name: counts[name] for name in data.names},
        speakers=len({data.columns["speaker"][row] for row in rows} - {""}),
    )


def _training_record(trainer: Trainer, model: EmotionModel, task: FoldTask) -> TrainingRecord:
    device = trainer.accelerator.device
    start = task.plan.start or task.plan.adopted
    return TrainingRecord(
        start=start.name if start else None,
        recipe=dataclasses.asdict(trainer.recipe),
        seed=task.plan.options.seed,
        best_epoch=trainer.best.epoch,
        history=tuple(record.to_dict() for record in trainer.history),
        seconds=round(sum(record.seconds for record in trainer.history), 1),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        precision=trainer.accelerator.mixed_precision,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})",
        processes=trainer.accelerator.num_processes,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("emozoo", "torch", "accelerate", "datasets")},
        },
    )
