"""Speaker adaptation: the bias of a model for one speaker, and answers without it.

To a model, some voices sound sad or angry whatever their mood. A few recordings of the person show this, without labels.
The recordings must be of mixed moods: recordings of one mood make that mood less likely for the speaker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PRIOR_RECORDINGS = 5
"""With this number of recordings, half of the measured bias is used."""
FLOOR = 1e-6
"""The smallest probability that counts, so that one very certain recording does not outweigh all others."""


@dataclass(frozen=True)
class SpeakerBias:
    """A model's bias towards each label for one speaker, and the number of recordings that it was measured on."""

    recordings: int
    bias: tuple[float, ...]
    """One value per label, in nats; they add up to 0."""

    @classmethod
    def from_probabilities(cls, probabilities: np.ndarray) -> SpeakerBias:
        """From the probabilities float64 [recordings, labels] of any number of a speaker's recordings, in any order.

        The bias is n / (n + 5) · (m − mean of m over the labels), where m is the mean of log p over the n recordings. The
        first factor comes from empirical Bayes (Efron and Morris 1973). It is the best estimate of a speaker's mean, if
        the variance between speakers is a fifth of that within one. So few recordings change little, and none nothing.
        """
        return _bias(_logs(probabilities).sum(axis=0), len(probabilities))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities float64 [..., labels] without the bias. It is subtracted from their logarithms, and they are scaled
        to add up to 1."""
        adapted = probabilities * np.exp(-np.asarray(self.bias))
        return adapted / adapted.sum(axis=-1, keepdims=True)


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, FLOOR))


def _bias(total: np.ndarray, count: int) -> SpeakerBias:
    """From the sum, float64 [labels], of the logarithms of `count` recordings' probabilities."""
    bias = (total - total.mean()) / (count + PRIOR_RECORDINGS)
    return SpeakerBias(count, tuple(bias.tolist()))


def adapt_to_speakers(probabilities: np.ndarray, speakers: Sequence[str], recordings: int | None = None) -> np.ndarray:
    """The probabilities float64 [clips, labels] of a test set, each without the bias that other clips of its speaker show.

    All others are used, or `recordings` of them, sampled for each clip with a fixed random seed. If a speaker has fewer,
    all are used. Clips whose speaker is unknown ("") stay as they are.
    """
    rng = np.random.default_rng(0)
    logs = _logs(probabilities)
    adapted = probabilities.copy()
    clips: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker:
            clips.setdefault(speaker, []).append(row)
    for rows in clips.values():
        own = logs[rows]
        others = len(rows) - 1
        total = own.sum(axis=0)
        for position, row in enumerate(rows):
            if recordings is None or recordings >= others:
                bias = _bias(total - own[position], others)
            else:
                sampled = rng.choice(others, recordings, replace=False)
                bias = _bias(own[sampled + (sampled >= position)].sum(axis=0), recordings)  # skips the clip itself
            adapted[row] = bias.apply(probabilities[row])
    return adapted


def biases_from_others(probabilities: np.ndarray, speakers: Sequence[str]) -> list[SpeakerBias | None]:
    """For each row of probabilities float64 [recordings, labels], the bias that all other recordings of its speaker show;
    None where the speaker is unknown (""). It is what `adapt_to_speakers` subtracts."""
    logs = _logs(probabilities)
    totals: dict[str, np.ndarray] = {}
    counts = Counter(speakers)
    for speaker, row in zip(speakers, logs, strict=True):
        totals[speaker] = totals.get(speaker, 0.0) + row
    return [
        _bias(totals[speaker] - row, counts[speaker] - 1) if speaker else None
        for speaker, row in zip(speakers, logs, strict=True)
    ]


def adaptation_note(speakers: Sequence[str], recordings: int | None = None) -> str:
    """What a reader must know of numbers that come from `adapt_to_speakers`."""
    counts = Counter(speakers)
    unknown = counts.pop("", 0)
    others = f"{recordings or 'all'} other recording{'' if recordings == 1 else 's'}"
    notes = [f"adapted to each speaker with {others}", "unlabelled test recordings were used"]
    if scarce := sum(count for count in counts.values() if count <= (recordings or 1)):
        few = "fewer" if (recordings or 1) > 1 else "none"
        notes.append(f"for {scarce} of {len(speakers)} clips there are {few} of the speaker")
    if unknown:
        notes.append(f"{unknown} of {len(speakers)} clips stay as they are, because their speaker is unknown")
    return "; ".join(notes)
