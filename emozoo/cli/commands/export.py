"""`emozoo export`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli.options import Json, print_json


class Format(StrEnum):
    onnx = "onnx"


def export(
    model: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or hub:user/name[@revision].")],
    format_: Annotated[
        Format, typer.Option("--format", help="onnx: model.onnx, for emozoo predict --backend onnx and other programs.")
    ] = Format.onnx,
    output: Annotated[str | None, typer.Option(help="Folder to write into. Default: the run's.")] = None,
    as_json: Json = False,
) -> None:
    """Write a trained model so that it runs without torch; what was written is checked against the network."""
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_export

    with waiting("exporting"):
        from emozoo.checkpoint.export import export_onnx

        done = export_onnx(model, output)
    if as_json:
        print_json(vars(done))
    else:
        show_export(done)
