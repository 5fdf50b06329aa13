"""Measures predictions: from true and predicted labels to WA, UA, F1, a confusion matrix and an interval.

Everything follows from confusion matrices, one per speaker, so folds can be pooled without the predictions.

WA ("weighted accuracy") is accuracy, the share of clips that are right. UA ("unweighted accuracy") is balanced accuracy,
the mean of the recalls of the classes that occur in truth: a frequent class counts no more than a rare one. The names are
usual for speech emotion. Macro F1 is the mean of the F1 of those same classes.
"""

from __future__ import annotations

import collections
import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emozoo.checkpoint.results import Metrics, ScoreSpread, SeveralMetrics, SpeakerMetrics, Summary, VoteMetrics
from emozoo.errors import EmozooError
from emozoo.evaluation.dimensions import pool_dimensions, spread_of
from emozoo.evaluation.sums import INTERVAL, RESAMPLES, mean_and_deviation, over
from emozoo.evaluation.votes import pool_several, pool_votes

BINS = 15
"""Ranges of probability of the calibration error."""


def evaluate_predictions(
    labels: Sequence[str],
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    speakers: Sequence[str] | None = None,
) -> Metrics:
    """The worth of `predicted` against `true`, positions in `labels`, one per clip; a speaker is "" where unknown.

    Raises `EmozooError` where there is no clip, ValueError for lengths that differ or positions beyond `labels`.
    """
    size = len(labels)
    true, predicted = np.asarray(true, dtype=int), np.asarray(predicted, dtype=int)
    speakers = [""] * len(true) if speakers is None else speakers
    if not len(true) == len(predicted) == len(speakers):
        raise ValueError(f"{len(true)} true labels, {len(predicted)} predicted, {len(speakers)} speakers")
    if len(true) and not (0 <= min(true.min(), predicted.min()) and max(true.max(), predicted.max()) < size):
        raise ValueError(f"a label is not a position in {tuple(labels)}")
    names, owner = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    cells = (owner * size + true) * size + predicted
    confusions = np.bincount(cells, minlength=len(names) * size * size).reshape(len(names), size, size)
    return _measure(labels, dict(zip(names.tolist(), confusions, strict=True)))


def recalls(true: np.ndarray, predicted: np.ndarray, labels: int) -> tuple[float, float]:
    """WA and UA of clips, int [clips] each, whose classes are 0 to `labels` - 1."""
    confusion = np.bincount(true * labels + predicted, minlength=labels * labels).reshape(labels, labels)
    return float(_wa(confusion)), float(_ua(confusion))


def pool(folds: Sequence[Metrics], *, apart: bool = True) -> Summary:
    """The folds of one label set together. Raises ValueError where there is none, or label sets differ, and EmozooError
    where a speaker is tested in two folds, unless speakers need not be `apart`."""
    counts = collections.Counter(speaker for fold in folds for speaker in _speakers(fold))
    if apart and (twice := [speaker for speaker, count in counts.items() if count > 1]):
        raise EmozooError(
            f"these folds are not of one split: {', '.join(sorted(twice)[:3])} is in the test clips of two of them; "
            "train them anew, in one run"
        )
    if not folds or any(fold.labels != folds[0].labels for fold in folds):
        raise ValueError("needs at least one fold, and folds of one label set")
    dimensions = [fold.dimensions for fold in folds]
    votes = [fold.votes for fold in folds if fold.votes]
    several = [fold.several for fold in folds if fold.several]
    answered = [fold.answered for fold in folds if fold.answered is not None]
    beside: dict[str, Any] = {
        "dimensions": pool_dimensions(dimensions),
        "votes": pool_votes(votes) if votes else None,
        "several": pool_several(several) if several else None,
        "answered": sum(answered) if len(answered) == len(folds) else None,
    }
    if not folds[0].labels:
        among = "speakers" if all(fold.interval_over == "speakers" for fold in folds) else "clips"
        whole = Metrics(count=sum(fold.count for fold in folds), interval_over=among, **beside)
        return Summary(len(folds), whole, dimensions=spread_of(dimensions), others=_others(votes, several))
    confusions: dict[str, np.ndarray] = {}
    for fold in folds:
        unknown = np.array(fold.confusion)
        for row in fold.per_speaker:
            confusions[row.speaker] = confusions.get(row.speaker, 0) + np.array(row.confusion)
            unknown = unknown - row.confusion
        if unknown.any():
            confusions[""] = confusions.get("", 0) + unknown
    spread: dict[str, Any] = {}
    for name in ("wa", "ua", "macro_f1"):
        spread[f"{name}_mean"], spread[f"{name}_std"], _ = mean_and_deviation(getattr(fold, name) for fold in folds)
    pooled = dataclasses.replace(_measure(folds[0].labels, confusions), **beside)
    return Summary(len(folds), pooled, dimensions=spread_of(dimensions), others=_others(votes, several), **spread)


def _others(votes: Sequence[VoteMetrics], several: Sequence[SeveralMetrics]) -> tuple[ScoreSpread, ...]:
    """The main scores of votes, or of several labels, over folds."""
    names = {**dict.fromkeys(("divergence", "any_rater"), votes), **dict.fromkeys(("macro_f1", "micro_f1"), several)}
    return tuple(
        ScoreSpread(name, *mean_and_deviation(getattr(each, name) for each in folds))
        for name, folds in names.items()
        if folds
    )


def _speakers(fold: Metrics) -> set[str]:
    """Whose clips were tested, as far as that is known."""
    others = (each for each in (*fold.dimensions, fold.votes, fold.several) if each)
    names = {row.speaker for row in fold.per_speaker}
    return names.union(row.speaker for each in others for row in each.per_speaker) - {""}


def calibration_error(true: Sequence[int] | np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error (Guo et al. 2017): how far the probability of the answer is from the share of answers
    that are right, over `BINS` equal ranges of probability, weighted by the answers in each.

    `true` is int [clips], `probabilities` float [clips, labels].
    """
    right, place = right_and_bin(true, probabilities)
    gaps = np.bincount(place, probabilities.max(1) - right, BINS)
    return float(np.abs(gaps).sum()) / len(right)


def right_and_bin(true: Sequence[int] | np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each clip, whether its answer is right, bool [clips], and the range of its probability, int [clips]."""
    right = probabilities.argmax(1) == np.asarray(true)
    return right, np.minimum((probabilities.max(1) * BINS).astype(int), BINS - 1)


def _measure(labels: Sequence[str], confusions: Mapping[str, np.ndarray]) -> Metrics:
    """From each speaker's confusion matrix, int [true, predicted]; the speaker "" is unknown."""
    total = sum(confusions.values(), np.zeros((len(labels), len(labels)), dtype=int))
    if not total.sum():
        raise EmozooError("there is no clip to evaluate")
    right, occurring, answered = np.diagonal(total), total.sum(axis=1), total.sum(axis=0)
    f1 = _shares(2 * right, occurring + answered)
    interval_over = over(confusions)
    wa_interval, ua_interval = _intervals(np.stack(list(confusions.values())) if interval_over == "speakers" else total)
    return Metrics(
        labels=tuple(labels),
        confusion=_tuples(total.tolist()),
        count=int(total.sum()),
        wa=float(_wa(total)),
        ua=float(_ua(total)),
        macro_f1=statistics.fmean(
            value for value, clips in zip(f1, occurring, strict=True) if clips and value is not None
        ),
        recall=_shares(right, occurring),
        precision=_shares(right, answered),
        f1=f1,
        wa_interval=wa_interval,
        ua_interval=ua_interval,
        interval_over=interval_over,
        per_speaker=tuple(
            SpeakerMetrics(name, int(own.sum()), float(_wa(own)), float(_ua(own)), _tuples(own.tolist()))
            for name, own in sorted(confusions.items())
            if name
        ),
    )


def _wa(confusion: np.ndarray) -> np.ndarray:
    """Accuracy of confusion matrices [..., true, predicted] -> [...]."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def _ua(confusion: np.ndarray) -> np.ndarray:
    """Mean recall, over the classes that occur, of confusion matrices [..., true, predicted] -> [...]."""
    occurring = confusion.sum(axis=-1)
    recall = np.diagonal(confusion, axis1=-2, axis2=-1) / np.maximum(occurring, 1)
    return recall.sum(axis=-1) / (occurring > 0).sum(axis=-1)


def _shares(part: np.ndarray, whole: np.ndarray) -> tuple[float | None, ...]:
    return tuple(float(one / all_) if all_ else None for one, all_ in zip(part, whole, strict=True))


def _intervals(confusion: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bootstrap intervals of WA and UA, over speakers of [speakers, true, predicted] or clips of [true, predicted].

    A resample with replacement takes each speaker, or each clip, as often as a multinomial distribution says. So it is a
    weighted sum of the speakers' confusion matrices; for clips, the counts are the matrix.
    """
    rng = np.random.default_rng(0)
    size = confusion.shape[-1]
    if confusion.ndim == 3:
        speakers = len(confusion)
        counts = rng.multinomial(speakers, np.full(speakers, 1 / speakers), RESAMPLES)
        resamples = counts.astype(float) @ confusion.reshape(speakers, -1)  # as floats: many times faster, and exact
    else:
        count = int(confusion.sum())
        resamples = rng.multinomial(count, confusion.ravel() / count, RESAMPLES)
    resamples = resamples.reshape(RESAMPLES, size, size)
    (wa_low, wa_high), (ua_low, ua_high) = (np.percentile(score(resamples), INTERVAL).tolist() for score in (_wa, _ua))
    return (wa_low, wa_high), (ua_low, ua_high)


def _tuples(value: Any) -> Any:
    """Lists within lists as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value
