"""What people would say of a synthetic utterance: how pleasant, excited and strong it is, and which emotion it shows.

It follows from how the voice and the face are drawn, so it can be learnt from sound and picture. Half of the valence is in
the face, and less of the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple

import numpy as np

from emozoo.data.synthetic.actors import BLENDS, FACES, VOICES, Face, Voice

RATERS = 3
NAMES = {
    "neu": "Neutral", "hap": "Happiness", "ang": "Anger", "sad": "Sadness", "exc": "Excited", "fru": "Frustration",
    "xxx": "Other",
}  # fmt: skip
"""The words of IEMOCAP's raters."""
DISAGREEMENT = 0.5
"""The standard deviation of a rater's ratings around what is drawn, before they are rounded."""
DOUBT = 4.0
"""The larger, the more often raters take an emotion for another."""
SECOND = 0.15
"""How often a rater names a second emotion."""


def affect(voice: Voice, face: Face) -> np.ndarray:
    """Valence, arousal and dominance, float [3], about 1 to 5.

    A melody that rises and a smile are pleasant; a fast and high voice is aroused, as are a red face and a head that moves;
    a shrill and low voice is dominant, as are frowning brows and a raised head. Loudness adds little, because spectrograms
    are scaled to a peak before a network takes them.
    """
    heard = (
        3 + 3 * (voice.glide + 0.1) + 2 * (voice.melody - 0.12),
        3 + 0.04 * (voice.level + 22.5) + 0.45 * (voice.tempo - 4.1) + 0.8 * (voice.pitch - 1.2),
        3 + 0.02 * (voice.level + 23) - 1.3 * (voice.tilt - 1.2) - 0.8 * (voice.pitch - 1.2),
    )
    seen = (
        3 + 0.2 * face.smile - 0.06 * face.frown,
        3 + 0.9 * (face.sway - 1) + 0.015 * (face.flush - 11),
        3 + 0.2 * face.frown - 0.2 * face.bow,
    )
    share = np.array([0.5, 0.7, 0.7])
    return share * heard + (1 - share) * seen


def rate(voice: Voice, face: Face, rng: np.random.Generator) -> np.ndarray:
    """Each rater's valence, arousal and dominance: whole numbers of 1 to 5, float [RATERS, 3]."""
    felt = affect(voice, face) + DISAGREEMENT * rng.standard_normal((RATERS, 3))
    return np.clip(np.round(felt), 1, 5)


def vote(word: str, voice: Voice, face: Face, rng: np.random.Generator) -> list[list[str]]:
    """The words that each rater names. As in IEMOCAP, the label is the word most often named; for `xxx` there is none."""
    words, chances = _chances(word, voice, face)
    while True:
        answers = [
            list(rng.choice(words, 1 + (rng.random() < SECOND), replace=False, p=chances)) for _ in range(RATERS)
        ]
        (first, most), *others = Counter(each for answer in answers for each in answer).most_common()
        tied = bool(others) and others[0][1] == most
        if tied if word == "xxx" else first == word and not tied:
            return answers


def _chances(word: str, voice: Voice, face: Face) -> tuple[list[str], np.ndarray]:
    """Words, and the probability of each: the nearer the voice and the face are drawn to an emotion's, the larger."""
    distance = np.zeros(len(VOICES))
    for drawn, kinds in ((voice, VOICES), (face, FACES)):
        usual = np.array([astuple(kinds[each]) for each in VOICES])
        distance += (((usual - astuple(drawn)) / usual.std(axis=0)) ** 2).sum(axis=1)
    nearness = np.exp(-(distance - distance.min()) / (2 * DOUBT))
    chances = nearness / nearness.sum()
    if word in BLENDS:
        return [*VOICES, word], np.append(chances / 2, 0.5)
    return list(VOICES), chances
