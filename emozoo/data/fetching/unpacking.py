"""Unpacks zip and tar archives that strangers made: nothing outside of the folder, no links, no bombs."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from emozoo.data.download import is_safe_name
from emozoo.errors import EmozooError
from emozoo.paths import PART
from emozoo.text import shown

MOST_TIMES = 200
"""How many times as large as an archive its content may be. Recordings become a tenth of their size at best."""
MOST_FILES = 1_000_000
DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What Python's libraries raise for a damaged archive."""
SPARE = 64 * 2**20
"""Bytes that stay free on the disk."""


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path) -> list[str]:
    """Puts the files of an archive into `folder`, each whole or not at all, and returns their names in it.

    Raises EmozooError, before anything is written, for one that holds a link, a name that leads out of the folder, or more
    than the disk has room for. A damaged one is removed, so that it comes anew, and is an EmozooError as well.
    """
    try:
        with _opened(archive) as members:
            _check(archive, folder, members)
            for member in members:
                _write(member, folder / member.name)
            return [member.name for member in members]
    except (RuntimeError, NotImplementedError) as error:
        raise EmozooError(f"{_name(archive)} is encrypted, or packed in a way that Python does not know") from error
    except (*DAMAGES, EOFError, ValueError) as error:
        archive.unlink(missing_ok=True)
        raise EmozooError(f"{_name(archive)} came damaged, or is no zip or tar archive: repeat the command") from error


def _write(member: _Member, path: Path) -> None:
    """The file, whole or not at all. It may not be on the disk yet; after a power cut, its size tells that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PART}{path.name[-60:]}")
    try:
        source = member.open()
        with open(temporary, "wb") as out:
            if source is not None:
                with source:
                    shutil.copyfileobj(source, out, 2**20)
            if out.tell() != member.size:
                raise EOFError
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    """The files in an archive, without folders and what macOS adds."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield _wanted(_of_zip(archive, packed))
    else:
        with tarfile.open(archive) as packed_tar:
            yield _wanted(_of_tar(archive, packed_tar))


def _of_zip(archive: Path, packed: zipfile.ZipFile) -> Iterator[_Member]:
    for info in packed.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise EmozooError(f"{_name(archive)} holds a link, {shown(info.filename)}, and is not unpacked")
        if not info.is_dir():
            yield _Member(info.filename.replace("\\", "/"), info.file_size, partial(packed.open, info))


def _of_tar(archive: Path, packed: tarfile.TarFile) -> Iterator[_Member]:
    for info in packed:
        if info.isdir():
            continue
        if not info.isreg():
            raise EmozooError(f"{_name(archive)} holds a link or device, {shown(info.name)}, and is not unpacked")
        name = info.name.replace("\\", "/").removeprefix("./")
        yield _Member(name, info.size, partial(packed.extractfile, info))


def _wanted(members: Iterator[_Member]) -> list[_Member]:
    found = []
    for member in members:
        parts = member.name.split("/")
        if parts[0] != "__MACOSX" and not parts[-1].startswith("._") and parts[-1] != ".DS_Store":
            found.append(member)
        if len(found) > MOST_FILES:
            raise ValueError("too many files")
    return found


def _check(archive: Path, folder: Path, members: list[_Member]) -> None:
    if not members:
        raise EmozooError(f"{_name(archive)} is empty")
    for member in members:
        if not is_safe_name(member.name):
            raise EmozooError(
                f"{_name(archive)} holds {shown(member.name)}, which leads out of the folder: not unpacked"
            )
    total, packed = sum(member.size for member in members), archive.stat().st_size
    if total > MOST_TIMES * max(packed, 2**16):
        raise EmozooError(
            f"{_name(archive)} would become {total:,} bytes, {total // packed} times its size: not unpacked"
        )
    require_room(folder, total, f"unpacking {_name(archive)}")


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raises EmozooError where the disk of an existing folder has too little room."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise EmozooError(
            f"{what} needs {_bytes(needed)}, and {folder} has {_bytes(max(free - SPARE, 0))} left: make room, or name "
            "another folder with --output"
        )


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:,} bytes"


def _name(archive: Path) -> Any:
    return shown(archive.name)[1:-1]
