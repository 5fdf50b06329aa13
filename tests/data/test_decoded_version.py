"""Decoded clips are kept on the user's disk: whoever changes what decoding gives raises `DECODER_VERSION`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.make_media import write_sound
from support.places import CASES

from emozoo.data.decoding import DECODER_VERSION
from emozoo.media.decoders.video import Video
from emozoo.media.reading import read_audio

MEDIA = CASES / "media"

WANTED: dict[int, dict[str, list[float]]] = {
    1: {
        "wav 16": [20000, 0.0271, 0.0398, 0.0533, 0.0663, 0.0794, 0.0929],
        "wav 44": [7257, 0.0158, 0.0236, 0.0321, 0.04, 0.0471, 0.0536],
        "wav 8": [40000, 0.0263, 0.0387, 0.052, 0.0643, 0.0776, 0.0899],
        "offset": [20000, 0.0271, 0.0398, 0.0533, 0.0663, 0.0794, 0.0929],
        "chained_two.opus": [102400, 0.0813, 0.058, 0.094, 0.0813, 0.058, 0.094],
        "lyrics3.mp3": [51840, 0.0856, 0.0845, 0.0814, 0.0205, 0.116, 0.0674],
        "m4a_first_packet_damaged.m4a": [50859, 0.0841, 0.086, 0.0803, 0.0199, 0.1162, 0.0679],
        "frames": [17, 0.4677, 0.5719, 0.679, 0.7768, 0.8, 0.8],
    }
}
"""By version: how many samples or frames there are, and how loud or bright each of six parts is."""


def decoded(folder: Path) -> dict[str, list[float]]:
    draw = np.random.default_rng(0)
    voice = draw.normal(0, 0.1, (20_000, 1)).astype(np.float32) * np.linspace(0.2, 1, 20_000)[:, None]
    voice -= voice.mean()
    sounds = {
        "wav 16": write_sound(folder / "16.wav", voice, 16_000),
        "wav 44": write_sound(folder / "44.wav", voice, 44_100),
        "wav 8": write_sound(folder / "8.wav", voice, 8_000),
        "offset": write_sound(folder / "offset.wav", voice + 0.2, 16_000),
        **{name: MEDIA / name for name in ("chained_two.opus", "lyrics3.mp3", "m4a_first_packet_damaged.m4a")},
    }
    found = {name: summary(read_audio(path)) for name, path in sounds.items()}
    return found | {"frames": summary(Video(MEDIA / "trimmed_edit_list.mp4").frames(0.0, 40_000) / 255)}


def summary(values: np.ndarray) -> list[float]:
    parts = np.array_split(values.astype(np.float64), 6)
    return [len(values), *(round(float(np.sqrt((part**2).mean())), 4) for part in parts)]


def test_what_decoding_gives_changes_with_its_version_only(tmp_path: Path) -> None:
    found, wanted = decoded(tmp_path), WANTED[DECODER_VERSION]
    assert found.keys() == wanted.keys()
    for name, numbers in found.items():
        assert numbers == pytest.approx(wanted[name], abs=1e-3), (
            f"{name}: decoded clips differ: if that is meant, raise DECODER_VERSION and note the new numbers"
        )
