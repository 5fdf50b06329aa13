"""The answers to many clips as a folder of Parquet files, here or where fsspec reaches, that only grows.

A file of answers appears whole, or not at all. So a process may die at any time: the next one reads which clips have rows,
and answers the others.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from emozoo.bulk.remote import is_url, safe_name
from emozoo.bulk.source import Source
from emozoo.bulk.storage import SUFFIX, LocalFolder, RemoteFolder, storage_of
from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.text import json_text

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = "_emozoo.json"
"""What the folder holds: the model, and what it was asked. Names that begin with _ are no data to those who read Parquet."""
BASE = "relative_to"
"""In it: the folder that the clips' relative names count from."""
MOST_ROWS, MOST_BYTES, MOST_SECONDS = 50_000, 128 * 2**20, 30.0
"""After which a file is written: at most so much is asked again after a process was killed."""


@dataclass
class AnswerFolder:
    """Where answers go. Every method raises EmozooError where the folder cannot be read or written."""

    name: str
    """A path, or a URL."""
    about: Mapping[str, Any]
    """Which model answers what."""
    shard: str = ""
    """Of several processes that write here, which one this is, as in `3-of-8`."""
    rows: int = 0
    """That were added here, as `failed` were: clips with an error."""
    failed: int = 0
    base: str = field(default_factory=lambda: str(user_path(".")))
    """The folder that relative names of clips count from: where the first command was given."""
    _waiting: list[pa.Table] = field(default_factory=list)
    _since: float = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder where it is missing, and keeps it for this process: nobody else may answer the same shard. What
        waits is written when the block ends, however it does.

        Raises EmozooError where another process does, and where the folder holds other answers."""
        store = storage_of(self.name)
        with store.lock(f".lock{self._of}", self._taken()):
            self._agree(store)
            store.tidy()
            try:
                yield
            finally:
                self.write()

    def clip(self, name: str) -> str:
        """Which clip a name means: a relative one counts from `base`."""
        return name if is_url(name) else os.path.normpath(os.path.join(self.base, name))

    def named(self, sources: Iterable[Source]) -> list[Source]:
        """The same clips, named as in this folder, where they were named from another."""
        if self.base == str(user_path(".")):
            return list(sources)
        return [each if is_url(each.file) else replace(each, file=os.path.abspath(each.file)) for each in sources]

    def answered(self) -> set[str]:
        """The clips that have rows, as `clip` has them."""
        import pyarrow.parquet as pq

        store = storage_of(self.name)
        found: set[str] = set()
        for name in store.names():
            try:
                with store.open(name) as file:
                    column = pq.ParquetFile(file, pre_buffer=False).read(["file"], use_threads=False).column(0)
                    found.update(map(self.clip, column.to_pylist()))
            except (OSError, ValueError, KeyError) as error:
                raise EmozooError(
                    f"{name} in {safe_name(self.name)} is no file of answers ({str(error).partition(chr(10))[0]}): move it "
                    "elsewhere, and its clips are answered again"
                ) from error
        return found

    def add(self, table: pa.Table) -> None:
        """Adds the rows of some clips, all of each. They are written soon."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(table)
        self.rows += table.num_rows
        self.failed += table.num_rows - table.column("error").null_count
        size = sum(each.nbytes for each in self._waiting)
        many = sum(each.num_rows for each in self._waiting) >= MOST_ROWS
        if many or size >= MOST_BYTES or time.monotonic() - self._since >= MOST_SECONDS:
            self.write()

    def write(self) -> None:
        """Writes what waits, as one file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._waiting:
            return
        buffer = io.BytesIO()
        notes = {f"emozoo.{name}": str(self.about[name]) for name in ("model", "version") if name in self.about}
        pq.write_table(pa.concat_tables(self._waiting).replace_schema_metadata(notes), buffer)
        store = storage_of(self.name)
        store.write(f"answers{self._of}-{len(store.names()):05}-{secrets.token_hex(4)}{SUFFIX}", buffer.getvalue())
        self._waiting = []

    @property
    def _of(self) -> str:
        return f"-{self.shard}" if self.shard else ""

    def _taken(self) -> str:
        shard = f"shard {self.shard.replace('-of-', '/')} in " if self.shard else ""
        return (
            f"another process is answering {shard}{safe_name(self.name)}: wait until it ends, or name another --output"
        )

    def _agree(self, store: LocalFolder | RemoteFolder) -> None:
        """Whether the folder is of the same model and question; a new one becomes so."""
        wanted = json.loads(json_text({**self.about, BASE: self.base}))
        there = store.read(ABOUT)
        if there is None:
            if store.names():
                raise EmozooError(
                    f"{safe_name(self.name)} holds Parquet files that emozoo did not write: name a folder of its own"
                )
            store.write(ABOUT, (json_text(wanted, indent=2) + "\n").encode())
            return
        try:
            found = dict(json.loads(there))
        except (ValueError, TypeError):
            found = {}
        self.base = str(found.get(BASE, self.base))
        others = sorted(
            name
            for name in wanted.keys() | found.keys()
            if name not in ("version", BASE) and wanted.get(name) != found.get(name)
        )
        if others:
            told = " and ".join(f"{name} {_value(found.get(name))}, not {_value(wanted.get(name))}" for name in others)
            raise EmozooError(f"{safe_name(self.name)} holds other answers ({told}): name another --output")


def _value(value: Any) -> str:
    return "none" if value is None else json_text(value)
