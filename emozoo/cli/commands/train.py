"""`emozoo train`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emozoo.cli.options import DataDir, Device, Json, Merge, Protocol, Settings, merges, pairs, print_json
from emozoo.data.corpora import USUAL
from emozoo.errors import EmozooError


class Precision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Crop(StrEnum):
    face = "face"


def train(
    architecture: Annotated[
        str | None, typer.Argument(help="A name from emozoo list, such as cnn_rnn. With --from: may be left out.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="A name from emozoo list; toy needs no data.")] = USUAL,
    data_dir: DataDir = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Emotions to tell apart, as in sad,angry,neutral; all: every one. Default: the dataset's."),
    ] = None,
    merge: Merge = None,
    crop: Annotated[
        Crop | None, typer.Option(help="face: cut pictures down to the face, here and in prediction (pip extra face).")
    ] = None,
    denoise: Annotated[
        bool, typer.Option("--denoise", help="Take noise out of the sound, here and in prediction (pip extra denoise).")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="Fine-tune this model: a run's folder, hub:user/name[@revision], or one in the box."
        ),
    ] = None,
    protocol: Protocol = None,
    dev: Annotated[
        bool,
        typer.Option(
            help="Keep the dev split to choose the epoch by; without it, it is trained on and the last epoch kept."
        ),
    ] = True,
    fold: Annotated[str, typer.Option(help="Which fold is the test split, from 1; all: one after the other.")] = "1",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training clips. Default: the recipe's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the draws and the splits.")] = 0,
    output: Annotated[
        str | None,
        typer.Option(help="The run's folder. Default: runs/ARCHITECTURE-DATASET, numbered where it exists."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output, or with the last one.")
    ] = False,
    set_: Settings = None,
    device: Device = "auto",
    precision: Annotated[Precision, typer.Option(help="auto: bf16 on GPUs and CPUs that have it.")] = Precision.auto,
    as_json: Json = False,
) -> None:
    """Train an architecture; the run's folder is the checkpoint.

    Without IEMOCAP at hand: emozoo train cnn_rnn --dataset toy
    """
    from emozoo.checkpoint.run import RunOptions
    from emozoo.cli.console import is_main_process
    from emozoo.cli.training_progress import TrainingProgress, show_training

    if start is not None:
        from emozoo.checkpoint.config import read_config
        from emozoo.checkpoint.locate import resolve
        from emozoo.hub.reference import name_of

        known = read_config(resolve(start, weights=False), name_of(start)).architecture
        if architecture not in (None, known):
            raise EmozooError(f"--from {start} is a {known}, not a {architecture}: leave the architecture out")
        architecture = known
    if architecture is None:
        raise EmozooError("name an architecture, such as cnn_rnn, or with --from a model to fine-tune")
    settings = pairs(set_, "--set")
    if epochs is not None:
        settings["epochs"] = str(epochs)
    options = RunOptions(
        architecture=architecture,
        dataset=dataset,
        data_dir=data_dir,
        labels=_words(labels),
        merge=merges(merge),
        protocol=protocol,
        fold=None if fold == "all" else _number(fold),
        seed=seed,
        settings=settings,
        start=start,
        precision=precision.value,
        crop=crop and crop.value,
        denoise=denoise,
        dev=dev,
    )
    if output is None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise EmozooError("several processes train into one folder: name it with --output")
    folder = str(_default_folder(f"{architecture}-{dataset}", resume)) if output is None else output
    _check_before_torch(options)
    from emozoo.data.splits.protocols import speaker_note
    from emozoo.training.train import train as run

    progress = TrainingProgress()
    with progress:
        progress.message(f"{architecture} on {dataset}: the run's folder is {folder}")
        summary = run(options, folder, device=device, resume=resume, progress=progress)
    if is_main_process():
        if as_json:
            test = [
                {"fold": fold.number, "name": fold.name, "note": speaker_note(fold), **metrics.to_dict()}
                for fold, metrics in progress.folds
            ]
            print_json({"run": folder, **summary.to_dict(), "test": test})
        else:
            show_training(folder, summary, progress.folds)


def _words(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise EmozooError("--labels names no emotion; as in --labels sad,angry,neutral")
    return words


def _number(fold: str) -> int:
    if not fold.isdigit() or int(fold) < 1:
        raise EmozooError(f"--fold {fold}: must be a number from 1, or all")
    return int(fold)


def _default_folder(name: str, resume: bool) -> Path:
    """The first free name under runs/; to resume, the last one that is taken."""
    free, taken, number = Path("runs", name), None, 1
    while free.exists():
        taken, number = free, number + 1
        free = Path("runs", f"{name}-{number}")
    return taken if resume and taken else free


def _check_before_torch(options: Any) -> None:
    """Finds a wrong name before seconds are spent on imports."""
    from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, find

    find(ARCHITECTURES, options.architecture)
    find(DATASETS, options.dataset)
