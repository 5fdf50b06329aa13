"""The names under which the demo page and the HTTP service may be asked for.

They stop other sites from reaching a server on this machine, by DNS rebinding or by requests across sites.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emozoo.errors import EmozooError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")
"""Addresses that mean all addresses of a machine."""
HUB = "https://huggingface.co"
"""The site that shows a Space in a frame."""
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hosts:
    """The names of a server."""

    port: int
    """The port that the server listens on."""
    own: frozenset[str] = frozenset(LOOPBACK)
    """Names and addresses that are valid with this port."""
    named: frozenset[tuple[str, int | None]] = frozenset()
    """Names from --allow-host, with None for any port, because a proxy has another port."""
    framed_by: frozenset[str] = frozenset()
    """Origins of sites that may show its page in a frame."""

    def know(self, host: str, reached: str = "") -> bool:
        """Whether a Host header names this server. `reached` is the address that the request came in at, which nobody can
        forge."""
        found = _split(host)
        if found is None:
            return False
        name, port = found
        if self._is_named(name, port):
            return True
        return (port or _PORTS["http"]) == self.port and name in self.own | {reached.lower()}

    def fits(self, origin: str, host: str) -> bool:
        """Whether an Origin header is that of the server itself. `host` is the known host of the request."""
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
    """The names of a server that listens on `host`. Those of a Space come from SPACE_HOST."""
    own = frozenset({*LOOPBACK, *({host.lower()} - {*ANY})})
    space = [found for name in os.environ.get("SPACE_HOST", "").split(",") if (found := _split(name.strip()))]
    return Hosts(port, own, frozenset({*allowed, *space}), frozenset({HUB} if space else ()))


def parse_hosts(names: Sequence[str]) -> list[tuple[str, int | None]]:
    """The hosts that --allow-host names. Raises EmozooError for anything else."""
    found = [_split(name) for name in names]
    for name, host in zip(names, found, strict=True):
        if host is None:
            raise EmozooError(f"--allow-host {name} is no host: name one like demo.example.org or localhost:9000")
    return [host for host in found if host is not None]


def _split(host: str) -> tuple[str, int | None] | None:
    """Name and port of `name[:port]`, in lowercase; None for anything else."""
    match = _HOST.fullmatch(host.lower())
    if match is None or int(match[3] or 0) > 65_535:
        return None
    return match[1] or match[2], int(match[3]) if match[3] else None
