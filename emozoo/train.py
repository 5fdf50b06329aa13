"""Trains an architecture on one fold of a dataset, or on all of them: checks, folders, results.

The loop itself is in `emozoo.trainer`. The test fold is touched once, when the last epoch is over, with the weights of the
epoch that was best on the dev split, or of the last where that split was trained on.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from emozoo import hub, plots, registry
from emozoo.architecture import Architecture
from emozoo.data.protocols import Fold, speaker_note
from emozoo.data.split import SPLIT, Split, read_split
from emozoo.errors import EmozooError
from emozoo.evaluate import Data, measure, open_data, pick_fold
from emozoo.metrics import Metrics, Summary, pool
from emozoo.model import EmotionModel, config_of, load, pick_device
from emozoo.paths import write_text
from emozoo.preparation import Preparation
from emozoo.progress import Progress
from emozoo.provenance import PROVENANCE, Leak, Provenance, compare, unrecorded
from emozoo.run import METRICS, PREPARED, RUN, SUMMARY, RunOptions, read_metrics, read_options, read_tested
from emozoo.settings import apply_settings
from emozoo.trainer import RESUME, Trainer

log = logging.getLogger("emozoo")
CURVES = "training_curves.png"


def train(
    options: RunOptions, folder: Path, *, device: str = "auto", resume: bool = False, progress: Progress | None = None
) -> Summary:
    """Trains into `folder`, or for all folds into `folder/fold1`, ...; returns the test metrics of what was trained.

    With `resume`, finished folds are kept and an interrupted one goes on after its last whole epoch. Raises EmozooError
    before any work for options that do not fit, a folder that holds something else, or one that cannot be written.
    """
    from accelerate import PartialState

    progress = progress or Progress()
    architecture = registry.get_architecture(options.architecture)
    asked, recipe = apply_settings(architecture, options.settings)
    start = Start.of(options) if options.start else None
    config, labels = asked, options.labels
    preparation = Preparation(options.crop, options.denoise)
    if start:
        config, labels = start.config(options), labels or start.model.labels
        own = start.model.preparation
        preparation = Preparation(options.crop or own.crop, options.denoise or own.denoise)
    if preparation.crop and not architecture.video:
        raise EmozooError(f"{architecture.name} sees no pictures: leave --crop out")
    preparation.require("this training")
    if recipe.patience and not options.dev:
        raise EmozooError("patience watches the dev split: leave it at 0, or --no-dev out")
    if recipe.start_share and not start:
        raise EmozooError("start_share is of a fine-tuning: add --from MODEL, or leave it at 0")
    registry.get_corpus(options.dataset)
    processes = PartialState(cpu=pick_device(device).type == "cpu")
    with processes.main_process_first():  # it decodes, the others find the cache
        begun = _claim(folder, options, resume or not processes.is_main_process)
        try:
            if not start:
                config = _prepared(architecture, asked, folder)
            data = open_data(
                options.dataset,
                options.data_dir,
                labels,
                options.merge,
                video=architecture.video,
                optional=architecture.optional_modalities,
                preparation=preparation,
            )
            if start and recipe.start_share and data.labels != start.model.labels:
                raise EmozooError(
                    f"start_share is of weights for the same labels, {start.name} has others: leave it at 0"
                )
            folds, split = _kept_folds(folder, data, options, progress)
            chosen = folds if options.fold is None else [pick_fold(folds, options.fold, data.corpus.name)]
            if not options.dev:
                chosen = [fold.without_dev() for fold in chosen]
            chosen = [fold.usable() for fold in chosen]
            if processes.is_main_process:
                split.write(folder)
        except BaseException:
            if not begun:  # nothing was trained: leave no folder in the way of the next try
                for file in (RUN, PREPARED, SPLIT):
                    (folder / file).unlink(missing_ok=True)
                folder.rmdir()
            raise
    base = start.provenance if start else Provenance(pretrained=_builds_on_others(architecture, config))
    leaks = [compare(base, data.clips, fold.test) for fold in chosen]
    _warn(chosen, leaks)
    results = []
    for fold, leak in zip(chosen, leaks, strict=True):
        fold = dataclasses.replace(fold, caveat=leak.sentence)
        target = folder / f"fold{fold.number}" if options.fold is None else folder
        if target != folder:
            dataclasses.replace(options, fold=fold.number).write(target)
            split.write(target)
        progress.fold(fold, len(folds))
        if done := read_metrics(target):
            metrics = Metrics.from_dict(done["test"])
        else:
            trainer = Trainer(
                architecture,
                config,
                recipe,
                data.store,
                data.labels,
                fold.train,
                fold.dev,
                target,
                seed=f"{options.seed} fold {fold.number}",
                device=device,
                precision=options.precision,
                preparation=preparation,
                provenance=base | data.clips.provenance(fold.train, fold.dev),
                progress=progress,
            )
            if start and (fresh := start.lend(trainer.model)):
                progress.message(
                    f"of other labels than those of {start.name}, so this starts afresh: {', '.join(fresh)}"
                )
            network: Any = trainer.model.network
            if not start and hasattr(network, "load_pretrained") and not (target / RESUME).exists():
                network.load_pretrained(asked)
            trainer.run()
            metrics = _finish(trainer, data, fold, leak, base, options, target, len(folds), start)
            processes.wait_for_everyone()
        progress.result(fold, metrics)
        results.append(metrics)
    together = dataclasses.replace(chosen[0], caveat=sum(leaks[1:], leaks[0]).sentence)
    apart = all(fold.speaker_disjoint for fold in chosen)
    summary = dataclasses.replace(pool(results, apart=apart), note=speaker_note(together))
    if options.fold is None and processes.is_main_process:
        write_text(folder / SUMMARY, json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
        plots.confusion_matrix(summary.pooled, folder / "confusion_matrix.png")
    return summary


@dataclasses.dataclass(frozen=True)
class Start:
    """The model that a fine-tuning starts from."""

    name: str
    """With the commit, for a model of the Hub; for a folder, its own name and not its place on this machine."""
    model: EmotionModel

    @classmethod
    def of(cls, options: RunOptions) -> Start:
        """Raises EmozooError for a model that cannot be loaded, or is of another architecture."""
        assert options.start is not None
        folder = hub.resolve(options.start, extra=(PROVENANCE,))
        name = hub.commit_of(options.start, folder)
        model = load(name if hub.is_reference(options.start) else folder, "cpu")
        if model.architecture.name != options.architecture:
            raise EmozooError(f"{options.start} is a {model.architecture.name}, not a {options.architecture}")
        return cls(name, model)

    @property
    def provenance(self) -> Provenance:
        """What its weights were trained on, as far as that is recorded."""
        return self.model.provenance or unrecorded(self.name)

    def config(self, options: RunOptions) -> Any:
        """The model's config, with the settings that leave its weights as they are. Raises EmozooError for others."""
        architecture, own = self.model.architecture, self.model.config
        asked, _ = apply_settings(architecture, options.settings)
        names = {field.name for field in dataclasses.fields(own)} & options.settings.keys()
        try:
            config = dataclasses.replace(own, **{name: getattr(asked, name) for name in names})
        except (TypeError, ValueError) as error:
            raise EmozooError(f"--set {', '.join(sorted(names))} does not fit {options.start}: {error}") from error
        if names and _shapes(architecture, config, 2) != _shapes(architecture, own, 2):
            raise EmozooError(
                f"--set {', '.join(sorted(names))} makes another network than that of {options.start}, whose weights do "
                "not fit it: leave it out"
            )
        return config

    def lend(self, model: EmotionModel) -> list[str]:
        """Copies the weights into `model`; returns the names of those that depend on the labels, where these differ."""
        weights = self.model.network.state_dict()
        fresh: list[str] = []
        if model.labels != self.model.labels:
            count = len(model.labels)
            one, other = (_shapes(model.architecture, model.config, count + more) for more in (0, 1))
            fresh = [name for name in weights if one[name] != other[name]]
        model.network.load_state_dict({**weights, **{name: model.network.state_dict()[name] for name in fresh}})
        return fresh


def _shapes(architecture: Architecture, config: Any, labels: int) -> dict[str, torch.Size]:
    """Of a network's weights, without making them where that is possible."""
    return {name: value.shape for name, value in _built(architecture, config, labels).state_dict().items()}


def _built(architecture: Architecture, config: Any, labels: int) -> torch.nn.Module:
    """A network without weights, where that is possible."""
    try:
        with torch.device("meta"):
            return architecture.build(config, labels)
    except (NotImplementedError, RuntimeError):
        return architecture.build(config, labels)


def _builds_on_others(architecture: Architecture, config: Any) -> bool:
    """Whether the network takes weights that others have pretrained."""
    return hasattr(_built(architecture, config, 2), "load_pretrained")


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


def _prepared(architecture: Architecture, asked: Any, folder: Path) -> Any:
    """The config to train with: what the architecture's `prepare` makes of the one asked for, kept for the rest of the run,
    so that later folds, and a run that is resumed, build the very same network."""
    if architecture.prepare is None:
        return asked
    path = folder / PREPARED
    if not path.is_file():
        try:
            config = architecture.prepare(asked)
        except (TypeError, ValueError) as error:
            raise EmozooError(f"{architecture.name} cannot use these settings: {error}") from error
        write_text(path, json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False) + "\n")
        return config
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmozooError(f"{path} is damaged: delete {folder} to start anew") from error
    return config_of(architecture, values, str(path))


def _claim(folder: Path, options: RunOptions, resume: bool) -> bool:
    """Makes `folder` this run's; returns whether the run had begun before."""
    recorded = read_options(folder)
    if recorded and not resume:
        raise EmozooError(f"{folder} holds a run already: --resume continues it, another --output starts a new one")
    if recorded and (changed := options.differences(recorded)):
        raise EmozooError(
            f"{folder} was begun with another {', '.join(changed)} and cannot be resumed with this one; "
            "another --output starts a new run"
        )
    if not recorded and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EmozooError(f"{folder} exists and is not a run of emozoo; name another --output")
    options.write(folder)  # shows, before the data are decoded, that the folder can be written
    return recorded is not None


def _finish(
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
    plots.training_curves(trainer.history, folder / CURVES, trainer.best["epoch"])
    document = {
        "test": metrics.to_dict(),
        "dev": {name: value for name, value in trainer.best.items() if name.startswith("dev_")},
        "data": _describe_data(data, fold, leak, options, folds),
        "training": {"start": start.name if start else None, **_describe_training(trainer, model, options)},
    }
    write_text(folder / METRICS, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    (folder / RESUME).unlink(missing_ok=True)
    return metrics


def _describe_data(data: Data, fold: Fold, leak: Leak, options: RunOptions, folds: int) -> dict[str, Any]:
    corpus = data.corpus
    parts = {}
    for name in ("train", "dev", "test"):
        rows = getattr(fold, name)
        counts = collections.Counter(data.labels[data.store.labels[row]] for row in rows)
        speakers = {data.columns["speaker"][row] for row in rows} - {""}
        parts[name] = {
            "clips": len(rows),
            "labels": {label: counts[label] for label in data.labels},
            "speakers": len(speakers),
        }
    return {
        "dataset": corpus.name,
        "licence": corpus.licence,
        "language": corpus.language,
        "citation": corpus.citation,
        "merge": options.merge,
        "protocol": options.protocol or corpus.protocol,
        "fold": fold.number,
        "fold_name": fold.name,
        "folds": folds,
        "speaker_disjoint": fold.speaker_disjoint and leak.disjoint,
        "leak": leak.to_dict(),
        "note": speaker_note(fold),
        "parts": parts,
    }


def _describe_training(trainer: Trainer, model: EmotionModel, options: RunOptions) -> dict[str, Any]:
    device = trainer.accelerator.device
    return {
        "recipe": dataclasses.asdict(trainer.recipe),
        "seed": options.seed,
        "best_epoch": trainer.best["epoch"],
        "history": trainer.history,
        "seconds": round(sum(record["seconds"] for record in trainer.history), 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "precision": trainer.accelerator.mixed_precision,
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device.type} ({platform.machine()})",
        "processes": trainer.accelerator.num_processes,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emozoo", "torch", "accelerate", "datasets")},
        },
    }
