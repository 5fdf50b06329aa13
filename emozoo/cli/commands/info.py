"""`emozoo info`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import Json, print_json


def info(
    name: Annotated[
        str,
        typer.Argument(
            help="An architecture, a dataset, a model in the box or folder of one, or hub:user/name[@revision]."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show one of them: an architecture's layers, settings, recipe, citation and results; a dataset's labels and terms."""
    from emozoo.cli.tables import show_info
    from emozoo.inspection.describe import describe

    document = describe(name)
    if as_json:
        print_json(document)
    else:
        show_info(document)
