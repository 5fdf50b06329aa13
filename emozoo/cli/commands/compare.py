"""`emozoo compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import (
    HUB,
    Columns,
    DataDir,
    Device,
    Json,
    LabelsAsIs,
    Merge,
    Protocol,
    Scale,
    merges,
    pairs,
    print_json,
    scales,
)


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="A run's folder, also one over all folds, or a predictions.csv of any tool. With --dataset, any model: a "
            f"run's folder, the name of a bundled model, or {HUB}.",
        ),
    ],
    common: Annotated[
        bool,
        typer.Option(
            "--common", help="Compare only on the clips that all were tested on, also where their folds differ."
        ),
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Measure models on this dataset. Default: read what the runs answered."),
    ] = None,
    data_dir: DataDir = None,
    columns: Columns = None,
    labels_as_is: LabelsAsIs = False,
    merge: Merge = None,
    scale: Scale = None,
    protocol: Protocol = None,
    fold: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only with --dataset: measure on the test split of this fold."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also write the comparison into a file: .md, .csv or .tex for a table, .png or .svg for a picture.",
        ),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare runs on the same test clips: UA and WA with intervals, and whether they differ.

    Every two runs are compared by a paired bootstrap over speakers, and by McNemar's test with Holm's correction. Runs
    that were tested on other clips, or in other folds, are refused.
    """
    from emozoo.cli.comparison_files import check_suffix, write_comparison
    from emozoo.cli.comparison_tables import show_comparison
    from emozoo.cli.console import say, waiting

    if output is not None:
        check_suffix(output)
    with waiting("comparing"):
        from emozoo.evaluation.compare import compare as run

        found = run(
            runs,
            common=common,
            dataset=dataset,
            data_dir=data_dir,
            columns=pairs(columns, "--columns"),
            labels_as_is=labels_as_is,
            merge=merges(merge),
            scale=scales(scale),
            protocol=protocol,
            fold=fold,
            device=device,
        )
        if output is not None:
            write_comparison(found, output)
    if as_json:
        print_json(found.to_dict())
    else:
        show_comparison(found)
    if output is not None:
        say(f"wrote {output}")
