"""The temporary folder of a demo page. It is deleted when the page ends, or after a crash, when the next page starts."""

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

PREFIX = "emozoo-demo-"
LOCK = "lock"
FILES = "files"
"""What is in the folder. The lock is made before the files, and held as long as the page runs."""


@contextmanager
def page_folder() -> Iterator[Path]:
    """An empty folder, deleted at the end of the block. Raises EmozooError if it cannot be made."""
    remove_left_behind()
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = FileLock(place / LOCK, timeout=0)
        lock.acquire()
        (place / FILES).mkdir(0o700)
    except OSError as error:
        raise EmozooError(
            f"{tempfile.gettempdir()} cannot hold a folder for the page ({error.strerror}): name another place in TMPDIR"
        ) from error
    try:
        yield place / FILES
    finally:
        shutil.rmtree(place / FILES, ignore_errors=True)
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def remove_left_behind() -> None:
    """Deletes the folders of this user's pages that were killed: those whose lock is free."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if not _is_ours(place) or not _is_ours(place / FILES):
                continue
            with FileLock(place / LOCK, timeout=0):
                shutil.rmtree(place / FILES, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)
        except (OSError, Timeout):  # its page runs, or another process removes it
            continue


def _is_ours(place: Path) -> bool:
    """Whether it is a folder of this user, and not a link."""
    found = place.lstat()
    return stat.S_ISDIR(found.st_mode) and (os.name != "posix" or found.st_uid == os.getuid())
