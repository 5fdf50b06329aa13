"""`emozoo calibrate`."""

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
    Scale,
    merges,
    pairs,
    print_json,
    scales,
)


def calibrate(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's folder, also one over all folds, or another checkpoint's.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="Calibrate on all clips of another dataset, on which the model was not trained. Default: the dev "
            "speakers of the run.",
        ),
    ] = None,
    data_dir: DataDir = None,
    columns: Columns = None,
    labels_as_is: LabelsAsIs = False,
    merge: Merge = None,
    scale: Scale = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make a model's probabilities tell how often it is right.

    Fits a temperature and thresholds on the run's dev speakers, and for dimensions how far from people's ratings they are,
    and writes them into its config.json. Then emozoo predict --coverage 0.9 answers with sets of emotions and intervals.
    """
    from emozoo.cli.console import waiting
    from emozoo.cli.scores import show_calibrated

    with waiting("calibrating"):
        from emozoo.evaluation.calibrate import calibrate as fit

        found = fit(
            run,
            dataset=dataset,
            data_dir=data_dir,
            merge=merges(merge),
            device=device,
            scale=scales(scale),
            columns=pairs(columns, "--columns"),
            labels_as_is=labels_as_is,
        )
    if as_json:
        print_json({"models": [each.to_dict() for each in found]})
    else:
        show_calibrated(found)
