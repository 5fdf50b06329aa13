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
"""With so many recordings, half of the bias that they show is believed."""
FLOOR = 1e-6
"""A probability counts as no less, lest one recording that a model is sure of outweigh all others."""


@dataclass(frozen=True)
class SpeakerBias:
    """How far a model leans towards each label for one speaker, and how many recordings have shown it."""

    recordings: int
    bias: tuple[float, ...]
    """Of each label, in nats; they add up to 0."""

    @classmethod
    def from_probabilities(cls, probabilities: np.ndarray) -> SpeakerBias:
        """From the probabilities float64 [recordings, labels] of a speaker's recordings, none or more, in any order.

        The bias is n / (n + 5) · (m − mean of m over the labels), where m is the mean of log p over the n recordings. The
        first factor is that of empirical Bayes (Efron and Morris 1973): the best guess at a speaker's mean, where means
        vary a fifth as much between speakers as recordings do within one. So few recordings move little, and none nothing.
        """
        return _bias(_logs(probabilities).sum(axis=0), len(probabilities))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities float64 [..., labels] without the bias: it is subtracted from their logarithms, and they are scaled
        to add up to 1 again."""
        adapted = probabilities * np.exp(-np.asarray(self.bias))
        return adapted / adapted.sum(axis=-1, keepdims=True)


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, FLOOR))


def _bias(total: np.ndarray, count: int) -> SpeakerBias:
    """From the sum float64 [labels] of the logarithms of `count` recordings' probabilities."""
    bias = (total - total.mean()) / (count + PRIOR_RECORDINGS)
    return SpeakerBias(count, tuple(bias.tolist()))


def adapt_to_speakers(probabilities: np.ndarray, speakers: Sequence[str], recordings: int | None = None) -> np.ndarray:
    """The probabilities float64 [clips, labels] of a test set, each clip's without the bias that other clips of its speaker
    show: of `recordings` clips, drawn anew for each one and always the same, or of all.

    A speaker who has no more gives what is there. Clips whose speaker is not known ("") stay as they are.
    """
    rng = np.random.default_rng(0)
    logs, adapted = _logs(probabilities), probabilities.copy()
    clips: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker:
            clips.setdefault(speaker, []).append(row)
    for rows in clips.values():
        own, others = logs[rows], len(rows) - 1
        total = own.sum(axis=0)
        for position, row in enumerate(rows):
            if recordings is None or recordings >= others:
                bias = _bias(total - own[position], others)
            else:
                drawn = rng.choice(others, recordings, replace=False)
                bias = _bias(own[drawn + (drawn >= position)].sum(axis=0), recordings)  # steps over the clip itself
            adapted[row] = bias.apply(probabilities[row])
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
