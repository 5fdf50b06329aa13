"""What changes the whole process for a while, such as where standard output goes, when several threads ask for it at once.

Were each thread to keep what it found and put it back, the last to leave would put back what another had set, for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class Together:
    """A context that the first thread to come enters and the last one to go leaves; the others share it meanwhile."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make, self._lock, self._inside = make, threading.Lock(), 0

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
