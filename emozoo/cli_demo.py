"""The commands that show models to others: `demo`, a page in the browser, and `space`, the same page on the Hub."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli_options import Device, EmozooFrom, Json, print_json
from emozoo.errors import EmozooError
from emozoo.text import printable


def demo(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A run's folder, hub:user/name[@revision], or a model in the box; given again, side by side. "
            "Default: the model in the box.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in, without asking who they are.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="0: any that is free. Default: the first free one from 7860.", show_default=False
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PORT]",
            help="A name under which the page may be asked for, besides its address: that of a proxy or a tunnel in front "
            "of it, or of this machine; may be given again.",
            show_default=False,
        ),
    ] = None,
    max_size: Annotated[float, typer.Option(min=0.001, help="Of a file, in MB.")] = 100,
    max_length: Annotated[float, typer.Option(min=1, help="Of a clip, in seconds.")] = 600,
    device: Device = "auto",
) -> None:
    """Open a page for the browser: give it a sound or a film, by file, microphone or webcam, and see the answer.

    Ctrl-C ends it, and deletes all that was given to it.
    """
    from emozoo import render
    from emozoo.demo import serve
    from emozoo.demo_answer import Limits
    from emozoo.demo_hosts import LOOPBACK

    def started(address: str) -> None:
        typer.echo(address)
        if host not in LOOPBACK:
            render.warn(f"listening on {host}: whoever reaches this machine can use the page and its models")
        render.say("Ctrl-C ends the page, and deletes all that was given to it")

    serve(
        model or (),
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        limits=Limits(max_size, max_length),
        device=device,
        started=started,
    )


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
    from emozoo import hub, render, requirement
    from emozoo.space import publish_space, write_space

    name = repository.removeprefix(hub.HUB_PREFIX)
    if output is not None:
        if private or dry_run or token is not None:
            raise EmozooError("--output publishes nothing: leave --private, --dry-run and --token out")
        files = write_space(output, name, model or (), emozoo_from=emozoo_from)
        if as_json:
            print_json({"folder": output, "files": [path.name for path in files]})
        else:
            typer.echo(printable(output))
    else:
        with render.waiting(f"publishing {name}"):
            done = publish_space(
                name, model or (), emozoo_from=emozoo_from, private=private, token=token, dry_run=dry_run
            )
        if as_json:
            print_json({"address": done.address, "commit": done.commit, "files": done.files})
        else:
            render.show_push(done)
    if note := requirement.remark(emozoo_from):
        render.warn(note)
