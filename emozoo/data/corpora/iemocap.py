"""Reads the IEMOCAP release as it is unpacked: labels, transcripts, and where each utterance's sound and picture are.

No sound or picture is opened here. Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", 2008.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from emozoo.data.corpus import FEATURES, SOUNDS, VIDEOS, Corpus, row
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
"""The label files' words, and ours; the raters of an `xxx` utterance found no majority."""

LEVELS = 3
"""Of folders that are searched for the sessions, the one named among them."""

_SESSION = re.compile(r"session[ _-]?\d+", re.IGNORECASE)
_NUMBER = r"\d+(?:\.\d+)?"
_LABEL = re.compile(
    rf"\[(?P<start>{_NUMBER}) - (?P<end>{_NUMBER})\]\s+(?P<id>Ses\d\d[FM]_\w+_[FM][A-Z\d]+)\s+(?P<word>\w+)\s+"
    rf"\[(?P<valence>{_NUMBER}), (?P<activation>{_NUMBER}), (?P<dominance>{_NUMBER})\]"
)
_TRANSCRIPT = re.compile(r"(?P<id>Ses\d\d[FM]_\w+) \[[\d.]+-[\d.]+\]: ?(?P<text>.*)")
_NOT_A_LABEL = ("%", "C-", "A-")  # The heading, and each rater's own opinion.


class Iemocap(datasets.GeneratorBasedBuilder):
    """One row of `FEATURES` for each labelled utterance that has a sound file, in the split `train`.

    `config.data_dir` is the folder `IEMOCAP_full_release`, whole or with some of its sessions, a folder around it, or one
    of its sessions. Sounds and videos may have been converted to other kinds.
    Preparing raises EmozooError where that folder holds no release, or none of its utterances has a sound file. What
    cannot be read costs its utterance only; one warning counts it all.
    """

    VERSION = datasets.Version("1.0.0")

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES, homepage="https://sail.usc.edu/iemocap/")

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # Read here and not in the generator, where datasets would wrap a user's mistake in an error of its own.
        rows = tuple(_read(_find_sessions(self.config.data_dir)))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _find_sessions(data_dir: str | None) -> list[Path]:
    """The folders of the sessions, in order; raises EmozooError where there is none.

    They lie in the folder named, or in one that lies in it or one step deeper; or it is a session itself."""
    if data_dir is None:
        raise EmozooError("IEMOCAP's folder is not named: give --data-dir or set EMOZOO_IEMOCAP")
    given = Path(data_dir)
    if given.is_file():
        raise EmozooError(f"{given} is a file, not IEMOCAP's folder: unpack it and name the folder {RELEASE}")
    if _SESSION.fullmatch(given.name) and _is_session(given):
        return [given]
    around = [given]
    for _ in range(LEVELS):
        if found := sorted(each for folder in around for each in _folders(folder) if _SESSION.fullmatch(each.name)):
            sessions = [each for each in found if _is_session(each)]
            if sessions:
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
    """The folder below, whatever the case of its name; as named where there is none."""
    for name in names:
        same = [each for each in _folders(folder) if each.name.lower() == name.lower()]
        folder = folder / name if folder / name in same or not same else same[0]
    return folder


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The folder's own files of these endings, in either case, by stem and sorted; of several of one stem that whose ending
    comes first; empty where there is no such folder.

    macOS' `._*` companions and other hidden files are left out.
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
    """The utterances' sound files, by id: of `sentences/wav`, or else of a folder beside it, such as `flac`."""
    sentences = _below(session, "sentences")
    folders = sorted(_folders(sentences), key=lambda folder: folder.name.lower() != "wav")
    found: dict[str, Path] = {}
    for folder in folders:
        for name, path in _files(_below(folder, dialogue), SOUNDS).items():
            found.setdefault(name, path)
    return found


def _lines(path: Path) -> list[str]:
    """The file's lines that are not blank, whatever ends them; UTF-8, with or without a mark, or else Latin-1."""
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
    for session in sessions:
        dialog = _below(session, "dialog")
        transcripts = _files(_below(dialog, "transcriptions"), (".txt",))
        videos = _files(_below(dialog, "avi", "DivX"), VIDEOS)
        for dialogue, label_file in _files(_below(dialog, "EmoEvaluation"), (".txt",)).items():
            if dialogue in done:
                lost["dialogues that are there twice (read once)"].append(dialogue)
                continue
            done.add(dialogue)
            labels = _read_labels(label_file, lost)
            texts = _read_transcript(transcripts[dialogue], lost) if dialogue in transcripts else {}
            sounds = _sounds(session, dialogue)
            lost["transcripts without a label"] += texts.keys() - labels.keys()
            lost["utterances without a sound file (left out)"] += labels.keys() - sounds.keys()
            heard = [label for name, label in labels.items() if name in sounds]
            lost["utterances without a transcript"] += [
                label["utterance_id"] for label in heard if label["utterance_id"] not in texts
            ]
            if dialogue not in videos:
                lost["utterances without a video (sound only)"] += [label["utterance_id"] for label in heard]
            for label in heard:
                name = label["utterance_id"]
                columns = {
                    **label,
                    "transcript": texts.get(name, ""),
                    "audio_path": str(sounds[name].absolute()),
                    "video_path": str(videos[dialogue].absolute()) if dialogue in videos else "",
                }
                if dialogue not in videos:
                    # Times are the video's: the sound file alone is the utterance, whole.
                    del columns["start"], columns["end"]
                rows.append(row(**columns))
    if not rows:
        raise EmozooError(
            f"no labelled utterance of {release} has its sound file: "
            "looked for SessionN/sentences/wav/DIALOGUE/UTTERANCE.wav; unpack the release again"
        )
    counts = [f"{len(names)} {what}, such as {min(names)}" for what, names in lost.items() if names]
    if counts:
        logging.getLogger("emozoo").warning("%s: %s", release, "; ".join(counts))
    return rows


def _read_labels(path: Path, lost: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """The utterances of a dialogue's label file, by id: the columns of a row that the file tells."""
    labels: dict[str, dict[str, Any]] = {}
    for line in _lines(path):
        if line.startswith(_NOT_A_LABEL):
            continue
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
        session, speaks, wears_markers = name[:5], name.rpartition("_")[2][0], name[5]
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
            "start": float(match["start"]),
            "end": float(match["end"]),
            "side": "left" if speaks == wears_markers else "right",
        }
    return labels


def _read_transcript(path: Path, lost: dict[str, list[str]]) -> dict[str, str]:
    """What is said in each utterance of a dialogue, by id."""
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
    protocol="session",
    environment="EMOZOO_IEMOCAP",
    obtain=(
        "Ask USC for a licence with the release form at https://sail.usc.edu/iemocap/ (free for research), "
        f"unpack what they send, and name the folder {RELEASE}."
    ),
    licence="USC's IEMOCAP release licence: for research, not to be passed on",
    language="en",
    summary="10,039 utterances of 10 actors in 5 sessions of dialogue, sound and video",
    citation=(
        "C. Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, "
        "Language Resources and Evaluation 42, 335-359 (2008)"
    ),
)
