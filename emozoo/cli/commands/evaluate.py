"""`emozoo evaluate`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from emozoo.cli.options import (
    HUB,
    Adapt,
    Columns,
    DataDir,
    Device,
    Folds,
    Json,
    LabelsAsIs,
    Merge,
    Precision,
    PrecisionOf,
    Protocol,
    Scale,
    merges,
    pairs,
    print_json,
    scales,
)


class Modality(StrEnum):
    audio = "audio"
    video = "video"


Dataset = Annotated[
    str | None,
    typer.Option(metavar="DATASET", help="Measure on all of another dataset. Default: the test split of the run."),
]
Fold = Annotated[int | None, typer.Option(metavar="N", min=1, help="Measure on the test split of this fold only.")]
AdaptTo = Annotated[
    Adapt | None,
    typer.Option(
        help="speaker: adapt each answer to its speaker, with other clips of the same person. recordings: adapt all to one "
        "another, those of each corpus apart. No labels are used."
    ),
]
Recordings = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Only with --adapt speaker: number of other clips for each answer. Default: all."
    ),
]
By = Annotated[
    Modality | None, typer.Option(help="Use only the audio or only the video, if the model can do without the other.")
]
Output = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Write predictions.csv, confusion_matrix.png and risk_coverage.png into a folder. Default: write none.",
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN,...",
        help="Also measure groups of clips: gender, age, language, corpus, session, speaker or sentence, as the data say.",
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Of a calibrated model, measure the sets of emotions for this coverage. Default: 0.9.",
        show_default=False,
    ),
]


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"A run's folder, also one over all folds, or {HUB}.")],
    dataset: Dataset = None,
    data_dir: DataDir = None,
    columns: Columns = None,
    labels_as_is: LabelsAsIs = False,
    merge: Merge = None,
    scale: Scale = None,
    protocol: Protocol = None,
    folds: Folds = None,
    fold: Fold = None,
    adapt: AdaptTo = None,
    recordings: Recordings = None,
    modality: By = None,
    coverage: Coverage = None,
    by: Groups = None,
    output: Output = None,
    precision: PrecisionOf = Precision.fp32,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model on labelled clips: WA, UA and macro F1 of words, CCC of dimensions.

    Shows the scores of each class and speaker, the confusion matrix, and 95 % intervals; how far its probabilities can be
    trusted; and, if it is calibrated, how often its sets of emotions hold the true one.
    """
    from emozoo.cli.console import waiting
    from emozoo.cli.groups import show_groups
    from emozoo.cli.scores import show_evaluation
    from emozoo.cli.whole_scores import show_whole
    from emozoo.evaluation.evaluate import evaluate as run
    from emozoo.evaluation.whole import WholeEvaluation, evaluate_whole, is_whole

    options: dict[str, Any] = {
        "data_dir": data_dir,
        "columns": pairs(columns, "--columns"),
        "labels_as_is": labels_as_is,
        "merge": merges(merge),
        "scale": scales(scale),
        "protocol": protocol,
        "folds": folds,
        "fold": fold,
        "adapt": adapt and adapt.value,
        "recordings": recordings,
        "modality": modality and modality.value,
        "coverage": coverage,
        "by": _columns(by),
        "output": output,
        "device": device,
        "precision": precision.value,
    }
    with waiting("evaluating"):
        whole = dataset is None and is_whole(model)
        result = evaluate_whole(model, **options) if whole else run(model, dataset=dataset, **options)
    if as_json:
        print_json(result.to_dict())
    elif isinstance(result, WholeEvaluation):
        show_whole(result)
    else:
        show_evaluation(result)
    if not as_json:
        show_groups(result.groups)


def _columns(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))
