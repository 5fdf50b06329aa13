"""The temporary folder of a demo page: gone when the page ends, and if its process was killed, when the next one starts."""

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
"""What is in the folder. The lock is held as long as the page lives, and is there before the files are."""


@contextmanager
def page_folder() -> Iterator[Path]:
    """An empty folder for as long as the block lasts. Raises EmozooError where none can be made."""
    remove_left_behind()
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = FileLock(place / LOCK, timeout=0)
        lock.acquire()
        (place / FILES).mkdir(0o700)
    except OSError as error:
        raise EmozooError(
            f"{tempfile.gettempdir()} holds no folder for the page ({error.strerror}): TMPDIR names another place"
        ) from error
    try:
        yield place / FILES
    finally:
        shutil.rmtree(place / FILES, ignore_errors=True)
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def remove_left_behind() -> None:
    """Deletes the folders of this user's pages that were killed: nobody holds their lock any more."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if not _is_ours(place) or not _is_ours(place / FILES):
                continue
            with FileLock(place / LOCK, timeout=0):
                shutil.rmtree(place / FILES, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)
        except (OSError, Timeout):  # it lives, or is being removed by another
            continue


def _is_ours(place: Path) -> bool:
    """Whether it is a folder of this user, and no link to one."""
    found = place.lstat()
    return stat.S_ISDIR(found.st_mode) and (os.name != "posix" or found.st_uid == os.getuid())
