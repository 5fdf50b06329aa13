"""Tables that name recordings, and Parquet files that hold them: their clips as `Source`s, and the bytes of one."""

from __future__ import annotations

import bisect
import functools
import itertools
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from emozoo.bulk.remote import file_system, is_url, reached, safe_name
from emozoo.bulk.source import Source, beside
from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.tables.columns import NAMES, meaning_of, recognised
from emozoo.tables.files import parse_table
from emozoo.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

PARQUET = ".parquet"
MEANT = ("file", "video")
"""Columns that name a recording."""


def sources_of_table(place: str) -> list[Source]:
    """The clips that a table names, or that a Parquet file holds. Raises EmozooError for what is no such table."""
    if safe_name(place).lower().endswith(PARQUET):
        return _of_parquet(place)
    with reached(place), opened(place) as file:
        data = file.read()
    table = parse_table(data, Path(safe_name(place)))
    columns = recognised(table)
    if "file" not in columns.known:
        raise _no_file(place, table.names)
    _check_whole(place, columns.known)
    faults = [f"{line.place}: {line.fault}" for line in table.lines if line.fault]
    if faults:
        raise EmozooError(f"{safe_name(place)} has lines that cannot be read: {listed(faults, 3, '; ')}")
    names = [columns.of(line.fields, "file")[0] for line in table.lines]
    return _named(place, names)


@contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """A file of this machine or elsewhere."""
    if is_url(place):
        files, path = file_system(place)
        with files.open(path, "rb") as file:
            yield file
    else:
        with open(user_path(place), "rb") as file:
            yield file


def _of_parquet(place: str) -> list[Source]:
    with reached(place), opened(place) as file:
        import pyarrow.parquet as pq

        table = pq.ParquetFile(file)
        schema = table.schema_arrow
        if _column_of_recordings(schema):
            if not table.metadata.num_rows:
                raise _no_rows(place)
            return [Source(f"{safe_name(place)}#{row}", place, row) for row in range(table.metadata.num_rows)]
        named = _column_of_names(schema)
        if named is None:
            raise _no_file(place, schema.names)
        _check_whole(place, (meaning[0] for name in schema.names if (meaning := meaning_of(name))))
        names = table.read(columns=[named]).column(0).to_pylist()
    return _named(place, names)


def _named(place: str, names: Sequence[Any]) -> list[Source]:
    found = []
    for number, name in enumerate(names, start=1):
        if not isinstance(name, str) or not name.strip():
            raise EmozooError(f"{safe_name(place)} names no file in row {number}: fill it, or take the row out")
        found.append(Source.of(beside(place, name.strip())))
    if not found:
        raise _no_rows(place)
    return found


def _check_whole(place: str, meanings: Iterable[str]) -> None:
    """Raises EmozooError for a table of stretches of files: their rows would all get the answer of the whole file."""
    if spans := sorted({"start", "end"} & set(meanings), reverse=True):
        raise EmozooError(
            f"{safe_name(place)} names stretches of files, by a column for the {' and '.join(spans)}: cut them into files "
            "first, or give the files to emozoo predict --segments"
        )


def _no_rows(place: str) -> EmozooError:
    return EmozooError(f"{safe_name(place)} has no rows: name a table with recordings")


def _no_file(place: str, names: Sequence[str]) -> EmozooError:
    words = f"file (or {', '.join(NAMES['file'][1:4])})"
    return EmozooError(
        f"{safe_name(place)} has no column {words} that names or holds recordings: its columns are "
        f"{listed(names, 8) or 'none'}"
    )


def _meant(schema: pa.Schema) -> list[str]:
    meanings = {name: (meaning_of(name) or ("", 1.0))[0] for name in schema.names}
    return [name for meant in MEANT for name, meaning in meanings.items() if meaning == meant]


def _column_of_names(schema: pa.Schema) -> str | None:
    import pyarrow as pa

    def is_text(kind: pa.DataType) -> bool:
        if pa.types.is_dictionary(kind):
            return is_text(kind.value_type)
        return kind in (pa.string(), pa.large_string(), pa.string_view())

    return next((name for name in _meant(schema) if is_text(schema.field(name).type)), None)


def _column_of_recordings(schema: pa.Schema) -> str | None:
    """The column that holds files: bytes, or as `datasets` stores audio and video, a struct with `bytes`. Beside a column
    that names files, other bytes are something else, such as a picture."""
    import pyarrow as pa

    def holds(kind: pa.DataType) -> bool:
        if pa.types.is_struct(kind):
            return any(field.name == "bytes" and holds(field.type) for field in kind)
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    held = [name for name in schema.names if holds(schema.field(name).type)]
    meant = [name for name in _meant(schema) if name in held]
    return next(iter(meant or ([] if _column_of_names(schema) else held)), None)


class _Recordings:
    """The recordings in a Parquet file. The two row groups that were read last are kept, for threads ask
    for neighbours."""

    def __init__(self, place: str) -> None:
        import pyarrow.parquet as pq

        if is_url(place):
            files, path = file_system(place)
            self._file = pq.ParquetFile(files.open(path, "rb"))
        else:
            self._file = pq.ParquetFile(user_path(place))
        self._column = cast(str, _column_of_recordings(self._file.schema_arrow))
        groups = range(self._file.num_row_groups)
        counts = (self._file.metadata.row_group(group).num_rows for group in groups)
        self._begins = list(itertools.accumulate(counts, initial=0))
        self._lock = threading.Lock()
        self._held: dict[int, Any] = {}

    def bytes_of(self, row: int) -> bytes | None:
        group = bisect.bisect_right(self._begins, row) - 1
        with self._lock:
            if group not in self._held:
                if len(self._held) > 1:
                    del self._held[next(iter(self._held))]
                self._held[group] = self._file.read_row_group(group, columns=[self._column]).column(0)
            value = self._held[group][row - self._begins[group]].as_py()
        return value.get("bytes") if isinstance(value, dict) else value


_recordings = functools.lru_cache(maxsize=4)(_Recordings)


def recording(place: str, row: int) -> bytes:
    """The bytes of the recording in a row of a Parquet file. Raises EmozooError where there is none."""
    with reached(place):
        found = _recordings(place).bytes_of(row)
    if not found:
        raise EmozooError(f"{safe_name(place)}#{row} holds no recording: the row is empty")
    return found
