"""The bearer token that clients of the service show. It is read from a file and never shown again."""

from __future__ import annotations

import hmac
import logging
import os
import re
from pathlib import Path

from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.text import printable

log = logging.getLogger("emozoo")
LARGEST = 4096
"""Bytes of a token's file."""
SHORT = 16
"""Characters below which a token can be guessed."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What RFC 6750 allows in a header."""


class Token:
    """Knows a token without showing it."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode("ascii")

    def __repr__(self) -> str:
        return "Token(...)"

    def fits(self, header: str) -> bool:
        """Whether an Authorization header shows the token. Takes as long for a nearly right one as for any other."""
        scheme, _, shown = header.partition(" ")
        right = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), self._bytes)
        return right and scheme.lower() == "bearer"


def read_token(path: str | os.PathLike[str]) -> Token:
    """The token in a file, without the white space around it. Raises EmozooError for a file that cannot be read, and for one
    that holds no token. Warns of a file that other users can read, and of a short token."""
    place = user_path(path)
    shown = printable(path)
    text = _text(place, shown).strip()
    if not text:
        raise EmozooError(f"--token-file {shown} is empty: write a token into it, as openssl rand -hex 32 makes one")
    if not _TOKEN.fullmatch(text):
        raise EmozooError(
            f"--token-file {shown} holds no token: a token is one word of letters, digits and . _ ~ + / - without spaces"
        )
    if os.name == "posix" and place.stat().st_mode & 0o077:
        log.warning("--token-file %s can be read by other users of this machine: chmod 600 it", shown)
    if len(text) < SHORT:
        log.warning("the token in %s has only %d characters, so it can be guessed: make a longer one", shown, len(text))
    return Token(text)


def _text(place: Path, shown: str) -> str:
    try:
        with open(place, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise EmozooError(
                f"--token-file {shown} is larger than {LARGEST} bytes: name the file that holds the token"
            )
        return data.decode("ascii")
    except OSError as error:
        raise EmozooError(
            f"--token-file {shown} cannot be read ({error.strerror or error}): name another file"
        ) from None
    except UnicodeDecodeError:
        raise EmozooError(f"--token-file {shown} holds no token: it is not plain text") from None
