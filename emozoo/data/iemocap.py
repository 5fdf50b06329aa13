"""Reads the IEMOCAP release as it is unpacked: labels, transcripts, and where each utterance's sound and picture are.

No sound or picture is opened here. Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", 2008.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from emozoo.data.corpus import FEATURES, Corpus, row
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

_NUMBER = r"\d+(?:\.\d+)?"
_LABEL = re.compile(
    rf"\[(?P<start>{_NUMBER}) - (?P<end>{_NUMBER})\]\s+(?P<id>Ses\d\d[FM]_\w+_[FM][A-Z\d]+)\s+(?P<word>\w+)\s+"
    rf"\[(?P<valence>{_NUMBER}), (?P<activation>{_NUMBER}), (?P<dominance>{_NUMBER})\]"
)
_TRANSCRIPT = re.compile(r"(?P<id>Ses\d\d[FM]_\w+) \[[\d.]+-[\d.]+\]: ?(?P<text>.*)")
_NOT_A_LABEL = ("%", "C-", "A-")  # The heading, and each rater's own opinion.


class Iemocap(datasets.GeneratorBasedBuilder):
    """One row of `FEATURES` for each labelled utterance that has a sound file, in the split `train`.

    `config.data_dir` is the folder `IEMOCAP_full_release`, whole or with some of its sessions, or the folder around it.
    Preparing raises EmozooError where that folder holds no release, or none of its utterances has a sound file. What
    cannot be read costs its utterance only; one warning counts it all.
    """

    VERSION = datasets.Version("1.0.0")

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES, homepage="https://sail.usc.edu/iemocap/")

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # Read here and not in the generator, where datasets would wrap a user's mistake in an error of its own.
        rows = tuple(_read(_find_release(self.config.data_dir)))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _find_release(data_dir: str | None) -> Path:
    """The folder that holds `Session1`, `Session2`, ...; raises EmozooError where there is none."""
    if data_dir is None:
        raise EmozooError("IEMOCAP's folder is not named: give --data-dir or set EMOZOO_IEMOCAP")
    given = Path(data_dir).expanduser()
    if given.is_file():
        raise EmozooError(f"{given} is a file, not IEMOCAP's folder: unpack it and name the folder {RELEASE}")
    for folder in (given, given / RELEASE):
        if _sessions(folder):
            return folder
    raise EmozooError(
        f"no IEMOCAP in {given}: looked for Session1/dialog/EmoEvaluation/*.txt (to Session5) there and in {RELEASE}/; "
        f"name the unpacked folder {RELEASE}"
    )


def _sessions(folder: Path) -> list[Path]:
    return [session for session in sorted(folder.glob("Session[0-9]*")) if _files(_label_folder(session), ".txt")]


def _label_folder(session: Path) -> Path:
    return session / "dialog" / "EmoEvaluation"


def _files(folder: Path, suffix: str) -> dict[str, Path]:
    """The folder's own files of that ending, in either case, by stem and sorted; empty where there is no such folder.

    macOS' `._*` companions and other hidden files are left out.
    """
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() == suffix and not path.name.startswith(".") and path.is_file()
    }


def _lines(path: Path) -> list[str]:
    """The file's lines that are not blank, whatever ends them; UTF-8, with or without a mark, or else Latin-1."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf")
    # Not splitlines(): it also cuts at Latin-1's 0x85, within a sentence.
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def _read(release: Path) -> list[dict[str, Any]]:
    """The rows of all sessions, in the order of the label files."""
    lost: dict[str, list[str]] = defaultdict(list)
    rows: list[dict[str, Any]] = []
    for session in _sessions(release):
        dialog = session / "dialog"
        transcripts = _files(dialog / "transcriptions", ".txt")
        videos = _files(dialog / "avi" / "DivX", ".avi")
        for dialogue, label_file in _files(_label_folder(session), ".txt").items():
            labels = _read_labels(label_file, lost)
            texts = _read_transcript(transcripts[dialogue], lost) if dialogue in transcripts else {}
            sounds = _files(session / "sentences" / "wav" / dialogue, ".wav")
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
