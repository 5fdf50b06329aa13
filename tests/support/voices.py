"""Computed voices that a speech detector takes for speech, as the demo page offers them. Not a test itself."""

from __future__ import annotations

from pathlib import Path

from emozoo.media.reading import read_audio
from emozoo.media.window import SAMPLING_RATE
from support.make_media import write_sound
from support.places import ROOT

VOICES = ROOT / "emozoo" / "demo" / "voices"
QUICK, PLAIN, LOW, FACE = (
    VOICES / name for name in ("quick-voice.mp3", "plain-voice.mp3", "low-voice.mp3", "face-and-voice.mp4")
)


def write_voice(path: Path, source: Path = PLAIN, start: float = 0.0) -> Path:
    """A voice from a second on, as a sound file of the path's kind."""
    sound = read_audio(source)[round(start * SAMPLING_RATE) :]
    return write_sound(path, sound[:, None], SAMPLING_RATE)
