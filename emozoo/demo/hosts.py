"""The names under which the demo page may be asked for. Without them any site's page could reach a server that only this
machine reaches: by a name of its own that it points here (DNS rebinding), or by a request across sites."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emozoo.errors import EmozooError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")
"""Addresses that stand for all of a machine's."""
HUB = "https://huggingface.co"
"""The site that shows a Space in a frame."""
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hosts:
    """Whom the page answers as."""

    port: int
    """Where the server listens."""
    own: frozenset[str] = frozenset(LOOPBACK)
    """Names and addresses that go with this port."""
    named: frozenset[tuple[str, int | None]] = frozenset()
    """What its owner named, with None for any port: a proxy in front of the server has another one."""
    framed_by: frozenset[str] = frozenset()
    """Origins of sites that may ask for it."""

    def know(self, host: str, reached: str = "") -> bool:
        """Whether a Host header is one of this page's; `reached` is the address at which the request came in, which is
        none that somebody else could have named."""
        found = _split(host)
        if found is None:
            return False
        name, port = found
        if self._is_named(name, port):
            return True
        return (port or _PORTS["http"]) == self.port and name in self.own | {reached.lower()}

    def fits(self, origin: str, host: str) -> bool:
        """Whether an Origin header is that of the page itself, as it was asked for by a host that is known."""
        scheme, _, rest = origin.lower().partition("://")
        if origin.lower() in self.framed_by:
            return True
        theirs, ours = _split(rest), _split(host)
        if scheme not in _PORTS or theirs is None or ours is None:
            return False
        usual = _PORTS[scheme]
        return (theirs[0], theirs[1] or usual) == (ours[0], ours[1] or usual) or self._is_named(*theirs)

    def _is_named(self, name: str, port: int | None) -> bool:
        return (name, None) in self.named or (port is not None and (name, port) in self.named)


def hosts_of(host: str, port: int, allowed: Iterable[tuple[str, int | None]]) -> Hosts:
    """The names of a server that listens at `host`; those of a Space are found where it has them, in SPACE_HOST."""
    own = frozenset({*LOOPBACK, *({host.lower()} - {*ANY})})
    space = [found for name in os.environ.get("SPACE_HOST", "").split(",") if (found := _split(name.strip()))]
    return Hosts(port, own, frozenset({*allowed, *space}), frozenset({HUB} if space else ()))


def parse_hosts(names: Sequence[str]) -> list[tuple[str, int | None]]:
    """What --allow-host names. Raises EmozooError for what is no host."""
    found = [_split(name) for name in names]
    for name, host in zip(names, found, strict=True):
        if host is None:
            raise EmozooError(f"--allow-host {name} is no host: name one like demo.example.org or localhost:9000")
    return [host for host in found if host is not None]


def _split(host: str) -> tuple[str, int | None] | None:
    """Name and port of `name[:port]`, in small letters; None for anything else."""
    match = _HOST.fullmatch(host.lower())
    if match is None or int(match[3] or 0) > 65_535:
        return None
    return match[1] or match[2], int(match[3]) if match[3] else None
