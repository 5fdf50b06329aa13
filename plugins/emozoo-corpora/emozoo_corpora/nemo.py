"""nEMO as it is published: what each recording is stands in its file name, what is said in data.tsv. Christop, 2024."""

from __future__ import annotations

import re
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, Corpus, Download, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, keep, media_files, read_table
from emozoo_corpora.parquet import clips, ending, parts

EMOTIONS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprised",
}
GENDERS = {
    "EB0": "F", "IC0": "F", "KD0": "F", "KS0": "M", "MK0": "F", "MP0": "M", "SM0": "M", "TP0": "M", "WR0": "M",
}  # fmt: skip
OBTAIN = (
    "Clone https://github.com/amu-cai/nEMO, or download the dataset amu-cai/nEMO of the Hugging Face Hub (free, no "
    "registration); of it the folder samples is needed, and for what is said and the ages data.tsv."
)

_STEM = re.compile(r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)", re.IGNORECASE)


def prepare(folder: Path) -> list[Path]:
    """Writes recordings of the Hub's Parquet files, and data.tsv, under the names that they have in the authors' repository.
    Where a recording has no name there, a number stands for its sentence, the same for all speakers."""
    done = parts(folder)
    texts = sorted({told.get("raw_text", "") for part in done for _, _, told in clips(part)})
    lines = ["file_id\traw_text\tage"]
    for part in done:
        for sound, file, told in clips(part):
            name = Path(told.get("file_id") or file).stem
            if not _STEM.fullmatch(name):
                name = f"{told['speaker_id']}_{told['emotion']}_{1 + texts.index(told.get('raw_text', ''))}"
            if not _STEM.fullmatch(name):
                raise EmozooError(f"{part.name} has a recording of speaker {name[:40]!r}, who is not nEMO's")
            path = folder / "samples" / f"{name}{ending(sound)}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(sound)
            lines.append("\t".join((path.name, " ".join(told.get("raw_text", "").split()), told.get("age", ""))))
    if done:
        (folder / "data.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return done


class Nemo(RowsBuilder):
    """One row for each recording, by speaker, emotion and sentence."""

    def read(self, folder: Path) -> list[dict[str, object]]:
        rows: dict[tuple[str, str, int], dict[str, object]] = {}
        paths: dict[tuple[str, str, int], Path] = {}
        lost = Lost()
        texts = _texts(folder, lost)
        for path in media_files(folder):
            match = _STEM.fullmatch(path.stem)
            if path.suffix.lower() not in SOUNDS:
                continue
            if match is None or match["speaker"].upper() not in GENDERS or match["emotion"].lower() not in EMOTIONS:
                if path.parent.name.lower() == "samples":
                    lost.add("files are not named like a recording", path.name)
                continue
            speaker, emotion, sentence = match["speaker"].upper(), match["emotion"].lower(), int(match["sentence"])
            name = f"{speaker}_{emotion}_{sentence}"
            if keep(paths, (speaker, emotion, sentence), path, lost):
                rows[speaker, emotion, sentence] = row(
                    utterance_id=name,
                    speaker=speaker,
                    gender=GENDERS[speaker],
                    age=texts.get(name, ("", ""))[1],
                    language="pl",
                    emotion=EMOTIONS[emotion],
                    transcript=texts.get(name, ("", ""))[0],
                    sentence=str(sentence),
                    audio_path=str(path),
                )
        if not rows:
            raise EmozooError(
                f"no recording of nEMO in {folder}: looked for files such as samples/EB0_anger_1.wav"
                + f" in it and every folder below. {OBTAIN}"
            )
        for name in texts.keys() - {str(each["utterance_id"]) for each in rows.values()}:
            lost.add("recordings of data.tsv are missing", name)
        lost.tell(folder)
        return [rows[key] for key in sorted(rows)]


def _texts(folder: Path, lost: Lost) -> dict[str, tuple[str, str]]:
    """What is said in each recording, and the speaker's age, by its name without the ending, where the table is there."""
    for path in find_files(folder, "data.tsv"):
        try:
            table = read_table(path, ("file_id", "raw_text"), "\t", optional=("age",))
        except EmozooError as error:
            lost.add("tables are not nEMO's", str(error))
            continue
        return {line["file_id"].rpartition(".")[0]: (line["raw_text"], line.get("age", "")) for line in table}
    return {}


corpus = Corpus(
    name="nemo",
    builder=Nemo,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="group-5",
    environment="EMOZOO_NEMO",
    obtain=OBTAIN,
    licence="CC BY-NC-SA 4.0",
    language="pl",
    summary="4,481 recordings of 9 actors who speak ninety sentences in 6 emotions, audio",
    citation="I. Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024, arXiv 2404.06292",
    download=Download(
        page="https://huggingface.co/datasets/amu-cai/nEMO",
        licence="CC BY-NC-SA 4.0",
        terms="https://creativecommons.org/licenses/by-nc-sa/4.0/",
        commercial=False,
        hub="amu-cai/nEMO",
        patterns=("*.parquet", "*.wav", "*.tsv"),
        prepare=prepare,
    ),
)
