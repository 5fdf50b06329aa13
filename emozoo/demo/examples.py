"""The clips that the demo page offers: computed voices that its models know, and a face where one takes video."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.data.synthetic.examples import write_clips

if TYPE_CHECKING:
    from emozoo.inference.model import Model

VOICES = {"quick-voice.mp3": "quick voice", "plain-voice.mp3": "plain voice", "low-voice.mp3": "low voice"}
FACE = {"face-and-voice.mp4": "face and voice"}
"""Speech, for models that know real voices; emozoo/demo/voices/README.md says where they are from."""
TOY_VOICES = {
    "angry.wav": "angry voice",
    "happy.wav": "happy voice",
    "neutral.wav": "neutral voice",
    "sad.wav": "sad voice",
}
TOY_FACE = {"happy-then-sad.avi": "video, happy then sad"}
"""Clips as in the dataset toy, for models that were trained on it: no speech detector takes them for speech."""


@dataclass(frozen=True)
class Examples:
    """Clips for one kind of model, with the words on their buttons."""

    title: str
    clips: tuple[tuple[str, Path], ...]


def write_examples(folder: Path, models: Sequence[Model]) -> list[Examples]:
    """Writes the clips for these models into a folder that is made for them."""
    folder.mkdir()
    video = any(model.video for model in models)
    found = []
    if not all(model.synthetic for model in models):
        names = VOICES | (FACE if video else {})
        paths = {name: _copied(name, folder) for name in names}
        found.append(Examples("Or try a computed voice:", tuple((text, paths[name]) for name, text in names.items())))
    if any(model.synthetic for model in models):
        names = TOY_VOICES | (TOY_FACE if video else {})
        paths = {path.name: path for path in write_clips(folder)}
        title = "Or try a clip like those that it was trained on:" if not found else "Or one as in the dataset toy:"
        found.append(Examples(title, tuple((text, paths[name]) for name, text in names.items())))
    return found


def _copied(name: str, folder: Path) -> Path:
    with as_file(files("emozoo") / "demo" / "voices" / name) as source:
        return Path(shutil.copyfile(source, folder / name))
