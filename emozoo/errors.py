"""Errors in one sentence: a user's mistake, a plugin that fails, a machine without memory or disk space."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOMEM, ENOSPC
from pathlib import Path


class EmozooError(Exception):
    """A user's mistake or a bad file: one line that names the thing and the way out. The command line exits with 2.

    Line breaks, as names of files may have them, become escapes."""

    def __init__(self, message: str = "") -> None:
        super().__init__("\\n".join(str(message).splitlines()))


MEMORY = re.compile(
    r"out of memory|(can't|cannot) allocate memory|not enough memory|bad_alloc|ALLOC_FAILED", re.IGNORECASE
)
"""Messages of CUDA, MPS, cuDNN, cuBLAS, the CPU's allocator and C++ when memory is out."""
ROOM = re.compile(r"no space left|disk quota exceeded|file too large|os error (28|122|27)\b", re.IGNORECASE)
LOST = re.compile(
    r"gloo.*(clos|reset|refused|broken|time|heartbeat)|connection (was )?(likely )?(closed|reset)|remote process exited|"
    r"NCCL.*(remote|system|timeout|abort)|TCPStore",
    re.IGNORECASE | re.DOTALL,
)
"""Messages of gloo, NCCL and torch when another process of a training is gone."""
HERE = Path(__file__).parent
FULL = "there is no room left: make some, or name another place"


def lacks_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, on a CPU or a GPU."""
    if error is None:
        return False
    if isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == ENOMEM:
        return True
    return isinstance(error, RuntimeError) and bool(MEMORY.search(str(error)))


def lacks_room(error: BaseException | None) -> bool:
    """Whether a disk is full, also if a library that is not Python says so."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (ENOSPC, EDQUOT, EFBIG)
    return bool(ROOM.search(str(error)))


def lost_process(error: BaseException | None) -> bool:
    """Whether another process that trains together with this one is gone."""
    return isinstance(error, RuntimeError) and bool(LOST.search(str(error)))


def of_the_machine(error: BaseException) -> str | None:
    """One sentence for an error of the machine, such as full memory or a file that cannot be read; None for other errors."""
    if error.__cause__ is not None and not isinstance(error, OSError | MemoryError):
        return of_the_machine(error.__cause__)
    if lost_process(error):
        return (
            "another process of this training has ended, or its machine cannot be reached: give the same commands again "
            "on every machine, with --resume"
        )
    if lacks_memory(error):
        return "there is too little memory for this: close other programs, or give it less at a time"
    if lacks_room(error):
        return f"{error.filename}: {FULL}" if isinstance(error, OSError) and error.filename else FULL
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return None


@contextmanager
def blamed(plugin: str, what: str) -> Iterator[None]:
    """Errors of a plugin's code in the block become an EmozooError: `plugin` `what`, and why."""
    try:
        yield
    except EmozooError:
        raise
    except Exception as error:
        if lacks_memory(error) or lacks_room(error) or lost_process(error):
            raise
        raise EmozooError(f"{plugin} {what}: {brief(error)}") from error


def brief(error: BaseException) -> str:
    """An exception in one line: its type, the beginning of its message, and the last line of code outside of libraries."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else f"{text[:297]}..."
    if isinstance(error, EmozooError):  # its message is for users
        return text
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        ours = Path(file).is_relative_to(HERE)
        if not ours and not file.startswith("<") and f"{os.sep}torch{os.sep}" not in file:
            place = f" ({Path(file).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {text}{place}"
