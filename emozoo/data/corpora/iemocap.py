"""The IEMOCAP release as it is unpacked: labels, transcripts, and each utterance's files. No audio or video is opened here.

Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", 2008.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.data.corpus import SOUNDS, VIDEOS, Corpus, RowsBuilder, row
from emozoo.errors import EmozooError

RELEASE = "IEMOCAP_full_release"
EMOTIONS = {
    "neu": "neutral",
    "hap": "happy",
    "ang": "angry",
    "sad": "sad",
    "exc": "excited",
    "fru": "frustrated",
    "sur": "surprised",
    "fea": "fearful",
    "dis": "disgusted",
    "oth": "other",
    "xxx": "undecided",
}
"""The words of the label files, and ours. For `xxx`, the raters found no majority."""
VOTES = {
    "neutral": "neutral",
    "neutral state": "neutral",
    "happiness": "happy",
    "anger": "angry",
    "sadness": "sad",
    "excited": "excited",
    "frustration": "frustrated",
    "surprise": "surprised",
    "fear": "fearful",
    "disgust": "disgusted",
    "other": "other",
}
"""The words of single raters, in small letters, and ours."""

LEVELS = 3
"""How many levels of folders are searched for the sessions, counting the named one."""

_SESSION = re.compile(r"session[ _-]?\d+", re.IGNORECASE)
_NUMBER = r"\d+(?:\.\d+)?"
_LABEL = re.compile(
    rf"\[(?P<start>{_NUMBER}) - (?P<end>{_NUMBER})\]\s+(?P<id>Ses\d\d[FM]_\w+_[FM][A-Z\d]+)\s+(?P<word>\w+)\s+"
    rf"\[(?P<valence>{_NUMBER}), (?P<activation>{_NUMBER}), (?P<dominance>{_NUMBER})\]"
)
_TRANSCRIPT = re.compile(r"(?P<id>Ses\d\d[FM]_\w+) \[[\d.]+-[\d.]+\]: ?(?P<text>.*)")
_VOTE = re.compile(r"C-E\d+:(?P<words>[^()]*)")  # C-F1 and C-M1 are the actors' own answers
_NOT_A_LABEL = ("%", "C-", "A-")  # the heading, and the answers of single raters


class Iemocap(RowsBuilder):
    """One row of `FEATURES` for each labelled utterance that has an audio file.

    `config.data_dir` is the folder `IEMOCAP_full_release`, with all or some of its sessions, a folder around it, or one
    of its sessions. Audio and video may have been converted to other formats. Preparing raises EmozooError if that folder
    holds no release, or none of its utterances has an audio file. What cannot be read costs only its utterance; one
    warning counts it all.
    """

    HOMEPAGE = "https://sail.usc.edu/iemocap/"

    def read(self, folder: Path) -> list[dict[str, Any]]:
        return _read(_find_sessions(folder))


def _find_sessions(given: Path) -> list[Path]:
    """The folders of the sessions, in order: `given` itself, those in it, or those up to two levels deeper.

    Raises EmozooError if there are none."""
    if given.is_file():
        raise EmozooError(f"{given} is a file, not IEMOCAP's folder: unpack it and name the folder {RELEASE}")
    if _SESSION.fullmatch(given.name) and _is_session(given):
        return [given]
    around = [given]
    for _ in range(LEVELS):
        named = sorted(each for folder in around for each in _folders(folder) if _SESSION.fullmatch(each.name))
        if sessions := [each for each in named if _is_session(each)]:
            return sessions
        around = [each for folder in around for each in _folders(folder)]
    raise EmozooError(
        f"no IEMOCAP in {given}: looked for Session1/dialog/EmoEvaluation/*.txt (to Session5) there and in {RELEASE}/; "
        f"name the unpacked folder {RELEASE}"
    )


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _is_session(folder: Path) -> bool:
    return bool(_files(_below(folder, "dialog", "EmoEvaluation"), (".txt",)))


def _below(folder: Path, *names: str) -> Path:
    """The folder below, in any case; as named if there is none."""
    for name in names:
        same = [each for each in _folders(folder) if each.name.lower() == name.lower()]
        folder = folder / name if folder / name in same or not same else same[0]
    return folder


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The folder's files of these endings, in any case, by stem and sorted; of several with one stem, the one whose ending
    comes first. Empty if there is no such folder. Hidden files, such as macOS' `._*`, are left out.
    """
    if not folder.is_dir():
        return {}
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    ]
    by_stem: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: (path.stem, endings.index(path.suffix.lower()), path)):
        by_stem.setdefault(path.stem, path)
    return by_stem


def _sounds(session: Path, dialogue: str) -> dict[str, Path]:
    """The audio files of the utterances, by id: in `sentences/wav`, or else in a folder beside it, such as `flac`."""
    sentences = _below(session, "sentences")
    folders = sorted(_folders(sentences), key=lambda folder: folder.name.lower() != "wav")
    found: dict[str, Path] = {}
    for folder in folders:
        for name, path in _files(_below(folder, dialogue), SOUNDS).items():
            found.setdefault(name, path)
    return found


def _lines(path: Path) -> list[str]:
    """The file's lines that are not blank, with any line ends; UTF-8, with or without a BOM, or else Latin-1."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf")
    # Not splitlines(): it also cuts at Latin-1's 0x85, within a sentence.
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def _read(sessions: list[Path]) -> list[dict[str, Any]]:
    """The rows of all sessions, in the order of the label files."""
    release = sessions[0].parent
    lost: dict[str, list[str]] = defaultdict(list)
    rows: list[dict[str, Any]] = []
    done: set[str] = set()
    for dialogue in _dialogues(sessions):
        if dialogue.name in done:
            lost["dialogues that are there twice (read once)"].append(dialogue.name)
            continue
        done.add(dialogue.name)
        rows += _read_dialogue(dialogue, lost)
    if not rows:
        raise EmozooError(
            f"no labelled utterance of {release} has its audio file: "
            "looked for SessionN/sentences/wav/DIALOGUE/UTTERANCE.wav; unpack the release again"
        )
    counts = [f"{len(names)} {what}, such as {min(names)}" for what, names in lost.items() if names]
    if counts:
        logging.getLogger("emozoo").warning("%s: %s", release, "; ".join(counts))
    return rows


@dataclass(frozen=True)
class _Dialogue:
    """The files of a dialogue."""

    name: str
    session: Path
    labels: Path
    transcript: Path | None
    video: Path | None


def _dialogues(sessions: list[Path]) -> Iterator[_Dialogue]:
    for session in sessions:
        dialog = _below(session, "dialog")
        transcripts = _files(_below(dialog, "transcriptions"), (".txt",))
        videos = _files(_below(dialog, "avi", "DivX"), VIDEOS)
        for name, labels in _files(_below(dialog, "EmoEvaluation"), (".txt",)).items():
            yield _Dialogue(name, session, labels, transcripts.get(name), videos.get(name))


def _read_dialogue(dialogue: _Dialogue, lost: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The rows of a dialogue."""
    labels = _read_labels(dialogue.labels, lost)
    texts = _read_transcript(dialogue.transcript, lost) if dialogue.transcript else {}
    sounds = _sounds(dialogue.session, dialogue.name)
    names = [name for name in labels if name in sounds]
    lost["transcripts without a label"] += texts.keys() - labels.keys()
    lost["utterances without an audio file (left out)"] += labels.keys() - sounds.keys()
    lost["utterances without a transcript"] += [name for name in names if name not in texts]
    if dialogue.video is None:
        lost["utterances without a video (audio only)"] += names
    rows = []
    for name in names:
        columns = {
            **labels[name],
            "transcript": texts.get(name, ""),
            "audio_path": str(sounds[name].absolute()),
            "video_path": str(dialogue.video.absolute()) if dialogue.video else "",
        }
        if dialogue.video is None:
            # Times are those of the video: without it, the audio file is the whole utterance.
            del columns["start"], columns["end"]
        rows.append(row(**columns))
    return rows


def _read_labels(path: Path, lost: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """The utterances of a label file, by id, as columns of a row."""
    labels: dict[str, dict[str, Any]] = {}
    votes: Counter[str] = Counter()
    for line in _lines(path):
        if match := _VOTE.match(line):
            _count(match["words"], votes, f"{path.name}: {line[:60]}", lost)
        if line.startswith(_NOT_A_LABEL):
            continue
        votes = Counter()
        match = _LABEL.fullmatch(line)
        if (
            match is None
            or match["word"] not in EMOTIONS
            or match["id"] in labels
            or match["id"].rpartition("_")[0] != path.stem
            or float(match["start"]) >= float(match["end"])
        ):
            lost["label lines that cannot be read"].append(f"{path.name}: {line[:60]}")
            continue
        name = match["id"]
        session = name[:5]
        speaks = name.rpartition("_")[2][0]
        wears_markers = name[5]
        labels[name] = {
            "utterance_id": name,
            "dialogue": path.stem,
            "session": session,
            "speaker": f"{session}_{speaks}",
            "gender": speaks,
            "emotion": EMOTIONS[match["word"]],
            "valence": float(match["valence"]),
            "activation": float(match["activation"]),
            "dominance": float(match["dominance"]),
            "votes": votes,  # those of the lines that follow
            "start": float(match["start"]),
            "end": float(match["end"]),
            "side": "left" if speaks == wears_markers else "right",
        }
    return labels


def _count(words: str, votes: Counter[str], place: str, lost: dict[str, list[str]]) -> None:
    """Adds a rater's answer, such as `Frustration; Anger;`, to the votes."""
    for word in filter(None, map(str.strip, words.split(";"))):
        if word.lower() in VOTES:
            votes[VOTES[word.lower()]] += 1
        else:
            lost["raters' words that are not known"].append(place)


def _read_transcript(path: Path, lost: dict[str, list[str]]) -> dict[str, str]:
    """The text of each utterance of a dialogue, by id."""
    texts: dict[str, str] = {}
    for line in _lines(path):
        if match := _TRANSCRIPT.fullmatch(line):
            texts[match["id"]] = match["text"]
        else:
            lost["transcript lines that cannot be read"].append(f"{path.name}: {line[:60]}")
    return texts


corpus = Corpus(
    name="iemocap",
    builder=Iemocap,
    labels=("happy", "sad", "angry", "neutral"),
    scale=(1, 5),
    protocol="session",
    environment="EMOZOO_IEMOCAP",
    obtain=(
        "Ask USC for a licence with the release form at https://sail.usc.edu/iemocap/ (free for research), "
        f"unpack what they send, and name the folder {RELEASE}."
    ),
    licence="USC's IEMOCAP release licence: for research, not to be passed on",
    language="en",
    summary="10,039 utterances of 10 actors in 5 sessions of dialogue, audio and video",
    citation=(
        "C. Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, "
        "Language Resources and Evaluation 42, 335-359 (2008)"
    ),
)
