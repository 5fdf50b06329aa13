"""Reads the sound and the frames of media files. The names here are public; the modules may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.media.files import find_files
    from emozoo.media.preparation import Preparation
    from emozoo.media.reading import Clip, has_sound, has_video, read_audio, read_clip, stream_audio

__all__ = [
    "Clip",
    "Preparation",
    "find_files",
    "has_sound",
    "has_video",
    "read_audio",
    "read_clip",
    "stream_audio",
]

__getattr__ = hand_on(
    __name__,
    {
        "Clip": "reading",
        "Preparation": "preparation",
        "find_files": "files",
        "has_sound": "reading",
        "has_video": "reading",
        "read_audio": "reading",
        "read_clip": "reading",
        "stream_audio": "reading",
    },
)
