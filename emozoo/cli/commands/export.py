"""`emozoo export`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli.options import HUB, Json, print_json
from emozoo.errors import EmozooError


class Format(StrEnum):
    onnx = "onnx"


Quantize = Annotated[
    bool,
    typer.Option(
        "--quantize", help="Put the convolutions in 8 bits: a smaller file, which answers a little less exactly."
    ),
]
Calibration = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="For --quantize: recordings like those to be asked about, as a file, a folder or a quoted pattern. Can be "
        "repeated. Default: the run's dev clips.",
        show_default=False,
    ),
]
Merge = Annotated[
    bool,
    typer.Option(
        "--merge",
        help="Write a checkpoint instead: of a model with an adapter, merged into the pretrained weights; of a run over all "
        "folds, an ensemble of its models. Needs --output.",
    ),
]


def export(
    model: Annotated[str, typer.Argument(metavar="RUN", help=f"A run's folder, or {HUB}.")],
    format_: Annotated[
        Format,
        typer.Option("--format", help="onnx: write model.onnx, for emozoo predict --backend onnx and other programs."),
    ] = Format.onnx,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder to write into. Default: the run's folder.")
    ] = None,
    quantize: Quantize = False,
    calibration: Calibration = None,
    merge: Merge = False,
    as_json: Json = False,
) -> None:
    """Export a trained model to ONNX, so that it runs without torch; or merge its adapter, or the folds of a run.

    The exported model is run, and its probabilities are compared with the network's.
    """
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_export, show_merged

    if merge:
        from emozoo.checkpoint.merge import merge as merge_adapter
        from emozoo.checkpoint.merge_folds import merge_folds
        from emozoo.checkpoint.whole import is_several
        from emozoo.paths import user_path

        if output is None or quantize:
            raise EmozooError("--merge needs --output FOLDER, and goes with no --quantize")
        with waiting("merging"):
            whole = (merge_folds if is_several(user_path(model)) else merge_adapter)(model, output)
        if as_json:
            print_json({**vars(whole), "opset": None})
        else:
            show_merged(whole)
        return

    if calibration and not quantize:
        raise EmozooError("--calibration goes with --quantize")
    with waiting("exporting"):
        if quantize:
            from emozoo.evaluation.quantization import export_int8

            done = export_int8(model, output, calibration)
        else:
            from emozoo.checkpoint.export import export_onnx

            done = export_onnx(model, output)
    if as_json:
        print_json(vars(done))
    else:
        show_export(done)
