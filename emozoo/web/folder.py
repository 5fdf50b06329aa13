"""A temporary folder for what strangers give to a server. It is deleted when the server ends, or after a crash, when the
next server of its kind starts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from emozoo.errors import EmozooError

LOCK = "lock"
FILES = "files"
"""What is in the folder. The lock is made before the files, and held as long as the server runs."""


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """An empty folder that only this user can read, deleted at the end of the block. `prefix` begins its name, and tells one
    kind of server from another. Raises EmozooError if it cannot be made."""
    remove_left_behind(prefix)
    try:
        place = Path(tempfile.mkdtemp(prefix=prefix))
        lock = FileLock(place / LOCK, timeout=0)
        lock.acquire()
        (place / FILES).mkdir(0o700)
    except OSError as error:
        raise EmozooError(
            f"{tempfile.gettempdir()} cannot hold a temporary folder ({error.strerror}): name another place in TMPDIR"
        ) from error
    try:
        yield place / FILES
    finally:
        shutil.rmtree(place / FILES, ignore_errors=True)
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def remove_left_behind(prefix: str) -> None:
    """Deletes the folders of this user's servers that were killed: those whose lock is free."""
    for place in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            if not _is_ours(place) or not _is_ours(place / FILES):
                continue
            with FileLock(place / LOCK, timeout=0):
                shutil.rmtree(place / FILES, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)
        except (OSError, Timeout):  # its server runs, or another process removes it
            continue


def _is_ours(place: Path) -> bool:
    """Whether it is a folder of this user, and not a link."""
    found = place.lstat()
    return stat.S_ISDIR(found.st_mode) and (os.name != "posix" or found.st_uid == os.getuid())
