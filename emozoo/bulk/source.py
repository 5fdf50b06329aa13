"""Where a clip is, among many: `Source`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emozoo.bulk.remote import HUB, is_url, protocol_of, safe_name
from emozoo.errors import EmozooError


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

    A table may name files where it lies itself: one that was fetched names none of this machine, and one of the Hub none
    outside of its dataset. Raises EmozooError for another."""
    if not is_url(table):
        return name if is_url(name) else str(Path(table).parent / Path(name).expanduser())
    if is_url(name):
        if protocol_of(name) != protocol_of(table) or protocol_of(table) == HUB:
            raise EmozooError(
                f"{safe_name(table)} names {safe_name(name)}, which lies elsewhere: a table names files beside it"
            )
        return name
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0].startswith(("/", "~")):
        raise EmozooError(
            f"{safe_name(table)} names {safe_name(name)}, which is not beside it: a table names files in its folder"
        )
    return f"{table.rpartition('/')[0]}/{'/'.join(parts)}"
