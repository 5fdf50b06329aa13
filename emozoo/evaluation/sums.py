"""Scores that follow from sums over clips, and their bootstrap intervals: one row of sums a speaker, so that folds can be
pooled without the predictions."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from emozoo.checkpoint.speakers import SpeakerSums

RESAMPLES = 2_000
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap distribution: a 95 % interval (Efron 1979)."""
AT_ONCE = 2**24
"""Counts that are drawn at once."""
Score = Callable[[np.ndarray], np.ndarray]
"""From sums float64 [..., sums] to scores [...], NaN where undefined."""


def by_speaker(rows: np.ndarray, speakers: Sequence[str]) -> tuple[SpeakerSums, ...]:
    """The sums of each speaker's clips, of rows float64 [clips, sums], sorted by speaker; "" is unknown."""
    names, owner = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, owner, rows)
    return tuple(SpeakerSums(str(name), tuple(row.tolist())) for name, row in zip(names, sums, strict=True))


def pooled(folds: Sequence[Sequence[SpeakerSums]]) -> tuple[SpeakerSums, ...]:
    """The sums of several folds together."""
    total: dict[str, np.ndarray] = {}
    for fold in folds:
        for each in fold:
            total[each.speaker] = total.get(each.speaker, 0.0) + np.array(each.sums)
    return tuple(SpeakerSums(name, tuple(sums.tolist())) for name, sums in sorted(total.items()))


def over(speakers: Iterable[str]) -> str:
    """What an interval of clips with these speakers is over: `speakers`, or `clips` where there are fewer than two, or that
    of a clip is unknown ("")."""
    names = {*speakers}
    return "speakers" if len(names) > 1 and "" not in names else "clips"


def over_speakers(sums: Sequence[SpeakerSums]) -> bool:
    """Whether an interval over speakers can be given."""
    return over(each.speaker for each in sums) == "speakers"


def mean_and_deviation(values: Iterable[float | None]) -> tuple[float | None, float | None, int]:
    """Mean and sample standard deviation (0 for one) of the values that are defined, and how many those are."""
    known = [value for value in values if value is not None]
    if not known:
        return None, None, 0
    return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else 0.0, len(known)


def matrix(sums: Sequence[SpeakerSums]) -> np.ndarray:
    """float64 [speakers, sums]."""
    return np.array([each.sums for each in sums])


def value(score: Score, total: np.ndarray) -> float | None:
    """The score of sums float64 [sums]; None where it is undefined."""
    found = float(score(total))
    return found if np.isfinite(found) else None


def interval(score: Score, rows: np.ndarray) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap of a score over rows float64 [units, sums], one a speaker or a clip; None where it is
    undefined in more than half of the resamples."""
    return middle(resampled(score, rows)) if len(rows) > 1 else None


def resampled(score: Score, rows: np.ndarray) -> np.ndarray:
    """The score float64 [resamples] of resamples with replacement of rows float64 [units, sums], which are the same for the
    same number of units."""
    units = len(rows)
    rng = np.random.default_rng(0)
    found = []
    step = max(1, AT_ONCE // units)
    for begin in range(0, RESAMPLES, step):
        counts = rng.multinomial(units, np.full(units, 1 / units), min(step, RESAMPLES - begin))
        found.append(score(counts.astype(float) @ rows))
    return np.concatenate(found)


def middle(scores: np.ndarray) -> tuple[float, float] | None:
    """Between which 95 % of the scores of resamples are; None where more than half are undefined."""
    known = scores[np.isfinite(scores)]
    if len(known) <= RESAMPLES // 2:
        return None
    low, high = np.percentile(known, INTERVAL).tolist()
    return low, high


def both(
    score: Score, sums: Sequence[SpeakerSums], clips: np.ndarray | None
) -> tuple[float | None, tuple[float, float] | None]:
    """A score and its interval: over speakers, or over `clips` float64 [clips, sums], where these are at hand."""
    rows = matrix(sums) if over_speakers(sums) else clips
    found = value(score, matrix(sums).sum(0))
    return found, None if rows is None or found is None else interval(score, rows)


def scored(
    scores: Mapping[str, Score], sums: Sequence[SpeakerSums], clips: np.ndarray | None
) -> dict[str, float | tuple[float, float] | None]:
    """Several scores by name, each with its interval as `NAME_interval`."""
    found: dict[str, float | tuple[float, float] | None] = {}
    for name, score in scores.items():
        found[name], found[f"{name}_interval"] = both(score, sums, clips)
    return found
