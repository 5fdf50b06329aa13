"""CAMEO, thirteen corpora in eight languages, as `emozoo fetch` makes it of the Hub's files. Christop and Czajka, 2025."""

from __future__ import annotations

import json
import re
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import Corpus, Download, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, read_text
from emozoo_corpora.parquet import clips, ending, parts

EMOTIONS = {
    "anger": "angry", "anxiety": "anxious", "apology": "apologetic", "assertiveness": "assertive", "calm": "calm",
    "concern": "concerned", "disgust": "disgusted", "encouragement": "encouraging", "enthusiasm": "enthusiastic",
    "excitement": "excited", "fear": "fearful", "happiness": "happy", "neutral": "neutral", "poker": "poker",
    "sadness": "sad", "sarcasm": "sarcastic", "surprise": "surprised",
}  # fmt: skip
LANGUAGES = {
    "Bengali": "bn", "English": "en", "French": "fr", "German": "de", "Italian": "it", "Polish": "pl", "Russian": "ru",
    "Spanish": "es",
}  # fmt: skip
TABLE = "cameo.jsonl"
NAME = re.compile(r"\w[\w.-]{0,150}", re.ASCII)
OBTAIN = "emozoo fetch cameo downloads it from https://huggingface.co/datasets/amu-cai/CAMEO (no registration)."


def prepare(folder: Path) -> list[Path]:
    """Writes each recording as it is in the Parquet files, and a table of what is known of them."""
    done = parts(folder)
    lines = []
    for part in done:
        corpus = re.sub(r"-\d+-of-\d+$", "", part.stem)
        for number, (sound, _, told) in enumerate(clips(part), start=1):
            name = told.get("file_id", "")
            if not NAME.fullmatch(name):
                name = f"{part.stem}-{number}{ending(sound)}"
            path = folder / "recordings" / corpus / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sound)
            lines.append(json.dumps({**told, "split": corpus, "file": path.relative_to(folder).as_posix()}))
    if done:
        (folder / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return done


class Cameo(RowsBuilder):
    """One row for each recording, by corpus; the column `corpus` names that."""

    def read(self, folder: Path) -> list[dict[str, object]]:
        tables = find_files(folder, TABLE)
        if not tables:
            raise EmozooError(f"no table {TABLE} of CAMEO in {folder}. {OBTAIN}")
        lost = Lost()
        rows = []
        for number, line in enumerate(read_text(tables[0]).splitlines(), start=1):
            try:
                told = json.loads(line)
                corpus, file, emotion = told["split"], told["file"], told["emotion"].lower()
            except (ValueError, KeyError, TypeError, AttributeError):
                lost.add(f"lines of {TABLE} cannot be read", f"line {number}")
                continue
            path = tables[0].parent / file
            if not path.is_file():
                lost.add("recordings are missing", file)
                continue
            speaker = told.get("speaker_id", "")
            language = told.get("language", "")
            rows.append(
                row(
                    utterance_id=f"{corpus}_{path.stem}",
                    speaker=speaker if not speaker or speaker.startswith(f"{corpus}_") else f"{corpus}_{speaker}",
                    gender={"female": "F", "male": "M"}.get(told.get("gender", "").lower(), ""),
                    age=told.get("age", ""),
                    language=LANGUAGES.get(language, language.lower()),
                    emotion=EMOTIONS.get(emotion, emotion),
                    transcript=told.get("transcription", ""),
                    audio_path=str(path),
                    corpus=corpus,
                )
            )
        lost.tell(folder)
        if not rows:
            raise EmozooError(f"none of the recordings of {tables[0]} is there. {OBTAIN}")
        return sorted(rows, key=lambda each: str(each["utterance_id"]))


corpus = Corpus(
    name="cameo",
    builder=Cameo,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="corpus",
    environment="EMOZOO_CAMEO",
    obtain=OBTAIN,
    licence="CC BY-NC-SA 4.0 as a whole; each corpus in it has its own licence, see its page",
    language="bn, de, en, es, fr, it, pl, ru",
    summary="recordings of thirteen corpora in eight languages, 17 emotions, audio",
    citation=(
        "I. Christop and M. Czajka, CAMEO: Collection of Multilingual Emotional Speech Corpora, arXiv 2505.11051 (2025); "
        "and each corpus in it"
    ),
    download=Download(
        page="https://huggingface.co/datasets/amu-cai/CAMEO",
        licence="CC BY-NC-SA 4.0 as a whole; each corpus in it has its own licence, see its page",
        terms="https://huggingface.co/datasets/amu-cai/CAMEO",
        commercial=False,
        hub="amu-cai/CAMEO",
        patterns=("*.parquet",),
        prepare=prepare,
    ),
)
