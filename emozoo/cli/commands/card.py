"""`emozoo card`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import own_folder
from emozoo.text import printable


def card(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, also one over all folds.")],
) -> None:
    """Write the model card of a run, and print its path.

    The card is README.md in the run's folder. Text that you wrote into it stays.
    """
    from emozoo.publishing.card import write_card

    typer.echo(printable(write_card(own_folder(run, "a card"))))
