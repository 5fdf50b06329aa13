"""Files become sound, frames and windows. Decoders run in processes of their own, behind this door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.media.reading import Clip, read_audio, read_clip, stream_audio

__all__ = [
    "Clip",
    "read_audio",
    "read_clip",
    "stream_audio",
]

__getattr__ = hand_on(
    __name__,
    {
        "Clip": "reading",
        "read_audio": "reading",
        "read_clip": "reading",
        "stream_audio": "reading",
    },
)
