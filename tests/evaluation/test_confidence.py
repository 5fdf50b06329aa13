"""What probabilities and sets are worth: worked by hand, and against other ways to work them out."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from support.calibrated import CALIBRATION

from emozoo import EmozooError
from emozoo.checkpoint.results import Metrics
from emozoo.evaluation.confidence import confidence, risk_coverage, set_metrics
from emozoo.evaluation.metrics import BINS, calibration_error, evaluate_predictions

LABELS = ("angry", "happy", "neutral")


def drawn(count: int, seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """True labels int [count] and probabilities float64 [count, 3], some of them equal with `ties`."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet((1, 1, 1), count)
    if ties:
        probabilities = np.repeat(probabilities[: -(-count // 3)], 3, axis=0)[:count]
    return rng.integers(0, 3, count), probabilities


def test_the_risk_coverage_curve_by_hand() -> None:
    """Surest first: right, wrong, right, wrong."""
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    coverages, risks = risk_coverage(np.array([1, 0, 1, 0]), probabilities)
    assert coverages.tolist() == [0.25, 0.5, 0.75, 1]
    assert risks.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    found = confidence(np.array([1, 0, 1, 0]), probabilities, [""] * 4)
    assert found.aurc == pytest.approx(np.mean([0, 1 / 2, 1 / 3, 2 / 4]))
    assert found.risks[4] == pytest.approx(1 / 2) and found.risks[9] == pytest.approx(1 / 2)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 10_000), st.booleans(), st.randoms())
def test_the_order_of_the_clips_does_not_matter(count: int, seed: int, ties: bool, random: object) -> None:
    true, probabilities = drawn(count, seed, ties)
    order = np.random.default_rng(seed).permutation(count)
    speakers = np.array([f"speaker {number % 3}" for number in range(count)])
    for one, other in zip(
        risk_coverage(true, probabilities), risk_coverage(true[order], probabilities[order]), strict=True
    ):
        np.testing.assert_allclose(one, other)
    here, there = (
        confidence(true[rows], probabilities[rows], speakers[rows].tolist()) for rows in (np.arange(count), order)
    )
    assert here.calibration_error == pytest.approx(there.calibration_error)
    assert here.aurc == pytest.approx(there.aurc)
    if count > 1:
        assert here.calibration_error_interval == pytest.approx(there.calibration_error_interval)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 300), st.integers(0, 10_000))
def test_the_calibration_error_agrees_with_scikit_learn(count: int, seed: int) -> None:
    true, probabilities = drawn(count, seed)
    answer = probabilities.max(1)
    share, mean = calibration_curve(probabilities.argmax(1) == true, answer, n_bins=BINS)
    clips = np.histogram(answer, np.linspace(0, 1, BINS + 1))[0]
    assert calibration_error(true, probabilities) == pytest.approx(
        np.average(abs(share - mean), weights=clips[clips > 0])
    )


def test_the_interval_is_over_speakers_and_wider_where_they_differ() -> None:
    true, probabilities = drawn(400, 0)
    right = probabilities.argmax(1)
    true = np.where(np.arange(400) < 200, right, (right + 1) % 3)  # one half always right, the other always wrong
    speakers = ["one"] * 200 + ["other"] * 200
    over_speakers = confidence(true, probabilities, speakers).calibration_error_interval
    over_clips = confidence(true, probabilities, [""] * 400).calibration_error_interval
    assert over_speakers[1] - over_speakers[0] > over_clips[1] - over_clips[0]
    assert over_speakers == confidence(true, probabilities, speakers).calibration_error_interval


def test_sets_are_counted_by_hand() -> None:
    calibration = dataclasses.replace(CALIBRATION, coverages=(0.9,), lac=(0.65,), aps=(0.85,))
    probabilities = np.array([[0.5, 0.4, 0.1], [0.8, 0.1, 0.1], [0.34, 0.33, 0.33], [0.1, 0.2, 0.7]])
    true = np.array([1, 1, 0, 0])
    lac, aps = set_metrics(calibration, true, probabilities, ["a", "a", "b", "b"], 0.9)
    # LAC takes what has 0.35 or more, and else the first: {0, 1}, {0}, {0}, {2}.
    assert (lac.method, lac.asked, lac.coverage, lac.size) == ("lac", 0.9, 0.5, 1.25)
    assert lac.class_coverage == (0.5, 0.5, None) and lac.class_size == (1.0, 1.5, None)
    assert lac.coverage_interval == (0.5, 0.5)  # half of each speaker's
    # APS takes from the top while the sum is 0.85 or less: {0}, {0}, {0, 1}, {2}.
    assert (aps.coverage, aps.size) == (0.25, 1.25)


def test_sets_are_for_calibrated_models_and_promised_coverages() -> None:
    true, probabilities = drawn(50, 1)
    assert set_metrics(None, true, probabilities, [""] * 50, None) == ()
    short = dataclasses.replace(CALIBRATION, coverages=(0.5,), lac=(0.5,), aps=(0.5,))
    assert set_metrics(short, true, probabilities, [""] * 50, None) == ()
    with pytest.raises(EmozooError, match="ask for 0.5 or less"):
        set_metrics(short, true, probabilities, [""] * 50, 0.9)
    assert {each.asked for each in set_metrics(CALIBRATION, true, probabilities, [""] * 50, None)} == {0.9}


def test_metrics_with_confidence_survive_json_and_older_ones_are_read() -> None:
    true, probabilities = drawn(50, 2)
    speakers = ["a"] * 20 + ["b"] * 30
    metrics = evaluate_predictions(LABELS, true, probabilities.argmax(1), speakers)
    whole = dataclasses.replace(
        metrics,
        confidence=confidence(true, probabilities, speakers),
        sets=set_metrics(CALIBRATION, true, probabilities, speakers, None),
    )
    assert Metrics.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
    older = {name: value for name, value in metrics.to_dict().items() if name not in ("confidence", "sets")}
    assert Metrics.from_dict(json.loads(json.dumps(older))) == metrics
