"""`emozoo tune`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import (
    Columns,
    DataDir,
    Device,
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


def tune(
    architecture: Annotated[
        str | None,
        typer.Argument(
            metavar="ARCHITECTURE",
            help="An architecture, such as cnn_rnn; emozoo list shows them. Optional with --from.",
        ),
    ] = None,
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
    fold: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="The fold, from 1: its train split is trained on, its dev split is measured."
        ),
    ] = 1,
    trials: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many settings to try in all, those of earlier calls included.")
    ] = 30,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="YAML or TOML: what to try, as in learning_rate: {low: 1e-5, high: 1e-2, log: true} and dropout: "
            "(0.1, 0.3), in square brackets. Default: learning rate, weight decay, batch size and dropout.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Random seed for weights, sampling, splits and what is tried."),
    ] = 0,
    split_seed: SplitSeed = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the search, which goes on if it is there. Default: runs/tune-ARCHITECTURE-DATASET.",
            show_default=False,
        ),
    ] = None,
    set_: Settings = None,
    device: Device = "auto",
    precision: PrecisionOf = Precision.auto,
    as_json: Json = False,
) -> None:
    """Search for settings on the dev split of a fold. The test split is not used.

    Trials that are worse than most are stopped early. The same command goes on with a search that was interrupted, or with
    more --trials. Needs the pip extra tune.
    """
    from emozoo.checkpoint.run import RunOptions
    from emozoo.cli.tuning_tables import TuningProgress, show_tuning

    name, usual = start_of(architecture, start)
    check_names(name, dataset)
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
        fold=fold,
        seed=seed,
        split_seed=split_seed,
        settings=pairs(set_, "--set"),
        start=start,
        precision=precision.value,
        crop=crop and crop.value,
        denoise=denoise,
    )
    folder = f"runs/tune-{name}-{dataset}" if output is None else output
    from emozoo.training.tuning.tune import tune as run

    with TuningProgress() as progress:
        progress.message(f"{name} on {dataset}: the search's folder is {folder}")
        try:
            found = run(options, folder, trials=trials, space=space, device=device, progress=progress)
        except KeyboardInterrupt:
            if progress.study and not as_json:
                show_tuning(folder, progress.study)
            raise
    if as_json:
        print_json({"search": folder, **found.to_dict()})
    else:
        show_tuning(folder, found)
