"""Starts and ends the service: its socket, its signals, uvicorn."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.serve.limits import Limits
from emozoo.web.folder import private_folder
from emozoo.web.hosts import hosts_of, parse_hosts
from emozoo.web.sockets import HERE, address_of, listening

if TYPE_CHECKING:
    from emozoo.serve.service import Service

log = logging.getLogger("emozoo")
PORT = 8000
FOLDER = "emozoo-serve-"
"""How the name of its temporary folder begins."""
NEEDED = ("starlette", "uvicorn", "python_multipart", "websockets", "prometheus_client")
POLL_SECONDS = 0.02
SLACK_SECONDS = 2
"""How long uvicorn may take to end beyond the requests in flight."""
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


def serve(
    references: Sequence[str] = (),
    *,
    host: str = HERE,
    port: int = PORT,
    allow_hosts: Sequence[str] = (),
    token_file: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    backend: str = "torch",
    device: str = "auto",
    adapt_recordings: bool = False,
    started: Callable[[str, Sequence[str]], None] | None = None,
) -> int:
    """Serves until SIGTERM, SIGHUP or SIGINT comes, finishes what is in flight, and returns the exit status: 0, or 130 after
    SIGINT. A second signal ends the process at once. To be called in the main thread.

    `references`: the models, also as `name=reference`; by default the bundled one. `port`: 0 for any free port.
    `allow_hosts`: other names, as `name` or `name:port`, under which the service may be asked for. `started` is called with
    the address and the names of the models. With `adapt_recordings`, the files of a request are adapted to one another.
    Raises EmozooError if a package of the extra `serve` is missing, a model cannot be loaded or adapted, the address is
    taken, or the token cannot be read.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EmozooError(f"the service needs {' and '.join(missing)}: pip install 'emozoo[serve]'")
    from emozoo.inference.checks import check_recordings
    from emozoo.serve.metrics import Metrics
    from emozoo.serve.models import load_models
    from emozoo.serve.service import Service
    from emozoo.serve.tokens import read_token

    token = None if token_file is None else read_token(token_file)
    allowed = parse_hosts(allow_hosts)
    with listening(host, [port]) as listener, private_folder(FOLDER) as folder:
        metrics = Metrics()
        models = load_models(references, backend, device, metrics.batch_answered)
        for served in models.values() if adapt_recordings else ():
            check_recordings(served.model)
        hosts = hosts_of(host, listener.getsockname()[1], allowed)
        service = Service(models, limits or Limits(), hosts, folder, token, metrics, adapt_recordings)
        with _signals(folder) as wait:
            tell = started or (lambda address, _: log.info("listening on %s", address))
            number = _run(service, listener, wait, lambda: tell(address_of(listener), list(models)))
            status = 128 + number if number == signal.SIGINT else 0
            if service.in_flight:
                log.warning("%d requests took too long to finish, and get no answer", service.in_flight)
                _leave(folder, status)
    return status


def _run(service: Service, listener: socket.socket, wait: Callable[[], int], started: Callable[[], None]) -> int:
    """Runs uvicorn in a thread until a signal comes, and returns its number."""
    import uvicorn

    from emozoo.media.decoder import prepare
    from emozoo.serve.app import make_app
    from emozoo.serve.listen import MESSAGE_BYTES

    config = uvicorn.Config(
        make_app(service),
        log_config=None,
        log_level="critical",  # nothing that a client sends is logged
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws_max_size=2 * MESSAGE_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=math.ceil(service.limits.grace),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="emozoo-serve", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise EmozooError("the service could not be started: another program may use its address")
        time.sleep(POLL_SECONDS)
    prepare()
    started()
    number = wait()
    _end(service, server, thread)
    return number


def _end(service: Service, server: Any, thread: threading.Thread) -> None:
    """Streams get their last lines, requests in flight their answers, within the time that there is for that."""
    if service.in_flight or service.streams:
        log.info("ending, after %d requests and %d streams in flight", service.in_flight, service.streams)
    patience = time.monotonic() + service.limits.grace
    service.end()
    while service.streams and time.monotonic() < patience:
        time.sleep(POLL_SECONDS)
    server.should_exit = True
    while thread.is_alive() and time.monotonic() < patience + SLACK_SECONDS:
        thread.join(POLL_SECONDS)  # a second signal is noticed in between
    service.close()


@contextmanager
def _signals(folder: Path) -> Iterator[Callable[[], int]]:
    """Gives a function that waits for a signal to end. The next signal ends the process at once, without its files."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    came: list[int] = []

    def note(number: int, _: Any) -> None:
        came.append(number)
        if len(came) > 1:
            _leave(folder, 128 + number)

    handled = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    # A signal that is ignored, as under nohup, stays ignored.
    before = {
        number: signal.signal(number, note) for number in handled if signal.getsignal(number) is not signal.SIG_IGN
    }
    # Written to by whichever thread the system interrupts; waiting for Python's handler alone could last.
    woken_before = signal.set_wakeup_fd(writer.fileno())

    def wait() -> int:
        while (number := reader.recv(1)[0]) not in before:
            pass
        return number

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(woken_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def _leave(folder: Path, status: int) -> None:
    """Ends the process at once: its threads may be busy for long."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
