"""Temporary changes of the whole process, such as of standard output, that several threads share.

If each thread restored what it found, the last one would restore what another had set, for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class SharedContext:
    """A context that the first thread enters and the last thread leaves; the others share it meanwhile."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                context = self._make()
                context.__enter__()
                self._context = context
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._context.__exit__(None, None, None)
