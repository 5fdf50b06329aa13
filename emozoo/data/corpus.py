"""The contract of a dataset plugin: what a corpus says of itself, and the columns of its rows.

No file is read here; a corpus' own module does that, and `emozoo.data.loading` decodes what the rows name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from emozoo.architecture import CONTRACT_VERSION, version_problem
from emozoo.media.window import Crop

FEATURES = datasets.Features(
    {
        "utterance_id": datasets.Value("string"),
        "dialogue": datasets.Value("string"),
        "session": datasets.Value("string"),
        "speaker": datasets.Value("string"),
        "gender": datasets.Value("string"),
        "emotion": datasets.Value("string"),
        "valence": datasets.Value("float32"),
        "activation": datasets.Value("float32"),
        "dominance": datasets.Value("float32"),
        "transcript": datasets.Value("string"),
        "audio_path": datasets.Value("string"),
        "video_path": datasets.Value("string"),
        "start": datasets.Value("float64"),
        "end": datasets.Value("float64"),
        "side": datasets.Value("string"),
        "split": datasets.Value("string"),
        "corpus": datasets.Value("string"),
    }
)
"""The columns of every corpus' rows. One row is one utterance.

An unknown text is "", an unknown rating NaN. `start` and `end` are seconds, -1 for the whole file: times within the
file where audio and video are one file or only one of them is known; where `audio_path` differs from `video_path`, the
audio file is the utterance itself and the times are the video's. `side` is a key of `SIDE_CROPS`. `corpus` tells the rows
of several collections apart, where a dataset is made of them; a builder may leave the column out.
"""

SIDE_CROPS: dict[str, Crop | None] = {
    "": None,
    "left": Crop(top=112 / 480, bottom=368 / 480, left=0.0, right=0.5),
    "right": Crop(top=112 / 480, bottom=368 / 480, left=0.5, right=1.0),
}
"""The part of the picture that shows the speaker: the whole of it, or half of a film of two people.

The halves are those of 720x480 pictures whose rows 112 to 368 show two people, one each side of column 360.
"""

SOUNDS = (
    ".wav", ".wave", ".flac", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".wv", ".opus", ".ogg", ".oga", ".m4a",
    ".mka", ".aac", ".mp3", ".mp2", ".ac3", ".wma", ".amr",
)  # fmt: skip
"""Endings of sound files. Of several copies of a recording, corpora read the one whose ending comes first."""
VIDEOS = (
    ".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ogv", ".wmv", ".asf", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp",
)  # fmt: skip
"""Endings of video files."""

_UNKNOWN: dict[str, Any] = {
    name: {"string": "", "float32": float("nan"), "float64": -1.0}[feature.dtype] for name, feature in FEATURES.items()
}


def row(**known: Any) -> dict[str, Any]:
    """A row of `FEATURES`: the columns that a corpus knows, and "", NaN or -1 in the others.

    Raises TypeError for a name that is no column.
    """
    strangers = known.keys() - FEATURES.keys()
    if strangers:
        raise TypeError(f"not a column of a corpus: {', '.join(sorted(strangers))}")
    return {**_UNKNOWN, **known}


@dataclass(frozen=True)
class Corpus:
    """A dataset that emozoo can read: the object that an entry point of the group `emozoo.datasets` names.

    `builder` yields rows in `FEATURES`; its `config.data_dir` is the corpus' folder (or file).
    `labels` is the label set used where none is asked for, in order; empty means every label of the rows, sorted.
    `protocol` is the corpus' usual way to split: session, speaker, group-K, random or split.
    `environment` names the environment variable that holds the folder; `obtain` says in a sentence how to get the data.
    `write` makes the data in an empty folder, for a corpus that is made rather than obtained.
    """

    name: str
    builder: type[datasets.GeneratorBasedBuilder]
    labels: tuple[str, ...] = ()
    protocol: str = "group-5"
    environment: str = ""
    obtain: str = ""
    licence: str = ""
    language: str = ""
    summary: str = ""
    citation: str = ""
    write: Callable[[Path], None] | None = None
    contract: int = CONTRACT_VERSION


def corpus_problem(corpus: object, entry_name: str) -> str | None:
    """The first way in which `corpus` breaks the contract, as a sentence; None where it keeps it."""
    if not isinstance(corpus, Corpus):
        return f"the entry point gives a {type(corpus).__name__}, not an emozoo.data.corpus.Corpus"
    if problem := version_problem(corpus.contract):
        return problem
    if corpus.name != entry_name:
        return f"the entry point is named {entry_name!r}, the corpus {corpus.name!r}: they must agree"
    if not (isinstance(corpus.builder, type) and issubclass(corpus.builder, datasets.GeneratorBasedBuilder)):
        return "builder is not a datasets.GeneratorBasedBuilder"
    return None
