"""The HTTP service: answers files, embeddings and streams, with one or several models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.serve.limits import Limits
    from emozoo.serve.server import serve

__all__ = [
    "Limits",
    "serve",
]

__getattr__ = hand_on(
    __name__,
    {
        "Limits": "limits",
        "serve": "server",
    },
)
