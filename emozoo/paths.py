"""Paths that users name, the cache folder, files and folders that are written atomically, and the number of cores."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emozoo.errors import FULL, EmozooError, lacks_room
from emozoo.text import printable

PART = ".part-"
"""The beginning of the name of an incomplete file."""


def user_path(path: str | os.PathLike[str]) -> Path:
    """The absolute path for a path that a user named on the command line, in Python or in an environment variable: `~` and
    `~user` are homes, `..` is followed as the system does. Every such path goes through here, so that all mean the same.

    Raises EmozooError for an impossible path: an empty one, a NUL, text that is not UTF-8, an unknown `~user`.
    """
    text = os.fsdecode(path)
    if not text.strip():
        raise EmozooError("an empty path names nothing: name a file or folder, or leave the option or variable out")
    shown = printable(text)
    if "\0" in text:
        raise EmozooError(f"{shown} holds a NUL, which no path does: check where it comes from")
    try:
        text.encode()
    except UnicodeEncodeError:  # the decoders, and JSON, take UTF-8 only
        raise EmozooError(f"{shown} has a name that is not UTF-8: rename it") from None
    home = os.path.expanduser(text)
    if text.startswith("~") and home == text and not os.path.lexists(text):
        raise EmozooError(
            f"{shown}: the system knows no home folder {text.partition('/')[0]}; "
            f"a name that begins with ~ is written ./{shown}"
        )
    try:
        place = Path(home).absolute()
    except OSError:
        raise EmozooError(f"{shown} is in the current folder, which is there no more: change to another") from None
    return Path(os.path.realpath(place)) if ".." in place.parts else place


def cache_root() -> Path:
    """The cache folder: EMOZOO_CACHE, else `emozoo` under XDG_CACHE_HOME or ~/.cache. It may not exist yet."""
    if named := os.environ.get("EMOZOO_CACHE"):
        return user_path(named)
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "emozoo"


def unwritable(folder: Path, error: OSError) -> EmozooError:
    """The error for a cache folder that cannot be written."""
    return EmozooError(
        f"cannot write the cache folder {folder} ({error.strerror or error}): "
        "name a folder that can be written, with room, in the environment variable EMOZOO_CACHE"
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, with the same suffix, for writing. It replaces `path` when the block succeeds,
    and is on the disk by then: a power cut leaves the old file or the new one.

    Raises EmozooError if the folder cannot be written, or is full.
    """
    temporary = path.with_name(f"{PART}{secrets.token_hex(4)}-{path.name[-60:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readable like any file of the user: the system applies the umask, which threads must not change.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except Exception as error:
        if lacks_room(error):
            raise EmozooError(f"cannot write {path}: {FULL}") from error
        if not isinstance(error, OSError):
            raise
        raise EmozooError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `folder`, for filling. It becomes `folder` when the block succeeds. If another process
    has made `folder` meanwhile, that one stays.

    Raises EmozooError if it cannot be written, or the disk is full.
    """
    temporary = folder.with_name(f"{PART}{secrets.token_hex(4)}-{folder.name[-60:]}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    except Exception as error:
        if lacks_room(error):
            raise EmozooError(f"cannot write {folder}: {FULL}") from error
        if not isinstance(error, OSError):
            raise
        raise EmozooError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def cached_folder(folder: Path) -> Iterator[Path]:
    """`atomic_folder` in the cache. Raises EmozooError, with the way out, if the cache cannot be written."""
    try:
        with atomic_folder(folder) as temporary:
            yield temporary
    except EmozooError as error:
        if isinstance(error.__cause__, OSError):
            raise unwritable(folder.parent, error.__cause__) from error
        raise


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk, if the system can tell."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        if path.is_dir():
            with suppress(OSError):  # some network folders cannot
                os.fsync(handle)
        else:
            os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def cores() -> int:
    """How many cores this process may use: EMOZOO_CORES, else as many as the system gives it."""
    named = os.environ.get("EMOZOO_CORES", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
