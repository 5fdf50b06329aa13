"""`emozoo demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import ANY_MODEL, Device

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help=f"{ANY_MODEL}. Can be repeated, to show models side by side. Default: the bundled model.",
        show_default=False,
    ),
]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen on. With 0.0.0.0, other machines can use the page without a password.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        min=0,
        max=65535,
        help="Port to listen on; 0 takes any free port. Default: the first free port from 7860.",
        show_default=False,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PORT]",
        help="Another name under which browsers may ask for the page: that of a proxy, a tunnel or this machine. "
        "Can be repeated.",
        show_default=False,
    ),
]


def demo(
    model: Models = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    allow_host: AllowHost = None,
    max_size: Annotated[float, typer.Option(metavar="MB", min=0.001, help="Largest file, in MB.")] = 100,
    max_length: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Longest clip, in seconds.")] = 600,
    device: Device = "auto",
) -> None:
    """Start a web page that predicts the emotion in clips: from files, the microphone or the webcam.

    Ctrl-C ends the page, and deletes all clips that were given to it.
    """
    from emozoo.cli.console import say, warn
    from emozoo.demo.answer import Limits
    from emozoo.demo.server import serve
    from emozoo.web.hosts import LOOPBACK

    def started(address: str) -> None:
        typer.echo(address)
        if host not in LOOPBACK:
            warn(f"listening on {host}: everybody who reaches this machine can use the page and its models")
        say("Ctrl-C ends the page, and deletes all clips that were given to it")

    serve(
        model or (),
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        limits=Limits(max_size, max_length),
        device=device,
        started=started,
    )
