"""Calibration: the temperature, the thresholds of split conformal prediction, and how both are kept and used."""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import binom
from sklearn.metrics import log_loss

from emozoo import EmozooError
from emozoo.inference.calibration import COVERAGES, METHODS, TEMPERATURES, Calibration, sentence_of
from emozoo.inference.conformal import fit_temperature, fit_thresholds, inside, scale, scores

patient = settings(deadline=None, max_examples=60)
temperatures = st.floats(*TEMPERATURES)


@st.composite
def rows(draw: st.DrawFn) -> np.ndarray:
    """float64 [clips, labels] of probabilities: even, tied, next to each other, and exactly 0 and 1."""
    labels = draw(st.integers(2, 6))
    weights = st.lists(st.floats(0, 1), min_size=labels, max_size=labels).filter(lambda row: sum(row) > 1e-3)
    found = np.array(draw(st.lists(weights, min_size=1, max_size=6)))
    if draw(st.booleans()):
        found[0, :2] = found[0].max() + 0.1
        found[0, 1] = np.nextafter(found[0, 0], 2)
    return found / found.sum(axis=1, keepdims=True)


def drawn(count: int, seed: int, sharpness: float = 1.0, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Exchangeable clips: probabilities float64 [count, labels] and the true labels, which come as often as the
    probabilities say at a sharpness of 1, and less often at a higher one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, labels))
    true = (softmax(logits, axis=1).cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    return softmax(sharpness * logits, axis=1), true


def fitted(probabilities: np.ndarray, true: np.ndarray, **other: Any) -> Calibration:
    temperature = fit_temperature(probabilities, true)
    calibrated = scale(probabilities, temperature)
    thresholds = {method: fit_thresholds(calibrated, true, method) for method in METHODS}
    return Calibration(
        temperature, COVERAGES, **thresholds, dataset="toy", part="dev", clips=len(true), speakers=2, **other
    )


@patient
@given(rows(), temperatures)
def test_a_temperature_never_changes_an_answer(probabilities: np.ndarray, temperature: float) -> None:
    scaled = scale(probabilities, temperature)
    np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    assert (scaled >= 0).all()
    np.testing.assert_array_equal(scale(probabilities[0], temperature), scaled[0])


@patient
@given(rows())
def test_a_temperature_of_one_changes_nothing(probabilities: np.ndarray) -> None:
    np.testing.assert_allclose(scale(probabilities, 1.0), probabilities, atol=1e-11)


def test_a_higher_temperature_is_less_sure() -> None:
    probabilities, _ = drawn(50, 0)
    sure = [scale(probabilities, temperature).max(axis=1) for temperature in (0.5, 1, 2, 8)]
    assert all((one > other).all() for one, other in zip(sure, sure[1:], strict=False))


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_the_temperature_is_the_one_that_scipy_finds(sharpness: float) -> None:
    probabilities, true = drawn(400, 1, sharpness)

    def loss(log_temperature: float) -> float:
        return log_loss(true, softmax(np.log(probabilities) / np.exp(log_temperature), axis=1), labels=range(4))

    wanted = float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x))
    found = fit_temperature(probabilities, true)
    assert found == pytest.approx(wanted, rel=1e-4)
    assert found == pytest.approx(sharpness, rel=0.25)


def test_clips_that_are_all_answered_rightly_get_the_lowest_temperature() -> None:
    probabilities, _ = drawn(40, 2)
    assert fit_temperature(probabilities, probabilities.argmax(axis=1)) == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(probabilities, probabilities.argmin(axis=1)) == pytest.approx(TEMPERATURES[1])


def test_the_scores_by_hand() -> None:
    np.testing.assert_allclose(scores(np.array([0.2, 0.5, 0.3]), "lac"), [0.8, 0.5, 0.7])
    np.testing.assert_allclose(scores(np.array([0.2, 0.5, 0.3]), "aps"), [1.0, 0.5, 0.8])


def test_the_threshold_is_the_score_of_the_corrected_rank() -> None:
    """Of 39 scores, a coverage of 0.9 takes the 36th smallest, ⌈40 · 0.9⌉, and 0.98 would take a 40th."""
    shares = 1 - np.arange(1, 40) / 100
    probabilities = np.stack([shares, 1 - shares], axis=1)
    thresholds = dict(zip(COVERAGES, fit_thresholds(probabilities, np.zeros(39, int), "lac"), strict=True))
    assert thresholds[0.9] == pytest.approx(0.36) and thresholds[0.97] == pytest.approx(0.39)
    assert thresholds[0.98] is None and thresholds[0.99] is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [30, 99, 400])
def test_sets_hold_the_true_label_as_often_as_promised(method: str, count: int) -> None:
    """On exchangeable clips, for coverages of 0.6 to 0.9, averaged over many calibrations: at least as often, and with as
    many clips not much more often (Vovk et al. 2005), except that the scores of APS are rounded up to whole labels."""
    coverages, trials = [0.6, 0.75, 0.9], 300
    held = dict.fromkeys(coverages, 0)
    for trial in range(trials):
        probabilities, true = drawn(count + 1, 1000 * count + trial, 2.0)
        calibrated = scale(probabilities, 2.0)  # known beforehand, so that all the clips stay exchangeable
        thresholds = dict(zip(COVERAGES, fit_thresholds(calibrated[:-1], true[:-1], method), strict=True))
        for coverage in coverages:
            threshold = thresholds[coverage]
            assert threshold is not None
            held[coverage] += int(inside(calibrated[-1:], threshold, method)[0, true[-1]])
    for coverage in coverages:
        lowest, _ = binom.interval(0.9999, trials, coverage)
        assert held[coverage] >= lowest
        if method == "lac":
            _, highest = binom.interval(0.9999, trials, coverage + 1 / (count + 1))
            assert held[coverage] <= highest


@patient
@given(rows(), st.integers(30, 200), st.integers(0, 1000), st.sampled_from(METHODS))
def test_sets_grow_with_the_coverage(probabilities: np.ndarray, count: int, seed: int, method: str) -> None:
    size = probabilities.shape[1]
    calibration = fitted(*drawn(count, seed, labels=size))
    for row in calibration.apply(probabilities):
        sets = [calibration.prediction_set(row, each, method) for each in COVERAGES if each <= calibration.highest]
        for smaller, larger in zip(sets, sets[1:], strict=False):
            assert larger[: len(smaller)] == smaller
        for each in sets:
            assert each and each[0] == row.argmax()
            shares = row[list(each)]
            assert (np.diff(shares) <= 0).all() and len(set(each)) == len(each)


@patient
@given(rows(), st.sampled_from(METHODS), st.floats(0, 1))
def test_many_sets_at_once_are_those_of_each_clip(probabilities: np.ndarray, method: str, threshold: float) -> None:
    calibration = dataclasses.replace(
        fitted(*drawn(40, 0)), coverages=(0.9,), **dict.fromkeys(METHODS, (threshold,)), temperature=1.0
    )
    for row, members in zip(probabilities, inside(probabilities, threshold, method), strict=True):
        assert set(calibration.prediction_set(row, 0.9, method)) == set(np.flatnonzero(members).tolist())


def test_an_empty_set_becomes_the_most_probable_label() -> None:
    probabilities, _ = drawn(200, 3)
    calibration = fitted(probabilities, probabilities.argmax(axis=1))  # always right: a tiny threshold suffices
    assert calibration.prediction_set(np.array([0.26, 0.25, 0.25, 0.24]), 0.5) == (0,)


def test_a_coverage_between_two_takes_the_higher() -> None:
    calibration = fitted(*drawn(300, 4))
    assert calibration.threshold(0.901) == calibration.threshold(0.91) > calibration.threshold(0.9)
    assert calibration.threshold(0.2) == calibration.threshold(0.5)


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, float("nan")])
def test_a_coverage_is_a_share(coverage: float) -> None:
    with pytest.raises(EmozooError, match="a share between 0 and 1"):
        fitted(*drawn(300, 5)).prediction_set(np.full(4, 0.25), coverage)


def test_a_coverage_that_the_clips_cannot_promise_is_refused() -> None:
    calibration = fitted(*drawn(39, 6))
    assert calibration.highest == 0.97
    with pytest.raises(
        EmozooError, match="calibrated on 39 clips, which promise no coverage of 0.98: ask for 0.97 or less"
    ):
        calibration.prediction_set(np.full(4, 0.25), 0.98)
    with pytest.raises(EmozooError, match="no coverage of 0.995: ask for 0.99 or less"):
        fitted(*drawn(300, 6)).prediction_set(np.full(4, 0.25), 0.995)


def test_a_calibration_survives_its_way_through_json() -> None:
    calibration = fitted(*drawn(39, 7))
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"temperature": 0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"coverages": []}, "coverages"),
        ({"coverages": [0.9, 0.5]}, "coverages"),
        ({"coverages": [1.0]}, "coverages"),
        ({"lac": [0.5]}, "lac"),
        ({"lac": [None, 0.5]}, "lac"),
        ({"lac": [0.5, 0.4]}, "lac"),
        ({"aps": [0.5, 1.5]}, "aps"),
        ({"aps": [0.5, -1e300]}, "aps"),
        ({"aps": {"0": 0.5}}, "aps"),
        ({"clips": 0}, "clips"),
        ({"clips": 1.5}, "clips"),
        ({"speakers": 41}, "speakers"),
        ({"dataset": None}, "dataset"),
    ],
)
def test_a_calibration_that_nobody_fitted_is_refused(changes: dict[str, Any], named: str) -> None:
    whole = {"temperature": 1.5, "coverages": [0.5, 0.9], "lac": [0.4, 0.5], "aps": [0.5, 0.9]}
    whole |= {"dataset": "toy", "part": "dev", "clips": 40, "speakers": 2}
    assert Calibration.from_dict(whole).clips == 40
    with pytest.raises(ValueError, match=named):
        Calibration.from_dict(whole | changes)
    with pytest.raises(ValueError, match="missing|object"):
        Calibration.from_dict({name: value for name, value in whole.items() if name != named})


def test_words_say_what_a_calibration_was_fitted_on() -> None:
    assert sentence_of(None) == "no (emozoo calibrate does it)"
    assert "fitted on 39 clips of 2 speakers: toy, dev" in sentence_of(fitted(*drawn(39, 8)))


def test_reading_a_calibration_costs_no_numpy() -> None:
    """`emozoo list` reads the config.json of bundled models."""
    code = "import sys, emozoo.inference.calibration; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
