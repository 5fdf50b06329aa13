"""The machine: where emozoo keeps what it can make again, how a file is written so that a crash leaves the old one or the
new one, and how many cores there are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emozoo.errors import EmozooError


def cache_root() -> Path:
    """The cache folder: EMOZOO_CACHE, else `emozoo` under XDG_CACHE_HOME or ~/.cache. It may not exist yet."""
    if named := os.environ.get("EMOZOO_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emozoo"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` (same suffix) to write; it takes `path`'s place when the block ends well.

    Raises EmozooError where the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{path.stem}-{secrets.token_hex(6)}{path.suffix}"
        # Not tempfile's, which is private: a result is as readable as any file that the user writes. (To ask what that is,
        # umask would have to be changed, for other threads' files, too.)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise EmozooError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise EmozooError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
