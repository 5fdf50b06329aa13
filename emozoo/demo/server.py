"""Sets up, starts and stops the demo page, a Gradio server. Its content is in `emozoo.demo.page`.

gradio (the extra `demo`) is imported when the page starts.
"""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from emozoo.demo.answer import Limits
from emozoo.demo.models import load_models
from emozoo.errors import EmozooError
from emozoo.web.folder import private_folder
from emozoo.web.hosts import hosts_of, parse_hosts
from emozoo.web.sockets import HERE, address_of, listening

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
FOLDER = "emozoo-demo-"
"""How the name of its temporary folder begins."""
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
    with _terminable(), listening(host, _ports(port)) as listener, private_folder(FOLDER) as place:
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
        run(page, visits, limits, hosts, listener, lambda: started(address_of(listener)))


def _ports(port: int | None) -> Sequence[int]:
    """The ports to try, in order."""
    if port is not None:
        return [port]
    named = os.environ.get("GRADIO_SERVER_PORT", "")
    return [int(named)] if named.isdecimal() else range(FIRST_PORT, FIRST_PORT + PORTS)


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
