"""`emozoo info`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import HUB, Json, print_json


def info(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help=f"An architecture, a dataset, a bundled model, a run's folder, or {HUB}."),
    ],
    as_json: Json = False,
) -> None:
    """Show details of an architecture, a dataset or a model.

    For an architecture: layers, settings, recipe, citation and results. For a dataset: labels, and how to obtain it.
    """
    from emozoo.cli.tables import show_info
    from emozoo.inspection.describe import describe

    document = describe(name)
    if as_json:
        print_json(document)
    else:
        show_info(document)
