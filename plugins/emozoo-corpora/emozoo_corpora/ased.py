"""ASED, the Amharic Speech Emotion Dataset: what each recording is stands in its file name. Retta et al., 2023."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from emozoo import EmozooError
from emozoo.data.corpus import SOUNDS, Corpus, RowsBuilder, row
from emozoo_corpora.files import Lost, keep, media_files

EMOTIONS = {
    "n1": "neutral",
    "f2": "fearful",
    "h3": "happy",
    "s4": "sad",
    "a5": "angry",
}
GENDERS = {"01": "F", "02": "M"}
SPEAKERS = 65
OBTAIN = (
    "Clone https://github.com/Ethio2021/ASED_V1 (free, no registration); of it the folders of recordings are needed, "
    "01Neutral and its neighbours."
)

_STEM = re.compile(
    r"(?P<emotion>[nfhsa]\d)-(?P<sentence>\d\d)-(?P<take>\d\d)-(?P<gender>\d\d)-(?P<speaker>\d\d)", re.IGNORECASE
)


class Ased(RowsBuilder):
    """One row for each recording, by speaker. A speaker's gender is what most of the names say, for a few differ."""

    def read(self, folder: Path) -> list[dict[str, object]]:
        paths: dict[str, Path] = {}
        genders: dict[str, Counter[str]] = defaultdict(Counter)
        lost = Lost()
        for path in media_files(folder):
            match = _STEM.fullmatch(path.stem)
            if match is None or path.suffix.lower() not in SOUNDS:
                continue
            if not _known(match):
                lost.add("files are not named like a recording", path.name)
            elif keep(paths, path.stem.lower(), path, lost):
                genders[match["speaker"]][GENDERS[match["gender"]]] += 1
        if not paths:
            raise EmozooError(
                f"no recording of ASED in {folder}: looked for files such as 01Neutral/n1-01-01-01-25.wav in it and every "
                f"folder below. {OBTAIN}"
            )
        lost.tell(folder)
        rows = []
        for name in sorted(paths, key=lambda name: (name[-2:], name)):
            speaker = name[-2:]
            rows.append(
                row(
                    utterance_id=name,
                    speaker=speaker,
                    gender=genders[speaker].most_common(1)[0][0],
                    emotion=EMOTIONS[name[:2]],
                    audio_path=str(paths[name]),
                )
            )
        return rows


def _known(match: re.Match[str]) -> bool:
    return (
        match["emotion"].lower() in EMOTIONS and match["gender"] in GENDERS and 1 <= int(match["speaker"]) <= SPEAKERS
    )


corpus = Corpus(
    name="ased",
    builder=Ased,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="group-5",
    environment="EMOZOO_ASED",
    obtain=OBTAIN,
    licence="free for research by its authors' paper; the release names no licence",
    language="am",
    summary="2,474 recordings of 65 speakers who speak seven sentences in each of 5 emotions, audio",
    citation=(
        "E. A. Retta, E. Almekhlafi, R. Sutcliffe, M. Mhamed, H. Ali and J. Feng, A New Amharic Speech Emotion Dataset and "
        "Classification Benchmark, ACM Transactions on Asian and Low-Resource Language Information Processing 22(1) (2023)"
    ),
)
