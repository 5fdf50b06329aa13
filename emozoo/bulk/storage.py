"""A folder in which files appear whole or not at all: of this machine, or where fsspec reaches."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emozoo.bulk.remote import file_system, is_url, reached
from emozoo.errors import EmozooError
from emozoo.paths import PART, atomic, user_path

SUFFIX = ".parquet"
OLD = 600.0
"""Seconds after which a file is not being written any more."""


class LocalFolder:
    """A folder of this machine, or of a disk that it shares."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path = user_path(name)

    @contextmanager
    def lock(self, name: str, taken: str) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self._path / name, timeout=0)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise EmozooError(taken) from None
        except FileExistsError:
            raise EmozooError(f"{self._name} is a file, and answers are a folder of files: name another") from None
        except (OSError, NotImplementedError) as error:
            raise EmozooError(f"cannot write {self._name}: {getattr(error, 'strerror', None) or error}") from error
        try:
            yield
        finally:
            with suppress(OSError):
                (self._path / name).unlink()  # before it is released, lest it be another's by then
            lock.release()
            with suppress(OSError):  # where anything is in it
                self._path.rmdir()

    def names(self) -> list[str]:
        return sorted(path.name for path in self._path.glob(f"[!._]*{SUFFIX}"))

    def tidy(self) -> None:
        """Removes what processes that were killed had begun to write a while ago."""
        for path in self._path.glob(f"{PART}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > OLD:
                    path.unlink()

    def open(self, name: str) -> Any:
        return open(self._path / name, "rb")

    def read(self, name: str) -> bytes | None:
        path = self._path / name
        return path.read_bytes() if path.exists() else None

    def write(self, name: str, data: bytes) -> None:
        with atomic(self._path / name) as temporary:
            temporary.write_bytes(data)


class RemoteFolder:
    """A folder that fsspec reaches."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._files, path = file_system(name)
        self._path = path.rstrip("/")
        self._files.invalidate_cache(self._path)

    @contextmanager
    def lock(self, name: str, taken: str) -> Iterator[None]:
        """An object store has no locks."""
        yield

    def names(self) -> list[str]:
        with reached(self._name, "listed"):
            try:
                found = self._files.ls(self._path, detail=False)
            except FileNotFoundError:
                return []
        names = (Path(str(each)).name for each in found)
        return sorted(name for name in names if name.endswith(SUFFIX) and name[0] not in "._")

    def tidy(self) -> None:
        pass

    def open(self, name: str) -> Any:
        with reached(self._name):
            return io.BytesIO(self._files.cat_file(f"{self._path}/{name}"))

    def read(self, name: str) -> bytes | None:
        with reached(self._name):
            try:
                return bytes(self._files.cat_file(f"{self._path}/{name}"))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with reached(self._name, "written"):
            self._files.pipe_file(f"{self._path}/{name}", data)


def storage_of(name: str) -> LocalFolder | RemoteFolder:
    """For a path or a URL. Raises EmozooError where there is none."""
    return RemoteFolder(name) if is_url(name) else LocalFolder(name)
