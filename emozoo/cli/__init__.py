"""The command line: `emozoo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.cli.app import main

__all__ = [
    "main",
]

__getattr__ = hand_on(
    __name__,
    {
        "main": "app",
    },
)
