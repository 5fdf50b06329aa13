"""Places that fsspec reaches, such as `s3://bucket/calls`, and what is wrong with one in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emozoo.errors import EmozooError, lacks_memory, lacks_room
from emozoo.text import printable

HUB = "hf"
FETCHES = 32
"""Files that are fetched at a time: fetching is waiting, and takes next to nothing of a core."""
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*::)*([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_ITSELF = ("file", "local")
"""What fsspec calls this machine's disk."""


def protocol_of(place: str) -> str | None:
    """The protocol of a URL; None for a path."""
    found = _URL.match(place)
    return found[1].lower() if found else None


def is_url(place: str) -> bool:
    return protocol_of(place) is not None


def safe_name(place: str) -> str:
    """A URL as output names it: without a user's name and password, and without what follows a `?`, which may sign it."""
    if not is_url(place):
        return place
    begin, rest = place.split("://", 1)
    web = begin.lower() in ("http", "https")
    if web:
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    user, _, server = host.rpartition("@")  # on Azure, a container without a password stands before the @
    return f"{begin}://{server if web or ':' in user else host}{slash}{path}"


def file_system(place: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it. Raises EmozooError where none can be had."""
    import fsspec

    protocol = protocol_of(place)
    if "::" in place:
        raise EmozooError(f"{safe_name(place)} chains two places with ::, which emozoo does not open: name one")
    if protocol in _ITSELF:
        raise EmozooError(f"{safe_name(place)} is on this machine: name its path, without {protocol}://")
    if protocol not in fsspec.available_protocols():
        raise EmozooError(f"{safe_name(place)}: nothing opens {protocol}://, so check the address")
    # Of S3, the library opens ten connections at most, where nobody says how many.
    more = {"config_kwargs": {"max_pool_connections": FETCHES}} if protocol in ("s3", "s3a") else {}
    try:
        return fsspec.url_to_fs(place, **more)
    except ImportError as error:
        package = re.search(r"(?:install|pip install) ([\w-]+)", str(error))
        way = f"pip install {package[1]}" if package else "install the package for it"
        raise EmozooError(f"{protocol}:// needs a package that is not installed ({_reason(error)}): {way}") from error
    except ValueError as error:
        raise EmozooError(
            f"{safe_name(place)} is no address that can be opened ({_reason(error)}): check it"
        ) from error


class Unreached(EmozooError):
    """A place that did not answer as it should: the network, the storage or one's access to it is at fault, or the name."""


@contextmanager
def reached(place: str, what: str = "read") -> Iterator[None]:
    """Every error of reading, listing or writing `place` becomes an EmozooError with a sentence: of a place elsewhere,
    Unreached unless it is not there. A full disk or memory of this machine is raised as it is."""
    name = safe_name(place)
    kind = Unreached if is_url(place) else EmozooError
    try:
        yield
    except EmozooError:
        raise
    except FileNotFoundError as error:
        raise EmozooError(f"{name} does not exist: check its name") from error
    except PermissionError as error:
        raise kind(f"{name} may not be {what}: check your access rights to it") from error
    except Exception as error:
        if lacks_room(error) or lacks_memory(error):
            raise
        # Each storage has errors of its own.
        reason = _reason(error).replace(place, name)
        raise kind(f"{name} cannot be {what} ({reason}): check the address, the network and your access") from error


def _reason(error: Exception) -> str:
    first, _, rest = str(error).strip().partition("\n")
    text = printable(f"{first} {rest}" if first.endswith(":") else first) or type(error).__name__
    return re.sub(r"\?\S*", "", text)[:200]
