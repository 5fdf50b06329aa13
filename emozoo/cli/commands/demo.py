"""`emozoo demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import Device


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
    from emozoo.cli.console import say, warn
    from emozoo.demo.answer import Limits
    from emozoo.demo.hosts import LOOPBACK
    from emozoo.demo.server import serve

    def started(address: str) -> None:
        typer.echo(address)
        if host not in LOOPBACK:
            warn(f"listening on {host}: whoever reaches this machine can use the page and its models")
        say("Ctrl-C ends the page, and deletes all that was given to it")

    serve(
        model or (),
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        limits=Limits(max_size, max_length),
        device=device,
        started=started,
    )
