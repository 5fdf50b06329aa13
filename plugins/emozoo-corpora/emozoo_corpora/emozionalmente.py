"""Emozionalmente as it is published: metadata/samples.csv says what each recording is, evaluations.csv what raters heard.
Catania et al., 2025."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import Corpus, Download, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, keep, media_files, read_table
from emozoo_corpora.sources import zenodo

EMOTIONS = {
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "joy": "happy",
    "neutrality": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
OBTAIN = "Download emozionalmente.zip from https://zenodo.org/records/12616095 (no registration) and unpack it."


class Emozionalmente(RowsBuilder):
    """One row for each recording of the table, with the emotion that was asked for."""

    def read(self, folder: Path) -> list[dict[str, object]]:
        lost = Lost()
        recordings: dict[str, Path] = {}
        for path in media_files(folder):
            keep(recordings, path.stem, path, lost)
        tables = find_files(folder, "samples.csv")
        if not tables:
            raise EmozooError(f"no table metadata/samples.csv of Emozionalmente in {folder}. {OBTAIN}")
        genders = {
            each["username"]: each["gender"][:1].upper()
            for each in _table(tables[0].with_name("users.csv"), ("username", "gender"))
        }
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for each in _table(tables[0].with_name("evaluations.csv"), ("file_name", "emotion_recognized")):
            if each["emotion_recognized"] in EMOTIONS:
                votes[each["file_name"]][EMOTIONS[each["emotion_recognized"]]] += 1
        rows = []
        for each in read_table(tables[0], ("file_name", "actor", "emotion_expressed", "sentence")):
            name = Path(each["file_name"]).stem
            if each["emotion_expressed"] not in EMOTIONS:
                lost.add("lines have no known emotion", each["file_name"])
            elif name not in recordings:
                lost.add("recordings are missing", each["file_name"])
            else:
                gender = genders.get(each["actor"], "")
                rows.append(
                    row(
                        utterance_id=name,
                        speaker=each["actor"],
                        gender=gender if gender in ("F", "M") else "",
                        emotion=EMOTIONS[each["emotion_expressed"]],
                        votes=votes[each["file_name"]],
                        transcript=each["sentence"],
                        audio_path=str(recordings[name]),
                    )
                )
        if not rows:
            raise EmozooError(
                f"no recording of {tables[0]} is in {folder}: looked for files such as audio/1.wav. {OBTAIN}"
            )
        lost.tell(folder)
        return rows


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table that may be missing."""
    return read_table(path, columns) if path.is_file() else []


corpus = Corpus(
    name="emozionalmente",
    builder=Emozionalmente,
    labels=("happy", "sad", "angry", "neutral"),
    environment="EMOZOO_EMOZIONALMENTE",
    obtain=OBTAIN,
    licence="CC BY 4.0",
    language="it",
    summary="6,902 recordings of 431 amateurs who speak eighteen sentences in 7 emotions, with votes, audio",
    citation="F. Catania, J. W. Wilke and F. Garzotto, Emozionalmente: a crowdsourced corpus of simulated emotional speech "
    "in Italian, IEEE Transactions on Audio, Speech and Language Processing 33 (2025)",
    download=Download(
        page="https://zenodo.org/records/12616095",
        licence="CC BY 4.0",
        terms="https://creativecommons.org/licenses/by/4.0/",
        commercial=True,
        listing=zenodo(12616095, lambda name: name.endswith(".zip")),
        size=560_000_000,
    ),
)
