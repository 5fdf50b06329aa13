"""CMU-MOSEI with its labels as tables: sentiment and six intensities of each sentence of its videos. Zadeh et al., 2018."""

from __future__ import annotations

import re
from pathlib import Path

from emozoo.data.corpus import Corpus
from emozoo_corpora.files import Lost, number, read_table
from emozoo_corpora.rated import Judged, Rated

EMOTIONS = {
    "happy": "happy",
    "sad": "sad",
    "anger": "angry",
    "surprise": "surprised",
    "disgust": "disgusted",
    "fear": "fearful",
}
"""Columns of intensities from 0 to 3, and our words."""
SPLITS = {"train": "train", "val": "dev", "test": "test"}
COLUMNS = ("video", "start_time", "end_time", "sentiment", *EMOTIONS)
OBTAIN = (
    "Download the videos and the tables Data_Train_modified.csv, Data_Val_modified.csv and Data_Test_modified.csv as "
    "http://multicomp.cs.cmu.edu/resources/cmu-mosei-dataset/ says, and put them into one folder."
)

_TABLE = re.compile(r"data_(train|val|test)_.*", re.IGNORECASE)


class CmuMosei(Rated):
    """One row for each sentence. Its emotion is the strongest one; none, where two are equally strong or none is there."""

    WHAT = "CMU-MOSEI"
    TABLES = tuple((f"data_{split}_modified.csv", f"data_{split}_original.csv") for split in SPLITS)
    EXAMPLE = "Data_Train_modified.csv (and Val, Test) and files such as Videos/Full/Combined/--qXJuDtHPw.mp4"
    OBTAIN = OBTAIN

    def recording(self, stem: str) -> str:
        return stem  # YouTube's names differ in case

    def judged(self, tables: list[Path], lost: Lost) -> list[Judged]:
        clips = []
        for table in tables:
            match = _TABLE.fullmatch(table.name)
            assert match is not None
            for line in read_table(table, COLUMNS, optional=("text",)):
                name = f"{line['video']}_{line['start_time']}_{line['end_time']}"
                start, end = number(line["start_time"]), number(line["end_time"])
                votes = {word: number(line[column]) for column, word in EMOTIONS.items()}
                if not (start < end and end > 0) or not all(intensity >= 0 for intensity in votes.values()):
                    lost.add("lines cannot be read", f"{table.name}: {name}")
                    continue
                strongest = [word for word in votes if votes[word] == max(votes.values()) > 0]
                columns = {
                    "utterance_id": name,
                    "dialogue": line["video"],
                    "emotion": strongest[0] if len(strongest) == 1 else "",
                    "valence": number(line["sentiment"]),
                    "votes": votes,
                    "transcript": line.get("text", ""),
                    "start": max(0.0, start),  # some begin a little before their video
                    "end": end,
                    "split": SPLITS[match[1].lower()],
                }
                clips.append(Judged(line["video"], columns))
        return clips


corpus = Corpus(
    name="cmu_mosei",
    builder=CmuMosei,
    labels=("happy", "sad", "angry", "surprised", "disgusted", "fearful"),
    scale=(-3, 3),
    protocol="split",
    environment="EMOZOO_CMU_MOSEI",
    obtain=OBTAIN,
    licence="free for research; the release names no licence, and its videos are from YouTube",
    language="en",
    summary="23,453 sentences of 3,228 YouTube videos, with sentiment and six intensities of emotions, audio and video",
    citation=(
        "A. Zadeh, P. P. Liang, S. Poria, E. Cambria and L.-P. Morency, Multimodal Language Analysis in the Wild: "
        "CMU-MOSEI Dataset and Interpretable Dynamic Fusion Graph, ACL 2018"
    ),
)
