"""`emozoo space`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import EmozooFrom, Json, print_json
from emozoo.errors import EmozooError
from emozoo.text import printable


def space(
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="The Space; made where it does not exist.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="hub:user/name[@revision], or a model in the box; given again, side by side. "
            "Default: the model in the box.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[str | None, typer.Option(help="Write its files into this folder, and publish nothing.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new Space private.")] = False,
    token: Annotated[
        str | None, typer.Option(help="Default: HF_TOKEN, else what hf auth login has stored.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: show what would go.")] = False,
    emozoo_from: EmozooFrom = None,
    as_json: Json = False,
) -> None:
    """Publish the demo page as a Space on the Hugging Face Hub, in one commit, and print the address."""
    from emozoo.cli.console import waiting, warn
    from emozoo.cli.tables import show_push
    from emozoo.hub.reference import HUB_PREFIX
    from emozoo.publishing.space import publish_space, write_space
    from emozoo.requirement import remark

    name = repository.removeprefix(HUB_PREFIX)
    if output is not None:
        if private or dry_run or token is not None:
            raise EmozooError("--output publishes nothing: leave --private, --dry-run and --token out")
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
