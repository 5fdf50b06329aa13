"""RAVDESS as it is unpacked: the file names say what each recording is. No audio or video is opened here.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLoS ONE 13(5), 2018.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emozoo.data.corpus import SOUNDS, VIDEOS, Corpus, Download, RemoteFile, RowsBuilder, row
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


class Ravdess(RowsBuilder):
    """One row of `FEATURES` for each spoken take that has audio.

    A take comes as up to three files: `01-` audio and video, `02-` video, `03-` audio. They make one row, as do copies of
    a file in several folders. `config.data_dir` is any folder around the files. Preparing raises EmozooError if there are
    none.
    """

    HOMEPAGE = "https://zenodo.org/records/1188976"

    def read(self, folder: Path) -> list[dict[str, Any]]:
        return read(folder)


def read(folder: Path) -> list[dict[str, Any]]:
    """The rows, by actor and take; one warning counts what was left out."""
    found = _find(folder)
    rows = []
    for take in sorted(found.sounds.keys() | found.videos.keys(), key=lambda take: (take[-2:], take)):
        video = found.videos.get(take) or (found.silent.get(take) if take in found.sounds else None)
        rows.append(_row(take, str(found.sounds.get(take) or video), str(video or "")))
    if not rows:
        songs = f"; the {len(found.songs)} songs there are not used" if found.songs else ""
        raise EmozooError(
            f"no speech of RAVDESS in {folder}: looked for files such as Actor_01/03-01-05-01-02-01-01.wav (or .mp4) "
            f"in it and every folder below{songs}"
        )
    found.tell(folder)
    return rows


@dataclass(frozen=True)
class _Found:
    """The files of a folder: paths by take, and the names of files that are not used."""

    sounds: dict[str, Path] = field(default_factory=dict)
    videos: dict[str, Path] = field(default_factory=dict)
    """With audio."""
    silent: dict[str, Path] = field(default_factory=dict)
    """Videos without audio."""
    strange: list[str] = field(default_factory=list)
    songs: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)

    def tell(self, folder: Path) -> None:
        """Logs what was left out, in a line or two."""
        told = []
        if self.songs:
            told.append(f"{len(self.songs)} songs, such as {min(self.songs)}, are not used")
        if self.copies:
            told.append(f"{len(self.copies)} files, such as {min(self.copies)}, are there twice and count once")
        if told:
            log.info("%s: %s", folder, "; ".join(told))
        lost = []
        if self.strange:
            lost.append(f"{len(self.strange)} files are not named like a recording, such as {min(self.strange)}")
        if mute := self.silent.keys() - self.sounds.keys() - self.videos.keys():
            lost.append(f"{len(mute)} recordings have video and no audio, such as 02-{min(mute)}")
        if lost:
            log.warning("%s: left out: %s", folder, "; ".join(lost))


def _find(folder: Path) -> _Found:
    found = _Found()
    for path in _media_files(folder):
        match = _STEM.fullmatch(path.stem)
        if match is None:
            if path.parent.name.lower().startswith("actor_"):  # elsewhere the file belongs to something else
                found.strange.append(path.name)
            continue
        if match["channel"] == "02":
            found.songs.append(path.name)
            continue
        if match["modality"] == "03" or path.suffix.lower() in SOUNDS:
            kind = found.sounds
        else:
            kind = found.videos if match["modality"] == "01" else found.silent
        first = kind.setdefault(match["take"], path)
        if first is not path and first.name.lower() == path.name.lower():
            found.copies.append(path.name)
    return found


def _media_files(folder: Path) -> list[Path]:
    """All audio and video files below `folder`: best ending first, then by path; no `._*` files of macOS."""
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
        sentence=match["statement"],
        language="en",
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
    summary="1,440 recordings of 24 actors who speak two sentences in 8 emotions, audio and video",
    at_once="--dataset ravdess (free to download, audio and video)",
    download=Download(
        page="https://zenodo.org/records/1188976",
        licence="CC BY-NC-SA 4.0",
        terms="https://creativecommons.org/licenses/by-nc-sa/4.0/",
        commercial=False,
        files=(
            RemoteFile(
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                "Audio_Speech_Actors_01-24.zip",
                size=208_468_073,
                checksum="md5:bc696df654c87fed845eb13823edef8a",
                unpack=True,
            ),
        ),
    ),
    citation=(
        "S. R. Livingstone and F. A. Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), "
        "PLoS ONE 13(5), e0196391 (2018)"
    ),
)
