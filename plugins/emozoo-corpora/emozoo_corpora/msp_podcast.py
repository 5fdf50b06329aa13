"""MSP-Podcast as it is unpacked: Labels/labels_consensus.csv rates each of its recordings. Lotfian and Busso, 2019."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from emozoo.data.corpus import Corpus
from emozoo_corpora.files import Lost, find_files, number, read_table
from emozoo_corpora.rated import Judged, Rated

NAME = "msp_podcast"
EMOTIONS = {
    "A": "angry",
    "S": "sad",
    "H": "happy",
    "U": "surprised",
    "F": "fearful",
    "D": "disgusted",
    "C": "contempt",
    "N": "neutral",
    "O": "other",
    "X": "undecided",
}
"""The letters of the consensus, and ours. For `X`, the raters found no majority."""
WORDS = {
    "angry": "angry",
    "sad": "sad",
    "happy": "happy",
    "surprise": "surprised",
    "fear": "fearful",
    "disgust": "disgusted",
    "contempt": "contempt",
    "neutral": "neutral",
}
"""The words of single raters, in small letters, and ours; what they wrote themselves counts as `other`."""
SPLITS = {"train": "train", "development": "dev", "validation": "dev"}
GENDERS = {"male": "M", "female": "F"}
COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
OBTAIN = (
    "Ask for a licence as https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html says, unpack what they "
    "send, and name the folder that holds Labels and Audios."
)

_STEM = re.compile(r"MSP-PODCAST_\d+_\d+(?:_\d+)*", re.IGNORECASE)


class MspPodcast(Rated):
    """The parts train, dev and `TEST`; clips of the other test parts are left out, without a warning."""

    WHAT = "MSP-Podcast"
    TABLES = (("labels_consensus.csv", "labels_concensus.csv"),)  # older releases spell it so
    EXAMPLE = "Labels/labels_consensus.csv and files such as Audios/MSP-PODCAST_0001_0008.wav"
    OBTAIN = OBTAIN
    TEST = "test1"

    def recording(self, stem: str) -> str:
        return stem.upper() if _STEM.fullmatch(stem) else ""

    def judged(self, tables: list[Path], lost: Lost) -> list[Judged]:
        (table,) = tables
        votes = _votes(table.parent)
        parts = {**SPLITS, self.TEST: "test"}
        clips = []
        for line in read_table(table, COLUMNS):
            name, part = Path(line["FileName"]).stem, line["Split_Set"].lower()
            if part not in parts:
                if not part.startswith("test"):
                    lost.add("lines have no known split", name)
                continue
            if (letter := line["EmoClass"].upper()) not in EMOTIONS:
                lost.add("lines have no known emotion", name)
                continue
            columns = {
                "utterance_id": name,
                "speaker": "" if line["SpkrID"].lower() == "unknown" else line["SpkrID"],
                "gender": GENDERS.get(line["Gender"].lower(), ""),
                "emotion": EMOTIONS[letter],
                "valence": number(line["EmoVal"]),
                "arousal": number(line["EmoAct"]),
                "dominance": number(line["EmoDom"]),
                "votes": votes[name.upper()],
                "split": parts[part],
                "corpus": NAME,  # of both datasets: they share speakers
            }
            clips.append(Judged(name.upper(), columns))
        return clips


class MspPodcastTest2(MspPodcast):
    TEST = "test2"


def _votes(folder: Path) -> dict[str, Counter[str]]:
    """How many raters chose each emotion as the primary one, by recording, where the table of single raters is there.

    Its columns are those of the ratings, or one, `WORKER1; Angry; Angry,Sad; A:6.0; V:2.0; D:5.0;`."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for path in find_files(folder, "labels_detailed.csv")[:1]:
        for line in read_table(path, ("FileName",), optional=("EmoClass_Major", "EmoDetail")):
            written = line.get("EmoClass_Major") or "".join(line.get("EmoDetail", "").split(";")[1:2])
            if word := written.strip().lower():
                votes[Path(line["FileName"]).stem.upper()][WORDS.get(word, "other")] += 1
    return votes


def _corpus(name: str, builder: type[MspPodcast], test: str) -> Corpus:
    return Corpus(
        name=name,
        builder=builder,
        labels=("happy", "sad", "angry", "neutral"),
        scale=(1, 7),
        protocol="split",
        environment="EMOZOO_MSP_PODCAST",
        obtain=OBTAIN,
        licence="UT Dallas' licences: an academic one for research, signed by an institution, and a commercial one",
        language="en",
        summary=f"segments of podcasts, rated and voted on by five or more raters, with the authors' splits ({test}), audio",
        citation=(
            "R. Lotfian and C. Busso, Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving Emotional "
            "Speech From Existing Podcast Recordings, IEEE Transactions on Affective Computing 10(4), 471-483 (2019)"
        ),
    )


corpus = _corpus(NAME, MspPodcast, "test set 1")
test2 = _corpus("msp_podcast_test2", MspPodcastTest2, "test set 2")
