"""`emozoo space`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import HUB, EmozooFrom, Json, Token, print_json
from emozoo.errors import EmozooError
from emozoo.text import printable


def space(
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="The Space. It is created if it does not exist.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help=f"The name of a bundled model, or {HUB}. Can be repeated, to show models side by side. "
            "Default: the bundled model.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write the files of the Space into a folder, and publish nothing."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Create the Space as private.")] = False,
    token: Token = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; show the files that would be sent.")
    ] = False,
    emozoo_from: EmozooFrom = None,
    as_json: Json = False,
) -> None:
    """Publish the demo page as a Space on the Hugging Face Hub, and print the address."""
    from emozoo.cli.console import waiting, warn
    from emozoo.cli.tables import show_push
    from emozoo.hub.reference import HUB_PREFIX
    from emozoo.publishing.space import publish_space, write_space
    from emozoo.requirement import remark

    name = repository.removeprefix(HUB_PREFIX)
    if output is not None:
        if private or dry_run or token is not None:
            raise EmozooError("--output publishes nothing: leave out --private, --dry-run and --token")
        files = write_space(output, name, model or (), emozoo_from=emozoo_from)
        if as_json:
            print_json({"folder": output, "files": [path.name for path in files]})
        else:
            typer.echo(printable(output))
    else:
        with waiting(f"publishing {name}"):
            done = publish_space(
                name, model or (), emozoo_from=emozoo_from, private=private, token=token, dry_run=dry_run
            )
        if as_json:
            print_json({"address": done.address, "commit": done.commit, "files": done.files})
        else:
            show_push(done)
    if note := remark(emozoo_from):
        warn(note)
