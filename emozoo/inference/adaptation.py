"""What a model leans towards when it hears one person, and answers without that.

To a model, some voices sound sad or angry whatever their mood. A few recordings of a person show it, and they need no
labels. So it works for each architecture and back end, and a checkpoint holds nothing of it. It takes for granted that the
recordings are of mixed moods: those of one mood only make that mood less likely for the speaker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PRIOR_RECORDINGS = 5
"""With so many recordings, half of the lean that they show is believed."""
FLOOR = 1e-6
"""A probability counts as no less, lest one recording that a model is sure of outweigh all others."""


@dataclass(frozen=True)
class SpeakerLean:
    """How far a model leans towards each label for one speaker, and how many recordings have shown it."""

    recordings: int
    lean: tuple[float, ...]
    """Of each label, in nats; they add up to 0."""

    @classmethod
    def from_probabilities(cls, odds: np.ndarray) -> SpeakerLean:
        """From the probabilities float64 [recordings, labels] of a speaker's recordings, none or more, in any order.

        The lean is n / (n + 5) · (m − mean of m over the labels), where m is the mean of log p over the n recordings. The
        first factor is that of empirical Bayes (Efron and Morris 1973): the best guess at a speaker's mean, where means
        vary a fifth as much between speakers as recordings do within one. So few recordings move little, and none nothing.
        """
        return _lean(_logs(odds).sum(axis=0), len(odds))

    def apply(self, odds: np.ndarray) -> np.ndarray:
        """Probabilities float64 [..., labels] without the lean: it is subtracted from their logarithms, and they are scaled
        to add up to 1 again."""
        adapted = odds * np.exp(-np.asarray(self.lean))
        return adapted / adapted.sum(axis=-1, keepdims=True)


def _logs(odds: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(odds, FLOOR))


def _lean(total: np.ndarray, count: int) -> SpeakerLean:
    """From the sum float64 [labels] of the logarithms of `count` recordings' probabilities."""
    lean = (total - total.mean()) / (count + PRIOR_RECORDINGS)
    return SpeakerLean(count, tuple(lean.tolist()))


def adapt_to_speakers(odds: np.ndarray, speakers: Sequence[str], recordings: int | None = None) -> np.ndarray:
    """The probabilities float64 [clips, labels] of a test set, each clip's without the lean that other clips of its speaker
    show: of `recordings` clips, drawn anew for each one and always the same, or of all.

    A speaker who has no more gives what is there. Clips whose speaker is not known ("") stay as they are.
    """
    rng = np.random.default_rng(0)
    logs, adapted = _logs(odds), odds.copy()
    clips: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker:
            clips.setdefault(speaker, []).append(row)
    for rows in clips.values():
        own, others = logs[rows], len(rows) - 1
        total = own.sum(axis=0)
        for position, row in enumerate(rows):
            if recordings is None or recordings >= others:
                lean = _lean(total - own[position], others)
            else:
                drawn = rng.choice(others, recordings, replace=False)
                lean = _lean(own[drawn + (drawn >= position)].sum(axis=0), recordings)  # steps over the clip itself
            adapted[row] = lean.apply(odds[row])
    return adapted


def adaptation_note(speakers: Sequence[str], recordings: int | None = None) -> str:
    """What a reader of numbers must know that come from `adapt_to_speakers`."""
    counts = Counter(speakers)
    unknown = counts.pop("", 0)
    others = f"{recordings or 'all'} other recording{'' if recordings == 1 else 's'}"
    notes = [f"adapted to each speaker with {others}", "unlabelled test recordings were used"]
    if scarce := sum(count for count in counts.values() if count <= (recordings or 1)):
        few = "fewer" if (recordings or 1) > 1 else "none"
        notes.append(f"for {scarce} of {len(speakers)} clips there are {few} of the speaker")
    if unknown:
        notes.append(f"{unknown} of {len(speakers)} clips stay as they are, for their speaker is not known")
    return "; ".join(notes)
