"""CREMA-D as it is published: what each recording is stands in its file name. Cao et al., 2014."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, Corpus, Download, Listing, RemoteFile, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, keep, media_files, number, read_table

EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
GENDERS = {"male": "M", "female": "F"}
VOICE, BOTH = "1", "3"
"""How the numbers of the table of votes begin: of raters who only heard a recording, and of those who also saw it."""
OBTAIN = (
    "Clone https://github.com/CheyneyComputerScience/CREMA-D with git-lfs installed (free, no registration); of it the "
    "folder AudioWAV is needed, for the actors' gender and age VideoDemographics.csv, and for the raters' votes "
    "processedResults/tabulatedVotes.csv; for video, convert VideoFlash to MP4."
)

LARGE = "media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master"
SMALL = "raw.githubusercontent.com/CheyneyComputerScience/CREMA-D/master"

_STEM = re.compile(
    r"(?P<actor>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>XX?|LO|MD|HI)", re.IGNORECASE
)


class CremaD(RowsBuilder):
    """One row for each recording, by actor and take. Its emotion is the one that was asked for; votes are those of raters
    who had what the row has, the sound or both sound and picture.

    AudioWAV is preferred for the sound to AudioMP3, and either to the sound track of a video. The Flash videos of VideoFlash
    cannot be read; copies of them in MP4, or what else emozoo reads, are the video.
    """

    def read(self, folder: Path) -> list[dict[str, object]]:
        sounds: dict[str, Path] = {}
        videos: dict[str, Path] = {}
        lost = Lost()
        for path in media_files(folder):
            match = _STEM.fullmatch(path.stem)
            if match and match["emotion"].upper() in EMOTIONS and match["sentence"].upper() in SENTENCES:
                keep(sounds if path.suffix.lower() in SOUNDS else videos, path.stem.upper(), path, lost)
            elif match or path.parent.name.lower().startswith(("audio", "video")):
                lost.add("files are not named like a recording", path.name)
        if not sounds and not videos:
            raise EmozooError(
                f"no recording of CREMA-D in {folder}: looked for files such as AudioWAV/1001_DFA_ANG_XX.wav in it and "
                f"every folder below. {OBTAIN}"
            )
        actors = _actors(folder)
        votes = _votes(folder)
        rows = []
        for take in sorted(sounds.keys() | videos.keys()):
            actor, sentence, emotion, _ = take.split("_")
            gender, age = actors.get(actor, ("", ""))
            rows.append(
                row(
                    utterance_id=take,
                    speaker=actor,
                    gender=gender,
                    age=age,
                    language="en",
                    emotion=EMOTIONS[emotion],
                    votes=votes.get((BOTH if take in videos else VOICE, take), ""),
                    transcript=SENTENCES[sentence],
                    sentence=sentence,
                    audio_path=str(sounds.get(take) or videos[take]),
                    video_path=str(videos.get(take, "")),
                )
            )
        lost.tell(folder)
        return rows


def _listed(tree: Any) -> list[RemoteFile]:
    """What is read, of the answer of GitHub's API. Recordings are in Git LFS, tables are not."""
    paths = [each["path"] for each in tree["tree"] if each["type"] == "blob"]
    if tree.get("truncated") and not any(path > "AudioWAV0" for path in paths):  # paths are sorted
        raise EmozooError("GitHub does not list all files of CREMA-D: clone it with git-lfs")
    sounds = [path for path in paths if path.startswith("AudioWAV/") and path.endswith(".wav")]
    tables = [path for path in paths if path in ("VideoDemographics.csv", "processedResults/tabulatedVotes.csv")]
    return [RemoteFile(f"https://{LARGE}/{path}", path) for path in sounds] + [
        RemoteFile(f"https://{SMALL}/{path}", path) for path in tables
    ]


def _actors(folder: Path) -> dict[str, tuple[str, str]]:
    """M or F, and the age, by actor, where the table of the actors is there."""
    for path in find_files(folder, "videodemographics.csv")[:1]:
        table = read_table(path, ("ActorID", "Sex"), optional=("Age",))
        return {line["ActorID"]: (GENDERS.get(line["Sex"].lower(), ""), line.get("Age", "")) for line in table}
    return {}


def _votes(folder: Path) -> dict[tuple[str, str], dict[str, float]]:
    """How many raters chose each emotion, by `VOICE` or `BOTH` and take, where the table of votes is there."""
    letters = {word[0]: emotion for word, emotion in EMOTIONS.items()}
    votes = {}
    for path in find_files(folder, "tabulatedvotes.csv")[:1]:
        for line in read_table(path, ("", "fileName", *letters)):
            counts = {emotion: number(line[letter]) for letter, emotion in letters.items()}
            if all(count >= 0 for count in counts.values()):
                votes[line[""][:1], line["fileName"].upper()] = counts
    return votes


corpus = Corpus(
    name="crema_d",
    builder=CremaD,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="group-5",
    environment="EMOZOO_CREMA_D",
    obtain=OBTAIN,
    licence="Open Database License (ODbL) 1.0, its contents Database Contents License (DbCL) 1.0",
    language="en",
    summary="7,442 recordings of 91 actors who speak twelve sentences in 6 emotions, audio and video",
    citation=(
        "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, CREMA-D: Crowd-sourced Emotional "
        "Multimodal Actors Dataset, IEEE Transactions on Affective Computing 5(4), 377-390 (2014)"
    ),
    download=Download(
        page="https://github.com/CheyneyComputerScience/CREMA-D",
        licence="Open Database License (ODbL) 1.0, its contents Database Contents License (DbCL) 1.0",
        terms="https://opendatacommons.org/licenses/odbl/1-0/",
        commercial=True,
        listing=Listing(
            "https://api.github.com/repos/CheyneyComputerScience/CREMA-D/git/trees/master?recursive=1", _listed
        ),
        size=610_000_000,
    ),
)
