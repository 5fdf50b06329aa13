"""Reads RAVDESS as it is unpacked: what each recording is stands in its file name.

No sound or picture is opened here. Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and
Song", PLoS ONE 13(5), 2018.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from emozoo.data.corpus import FEATURES, SOUNDS, VIDEOS, Corpus, row
from emozoo.errors import EmozooError

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgusted",
    "08": "surprised",
}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}

log = logging.getLogger("emozoo")

_STEM = re.compile(
    r"(?P<modality>0[123])-(?P<take>(?P<channel>0[12])-(?P<emotion>0[1-8])-0[12]-(?P<statement>0[12])-0[12]-"
    r"(?P<actor>0[1-9]|1\d|2[0-4]))"
)


class Ravdess(datasets.GeneratorBasedBuilder):
    """One row of `FEATURES` for each spoken take that has sound, in the split `train`.

    A take comes as up to three files: `01-` sound and picture, `02-` picture, `03-` sound. They make one row, as do
    copies of a file in several folders. `config.data_dir` is any folder around the files. Preparing raises EmozooError
    where there are none.
    """

    VERSION = datasets.Version("1.0.0")

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES, homepage="https://zenodo.org/records/1188976")

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # Read here and not in the generator, where datasets would wrap a user's mistake in an error of its own.
        rows = tuple(_read(Path(self.config.data_dir)))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _read(folder: Path) -> list[dict[str, Any]]:
    """The rows, by actor and take; one warning counts what was left out."""
    sounds: dict[str, Path] = {}
    videos: dict[str, Path] = {}  # with sound
    silent: dict[str, Path] = {}
    strange: list[str] = []
    songs: list[str] = []
    copies: list[str] = []
    for path in _media_files(folder):
        match = _STEM.fullmatch(path.stem)
        if match is None:
            if path.parent.name.lower().startswith("actor_"):  # elsewhere it is no business of this corpus
                strange.append(path.name)
        elif match["channel"] == "02":
            songs.append(path.name)
        else:
            heard = match["modality"] == "03" or path.suffix.lower() in SOUNDS
            kind = sounds if heard else videos if match["modality"] == "01" else silent
            first = kind.setdefault(match["take"], path)
            if first is not path and first.name.lower() == path.name.lower():
                copies.append(path.name)
    rows = []
    for take in sorted(sounds.keys() | videos.keys(), key=lambda take: (take[-2:], take)):
        video = videos.get(take) or (silent.get(take) if take in sounds else None)
        rows.append(_row(take, str(sounds.get(take) or video), str(video or "")))
    if not rows:
        raise EmozooError(
            f"no speech of RAVDESS in {folder}: looked for files such as Actor_01/03-01-05-01-02-01-01.wav (or .mp4) "
            f"in it and every folder below" + (f"; the {len(songs)} songs there are not used" if songs else "")
        )
    if songs or copies:
        told = [f"{len(songs)} songs, such as {min(songs)}, are not used"] if songs else []
        told += [f"{len(copies)} files, such as {min(copies)}, are there twice and count once"] if copies else []
        log.info("%s: %s", folder, "; ".join(told))
    lost = []
    if strange:
        lost.append(f"{len(strange)} files are not named like a recording, such as {min(strange)}")
    if mute := silent.keys() - sounds.keys() - videos.keys():
        lost.append(f"{len(mute)} recordings have a picture and no sound, such as 02-{min(mute)}")
    if lost:
        log.warning("%s: left out: %s", folder, "; ".join(lost))
    return rows


def _media_files(folder: Path) -> list[Path]:
    """All sound and video files below `folder`: best ending first, then by path; no `._*` companions of macOS."""
    endings = SOUNDS + VIDEOS
    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name.lower().endswith(endings)
    ]
    return sorted(found, key=lambda path: (endings.index(path.suffix.lower()), path))


def _row(take: str, audio_path: str, video_path: str) -> dict[str, Any]:
    match = _STEM.fullmatch(f"03-{take}")
    assert match is not None
    actor = match["actor"]
    return row(
        utterance_id=take,
        speaker=f"Actor_{actor}",
        gender="M" if int(actor) % 2 else "F",
        emotion=EMOTIONS[match["emotion"]],
        transcript=STATEMENTS[match["statement"]],
        audio_path=audio_path,
        video_path=video_path,
    )


corpus = Corpus(
    name="ravdess",
    builder=Ravdess,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="group-5",
    environment="EMOZOO_RAVDESS",
    obtain=(
        "Download Audio_Speech_Actors_01-24.zip, and for video Video_Speech_Actor_01.zip to _24.zip, from "
        "https://zenodo.org/records/1188976 (no registration) and unpack them into one folder."
    ),
    licence="CC BY-NC-SA 4.0",
    language="en",
    summary="1,440 recordings of 24 actors who speak two sentences in 8 emotions, sound and video",
    citation=(
        "S. R. Livingstone and F. A. Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), "
        "PLoS ONE 13(5), e0196391 (2018)"
    ),
)
