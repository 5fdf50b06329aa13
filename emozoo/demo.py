"""The demo page: a Gradio server on this machine that answers clips with one or several models, side by side.

Here it is set up, started and stopped; what is on it is in `emozoo.demo_page`. gradio (the extra `demo`) is imported on use.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo import bundled
from emozoo.demo_answer import Limits
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.model import EmotionModel

HERE = "127.0.0.1"
LOOPBACK = (HERE, "localhost", "::1")


@dataclass(frozen=True)
class Shown:
    """A model on the page."""

    model: EmotionModel
    name: str
    facts: dict[str, Any]
    """As `emozoo info` has them."""
    card: str
    """What its card says of how good it is, as Markdown; empty where `facts` tell."""


def _tell(address: str) -> None:
    print(address, flush=True)


def serve(
    references: Sequence[str] = (),
    *,
    host: str | None = None,
    port: int | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    started: Callable[[str], None] = _tell,
) -> None:
    """Shows the page until the process is asked to stop; `started` is told its address.

    `references`: the models, none for the one in the box. `host`, `port`: None for what gradio's environment says, as on a
    Space, else this machine alone and the first free port from 7860. Raises EmozooError where gradio is not installed, a
    model cannot be loaded, or the address is taken.
    """
    if importlib.util.find_spec("gradio") is None:
        raise EmozooError("the demo page needs gradio: pip install 'emozoo[demo]'")
    if host is not None:
        _check_free(host, port or 0)
    models = load_models(references, device)
    limits = limits or Limits()
    with _terminable(), tempfile.TemporaryDirectory(prefix="emozoo-demo-", ignore_cleanup_errors=True) as place:
        # Read where gradio is imported, and where its components are made.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": place}
        from emozoo import demo_page

        page = demo_page.build(models, limits, Path(place))
        try:
            address = demo_page.launch(page, limits, host, _check_free(host or HERE, 0) if port == 0 else port)
        except OSError as error:
            raise EmozooError(f"the page cannot be served on {host or HERE}: {error}") from error
        try:
            started(address)
            while True:
                time.sleep(3600)
        finally:
            page.close(verbose=False)


def load_models(references: Sequence[str], device: str = "auto") -> list[Shown]:
    """The models of a page. Raises EmozooError for one that cannot be loaded, or is named twice."""
    from emozoo import hub, model
    from emozoo.info import METRICS, describe_checkpoint
    from emozoo.reference import name_of

    found: list[Shown] = []
    for reference in references or (bundled.DEFAULT,):
        name = name_of(reference)
        if any(each.name == name for each in found):
            raise EmozooError(f"--model {name} is named twice: each is shown once")
        loaded = model.load(reference, device)
        loaded.preparation.require(name)
        folder = hub.resolve(reference, weights=False, extra=(METRICS,))
        facts = describe_checkpoint(folder, name)
        own = bundled.folder_of(reference) is not None and "test_results" not in facts
        found.append(Shown(loaded, name, facts, _section(folder / "README.md", "How good it is") if own else ""))
    return found


def _section(card: Path, title: str) -> str:
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()


def _check_free(host: str, port: int) -> int:
    """The port, 0 for any, that can be listened on. Raises EmozooError where none can."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            return probe.getsockname()[1]
    except OSError as error:
        what = f"port {port} of {host} cannot be used" if port else f"{host} cannot be listened on"
        way_out = "name another --port" if port else "--host names an address of this machine"
        raise EmozooError(f"{what} ({error.strerror}): {way_out}") from error


@contextmanager
def _terminable() -> Iterator[None]:
    """Lets SIGTERM, and a terminal that is closed, end the block as an exit does, so that what it made is deleted."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
