"""Differences between runs: against scikit-learn and scipy, and by what must hold for any runs."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from emozoo.evaluation.comparison import Answers, Pair, differences, holm, mcnemar_p
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.evaluation.verdicts import sentences

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def drawn(seed: int, clips: int = 300, speakers: int = 12, skill: tuple[float, ...] = (0.7, 0.5)) -> Answers:
    """Runs a, b, ... that are right in so many cases, on clips of three labels that are not equally frequent."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, clips, p=(0.6, 0.3, 0.1))
    predicted = {
        name: np.where(rng.random(clips) < share, true, rng.integers(0, 3, clips))
        for name, share in zip("abcdef", skill, strict=False)
    }
    return Answers([f"s{number}" for number in rng.integers(0, speakers, clips)], 3, true, predicted)


def only_pair(answers: Answers, runs: Sequence[str] = "ab") -> Pair:
    (pair,) = differences(answers, list(runs))
    return pair


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test_of_scipy(first: int, second: int) -> None:
    wanted = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_p(first, second) == pytest.approx(wanted, rel=1e-9)
    assert mcnemar_p(first, second) == mcnemar_p(second, first)


def test_mcnemar_of_many_clips_neither_overflows_nor_vanishes_too_soon() -> None:
    assert mcnemar_p(4000, 4000) == 1.0
    assert mcnemar_p(3000, 3300) == pytest.approx(stats.binomtest(3000, 6300).pvalue, rel=1e-9)
    assert 0 <= mcnemar_p(0, 5000) < 1e-300


@given(P_VALUES, st.floats(0.001, 0.999))
def test_holm_rejects_what_its_step_down_procedure_rejects(values: list[float], level: float) -> None:
    """Holm 1979: from the smallest on, each p is held against level / (how many are left), until one is larger."""
    rejected: set[int] = set()
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[place] * (len(values) - rank) > level:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(values)) if p <= level} == rejected


@given(P_VALUES)
def test_holm_is_monotone_and_never_below_the_raw_values(values: list[float]) -> None:
    found = holm(values)
    assert all(raw <= corrected <= 1 for raw, corrected in zip(values, found, strict=True))
    for one, other in itertools.permutations(range(len(values)), 2):
        assert values[one] > values[other] or found[one] <= found[other]


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.3, 0.6]) == [0.6, 0.6] and holm([0.01]) == [0.01] and holm([]) == []


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_differences_are_those_of_scikit_learns_scores(seed: int) -> None:
    answers = drawn(seed, clips=120)
    pair = only_pair(answers)
    assert pair.ua and pair.wa and pair.mcnemar
    ua, wa = (
        [score(answers.true, answers.predicted[run]) for run in "ab"]
        for score in (balanced_accuracy_score, accuracy_score)
    )
    assert pair.ua.value == pytest.approx(ua[0] - ua[1]) and pair.wa.value == pytest.approx(wa[0] - wa[1])
    assert pair.ua.low <= pair.ua.high and pair.wa.low <= pair.wa.high
    assert pair.mcnemar.first_only - pair.mcnemar.second_only == pytest.approx(120 * pair.wa.value)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_a_copy_differs_in_nothing_and_the_order_only_flips_signs(seed: int, speakers: int) -> None:
    answers = drawn(seed, clips=100, speakers=speakers)
    rated = np.random.default_rng(seed).uniform(1, 5, 100)
    values = {run: rated + np.random.default_rng(number).normal(0, 1, 100) for number, run in enumerate("ab")}
    both = Answers(
        answers.speakers,
        3,
        answers.true,
        {**answers.predicted, "copy": answers.predicted["a"].copy()},
        {"valence": rated},
        {"valence": {**values, "copy": values["a"].copy()}},
    )
    same = only_pair(both, ("a", "copy"))
    for estimate in (same.ua, same.wa, same.ccc[0].ccc):
        assert estimate and (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
    assert same.mcnemar and same.mcnemar.p == 1 and not same.found and not same.ccc[0].found

    there, back = only_pair(both, "ab"), only_pair(both, "ba")
    assert there.mcnemar and back.mcnemar and there.mcnemar.p == back.mcnemar.p
    assert (there.mcnemar.first_only, there.mcnemar.second_only) == (back.mcnemar.second_only, back.mcnemar.first_only)
    for one, other in ((there.ua, back.ua), (there.wa, back.wa), (there.ccc[0].ccc, back.ccc[0].ccc)):
        assert one and other
        assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-12)
    assert there.found == back.found and there.ccc[0].p == back.ccc[0].p


def test_the_interval_is_that_of_scipys_paired_bootstrap_over_speakers() -> None:
    answers = drawn(1, clips=600, speakers=20)
    names = np.array(answers.speakers)
    rows = [
        [(names == who).sum(), *((answers.predicted[run] == answers.true)[names == who].sum() for run in "ab")]
        for who in np.unique(names)
    ]
    counts, first, second = map(np.array, zip(*rows, strict=True))

    def wa_difference(clips: np.ndarray, one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return (one.sum(axis) - other.sum(axis)) / clips.sum(axis)

    wanted = stats.bootstrap(
        (counts, first, second), wa_difference, paired=True, method="percentile", n_resamples=9999, rng=1
    ).confidence_interval
    wa = only_pair(answers).wa
    assert wa and (wa.low, wa.high) == pytest.approx((wanted.low, wanted.high), abs=0.01)
    assert wa.high - wa.low > 0.02  # so that the tolerance tells something


def test_paired_resamples_see_a_small_difference_that_unpaired_intervals_hide() -> None:
    """Speakers differ widely, and run a is a little better for each of them."""
    rng = np.random.default_rng(2)
    speakers = np.repeat(np.arange(20), 50)
    hard = rng.uniform(0.2, 0.9, 20)[speakers]
    luck = rng.random(1000)
    true = rng.integers(0, 3, 1000)
    predicted = {run: np.where(luck < hard + gain, true, (true + 1) % 3) for run, gain in (("a", 0.05), ("b", 0.0))}
    pair = only_pair(Answers([f"s{who}" for who in speakers], 3, true, predicted))
    assert pair.wa and pair.wa.low > 0 and pair.found
    alone = evaluate_predictions(("x", "y", "z"), true, predicted["a"], [f"s{who}" for who in speakers]).wa_interval
    assert alone[1] - alone[0] > 2 * (pair.wa.high - pair.wa.low)
    assert sentences(pair)[0].startswith("a is better than b (UA +")


@pytest.mark.parametrize("speakers", [[""] * 60, ["one"] * 60, [""] + ["one", "two"] * 29 + ["one"]])
def test_without_two_known_speakers_the_intervals_are_over_clips(speakers: list[str]) -> None:
    answers = drawn(3, clips=60)
    wa = only_pair(Answers(speakers, 3, answers.true, answers.predicted)).wa
    rng = np.random.default_rng(0)
    right = [answers.predicted[run] == answers.true for run in "ab"]
    drawn_clips = rng.integers(0, 60, (5000, 60))
    wanted = np.percentile((right[0][drawn_clips].mean(1) - right[1][drawn_clips].mean(1)), (2.5, 97.5))
    assert wa and (wa.low, wa.high) == pytest.approx(tuple(wanted), abs=0.03) and wa.low < wa.value < wa.high


def test_clips_without_a_label_do_not_count() -> None:
    answers = drawn(4, clips=100)
    unlabelled = np.where(np.arange(100) < 30, -1, answers.true)
    part = {run: predicted[30:] for run, predicted in answers.predicted.items()}
    assert only_pair(Answers(answers.speakers, 3, unlabelled, answers.predicted)) == only_pair(
        Answers(answers.speakers[30:], 3, answers.true[30:], part)
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_ccc_is_lins_and_clips_without_a_rating_do_not_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rated = rng.uniform(1, 7, 80)
    value = 0.7 * rated + rng.normal(1, 0.5, 80)
    there = np.arange(80) % 4 > 0
    answers = Answers(
        [f"s{number % 8}" for number in range(80)],
        rated={"valence": np.where(there, rated, np.nan)},
        valued={"valence": {"a": value, "b": rng.uniform(1, 7, 80)}},
    )
    pair = only_pair(answers)

    def lin(y: np.ndarray) -> float:
        x, y = rated[there], y[there]
        shift = (x.mean() - y.mean()) ** 2
        return float(2 * np.corrcoef(x, y)[0, 1] * x.std() * y.std() / (x.var() + y.var() + shift))

    (gap,) = pair.ccc
    assert gap.ccc.value == pytest.approx(lin(value) - lin(answers.valued["valence"]["b"]))
    assert gap.ccc.low <= gap.ccc.value <= gap.ccc.high and gap.found and gap.p_holm == gap.p
    assert pair.ua is None and not pair.found
    assert sentences(pair)[0].startswith("a is better than b in valence (CCC +")


def test_a_ccc_of_constant_ratings_is_undefined_and_left_out() -> None:
    same, other = np.full(10, 3.0), np.arange(10.0)
    answers = Answers(
        ["a"] * 5 + ["b"] * 5,
        rated={"valence": same, "arousal": np.full(10, np.nan)},
        valued={name: {"a": same, "b": other} for name in ("valence", "arousal")},
    )
    assert only_pair(answers) == Pair("a", "b", speakers=2) and sentences(Pair("a", "b")) == []


def test_holm_is_over_all_pairs_of_runs() -> None:
    answers = drawn(5, skill=(0.7, 0.6, 0.62, 0.5))
    pairs = differences(answers, list("abcd"))
    assert [(pair.first, pair.second) for pair in pairs] == list(itertools.combinations("abcd", 2))
    tests = [pair.mcnemar for pair in pairs if pair.mcnemar]
    assert [each.p_holm for each in tests] == holm([each.p for each in tests]) and len(tests) == 6
    alone = only_pair(answers).mcnemar
    assert alone and alone.p_holm == alone.p == tests[0].p < tests[0].p_holm


def test_the_words_say_which_run_is_better_none_or_that_ua_and_wa_part() -> None:
    """Of 900 neutral and 100 sad clips, a has all neutral ones right, b all sad ones and 700 of the neutral."""
    true = np.repeat([0, 1], [900, 100])
    speakers = [f"s{number % 25}" for number in range(1000)]
    one = np.zeros(1000, dtype=int)
    other = np.where(np.arange(1000) < 200, 1, true)
    better = np.where(np.arange(1000) % 10 < 9, true, 1 - true)

    def told(first: np.ndarray, second: np.ndarray) -> str:
        (sentence,) = sentences(only_pair(Answers(speakers, 2, true, {"a": first, "b": second})))
        return sentence

    assert told(other, one).startswith("a has the higher UA and b the higher WA (UA +38.9, ")
    assert told(one, other).startswith("b has the higher UA and a the higher WA (UA +38.9, ")
    assert told(one, one) == (
        "no difference was found between a and b (UA +0.0, 0.0 to 0.0; WA +0.0, 0.0 to 0.0; McNemar p = 1.00 after Holm)"
    )
    assert told(better, true).startswith("b is better than a (UA +") and "p < 0.001 after Holm" in told(better, true)


def test_few_speakers_tell_of_no_difference() -> None:
    right, wrong = np.zeros(40, int), np.ones(40, int)
    for count in (2, 4, 5):
        speakers = [f"s{number % count}" for number in range(40)]
        pair = only_pair(Answers(speakers, 2, np.zeros(40, int), {"a": right, "b": wrong}))
        (told,) = sentences(pair)
        assert pair.found == (count == 5) and told.startswith(
            "a is better" if count == 5 else f"{count} speakers are too few"
        )
    assert only_pair(Answers([""] * 40, 2, np.zeros(40, int), {"a": right, "b": wrong})).found, "over clips"
