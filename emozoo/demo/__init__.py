"""The demo page: answers clips in the browser, with one or several models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.demo.answer import Limits
    from emozoo.demo.server import serve

__all__ = [
    "Limits",
    "serve",
]

__getattr__ = hand_on(
    __name__,
    {
        "Limits": "answer",
        "serve": "server",
    },
)
