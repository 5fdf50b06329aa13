"""What distributions over words are worth against raters' votes, and how far the raters themselves agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emozoo.checkpoint.results import SeveralMetrics, VoteMetrics
from emozoo.checkpoint.speakers import SpeakerSums
from emozoo.evaluation.sums import by_speaker, pooled, scored, value
from emozoo.target import PRESENT


def measure_votes(counts: np.ndarray, probabilities: np.ndarray, speakers: Sequence[str]) -> VoteMetrics:
    """The worth of probabilities float [clips, labels] against how many raters said each label, of the same shape."""
    shares = counts / counts.sum(1, keepdims=True)
    said = counts[np.arange(len(counts)), probabilities.argmax(1)] > 0
    clips = np.column_stack([np.ones(len(counts)), divergence(shares, probabilities), said, *_left_out(counts)])
    return _vote_metrics(by_speaker(clips, speakers), clips)


def pool_votes(folds: Sequence[VoteMetrics]) -> VoteMetrics:
    """Several folds together."""
    return _vote_metrics(pooled([fold.per_speaker for fold in folds]), None)


def divergence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The Jensen-Shannon divergence (Lin 1991) of distributions float [clips, labels], in bits: 0 (equal) to 1."""
    middle = (one + other) / 2
    return ((_relative(one, middle) + _relative(other, middle)) / 2).clip(0, 1)


def _relative(one: np.ndarray, middle: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(one > 0, one * np.log2(one / middle), 0.0).sum(1)


def _left_out(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each rater against the others of the clip: how many can be compared, how many say the word of the others' majority (a
    share where several words tie), and how many say a word that another says; float64 [clips] each."""
    raters = np.floor(counts)
    total = raters.sum(1)
    compared = np.where(total > 1, total, 0.0)
    agree, again = np.zeros(len(counts)), np.zeros(len(counts))
    for word in range(counts.shape[1]):
        others = raters.copy()
        others[:, word] -= 1
        top = others.max(1)
        ties = (others == top[:, None]).sum(1)
        weight = np.where(total > 1, raters[:, word], 0.0)
        agree += weight * (others[:, word] == top) / ties
        again += weight * (others[:, word] > 0)
    return compared, agree, again


def _vote_metrics(sums: tuple[SpeakerSums, ...], clips: np.ndarray | None) -> VoteMetrics:
    scores = {"divergence": _mean(1), "any_rater": _mean(2)}
    humans = {"human_accuracy": _mean(4, 3), "human_any_rater": _mean(5, 3)}
    found: dict[str, Any] = scored({**scores, **humans}, sums, clips)
    return VoteMetrics(count=int(sum(each.sums[0] for each in sums)), per_speaker=sums, **found)


def _mean(place: int, of: int = 0) -> Any:
    def score(sums: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sums[..., of] > 0, sums[..., place] / sums[..., of], np.nan)

    return score


def measure_several(
    labels: Sequence[str], counts: np.ndarray, probabilities: np.ndarray, speakers: Sequence[str]
) -> SeveralMetrics:
    """The worth of each label's own probability, float [clips, labels], against whether a rater said it."""
    clips = _several(counts, probabilities)
    return _several_metrics(tuple(labels), by_speaker(clips, speakers), clips)


def pool_several(folds: Sequence[SeveralMetrics]) -> SeveralMetrics:
    """Several folds together."""
    return _several_metrics(folds[0].labels, pooled([fold.per_speaker for fold in folds]), None)


def macro_f1(counts: np.ndarray, probabilities: np.ndarray) -> float | None:
    """As of `SeveralMetrics`."""
    labels = tuple(map(str, range(counts.shape[1])))
    score = _f1_scores(len(labels))["macro_f1"]
    return value(score, _several(counts, probabilities).sum(0))


def _several(counts: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float64 [clips, 2 + 3 labels], whose sums give all scores: clips, wholly right ones, then of each label those rightly
    named, wrongly named and missed."""
    truth, found = counts > 0, probabilities >= PRESENT
    exact = (truth == found).all(1)
    return np.column_stack([np.ones(len(truth)), exact, truth & found, ~truth & found, truth & ~found]).astype(float)


def _f1_scores(labels: int) -> dict[str, Any]:
    """`f1` [..., labels], and the scores that are one number."""

    def parts(total: np.ndarray) -> np.ndarray:
        return total[..., 2:].reshape(*total.shape[:-1], 3, labels)

    def f1(total: np.ndarray) -> np.ndarray:
        right, wrong, missed = np.moveaxis(parts(total), -2, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * right / (2 * right + wrong + missed)  # NaN for a label that neither occurs nor is predicted

    def macro(total: np.ndarray) -> np.ndarray:
        each = f1(total)
        known = np.isfinite(each)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(known, each, 0).sum(-1) / known.sum(-1)

    def micro(total: np.ndarray) -> np.ndarray:
        right, wrong, missed = np.moveaxis(parts(total).sum(-1), -1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * right / (2 * right + wrong + missed)

    return {"f1": f1, "macro_f1": macro, "micro_f1": micro, "exact": _mean(1)}


def _several_metrics(
    labels: tuple[str, ...], sums: tuple[SpeakerSums, ...], clips: np.ndarray | None
) -> SeveralMetrics:
    f1, *_ = (scores := _f1_scores(len(labels))).values()
    whole = np.array([each.sums for each in sums]).sum(0)
    found: dict[str, Any] = scored({name: score for name, score in scores.items() if name != "f1"}, sums, clips)
    each = f1(whole)
    return SeveralMetrics(
        labels=labels,
        count=int(whole[0]),
        f1=tuple(float(share) if np.isfinite(share) else None for share in each),
        per_speaker=sums,
        **found,
    )
