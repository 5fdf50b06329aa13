"""EMO-DB, the Berlin database, as it is unpacked: what each recording is stands in its file name. Burkhardt et al., 2005."""

from __future__ import annotations

import re
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, Corpus, Download, RowsBuilder, row
from emozoo_corpora.files import Lost, keep, media_files
from emozoo_corpora.sources import zenodo

EMOTIONS = {
    "W": "angry",  # Wut
    "L": "bored",  # Langeweile
    "E": "disgusted",  # Ekel
    "A": "fearful",  # Angst
    "F": "happy",  # Freude
    "T": "sad",  # Trauer
    "N": "neutral",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
GENDERS = {
    "03": "M", "08": "F", "09": "F", "10": "M", "11": "M", "12": "M", "13": "F", "14": "F", "15": "M", "16": "F",
}  # fmt: skip
AGES = {
    "03": "31", "08": "34", "09": "21", "10": "32", "11": "26", "12": "30", "13": "32", "14": "35", "15": "25", "16": "31",
}  # fmt: skip
OBTAIN = (
    "Download emodb.zip from https://zenodo.org/records/7447302, or http://emodb.bilderbar.info/download/download.zip (no "
    "registration), and unpack it; of it the folder wav is needed."
)

_STEM = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[a-z])(?P<version>[a-z]?)", re.IGNORECASE)


class EmoDb(RowsBuilder):
    """One row for each recording, by speaker. Folders of laryngograms, whose files are named alike, are not read."""

    def read(self, folder: Path) -> list[dict[str, object]]:
        rows: dict[str, dict[str, object]] = {}
        paths: dict[str, Path] = {}
        lost = Lost()
        for path in media_files(folder):
            if path.suffix.lower() not in SOUNDS or "laryng" in str(path.relative_to(folder).parent).lower():
                continue
            match = _STEM.fullmatch(path.stem)
            if match is None or not _known(match):
                if match or path.parent.name.lower() == "wav":
                    lost.add("files are not named like a recording", path.name)
                continue
            text, emotion = match["text"].lower(), match["emotion"].upper()
            name = f"{match['speaker']}{text}{emotion}{match['version'].lower()}"
            if keep(paths, name, path, lost):
                rows[name] = row(
                    utterance_id=name,
                    speaker=match["speaker"],
                    gender=GENDERS[match["speaker"]],
                    age=AGES[match["speaker"]],
                    language="de",
                    emotion=EMOTIONS[emotion],
                    transcript=SENTENCES[text],
                    sentence=text,
                    audio_path=str(path),
                )
        if not rows:
            raise EmozooError(
                f"no recording of EMO-DB in {folder}: looked for files such as wav/03a01Fa.wav in it and every folder "
                f"below. {OBTAIN}"
            )
        lost.tell(folder)
        return [rows[name] for name in sorted(rows)]


def _known(match: re.Match[str]) -> bool:
    return match["speaker"] in GENDERS and match["text"].lower() in SENTENCES and match["emotion"].upper() in EMOTIONS


corpus = Corpus(
    name="emo_db",
    builder=EmoDb,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="group-5",
    environment="EMOZOO_EMO_DB",
    obtain=OBTAIN,
    licence="CC BY 4.0 as released on Zenodo; the first release names no licence and is free for research",
    language="de",
    summary="535 recordings of 10 actors who speak ten sentences in 7 emotions, audio",
    citation=(
        "F. Burkhardt, A. Paeschke, M. Rolfes, W. F. Sendlmeier and B. Weiss, A database of German emotional speech, "
        "Interspeech 2005, 1517-1520"
    ),
    download=Download(
        page="https://zenodo.org/records/7447302",
        licence="CC BY 4.0; see its page",
        terms="https://creativecommons.org/licenses/by/4.0/",
        commercial=True,
        listing=zenodo(7447302, lambda name: name.endswith(".zip")),
        size=40_000_000,
    ),
)
