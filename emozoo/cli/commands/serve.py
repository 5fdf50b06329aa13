"""`emozoo serve`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from emozoo.cli.options import ANY_MODEL, AdaptRecordings, Backend, Device, RunBy, print_json

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="[NAME=]MODEL",
        help=f"{ANY_MODEL}. Can be repeated; requests choose by NAME. Default: the bundled model.",
        show_default=False,
    ),
]
Host = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Address to listen on. With 0.0.0.0, other machines can use the service.")
]
Port = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; 0 takes any free port.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PORT]",
        help="Another name under which the service may be asked for: that of a proxy or of this machine. Can be repeated.",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file with the token that clients must show, as in Authorization: Bearer TOKEN. Default: no token is needed.",
        show_default=False,
    ),
]
AdaptTo = Annotated[
    AdaptRecordings | None,
    typer.Option(help="recordings: adapt the files of a request to one another.", show_default=False),
]


def serve(
    model: Models = None,
    adapt: AdaptTo = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    allow_host: AllowHost = None,
    token_file: TokenFile = None,
    max_size: Annotated[float, typer.Option(metavar="MB", min=0.001, help="Largest request, in MB.")] = 100,
    max_length: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Longest file, in seconds.")] = 600,
    max_files: Annotated[int, typer.Option(metavar="N", min=1, help="Files in a request, at most.")] = 32,
    max_requests: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests at the same time; others get status 503.")
    ] = 64,
    max_streams: Annotated[int, typer.Option(metavar="N", min=1, help="WebSocket streams at the same time.")] = 16,
    max_stream_length: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Longest stream, in seconds of sound.")
    ] = 3600,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Time for a request to arrive, and again to be answered.")
    ] = 60,
    grace: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Time for what is in flight when the service is ended.")
    ] = 30,
    backend: RunBy = Backend.torch,
    device: Device = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where it listens as one JSON document on standard output.")
    ] = False,
) -> None:
    """Serve models over HTTP: files, embeddings and streams. /docs of the service describes it.

    Ctrl-C or SIGTERM ends it, once all requests in flight are answered; a second one ends it at once.
    """
    from emozoo.cli.console import say, warn
    from emozoo.serve.limits import Limits
    from emozoo.serve.server import serve as run
    from emozoo.web.hosts import LOOPBACK

    def started(address: str, names: Sequence[str]) -> None:
        if host not in LOOPBACK and token_file is None:
            warn(f"listening on {host} without --token-file: everybody who reaches this machine can use the service")
        if as_json:
            place = urlsplit(address)
            print_json({"address": address, "host": host, "port": place.port, "models": list(names)})
        say(f"listening on {address} with {', '.join(names)}; Ctrl-C ends it")

    status = run(
        model or (),
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        token_file=token_file,
        limits=Limits(max_size, max_length, max_files, max_requests, max_streams, max_stream_length, timeout, grace),
        backend=backend.value,
        device=device,
        adapt_recordings=adapt is not None,
        started=started,
    )
    raise typer.Exit(status)
