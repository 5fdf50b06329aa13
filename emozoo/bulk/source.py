"""Where a clip is, among many: `Source`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from emozoo.bulk.remote import is_url, protocol_of, safe_name
from emozoo.errors import EmozooError
from emozoo.tables.files import name_forms


@dataclass(frozen=True, slots=True)
class Source:
    """Where one clip is."""

    file: str
    """What answers call it: its path, its URL, or the table that holds it with its row, as in `calls.parquet#12`."""
    place: str
    """The path or the URL to open."""
    row: int | None = None
    """Of a Parquet file that holds the recordings themselves, from 0; None: `place` is the recording."""

    @classmethod
    def of(cls, place: str) -> Source:
        """For a recording. Its name is text that any file of answers can hold, also where the path is not."""
        return cls(safe_name(place).encode("utf-8", "backslashreplace").decode(), place)


def beside(table: str, name: str) -> str:
    """The place of a file that a table names, from the table's folder.

    A table that was fetched may name files in its own folder only, by relative names or by addresses: none of this machine,
    of another host or bucket, or above. Raises EmozooError for another."""
    if not is_url(table):
        return name if is_url(name) else _on_disk(Path(table).parent, name)
    web = protocol_of(table) in ("http", "https")
    folder = (re.split(r"[?#]", table, maxsplit=1)[0] if web else table).rpartition("/")[0] + "/"
    if is_url(name):
        own, other = (unquote(each) if web else each for each in (folder, name))
        if not other.startswith(own) or ".." in _parts(other):
            raise EmozooError(
                f"{safe_name(table)} names {safe_name(name)}, which lies elsewhere: a table that is fetched names files "
                "in its folder"
            )
        return name
    parts = _parts(name)
    if not parts or ".." in parts or parts[0].startswith(("/", "~")):
        raise EmozooError(
            f"{safe_name(table)} names {safe_name(name)}, which is not beside it: a table that is fetched names files "
            "in its folder"
        )
    return folder + "/".join(quote(part) if web else part for part in parts)


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts


def _on_disk(folder: Path, name: str) -> str:
    """As the table writes it or, where that is not there, as Windows or in another Unicode form."""
    path = folder / os.path.expanduser(name)
    if name.isascii() and not set(name) & set("\\{") or os.path.exists(path):
        return str(path)
    return next((str(each) for form in name_forms(name) if (each := folder / form).exists()), str(path))
