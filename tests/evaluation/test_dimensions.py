"""CCC, Pearson's r and the mean absolute error against scipy and scikit-learn; pooled folds; what is undefined."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error

from emozoo.checkpoint.results import Metrics
from emozoo.evaluation.dimensions import measure_dimensions, pool_dimensions, spread_of, with_intervals
from emozoo.evaluation.metrics import pool
from emozoo.inference.calibration import COVERAGES, Calibration
from emozoo.target import Outputs, Scale

ONE = Outputs((), ("arousal",), "dimensions", scale=Scale(1, 7))
unit = arrays(np.float64, st.integers(3, 30), elements=st.floats(0, 1, width=32))


def lin(truth: np.ndarray, values: np.ndarray) -> float:
    """By Lin's own words: Pearson's r times how alike the means and deviations are."""
    shift = (truth.mean() - values.mean()) / np.sqrt(truth.std() * values.std())
    ratio = truth.std() / values.std()
    return pearsonr(truth, values).statistic * 2 / (ratio + 1 / ratio + shift**2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_scores_are_those_of_other_libraries(data: st.DataObject) -> None:
    truth = data.draw(unit.filter(lambda each: each.std() > 0.01))
    values = data.draw(
        arrays(np.float64, len(truth), elements=st.floats(0, 1, width=32)).filter(lambda v: v.std() > 0.01)
    )
    (found,) = measure_dimensions(ONE, truth[:, None], values[:, None], [""] * len(truth))
    assert found.ccc == pytest.approx(lin(truth, values), abs=1e-6)
    assert found.pearson == pytest.approx(pearsonr(truth, values).statistic, abs=1e-6)
    assert found.mae == pytest.approx(mean_absolute_error(1 + 6 * truth, 1 + 6 * values))
    assert abs(found.ccc) <= abs(found.pearson) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_folds_pooled_are_as_all_clips_at_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(6, 24))
    pairs = data.draw(arrays(np.float64, (count, 2), elements=st.floats(0, 1, width=16)))
    speakers = [f"s{number % 4}" for number in range(count)]
    side = np.array([int(name[1]) % 2 for name in speakers])
    folds = [
        measure_dimensions(
            ONE,
            pairs[side == each, :1],
            pairs[side == each, 1:],
            [s for s, a in zip(speakers, side, strict=True) if a == each],
        )
        for each in (0, 1)
    ]
    (pooled,), (whole,) = pool_dimensions(folds), measure_dimensions(ONE, pairs[:, :1], pairs[:, 1:], speakers)
    assert (pooled.count, pooled.ccc is None) == (whole.count, whole.ccc is None)
    for name in ("ccc", "pearson", "mae"):
        assert getattr(pooled, name) == pytest.approx(getattr(whole, name))
        assert getattr(pooled, f"{name}_interval") == pytest.approx(getattr(whole, f"{name}_interval"))


def test_ratings_that_are_all_alike_have_no_ccc_and_no_nan() -> None:
    same = np.full((6, 1), 0.5)
    fold = measure_dimensions(ONE, same, np.linspace(0, 1, 6)[:, None], list("aabbcc"))
    assert (fold[0].ccc, fold[0].ccc_interval, fold[0].pearson) == (None, None, None)
    varied = measure_dimensions(ONE, np.linspace(0, 1, 6)[:, None], np.linspace(0, 1, 6)[:, None], list("ddeeff"))
    metrics = [Metrics(count=6, dimensions=each) for each in (fold, varied)]
    summary = pool(metrics)
    (spread,) = summary.dimensions
    assert (spread.ccc_mean, spread.ccc_std, spread.folds) == (pytest.approx(1), 0, 1)
    text = json.dumps([summary.to_dict(), metrics[0].to_dict()], allow_nan=False)
    assert "ua" not in json.loads(text)[1] and Metrics.from_dict(json.loads(text)[1]) == metrics[0]


def test_a_clip_without_a_rating_does_not_count_and_a_dimension_without_any_is_left_out() -> None:
    two = Outputs((), ("valence", "arousal"), "dimensions", scale=Scale(1, 5))
    ratings = np.array([[0.2, np.nan], [0.4, np.nan], [np.nan, np.nan], [0.9, np.nan]])
    (found,) = measure_dimensions(two, ratings, np.tile(np.linspace(0, 1, 4)[:, None], 2), ["a", "b", "c", "d"])
    assert (found.name, found.count, len(found.per_speaker)) == ("valence", 3, 3)
    assert spread_of([(found,)])[0].ccc_mean == pytest.approx(found.ccc)


def test_an_interval_over_speakers_is_wider_where_speakers_differ() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200)
    shift = np.repeat(rng.normal(0, 0.4, 10), 20)
    values = (truth + shift)[:, None]
    named, unnamed = (
        measure_dimensions(ONE, truth[:, None], values, who)[0].ccc_interval
        for who in ([f"s{number // 20}" for number in range(200)], [""] * 200)
    )
    assert named and unnamed and named[1] - named[0] > unnamed[1] - unnamed[0]


def test_intervals_are_measured_by_how_often_they_hold_the_rating() -> None:
    truth, values = np.linspace(0, 1, 11)[:, None], np.linspace(0, 1, 11)[:, None] + 0.05
    values[:3] += 0.5
    found = measure_dimensions(ONE, truth, values, [""] * 11)
    margins = tuple(0.1 if coverage <= 0.9 else None for coverage in COVERAGES)
    calibration = Calibration(1.0, COVERAGES, margins, margins, "toy", "all", 40, 4, residuals={"arousal": margins})
    (measured,) = with_intervals(found, ONE, truth, values, calibration, None)
    assert (measured.asked, measured.covered) == (0.9, pytest.approx(8 / 11))
    ends = np.clip(np.stack([values[:, 0] - 0.1, values[:, 0] + 0.1]), 0, 1)
    assert measured.width == pytest.approx(6 * np.ptp(ends.clip(0, 1), axis=0).mean(), rel=0.2)
    assert with_intervals(found, ONE, truth, values, None, None) == found
