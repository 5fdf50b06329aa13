"""`emozoo train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.cli.options import (
    Columns,
    DataDir,
    Device,
    Folds,
    Json,
    LabelsAsIs,
    Merge,
    Protocol,
    Scale,
    Settings,
    merges,
    pairs,
    print_json,
    scales,
    target_of,
)
from emozoo.cli.run_options import recorded_options, varied
from emozoo.cli.study import Asked, is_study, run_study
from emozoo.cli.training_options import (
    CropTo,
    Dataset,
    Denoise,
    Labels,
    Precision,
    PrecisionOf,
    SplitSeed,
    Start,
    Target,
    check_names,
    is_multi,
    label_words,
    start_of,
)
from emozoo.data.corpora import USUAL
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Summary
    from emozoo.checkpoint.run import RunOptions
    from emozoo.cli.training_progress import TrainingProgress
    from emozoo.training.trackers import LogTo


Architecture = Annotated[
    str | None,
    typer.Argument(
        metavar="ARCHITECTURE",
        help="An architecture, such as cnn_rnn; emozoo list shows them. Optional with --from, --config, and --resume "
        "of a run in --output.",
    ),
]
Dev = Annotated[
    bool,
    typer.Option(
        help="Use a dev split to choose the best epoch. With --no-dev, its clips are trained on, and the last epoch is "
        "kept."
    ),
]
FoldNumber = Annotated[
    str, typer.Option(metavar="N", help="The fold to use as test split, from 1; all trains on every fold in turn.")
]
TrainSpeakers = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Train on N of the fold's training speakers; dev and test stay as they are."),
]
Epochs = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Number of passes over the training clips. Default: the recipe's."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="Random seed for weights, sampling and splits. Default: 0.", show_default=False
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="N,...", help="Train each fold with each of these random seeds, as in 0,1,2, on the same splits."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of the run. Default: runs/ARCHITECTURE-DATASET, with a number added if it exists.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue the run in --output, whose options need not be given again, or else the last run of this kind.",
    ),
]
Log = Annotated[
    str | None,
    typer.Option(
        metavar="TRACKER,...",
        help="Log epochs, test figures and pictures to tensorboard, trackio, wandb or mlflow, or to none. Default: the "
        "first two where installed.",
        show_default=False,
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Take what is not given here from the run.json of another run, to repeat or vary it. Or train all runs of a "
        "study, which is a file in YAML or TOML.",
    ),
]


def train(
    ctx: typer.Context,
    architecture: Architecture = None,
    config: Config = None,
    dataset: Dataset = USUAL,
    data_dir: DataDir = None,
    columns: Columns = None,
    labels_as_is: LabelsAsIs = False,
    labels: Labels = None,
    target: Target = None,
    scale: Scale = None,
    merge: Merge = None,
    crop: CropTo = None,
    denoise: Denoise = False,
    start: Start = None,
    protocol: Protocol = None,
    dev: Dev = True,
    folds: Folds = None,
    fold: FoldNumber = "1",
    train_speakers: TrainSpeakers = None,
    epochs: Epochs = None,
    seed: Seed = None,
    seeds: Seeds = None,
    split_seed: SplitSeed = None,
    output: Output = None,
    resume: Resume = False,
    set_: Settings = None,
    device: Device = "auto",
    precision: PrecisionOf = Precision.auto,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Train a network on a dataset. The folder of the run is the trained model.

    Without a dataset at hand, try: emozoo train cnn_rnn --dataset toy
    """
    from emozoo.checkpoint.run import RunOptions

    if config is not None and is_study(config):
        run_study(ctx, config, output, device, _given(ctx), _trackers(log), as_json)
        return
    settings = pairs(set_, "--set")
    if epochs is not None:
        settings["epochs"] = str(epochs)
    several = _seeds(seeds, seed)
    recorded = recorded_options(config, output, resume)
    if recorded is not None and architecture is None and start is None:
        name, usual = recorded.architecture, recorded.target
    else:
        name, usual = start_of(architecture, start or (recorded.start if recorded else None))
    options = RunOptions(
        architecture=name,
        dataset=dataset,
        data_dir=data_dir,
        columns=pairs(columns, "--columns"),
        labels_as_is=labels_as_is,
        labels=label_words(labels),
        target=target_of(target) if target else usual,
        multi=is_multi(labels),
        scale=scales(scale),
        merge=merges(merge),
        protocol=protocol,
        fold=None if fold == "all" else _number(fold),
        seed=several[0] if several else seed or 0,
        seeds=several,
        split_seed=split_seed,
        settings=settings,
        start=start,
        precision=precision.value,
        crop=crop and crop.value,
        denoise=denoise,
        dev=dev,
        folds=folds,
        train_speakers=train_speakers,
    )
    if recorded is not None:
        options = varied(recorded, options, _given(ctx))
    folder = _folder(options, resume) if output is None else output
    check_names(options.architecture, options.dataset)
    if isinstance(ctx.obj, Asked):  # a study asks what its words mean, before anything is trained
        ctx.obj.take(options, device)
        return
    _run(options, folder, device, resume, as_json, _trackers(log))


def _given(ctx: typer.Context) -> list[str]:
    """The parameters that stand on the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def _run(options: RunOptions, folder: str, device: str, resume: bool, as_json: bool, log_to: LogTo) -> None:
    from emozoo.cli.console import is_main_process
    from emozoo.cli.training_progress import TrainingProgress, show_training
    from emozoo.training.train import train as run

    if options.seeds:
        _run_seeds(options, folder, device, resume, as_json, log_to)
        return
    with TrainingProgress() as progress:
        progress.message(f"{options.architecture} on {options.dataset}: the run's folder is {folder}")
        summary = run(options, folder, device=device, resume=resume, progress=progress, log_to=log_to)
    if not is_main_process():
        return
    if as_json:
        _print_json(folder, summary, progress)
    else:
        show_training(folder, summary, progress.folds)


def _run_seeds(options: RunOptions, folder: str, device: str, resume: bool, as_json: bool, log_to: LogTo) -> None:
    from emozoo.cli.console import is_main_process
    from emozoo.cli.seeds_table import show_seeds
    from emozoo.cli.training_progress import TrainingProgress
    from emozoo.training.seeds import train_seeds

    with TrainingProgress() as progress:
        progress.message(f"{options.architecture} on {options.dataset}: the folder of all seeds is {folder}")
        summary = train_seeds(options, folder, device=device, resume=resume, progress=progress, log_to=log_to)
    if not is_main_process():
        return
    if as_json:
        print_json({"run": folder, **summary.to_dict()})
    else:
        show_seeds(folder, summary)


def _print_json(folder: str, summary: Summary, progress: TrainingProgress) -> None:
    from emozoo.data.splits.fold import speaker_note

    test = [
        {"fold": fold.number, "name": fold.name, "note": speaker_note(fold), **metrics.to_dict()}
        for fold, metrics in progress.folds
    ]
    print_json({"run": folder, **summary.to_dict(), "test": test})


def _number(fold: str) -> int:
    if not fold.isdecimal() or int(fold) < 1:
        raise EmozooError(f"--fold {fold}: must be a number from 1, or all")
    return int(fold)


def _seeds(text: str | None, seed: int | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if seed is not None:
        raise EmozooError(f"--seed {seed} and --seeds {text}: give one of them")
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise EmozooError(f"--seeds {text}: must be whole numbers, as in --seeds 0,1,2")
    return tuple(map(int, words))


def _trackers(text: str | None) -> LogTo:
    """Finds a tracker that is missing before anything is trained."""
    from emozoo.training.trackers import LogTo, chosen_trackers

    names = None if text is None else [word.strip() for word in text.split(",") if word.strip()]
    if names == []:
        raise EmozooError("--log names no tracker; as in --log tensorboard")
    return LogTo(chosen_trackers(names))


def _folder(options: RunOptions, resume: bool) -> str:
    """The first free folder under runs/, or the last one that is taken, to resume it."""
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise EmozooError("several processes train into one folder: name it with --output")
    name = f"{options.architecture}-{options.dataset}"
    free = Path("runs", name)
    taken = None
    number = 1
    while free.exists():
        taken = free
        number += 1
        free = Path("runs", f"{name}-{number}")
    return str(taken if resume and taken else free)
