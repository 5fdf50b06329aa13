"""Distributions against votes, by scipy; raters against each other, counted one by one; several labels, by scikit-learn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import f1_score

from emozoo.checkpoint.results import Metrics
from emozoo.evaluation.metrics import pool
from emozoo.evaluation.votes import divergence, macro_f1, measure_several, measure_votes, pool_votes

counts_of = (
    st.integers(1, 12)
    .flatmap(lambda clips: arrays(np.float32, (clips, 3), elements=st.integers(0, 4).map(float)))
    .map(lambda counts: counts + (counts.sum(1, keepdims=True) == 0))
)


@settings(max_examples=60, deadline=None)
@given(counts_of, st.integers(0, 100))
def test_divergence_is_scipys_squared_distance(counts: np.ndarray, seed: int) -> None:
    shares = counts / counts.sum(1, keepdims=True)
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), len(counts))
    expected = jensenshannon(shares.astype(float), probabilities, base=2, axis=1) ** 2
    np.testing.assert_allclose(divergence(shares, probabilities), expected, atol=1e-6)
    np.testing.assert_allclose(divergence(shares, shares), 0, atol=1e-6)


def agreement(counts: np.ndarray) -> tuple[float, float] | None:
    """Each rater against the others of the clip, one by one."""
    hits, again, compared = 0.0, 0, 0
    for clip in counts.astype(int):
        raters = [word for word, count in enumerate(clip) for _ in range(count)]
        for place, word in enumerate(raters):
            others = Counter(raters[:place] + raters[place + 1 :])
            if not others:
                continue
            top = [each for each, count in others.items() if count == max(others.values())]
            compared += 1
            hits += (word in top) / len(top)
            again += word in others
    return (hits / compared, again / compared) if compared else None


@settings(max_examples=60, deadline=None)
@given(counts_of)
def test_the_raters_own_agreement_is_counted_by_leaving_one_out(counts: np.ndarray) -> None:
    found = measure_votes(counts, np.full(counts.shape, 1 / 3), [""] * len(counts))
    expected = agreement(counts)
    if expected is None:
        assert (found.human_accuracy, found.human_any_rater) == (None, None), "one rater only"
    else:
        assert (found.human_accuracy, found.human_any_rater) == pytest.approx(expected)


def test_votes_of_folds_are_pooled_as_all_clips_at_once() -> None:
    rng = np.random.default_rng(1)
    counts, shares = rng.integers(0, 3, (20, 4)) + np.eye(4)[rng.integers(0, 4, 20)], rng.dirichlet(np.ones(4), 20)
    speakers = [f"s{number // 5}" for number in range(20)]
    folds = [measure_votes(counts[part], shares[part], speakers[part]) for part in (slice(10), slice(10, 20))]
    assert pool_votes(folds) == measure_votes(counts, shares, speakers)
    assert pool([Metrics(count=10, votes=fold) for fold in folds]).pooled.votes == pool_votes(folds)
    said = counts[np.arange(20), shares.argmax(1)] > 0
    assert pool_votes(folds).any_rater == pytest.approx(said.mean())


@settings(max_examples=40, deadline=None)
@given(counts_of, st.integers(0, 100))
def test_several_labels_are_measured_as_by_scikit_learn(counts: np.ndarray, seed: int) -> None:
    probabilities = np.random.default_rng(seed).random(counts.shape)
    found = measure_several(("a", "b", "c"), counts, probabilities, [""] * len(counts))
    truth, named = counts > 0, probabilities >= 0.5
    there = (truth | named).any(0)
    each = f1_score(truth, named, average=None, zero_division=0)
    assert [share for share in found.f1 if share is not None] == pytest.approx(each[there])
    assert found.macro_f1 == macro_f1(counts, probabilities) == pytest.approx(each[there].mean())
    assert found.micro_f1 == pytest.approx(f1_score(truth, named, average="micro", zero_division=0))
    assert found.exact == pytest.approx((truth == named).all(1).mean())
