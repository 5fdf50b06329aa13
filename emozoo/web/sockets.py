"""A server's socket and the address that it is reached at."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emozoo.errors import EmozooError
from emozoo.web.hosts import LOOPBACK

HERE = LOOPBACK[0]


@contextmanager
def listening(host: str, ports: Sequence[int]) -> Iterator[socket.socket]:
    """A socket bound to the first free one of the ports (0: any free port), closed at the end of the block. Raises
    EmozooError if the address cannot be used."""
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


def address_of(listener: socket.socket) -> str:
    """`http://HOST:PORT/`, where this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": HERE, "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
