"""MSP-IMPROV as it is unpacked: Evalution.txt rates each of its turns. Busso et al., 2017."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from emozoo.data.corpus import Corpus
from emozoo_corpora.files import Lost, number, read_text
from emozoo_corpora.rated import Judged, Rated

EMOTIONS = {"A": "angry", "H": "happy", "S": "sad", "N": "neutral", "O": "other", "X": "undecided"}
"""The letters of the consensus, and ours. For `X`, the raters found no majority."""
WORDS = {"angry": "angry", "happy": "happy", "sad": "sad", "neutral": "neutral", "other": "other"}
"""The words of single raters, in small letters, and ours."""
OBTAIN = (
    "Ask for a licence as https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html says, unpack what they "
    "send, and name the folder that holds Evalution.txt and the sessions."
)

_TURN = r"S\d\d[A-Z]-(?P<speaker>(?P<gender>[FM])(?P<session>\d\d))-[A-Z]-[A-Z]{2}\d+"
_STEM = re.compile(rf"(?:MSP|UTD)-IMPROV-(?P<turn>{_TURN})", re.IGNORECASE)
_LABEL = re.compile(
    rf"(?:MSP|UTD)-IMPROV-(?P<turn>{_TURN})\.\w+\s*;\s*(?P<letter>[A-Z])\s*;(?P<ratings>.*)", re.IGNORECASE
)
_RATING = re.compile(r"\b(?P<dimension>[AVD]):\s*(?P<number>[^;\s]+)")
_RATER = re.compile(r"[\w-]+\s*;\s*(?P<word>[A-Za-z]+)\s*;.*\bA:")


class MspImprov(Rated):
    """One row for each turn. Names begin with MSP or UTD; the label file is spelt as it is published, or right."""

    WHAT = "MSP-IMPROV"
    TABLES = (("evalution.txt", "evaluation.txt"),)
    EXAMPLE = "Evalution.txt and files such as session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav"
    OBTAIN = OBTAIN

    def recording(self, stem: str) -> str:
        match = _STEM.fullmatch(stem)
        return match["turn"].upper() if match else ""

    def judged(self, tables: list[Path], lost: Lost) -> list[Judged]:
        (table,) = tables
        clips = []
        votes: Counter[str] = Counter()
        for line in map(str.strip, read_text(table).splitlines()):
            if match := _LABEL.fullmatch(line):
                votes = Counter()
                if match["letter"].upper() in EMOTIONS:
                    clips.append(_clip(match, votes))
                else:
                    lost.add("lines have no known emotion", match["turn"])
            elif match := _RATER.match(line):
                votes[WORDS.get(match["word"].lower(), "other")] += 1
            elif line:
                lost.add("lines cannot be read", line[:40])
        return clips


def _clip(match: re.Match[str], votes: Counter[str]) -> Judged:
    """The turn of a line; the lines that follow it add to `votes`."""
    ratings = {each["dimension"]: number(each["number"]) for each in _RATING.finditer(match["ratings"].upper())}
    turn = match["turn"].upper()
    known = {"valence": ratings.get("V"), "arousal": ratings.get("A"), "dominance": ratings.get("D")}
    columns = {
        "utterance_id": f"MSP-IMPROV-{turn}",
        "session": f"session{int(match['session'])}",
        "speaker": match["speaker"].upper(),
        "gender": match["gender"].upper(),
        "emotion": EMOTIONS[match["letter"].upper()],
        "votes": votes,
        **{name: value for name, value in known.items() if value is not None},
    }
    return Judged(turn, columns)


corpus = Corpus(
    name="msp_improv",
    builder=MspImprov,
    labels=("happy", "sad", "angry", "neutral"),
    scale=(1, 5),
    protocol="session",
    environment="EMOZOO_MSP_IMPROV",
    obtain=OBTAIN,
    licence="UT Dallas' licences: an academic one for research, signed by an institution, and a commercial one",
    language="en",
    summary="8,438 turns of 12 actors in 6 sessions of improvised dialogue, rated and voted on, audio and video",
    citation=(
        "C. Busso, S. Parthasarathy, A. Burmania, M. AbdelWahab, N. Sadoughi and E. Mower Provost, MSP-IMPROV: An Acted "
        "Corpus of Dyadic Interactions to Study Emotion Perception, IEEE Transactions on Affective Computing 8(1), 67-80 "
        "(2017)"
    ),
)
