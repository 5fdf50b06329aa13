"""What a run's folder holds when the training is over: metrics, predictions, figures."""

from __future__ import annotations

import collections
import dataclasses
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import Leak, Provenance
from emozoo.checkpoint.run import DataRecord, PartRecord, RunOptions, RunRecord, TrainingRecord
from emozoo.data.splits.protocols import Fold, speaker_note
from emozoo.evaluation.data import Data
from emozoo.evaluation.evaluate import measure
from emozoo.evaluation.metrics import Metrics
from emozoo.filenames import CURVES, RESUME
from emozoo.plots.results import training_curves
from emozoo.training.loop import Trainer
from emozoo.training.start import Start


def finish(
    trainer: Trainer,
    data: Data,
    fold: Fold,
    leak: Leak,
    base: Provenance,
    options: RunOptions,
    folder: Path,
    folds: int,
    start: Start | None,
) -> Metrics:
    """Measures the best epoch on the test fold and writes everything that the run's folder holds."""
    accelerator = trainer.accelerator
    model = load(folder, str(accelerator.device))
    if not accelerator.is_main_process:
        return measure(model, data, fold.test)
    metrics = measure(model, data, fold.test, folder, provenance=base)
    training_curves(trainer.history, folder / CURVES, trainer.best["epoch"])
    record = RunRecord(
        test=metrics,
        dev={name: value for name, value in trainer.best.items() if name.startswith("dev_")},
        data=_describe_data(data, fold, leak, options, folds),
        training=_describe_training(trainer, model, options, start),
    )
    record.write(folder)
    (folder / RESUME).unlink(missing_ok=True)
    return metrics


def _describe_data(data: Data, fold: Fold, leak: Leak, options: RunOptions, folds: int) -> DataRecord:
    corpus = data.corpus
    return DataRecord(
        dataset=corpus.name,
        licence=corpus.licence,
        language=corpus.language,
        citation=corpus.citation,
        merge=options.merge,
        protocol=options.protocol or corpus.protocol,
        fold=fold.number,
        fold_name=fold.name,
        folds=folds,
        speaker_disjoint=fold.speaker_disjoint and leak.disjoint,
        leak=leak,
        note=speaker_note(fold),
        parts={name: _describe_part(data, getattr(fold, name)) for name in ("train", "dev", "test")},
    )


def _describe_part(data: Data, rows: Sequence[int]) -> PartRecord:
    counts = collections.Counter(data.labels[data.store.labels[row]] for row in rows)
    return PartRecord(
        clips=len(rows),
        labels={label: counts[label] for label in data.labels},
        speakers=len({data.columns["speaker"][row] for row in rows} - {""}),
    )


def _describe_training(
    trainer: Trainer, model: EmotionModel, options: RunOptions, start: Start | None
) -> TrainingRecord:
    device = trainer.accelerator.device
    return TrainingRecord(
        start=start.name if start else None,
        recipe=dataclasses.asdict(trainer.recipe),
        seed=options.seed,
        best_epoch=trainer.best["epoch"],
        history=tuple(trainer.history),
        seconds=round(sum(record["seconds"] for record in trainer.history), 1),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        precision=trainer.accelerator.mixed_precision,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})",
        processes=trainer.accelerator.num_processes,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("emozoo", "torch", "accelerate", "datasets")},
        },
    )
