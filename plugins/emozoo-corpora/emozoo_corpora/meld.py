"""MELD as it is unpacked: a table for each split says who feels what in which clip of *Friends*. Poria et al., 2019."""

from __future__ import annotations

import re
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, Corpus, RowsBuilder, row
from emozoo_corpora.files import Lost, find_files, keep, media_files, read_table

EMOTIONS = {
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
GENDERS = {"Chandler": "M", "Joey": "M", "Ross": "M", "Monica": "F", "Phoebe": "F", "Rachel": "F"}
"""Of the six main characters; the others' is not known."""
SPLITS = ("train", "dev", "test")
COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
OBTAIN = (
    "Download MELD.Raw.tar.gz (11 GB) from https://huggingface.co/datasets/declare-lab/MELD, or as "
    "https://affective-meld.github.io says, unpack it, then train.tar.gz, dev.tar.gz and test.tar.gz in it, and name the "
    "folder MELD.Raw."
)

_STEM = re.compile(r"dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)", re.IGNORECASE)
_SPLIT = re.compile(r"(?<![a-z])(train|dev|test)(?![a-z])")


class Meld(RowsBuilder):
    """One row for each line of the tables that has its clip, by split, dialogue and utterance.

    A clip holds audio and video; an audio file of the same name beside it is preferred.
    """

    def read(self, folder: Path) -> list[dict[str, object]]:
        tables = {split: found[0] for split in SPLITS if (found := find_files(folder, f"{split}_sent_emo.csv"))}
        if not tables:
            raise EmozooError(
                f"no MELD in {folder}: looked for train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv in it, below "
                f"it and in the folder around it. {OBTAIN}"
            )
        root = folder if any(path.is_relative_to(folder) for path in tables.values()) else folder.parent
        rows = []
        lost = Lost()
        sounds, videos = _clips(root, lost)
        for split in SPLITS:
            if split not in tables:
                lost.add("splits have no table", f"{split}_sent_emo.csv")
        for split, path in tables.items():
            done = set()
            for line in read_table(path, COLUMNS):
                dialogue, utterance = line["Dialogue_ID"], line["Utterance_ID"]
                name = f"{split}_dia{dialogue}_utt{utterance}"
                if not (dialogue.isdecimal() and utterance.isdecimal()) or name in done:
                    lost.add("lines cannot be read, or repeat another", f"{path.name}: {name}")
                    continue
                done.add(name)
                key = (split, int(dialogue), int(utterance))
                if key not in sounds and key not in videos:
                    lost.add("clips are missing", name)
                elif (emotion := line["Emotion"].lower()) not in EMOTIONS:
                    lost.add("lines have no known emotion", name)
                else:
                    rows.append(
                        row(
                            utterance_id=name,
                            dialogue=f"{split}_dia{dialogue}",
                            speaker=line["Speaker"],
                            gender=GENDERS.get(line["Speaker"], ""),
                            emotion=EMOTIONS[emotion],
                            transcript=line["Utterance"],
                            audio_path=str(sounds.get(key) or videos[key]),
                            video_path=str(videos.get(key, "")),
                            split=split,
                        )
                    )
        if not rows:
            raise EmozooError(
                f"no clip of MELD's tables in {root}: looked for train_splits/dia0_utt0.mp4 (and dev_splits_complete, "
                f"output_repeated_splits_test) in it and every folder below. {OBTAIN}"
            )
        lost.tell(root)
        return rows


def _clips(root: Path, lost: Lost) -> tuple[dict[tuple[str, int, int], Path], dict[tuple[str, int, int], Path]]:
    """The sound files and the videos, by split, dialogue and utterance. The split stands in the name of a folder."""
    sounds: dict[tuple[str, int, int], Path] = {}
    videos: dict[tuple[str, int, int], Path] = {}
    for path in media_files(root):
        match = _STEM.fullmatch(path.stem)  # not the final_videos_testdia0_utt0 that lie among the test split's
        split = next(
            (found[0] for part in reversed(path.relative_to(root).parent.parts) if (found := _splits(part))), None
        )
        if match and split:
            kind = sounds if path.suffix.lower() in SOUNDS else videos
            keep(kind, (split, int(match["dialogue"]), int(match["utterance"])), path, lost)
    return sounds, videos


def _splits(part: str) -> list[str]:
    return _SPLIT.findall(part.lower().replace("_", " "))


corpus = Corpus(
    name="meld",
    builder=Meld,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="split",
    environment="EMOZOO_MELD",
    obtain=OBTAIN,
    licence="GPL-3.0 by its authors, who do not own the television series that the clips are from",
    language="en",
    summary="13,708 utterances from the series Friends in 7 emotions, with the authors' own splits, audio and video",
    citation=(
        "S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria and R. Mihalcea, MELD: A Multimodal Multi-Party Dataset "
        "for Emotion Recognition in Conversations, ACL 2019"
    ),
)
