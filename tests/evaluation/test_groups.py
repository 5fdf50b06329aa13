"""`emozoo evaluate --by`: the score of each group of clips, and the largest gap."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import recall_score
from support.models import small_model
from support.schemas import validate
from support.small import emozoo, one_error, toy
from support.tables import table, toy_rows

from emozoo.checkpoint.groups import Grouping
from emozoo.data.truth import Truth
from emozoo.evaluation.groups import grouped, pool_groups
from emozoo.evaluation.worth import AnsweredClips
from emozoo.target import DIMENSIONS, Outputs

LABELS = ("angry", "happy", "sad")


def words(true: np.ndarray, predicted: np.ndarray, speakers: list[str]) -> AnsweredClips:
    return AnsweredClips(Outputs(LABELS), Truth.of_labels(true), np.eye(len(LABELS))[predicted], speakers)


def values(ratings: np.ndarray, answered: np.ndarray, speakers: list[str]) -> AnsweredClips:
    said = Truth(np.full(len(ratings), -1), None, ratings[:, None])
    return AnsweredClips(Outputs((), ("valence",), DIMENSIONS), said, answered[:, None], speakers)


def drawn(seed: int, clips: int = 120, speakers: int = 12) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """True and predicted labels, speakers, and their genders: women are answered better."""
    draw = np.random.default_rng(seed)
    who = draw.integers(0, speakers, clips)
    true = draw.integers(0, len(LABELS), clips)
    guess = draw.integers(0, len(LABELS), clips)
    predicted = np.where(draw.random(clips) < np.where(who % 2, 0.9, 0.3), true, guess)
    return true, predicted, [f"s{each:02}" for each in who], ["F" if each % 2 else "M" for each in who]


def only(found: tuple[Grouping, ...]) -> Grouping:
    (grouping,) = found
    return grouping


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 14))
def test_each_clip_is_in_one_group_whose_ua_is_that_of_scikit_learn(seed: int, clips: int, speakers: int) -> None:
    true, predicted, who, gender = drawn(seed, clips, speakers)
    found = only(grouped(words(true, predicted, who), {"gender": gender}))
    assert sum(each.clips for each in found.groups) == clips
    for each in found.groups:
        own = [place for place in range(clips) if gender[place] == each.name]
        assert each.clips == len(own) and each.speakers == len({who[place] for place in own})
        assert each.score == pytest.approx(
            recall_score(true[own], predicted[own], labels=sorted({*true[own]}), average="macro", zero_division=0)
        )
        assert each.interval is None or 0 <= each.interval[0] <= each.interval[1] <= 1
    ranked = [each for each in found.groups if (each.speakers or 0) >= 5]
    assert list(found.groups[: len(ranked)]) == sorted(ranked, key=lambda each: -(each.score or 0))
    assert (found.gap is None) == (len(ranked) < 2)
    if found.gap:
        assert (
            found.gap.value == pytest.approx((ranked[0].score or 0) - (ranked[-1].score or 0)) and found.gap.value >= 0
        )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 80), st.integers(1, 14), st.booleans())
def test_folds_pooled_give_the_groups_of_all_their_clips(seed: int, clips: int, speakers: int, unknown: bool) -> None:
    true, predicted, who, gender = drawn(seed, clips, speakers)
    if unknown:
        who[0] = ""
    fold = np.random.default_rng(seed).integers(0, 3, clips)
    parts = [np.flatnonzero(fold == number).tolist() for number in range(3)]

    def of(rows: list[int]) -> tuple[Grouping, ...]:
        own = words(true[rows], predicted[rows], [who[row] for row in rows])
        return grouped(own, {"gender": [gender[row] for row in rows]})

    whole, together = only(of(list(range(clips)))), only(pool_groups([of(rows) for rows in parts if rows]))
    assert (together.gap, together.note) == (whole.gap, whole.note)
    for one, other in zip(together.groups, whole.groups, strict=True):
        assert (one.name, one.clips, one.speakers, one.classes) == (
            other.name,
            other.clips,
            other.speakers,
            other.classes,
        )
        assert one.score == pytest.approx(other.score) and one.per_speaker == other.per_speaker
        assert one.interval == (other.interval if other.interval_over == "speakers" else None)
    assert pool_groups([(whole,), ()]) == ()


def test_the_interval_of_the_gap_is_a_bootstrap_over_the_speakers_of_both_groups() -> None:
    """One clip of each speaker, so that scipy can resample them."""
    draw = np.random.default_rng(0)
    gender = ["F"] * 40 + ["M"] * 40
    right = np.concatenate([draw.random(40) < 0.9, draw.random(40) < 0.5])
    true = np.zeros(80, dtype=int)
    found = only(
        grouped(words(true, np.where(right, 0, 1), [f"s{number}" for number in range(80)]), {"gender": gender})
    )
    assert found.gap and found.gap.interval and (found.gap.highest, found.gap.lowest) == ("F", "M")
    assert found.gap.value == pytest.approx(right[:40].mean() - right[40:].mean())
    reference = stats.bootstrap(
        (right[:40].astype(float), right[40:].astype(float)),
        lambda one, other, axis: one.mean(axis) - other.mean(axis),
        method="percentile",
        rng=np.random.default_rng(1),
        vectorized=True,
    ).confidence_interval
    assert found.gap.interval == pytest.approx(tuple(reference), abs=0.03)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_model_without_words_has_the_ccc_of_each_group(seed: int) -> None:
    draw = np.random.default_rng(seed)
    ratings = draw.random(60)
    ratings[draw.random(60) < 0.2] = np.nan
    answered = draw.random(60)
    gender = [("F", "M")[number % 2] for number in range(60)]
    found = only(grouped(values(ratings, answered, [f"s{number % 20}" for number in range(60)]), {"gender": gender}))
    assert (found.measure, found.dimension) == ("ccc", "valence")
    for each in found.groups:
        own = np.array([there and word == each.name for there, word in zip(np.isfinite(ratings), gender, strict=True)])
        one, other = ratings[own], answered[own]
        assume(np.ptp(one) > 0)
        reference = 2 * np.cov(one, other, ddof=0)[0, 1] / (one.var() + other.var() + (one.mean() - other.mean()) ** 2)
        assert each.clips == own.sum() and each.score == pytest.approx(reference)


def test_groups_of_few_speakers_are_shown_and_not_ranked() -> None:
    true, predicted, who, gender = drawn(1)
    gender = ["M" if name in ("s01", "s03") else word for name, word in zip(who, gender, strict=True)]
    found = only(grouped(words(true, predicted, who), {"gender": gender}))
    assert [(each.name, each.speakers) for each in found.groups] == [("M", 8), ("F", 4)] and found.gap is None
    assert found.note == "no ranking and no gap of groups with fewer than 5 known speakers: F"
    unknown = only(grouped(words(true, predicted, [""] * len(true)), {"gender": gender}))
    assert unknown.gap is None and {(each.speakers, each.interval_over) for each in unknown.groups} == {(None, "clips")}


def test_what_is_unknown_is_a_group_that_is_compared_with_none() -> None:
    true, predicted, who, gender = drawn(2)
    found = only(grouped(words(true, predicted, who), {"gender": [word.replace("M", "") for word in gender]}))
    assert [each.name for each in found.groups] == ["F", ""] and found.gap is None
    assert found.note == "gender is F in all clips where it is known, so there is nothing to compare"
    lacking = only(grouped(words(true, predicted, who), {"language": [""] * len(true)}))
    assert (lacking.groups, lacking.gap, lacking.note) == ((), None, "the clips have no language")


def test_ages_are_grouped_by_ten_years() -> None:
    true, predicted, who, _ = drawn(3, clips=6)
    ages = ["29", "20.0", "30", "child", "", "inf"]
    found = only(grouped(words(true, predicted, who), {"age": ages}))
    assert {each.name: each.clips for each in found.groups} == {"20-29": 2, "30-39": 1, "child": 1, "": 1, "inf": 1}


def test_fewer_emotions_in_a_group_are_said() -> None:
    true, predicted, who, gender = drawn(4)
    true = np.where((np.array(gender) == "M") & (true == 2), 1, true)
    assert "some emotions do not occur in M" in only(grouped(words(true, predicted, who), {"gender": gender})).note


def test_evaluate_measures_groups(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    rows = toy_rows()
    for row in rows:
        row |= {"gender": row["speaker"][-1], "age": "31", "speaker": f"[red]{row['speaker']}"}
    data = table(tmp_path / "my.csv", rows)
    run = ["evaluate", tmp_path / "model", "--dataset", "manifest", "--data-dir", data, "--device", "cpu", "--by"]
    document = json.loads(emozoo(*run, "gender, age,speaker,language", "--json").stdout)
    validate(document, "evaluate")
    by = {each["by"]: each for each in document["groups"]}
    assert list(by) == ["gender", "age", "speaker", "language"]
    assert {each["name"]: each["speakers"] for each in by["gender"]["groups"]} == {"F": 5, "M": 5}
    assert sum(each["clips"] for each in by["gender"]["groups"]) == document["count"]
    assert by["gender"]["gap"]["interval"] and by["speaker"]["gap"] is None and len(by["speaker"]["groups"]) == 10
    shown = emozoo(*run, "gender,speaker,language", COLUMNS="60").stdout
    assert max(map(len, shown[shown.index("UA by gender") :].splitlines())) <= 60
    told = " ".join(shown.split())
    assert "UA by gender" in told and "largest gap: " in told and "language: the clips have no language" in told
    assert "[red]Ses01_F" in told
    assert "clips can be grouped by gender, age" in one_error(emozoo(*run, "colour", check=2))


def test_several_labels_have_no_groups(tmp_path: Path) -> None:
    small_model(outputs=Outputs(("angry", "happy", "neutral", "sad"), multi=True)).save(tmp_path)
    words_of_it = ["evaluate", tmp_path, "--dataset", "toy", "--data-dir", toy(), "--by", "gender"]
    assert "--by needs one label a clip" in one_error(emozoo(*words_of_it, check=2))
