"""Embeddings as a file: Parquet or npz. Nothing in it is ever pickled.

A file stands under its name once it is complete. What ends the writing before, such as Ctrl-C, leaves the rows so far beside
it, in a file that is named incomplete.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.inference.embeddings import Embedding
from emozoo.paths import atomic, user_path

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("emozoo")
ROWS = 1024
"""Rows that a Parquet file gets at a time."""


def embedding_schema(windows: bool) -> pa.Schema:
    """The columns of a Parquet file of embeddings, of clips or of their `windows`."""
    import pyarrow as pa

    times = [("start", pa.float64()), ("end", pa.float64())] if windows else []
    fields = [("file", pa.string()), *times, ("embedding", pa.list_(pa.float32()))]
    return pa.schema([*fields, ("error", pa.string()), ("reason", pa.string())])


class ParquetTable:
    """A row for each embedding, also for one that failed: `file`, `start` and `end` of windows, `embedding` as a list of
    float32 or null, `error`, `reason`. Memory does not grow with it."""

    def __init__(self, path: Path, windows: bool, notes: Mapping[str, str]) -> None:
        from pyarrow import parquet

        self._schema = embedding_schema(windows).with_metadata(dict(notes))
        self._writer: Any = parquet.ParquetWriter(path, self._schema)
        self._waiting: list[dict[str, Any]] = []
        self.rows = 0
        """With an embedding."""

    def add(self, row: Embedding) -> None:
        self.rows += row.vector is not None
        self._waiting.append({**vars(row), "embedding": row.vector})
        if len(self._waiting) == ROWS:
            self._write()

    def close(self) -> None:
        if self._waiting:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        import pyarrow as pa

        columns = {name: [row[name] for row in self._waiting] for name in self._schema.names}
        self._writer.write_table(pa.table(columns, self._schema))
        self._waiting = []


class NpzTable:
    """Arrays with a row for each embedding that there is: `file`, `embedding` float32 [rows, features], and `start` and
    `end` of windows. It is held in memory until it is closed."""

    def __init__(self, path: Path, windows: bool) -> None:
        self._path = path
        self._windows = windows
        self._rows: list[Embedding] = []

    @property
    def rows(self) -> int:
        return len(self._rows)

    def add(self, row: Embedding) -> None:
        if row.vector is not None:
            self._rows.append(row)

    def close(self) -> None:
        rows = self._rows
        vectors = [row.vector for row in rows if row.vector is not None]
        arrays: dict[str, np.ndarray] = {
            "file": np.array([row.file for row in rows], np.str_),
            "embedding": np.stack(vectors) if vectors else np.zeros((0, 0), np.float32),
        }
        if self._windows:
            arrays |= {name: np.array([getattr(row, name) for row in rows], np.float64) for name in ("start", "end")}
        with zipfile.ZipFile(self._path, "w") as archive:  # np.savez takes no array that is named file
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)


SUFFIXES = (".parquet", ".npz")


def table_path(path: str | Path) -> Path:
    """Where a table of embeddings is to be. Raises EmozooError for a folder, and for a suffix that is none of `SUFFIXES`."""
    if "://" in str(path):
        raise EmozooError(
            f"{path} is not on this machine: embeddings go elsewhere into a folder only, whose name ends in /"
        )
    place = user_path(path)
    if place.suffix.lower() not in SUFFIXES:
        raise EmozooError(
            f"embeddings are written as Parquet or npz: {path} must end in {' or '.join(SUFFIXES)}, or for a folder of "
            "Parquet files in /"
        )
    if place.is_dir():
        raise EmozooError(f"{path} is a folder: name a file that ends in {' or '.join(SUFFIXES)}")
    return place


def incomplete(path: Path) -> Path:
    """Where the rows stand that were there when something ended the writing of `path`."""
    return path.with_name(f"{path.stem}.incomplete{path.suffix}")


@contextmanager
def embedding_table(path: Path, windows: bool, notes: Mapping[str, str]) -> Iterator[ParquetTable | NpzTable]:
    """Gives a table whose rows stand in `path` when the block succeeds. When it does not, those so far, if any, stand in
    `incomplete(path)`, and a warning says so. `notes` are kept in the metadata of a Parquet file. Raises EmozooError where
    it cannot be written."""
    with atomic(path) as temporary:
        parquet = path.suffix.lower() == ".parquet"
        table = ParquetTable(temporary, windows, notes) if parquet else NpzTable(temporary, windows)
        try:
            yield table
        except BaseException:
            table.close()
            if table.rows:
                temporary.replace(incomplete(path))
                log.warning("the rows so far (%d) stand in %s", table.rows, incomplete(path))
            raise
        table.close()
