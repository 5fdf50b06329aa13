"""Speaker adaptation: the bias of a model for one speaker, and answers without it.

To a model, some voices sound sad or angry, or aroused, whatever their mood. A few recordings of the person show this,
without labels. The recordings must be of mixed moods: recordings of one mood make that mood less likely for the speaker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emozoo.inference.model import Model

PRIOR_RECORDINGS = 5
"""With this number of recordings, half of the measured bias is used."""
FLOOR = 1e-6
"""The smallest probability that counts, so that one very certain recording does not outweigh all others."""
MIDDLE = 0.5
"""What a dimension is taken to be on average where a model does not say."""


@dataclass(frozen=True)
class SpeakerBias:
    """A model's bias towards each label and each dimension for one speaker, and the number of recordings that it was
    measured on."""

    recordings: int
    bias: tuple[float, ...]
    """One value per label, in nats; they add up to 0."""
    shifts: tuple[float, ...] = ()
    """One value per dimension, from -1 to 1."""

    @property
    def adapted_with(self) -> int:
        """How many recordings answers are adapted with."""
        return self.recordings

    @classmethod
    def from_probabilities(cls, probabilities: np.ndarray, middles: Sequence[float] = ()) -> SpeakerBias:
        """From the answers float64 [recordings, outputs] to any number of a speaker's recordings, in any order:
        probabilities, then as many values of dimensions as there are `middles` (see `middles_of`).

        The bias is n / (n + 5) · (m − mean of m over the labels), where m is the mean of log p over the n recordings. The
        first factor comes from empirical Bayes (Efron and Morris 1973). It is the best estimate of a speaker's mean, if
        the variance between speakers is a fifth of that within one. So few recordings change little, and none nothing. The
        shift of a dimension is n / (n + 5) · (mean value − middle): a speaker is taken to be as aroused, on average, as the
        model finds people in general.
        """
        return _bias(_evidence(probabilities, middles).sum(axis=0), len(probabilities), len(middles))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Answers float64 [..., outputs] without the bias. It is subtracted from the probabilities' logarithms, and they are
        scaled to add up to 1. The shifts are subtracted from the dimensions, none of which leaves 0 to 1 by it."""
        shares, values = np.split(np.asarray(probabilities), [len(self.bias)], axis=-1)
        if self.bias:
            shares = shares * np.exp(-np.asarray(self.bias))
            shares = shares / shares.sum(axis=-1, keepdims=True)
        moved = np.clip(values - np.asarray(self.shifts), np.minimum(values, 0), np.maximum(values, 1))
        return np.concatenate([shares, moved], axis=-1)


def middles_of(model: Model) -> tuple[float, ...]:
    """For each dimension, what a model answers on average: to the clips that it was calibrated on, or else `MIDDLE`. A
    model whose own middle is another and not known thus has all its answers moved towards that one."""
    known = model.calibration.middles if model.calibration else {}
    return tuple(known.get(name, MIDDLE) for name in model.outputs.dimensions)


def _evidence(answers: np.ndarray, middles: Sequence[float]) -> np.ndarray:
    """What each recording shows of a speaker, float64 [recordings, outputs]: logarithms of probabilities, and by how much
    dimensions differ from the middle."""
    words = answers.shape[-1] - len(middles)
    return np.concatenate([np.log(np.maximum(answers[:, :words], FLOOR)), answers[:, words:] - middles], axis=1)


def _bias(total: np.ndarray, count: int, dimensions: int) -> SpeakerBias:
    """From the sum, float64 [outputs], of what `count` recordings show, of which the last are of so many dimensions."""
    logs, shifts = np.split(total / (count + PRIOR_RECORDINGS), [len(total) - dimensions])
    bias = logs - logs.mean() if len(logs) else logs
    return SpeakerBias(count, tuple(bias.tolist()), tuple(shifts.tolist()))


def adapt_to_speakers(
    probabilities: np.ndarray, speakers: Sequence[str], recordings: int | None = None, middles: Sequence[float] = ()
) -> np.ndarray:
    """The answers float64 [clips, outputs] to a test set, each without the bias that other clips of its speaker show. They
    are probabilities, then as many values of dimensions as there are `middles` (see `middles_of`).

    All others are used, or `recordings` of them, sampled for each clip with a fixed random seed. If a speaker has fewer,
    all are used. Clips whose speaker is unknown ("") stay as they are.
    """
    rng = np.random.default_rng(0)
    shown = _evidence(probabilities, middles)
    adapted = probabilities.copy()
    clips: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker:
            clips.setdefault(speaker, []).append(row)
    for rows in clips.values():
        own = shown[rows]
        others = len(rows) - 1
        total = own.sum(axis=0)
        for position, row in enumerate(rows):
            if recordings is None or recordings >= others:
                bias = _bias(total - own[position], others, len(middles))
            else:
                sampled = rng.choice(others, recordings, replace=False)
                others_own = own[sampled + (sampled >= position)]  # skips the clip itself
                bias = _bias(others_own.sum(axis=0), recordings, len(middles))
            adapted[row] = bias.apply(probabilities[row])
    return adapted


def biases_from_others(
    probabilities: np.ndarray, speakers: Sequence[str], middles: Sequence[float] = ()
) -> list[SpeakerBias | None]:
    """For each row of answers float64 [recordings, outputs], the bias that all other recordings of its speaker show; None
    where the speaker is unknown (""). It is what `adapt_to_speakers` subtracts."""
    shown = _evidence(probabilities, middles)
    totals: dict[str, np.ndarray] = {}
    counts = Counter(speakers)
    for speaker, row in zip(speakers, shown, strict=True):
        totals[speaker] = totals.get(speaker, 0.0) + row
    return [
        _bias(totals[speaker] - row, counts[speaker] - 1, len(middles)) if speaker else None
        for speaker, row in zip(speakers, shown, strict=True)
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
