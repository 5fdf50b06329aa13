"""Scores: worked by hand where WA and UA part, against scikit-learn everywhere else."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from emozoo.errors import EmozooError
from emozoo.evaluation.metrics import Metrics, Summary, evaluate_predictions, pool

LABELS = ("angry", "happy", "neutral", "sad")


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[int], list[int], list[str]]:
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["", "a", "b", "c"])),
            min_size=1,
            max_size=40,
        )
    )
    true, predicted, speakers = map(list, zip(*rows, strict=True))
    return true, predicted, speakers


def test_wa_counts_clips_and_ua_counts_classes() -> None:
    # 8 neutral, all right; 2 sad, one right: 9 of 10 clips, but (1 + 0.5) / 2 of the classes.
    metrics = evaluate_predictions(("neutral", "sad"), [0] * 8 + [1, 1], [0] * 8 + [1, 0])
    assert metrics.confusion == ((8, 0), (1, 1))
    assert metrics.wa == pytest.approx(0.9)
    assert metrics.ua == pytest.approx(0.75)
    assert metrics.recall == pytest.approx((1.0, 0.5))
    assert metrics.precision == pytest.approx((8 / 9, 1.0))
    assert metrics.macro_f1 == pytest.approx((2 * 8 / 17 + 2 * 1 / 3) / 2)
    assert metrics.count == 10


def test_a_class_that_does_not_occur_is_no_part_of_ua() -> None:
    metrics = evaluate_predictions(LABELS, [0, 0, 1], [0, 2, 1])
    assert metrics.ua == pytest.approx((0.5 + 1) / 2)
    assert metrics.recall == (0.5, 1.0, None, None)
    assert metrics.precision == (1.0, 1.0, 0.0, None)
    assert metrics.f1 == (pytest.approx(2 / 3), 1.0, 0.0, None)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


@settings(deadline=None)
@given(answers())
def test_scores_agree_with_scikit_learn(case: tuple[list[int], list[int], list[str]]) -> None:
    true, predicted, speakers = case
    metrics = evaluate_predictions(LABELS, true, predicted, speakers)
    occurring = sorted(set(true))
    assert metrics.confusion == tuple(map(tuple, reference.confusion_matrix(true, predicted, labels=range(4))))
    assert metrics.wa == pytest.approx(reference.accuracy_score(true, predicted))
    assert metrics.ua == pytest.approx(reference.recall_score(true, predicted, labels=occurring, average="macro"))
    f1 = reference.f1_score(true, predicted, labels=occurring, average="macro", zero_division=0)
    assert metrics.macro_f1 == pytest.approx(f1)
    for name, score in (
        ("recall", reference.recall_score),
        ("precision", reference.precision_score),
        ("f1", reference.f1_score),
    ):
        ours = [np.nan if value is None else value for value in getattr(metrics, name)]
        theirs = score(true, predicted, labels=range(4), average=None, zero_division=np.nan)
        assert ours == pytest.approx(list(theirs), nan_ok=True), name


@settings(deadline=None)
@given(answers())
def test_per_speaker_scores_are_those_of_the_speakers_own_clips(case: tuple[list[int], list[int], list[str]]) -> None:
    true, predicted, speakers = case
    metrics = evaluate_predictions(LABELS, true, predicted, speakers)
    assert [row.speaker for row in metrics.per_speaker] == sorted(set(speakers) - {""})
    for row in metrics.per_speaker:
        mine = [position for position, speaker in enumerate(speakers) if speaker == row.speaker]
        alone = evaluate_predictions(LABELS, [true[i] for i in mine], [predicted[i] for i in mine])
        assert (row.count, row.wa, row.ua, row.confusion) == (alone.count, alone.wa, alone.ua, alone.confusion)


@settings(deadline=None)
@given(answers())
def test_intervals_are_ordered_and_repeatable(case: tuple[list[int], list[int], list[str]]) -> None:
    metrics = evaluate_predictions(LABELS, *case)
    assert metrics == evaluate_predictions(LABELS, *case)
    for low, high in (metrics.wa_interval, metrics.ua_interval):
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("speakers", "over"),
    [(None, "clips"), (["a"] * 4, "clips"), (["a", "b", "", "b"], "clips"), (["a", "b", "a", "b"], "speakers")],
)
def test_interval_is_over_speakers_only_where_two_or_more_are_known(speakers: list[str] | None, over: str) -> None:
    assert evaluate_predictions(LABELS, [0, 1, 0, 1], [0, 1, 1, 1], speakers).interval_over == over


def test_interval_over_clips_is_the_binomial_one() -> None:
    # 70 of 100 right: the bootstrap of a share has the binomial's standard deviation, sqrt(0.7 * 0.3 / 100) = 0.0458.
    metrics = evaluate_predictions(("a", "b"), [0] * 100, [0] * 70 + [1] * 30)
    assert metrics.wa_interval == pytest.approx((0.7 - 1.96 * 0.0458, 0.7 + 1.96 * 0.0458), abs=0.015)


def test_interval_over_speakers_is_wider_where_speakers_differ() -> None:
    # Ten speakers of 50 clips: five always right, five always wrong.
    true, predicted = [0] * 500, [0] * 250 + [1] * 250
    speakers = [f"s{clip // 50}" for clip in range(500)]
    low, high = evaluate_predictions(("a", "b"), true, predicted, speakers).wa_interval
    # The share of right speakers among ten sampled ones: binomial, 0.2 and 0.8 are its 2.5 and 97.5 percentiles.
    assert (low, high) == pytest.approx((0.2, 0.8))
    by_clip = evaluate_predictions(("a", "b"), true, predicted).wa_interval
    assert by_clip[1] - by_clip[0] < 0.1


@settings(deadline=None)
@given(answers())
def test_metrics_survive_json(case: tuple[list[int], list[int], list[str]]) -> None:
    metrics = evaluate_predictions(LABELS, *case)
    assert Metrics.from_dict(json.loads(json.dumps(metrics.to_dict(), allow_nan=False))) == metrics
    summary = pool([metrics, metrics], apart=False)
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict(), allow_nan=False))) == summary


@settings(deadline=None)
@given(answers(), answers())
def test_pooled_folds_are_the_same_as_all_clips_at_once(
    one: tuple[list[int], list[int], list[str]], other: tuple[list[int], list[int], list[str]]
) -> None:
    folds = [evaluate_predictions(LABELS, *case) for case in (one, other)]
    assert pool(folds, apart=False).pooled == evaluate_predictions(
        LABELS, *(a + b for a, b in zip(one, other, strict=True))
    )


def test_a_speaker_is_never_pooled_twice_unless_that_was_meant() -> None:
    folds = [evaluate_predictions(LABELS, [0, 1], [0, 1], ["anna", other]) for other in ("ben", "carl")]
    with pytest.raises(EmozooError, match="not of one split: anna is in the test clips of two"):
        pool(folds)
    assert pool(folds, apart=False).pooled.count == 4


def test_mean_and_deviation_are_over_folds() -> None:
    folds = [evaluate_predictions(("a", "b"), [0, 1], predicted) for predicted in ([0, 1], [0, 0])]
    summary = pool(folds)
    assert (summary.folds, summary.pooled.count) == (2, 4)
    assert (summary.wa_mean, summary.ua_mean) == (0.75, 0.75)
    assert summary.wa_std == pytest.approx(np.std([1.0, 0.5], ddof=1))
    assert summary.macro_f1_mean == pytest.approx((1 + 1 / 3) / 2)
    assert pool(folds[:1]).wa_std == 0


def test_mistakes_are_refused() -> None:
    with pytest.raises(EmozooError, match="no clip"):
        evaluate_predictions(LABELS, [], [])
    with pytest.raises(ValueError, match="2 true labels, 1 predicted"):
        evaluate_predictions(LABELS, [0, 1], [0])
    with pytest.raises(ValueError, match="not a position"):
        evaluate_predictions(LABELS, [0, 4], [0, 0])
    with pytest.raises(ValueError, match="not a position"):
        evaluate_predictions(LABELS, [0, 1], [0, -1])
    with pytest.raises(ValueError, match="one label set"):
        pool([evaluate_predictions(LABELS, [0], [0]), evaluate_predictions(LABELS[::-1], [0], [0])])
    with pytest.raises(ValueError, match="at least one"):
        pool([])
