"""Sets up, starts and stops the demo page, a Gradio server. Its content is in `emozoo.demo.page`.

gradio (the extra `demo`) is imported when the page starts.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from emozoo.demo.answer import Limits
from emozoo.demo.folder import page_folder
from emozoo.demo.hosts import hosts_of, parse_hosts
from emozoo.demo.models import load_models
from emozoo.errors import EmozooError

HERE = "127.0.0.1"
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
FIRST_PORT = 7860
PORTS = 100
"""Without a named port, the first free one of these is taken, as gradio does."""


def _tell(address: str) -> None:
    print(address, flush=True)


def serve(
    references: Sequence[str] = (),
    *,
    host: str | None = None,
    port: int | None = None,
    allow_hosts: Sequence[str] = (),
    limits: Limits | None = None,
    device: str = "auto",
    started: Callable[[str], None] = _tell,
) -> None:
    """Serves the page until the process is asked to stop. Calls `started` with the address.

    `references`: the models; by default the bundled one. `host`: by default GRADIO_SERVER_NAME, as on a Space, or else this
    machine only. `port`: 0 for any free port; by default GRADIO_SERVER_PORT, or else the first free port from 7860.
    `allow_hosts`: other names, as `name` or `name:port`, under which browsers may ask for the page: those of a proxy, or of
    this machine if it listens on all addresses. Those of a Space are known. Raises EmozooError if gradio is missing, a
    model cannot be loaded, or the address is taken.
    """
    if importlib.util.find_spec("gradio") is None:
        raise EmozooError("the demo page needs gradio: pip install 'emozoo[demo]'")
    limits = limits or Limits()
    allowed = parse_hosts(allow_hosts)
    host = host or os.environ.get("GRADIO_SERVER_NAME") or HERE
    with _terminable(), _listening(host, port) as listener, page_folder() as place:
        models = load_models(references, device)
        for name in TOKENS:  # not needed from here on
            os.environ.pop(name, None)
        # gradio reads these when it is imported, and when its components are made.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(place)}
        from emozoo.demo.page import build, run
        from emozoo.demo.visits import Visits

        visits = Visits(place / "uploads", len(models), limits)
        page = build(models, visits, limits, place)
        hosts = hosts_of(host, listener.getsockname()[1], allowed)
        run(page, visits, limits, hosts, listener, lambda: started(_address(listener)))


@contextmanager
def _listening(host: str, port: int | None) -> Iterator[socket.socket]:
    """A socket bound to the address, closed at the end of the block. Raises EmozooError if the address cannot be used."""
    if port is None:
        named = os.environ.get("GRADIO_SERVER_PORT", "")
        ports: Sequence[int] = [int(named)] if named.isdigit() else range(FIRST_PORT, FIRST_PORT + PORTS)
    else:
        ports = [port]
    for number in ports:
        try:
            listener = _bound(host, number)
            break
        except OSError as error:
            if number != ports[-1] and error.errno == errno.EADDRINUSE:
                continue
            taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
            what = f"port {number} of {host} cannot be used" if taken else f"{host} cannot be listened on"
            way_out = "name another --port" if taken else "--host names an address of this machine"
            raise EmozooError(f"{what} ({error.strerror}): {way_out}") from error
    with listener:
        yield listener


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # on Windows, two processes could take the same address
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError:
        listener.close()
        raise
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": HERE, "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP end the block like an exit, so that its files are deleted."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
