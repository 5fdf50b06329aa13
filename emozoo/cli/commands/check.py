"""`emozoo check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.options import (
    ANY_MODEL,
    Columns,
    DataDir,
    Device,
    Json,
    LabelsAsIs,
    Merge,
    Scale,
    Settings,
    emotions,
    merges,
    pairs,
    print_json,
    scales,
    target_of,
)
from emozoo.errors import EmozooError

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="An architecture, a dataset or a reader; emozoo list shows them.")
]
Dataset = Annotated[
    str | None, typer.Option(metavar="DATASET", help="Look over the clips of a dataset instead of checking a plugin.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="EMOTION,...",
        help="Only with --dataset: emotions to look at; all takes every one. Default: the dataset's choice.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="Only with --dataset: emotion, votes or dimensions, for clips that have such. Default: emotion.",
        show_default=False,
    ),
]
Asked = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help=f"Only with --dataset: the model that finds exchanged labels. {ANY_MODEL}. Default: {DEFAULT}.",
        show_default=False,
    ),
]
NoModel = Annotated[
    bool, typer.Option("--no-model", help="Only with --dataset: do not look for exchanged labels, which is faster.")
]


def check(
    name: Name = None,
    dataset: Dataset = None,
    set_: Settings = None,
    data_dir: DataDir = None,
    columns: Columns = None,
    labels_as_is: LabelsAsIs = False,
    labels: Labels = None,
    merge: Merge = None,
    target: Target = None,
    scale: Scale = None,
    model: Asked = None,
    no_model: NoModel = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Check that a plugin keeps its contract, or with --dataset that a corpus is fit to train on.

    Of a plugin, point by point: a network is trained for a short time on the toy dataset; a dataset, or a checkpoint that
    a reader opens, is read from --data-dir. Of a corpus, its clips are looked over, and a model finds labels that look
    exchanged. The exit status is 1 if a required point does not hold, or a corpus has problems.
    """
    of_corpus = {
        "--columns": columns,
        "--labels-as-is": labels_as_is,
        "--labels": labels,
        "--merge": merge,
        "--target": target,
        "--scale": scale,
        "--model": model,
        "--no-model": no_model,
    }
    if dataset is None:
        _refuse(of_corpus, "is for --dataset, which looks over a corpus")
        if name is None:
            raise EmozooError("name a plugin to check, or a corpus with --dataset; emozoo list shows them")
        _check_plugin(name, set_, data_dir, device, as_json)
        return
    if name is not None:
        raise EmozooError(f"a plugin ({name}) or a corpus (--dataset {dataset}) is checked at a time: leave one out")
    _refuse({"--set": set_}, "is for a plugin: leave it out with --dataset")
    if model is not None and no_model:
        raise EmozooError("--model and --no-model: leave one out")
    _look_over(
        dataset,
        data_dir=data_dir,
        labels=emotions(labels),
        merge=merges(merge),
        columns=pairs(columns, "--columns"),
        labels_as_is=labels_as_is,
        target="emotion" if target is None else target_of(target),
        scale=scales(scale),
        model=None if no_model else model or DEFAULT,
        device=device,
        as_json=as_json,
    )


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raises EmozooError for an option that was given."""
    for option, value in options.items():
        if value:
            raise EmozooError(f"{option} {why}")


def _check_plugin(name: str, set_: list[str] | None, data_dir: str | None, device: str, as_json: bool) -> None:
    from emozoo.cli.check_table import say_finding, show_check
    from emozoo.cli.console import waiting
    from emozoo.conformance.check import check as run

    settings = pairs(set_, "--set")
    with waiting(f"checking {name}"):
        report = run(name, settings=settings, data_dir=data_dir, device=device, on_finding=say_finding)
    if as_json:
        print_json(report.to_dict())
    else:
        show_check(report)
    if not report.holds:
        raise typer.Exit(1)


def _look_over(dataset: str, *, as_json: bool, **options: Any) -> None:
    from emozoo.cli.console import track
    from emozoo.cli.corpus_table import show_look
    from emozoo.inspection.corpus import look

    found = look(dataset, track=track, **options)
    if as_json:
        print_json(found.to_dict())
    else:
        show_look(found)
    if not found.fine:
        raise typer.Exit(1)
