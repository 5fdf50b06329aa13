"""The commands that make something of a trained model for others: `export`, `card` and `push`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli_options import Json, print_json
from emozoo.errors import EmozooError
from emozoo.text import printable


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
    from emozoo import render

    with render.waiting("exporting"):
        from emozoo.export import export_onnx

        done = export_onnx(model, output)
    if as_json:
        print_json(vars(done))
    else:
        render.show_export(done)


def card(
    run: Annotated[str, typer.Argument(help="A run's folder.")],
) -> None:
    """Write the model card of a run, README.md in its folder, and print its path. What you wrote into it stays."""
    from emozoo.card import write_card

    typer.echo(printable(write_card(_own_folder(run, "a card"))))


def push(
    run: Annotated[str, typer.Argument(help="A run's folder.")],
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="Where to; made where it does not exist.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[
        str | None, typer.Option(help="The branch; made where it does not exist. Default: main.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
    token: Annotated[
        str | None, typer.Option(help="Default: HF_TOKEN, else what hf auth login has stored.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: show what would go, and the card.")] = False,
    as_json: Json = False,
) -> None:
    """Publish a run and its card on the Hugging Face Hub, in one commit, and print the address."""
    from emozoo import hub, render

    folder = _own_folder(run, "a push")
    with render.waiting(f"publishing {repository}"):
        done = hub.push(
            folder,
            repository.removeprefix(hub.HUB_PREFIX),
            private=private,
            revision=revision,
            message=message,
            token=token,
            dry_run=dry_run,
        )
    if as_json:
        print_json({"address": done.address, "commit": done.commit, "files": done.files, "removed": done.removed})
    else:
        render.show_push(done)


def _own_folder(folder: str, what: str) -> str:
    from emozoo import hub

    if hub.is_reference(folder):
        raise EmozooError(f"{what} starts from a run's folder, not from {folder}")
    return folder
