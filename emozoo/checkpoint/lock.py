"""A run's folder is locked while a process works there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from pathlib import Path

from emozoo.errors import EmozooError

log = logging.getLogger("emozoo")
LOCK = ".lock"
LOGS = "logs"


class AtWork(EmozooError):
    """Another process is at work in a folder."""


@contextmanager
def locked(folder: Path, shown: str, waits: float = 0.0) -> Iterator[None]:
    """Holds `folder`, called `shown`, for this process: nobody else may lock it before the block or the process ends. Makes
    the folder, and removes it again where it stays empty. It waits so many seconds for another process. Goes on
    with a warning where the file system has no locks.

    Raises AtWork where another process is at work there, and EmozooError for a folder that cannot be written.
    """
    from filelock import FileLock, Timeout

    made = not folder.exists()
    lock = FileLock(folder / LOCK, timeout=waits)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise AtWork(
            f"another training or evaluation is at work in {shown}: wait until it ends, or name another --output"
        ) from None
    except (OSError, NotImplementedError) as error:
        if not folder.is_dir() or getattr(error, "errno", None) in (EACCES, EPERM, EROFS):
            raise EmozooError(f"cannot write {shown}: {getattr(error, 'strerror', None) or error}") from error
        log.warning("%s is on a file system without locks: see that nothing else is trained there", shown)
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()  # before it is released, lest it be another's by then
        lock.release()
        if made:
            with suppress(OSError):  # where anything is in it
                folder.rmdir()


def is_held(folder: Path) -> bool:
    """Whether a process is at work in `folder`."""
    if not (folder / LOCK).exists():
        return False
    try:
        with locked(folder, str(folder)):
            return False
    except AtWork:
        return True
