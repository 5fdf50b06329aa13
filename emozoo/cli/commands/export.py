"""`emozoo export`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli.options import HUB, Json, print_json


class Format(StrEnum):
    onnx = "onnx"


def export(
    model: Annotated[str, typer.Argument(metavar="RUN", help=f"A run's folder, or {HUB}.")],
    format_: Annotated[
        Format,
        typer.Option("--format", help="onnx: write model.onnx, for emozoo predict --backend onnx and other programs."),
    ] = Format.onnx,
    output: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder to write into. Default: the run's folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Export a trained model to ONNX, so that it runs without torch.

    The exported model is run once, and its probabilities are compared with the network's.
    """
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_export

    with waiting("exporting"):
        from emozoo.checkpoint.export import export_onnx

        done = export_onnx(model, output)
    if as_json:
        print_json(vars(done))
    else:
        show_export(done)
