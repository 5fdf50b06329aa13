"""`emozoo evaluate`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli.options import DataDir, Device, Json, Merge, Protocol, merges, print_json


class Modality(StrEnum):
    audio = "audio"
    video = "video"


class Adapt(StrEnum):
    speaker = "speaker"


def evaluate(
    model: Annotated[str, typer.Argument(help="A run's folder, or hub:user/name[@revision].")],
    dataset: Annotated[
        str | None, typer.Option(help="Measure on another dataset, all of it. Default: the test fold of the run.")
    ] = None,
    data_dir: DataDir = None,
    merge: Merge = None,
    protocol: Protocol = None,
    fold: Annotated[int | None, typer.Option(min=1, help="Only this fold's test split.")] = None,
    adapt: Annotated[
        Adapt | None,
        typer.Option(
            help="speaker: adapt each answer with other clips of the same speaker, whose labels are not used."
        ),
    ] = None,
    recordings: Annotated[
        int | None, typer.Option(min=1, help="With --adapt: so many other clips for each answer. Default: all.")
    ] = None,
    modality: Annotated[
        Modality | None, typer.Option(help="By this alone, for a model that can do without the other.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Folder for predictions.csv and confusion_matrix.png. Default: none are written."),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model: WA, UA, macro F1, per class, per speaker, confusion matrix, 95 % interval."""
    from emozoo.cli.console import waiting
    from emozoo.cli.scores import show_evaluation
    from emozoo.evaluation.evaluate import evaluate as run

    with waiting("evaluating"):
        result = run(
            model,
            dataset=dataset,
            data_dir=data_dir,
            merge=merges(merge),
            protocol=protocol,
            fold=fold,
            adapt=adapt and adapt.value,
            recordings=recordings,
            modality=modality and modality.value,
            output=output,
            device=device,
        )
    if as_json:
        print_json(result.to_dict())
    else:
        show_evaluation(result)
