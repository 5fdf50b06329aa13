"""Splits by sentence, and the note on splits whose sentences stand on both sides."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emozoo.data.splits.fold import SPEAKER_DEPENDENT, Fold, speaker_note
from emozoo.data.splits.protocols import make_folds
from emozoo.data.splits.sentences import TEXT_DEPENDENT
from emozoo.errors import EmozooError

LABELS = ("angry", "happy", "sad")


def corpus(
    speakers: int, sentences: int, share: float = 1.0, copies: float = 0.0, seed: int = 0
) -> dict[str, list[Any]]:
    """Speakers who say a `share` of the sentences in each of three emotions; of some clips, another is a copy."""
    draw = random.Random(seed)
    rows = [
        (f"s{speaker}", f"t{sentence}", label)
        for speaker in range(speakers)
        for sentence in range(sentences)
        for label in LABELS
        if draw.random() < share
    ]
    digests = [f"copy {draw.randrange(3)}" if draw.random() < copies else f"clip {row}" for row in range(len(rows))]
    empty = {"session": "", "split": "", "video_path": "", "start": -1.0, "end": -1.0}
    columns: dict[str, list[Any]] = {name: [value] * len(rows) for name, value in empty.items()}
    columns |= {"digest": digests, "audio_path": [f"{row}.wav" for row in range(len(rows))]}
    return columns | dict(zip(("speaker", "sentence", "label"), map(list, zip(*rows, strict=True)), strict=True))


def values(columns: dict[str, list[Any]], name: str, rows: tuple[int, ...]) -> set[str]:
    return {columns[name][row] for row in rows}


def training(fold: Fold) -> tuple[int, ...]:
    return fold.train + fold.dev


corpora = st.builds(
    corpus,
    st.integers(2, 8),
    st.integers(2, 7),
    st.sampled_from([1.0, 0.7]),
    st.sampled_from([0.0, 0.05]),
    st.integers(0, 999),
)


@settings(max_examples=60, deadline=None)
@given(corpora, st.integers(0, 3))
def test_no_sentence_of_the_test_is_trained_on(columns: dict[str, list[Any]], seed: int) -> None:
    try:
        folds = make_folds(columns, "sentence", seed=seed)
    except EmozooError:
        assume(False)
    assert sorted(row for fold in folds for row in fold.test) == list(range(len(columns["label"])))
    for fold in folds:
        assert not values(columns, "sentence", fold.test) & values(columns, "sentence", training(fold))
        assert not values(columns, "digest", fold.test) & values(columns, "digest", training(fold))
        assert fold.problem or sorted(fold.test + training(fold)) == list(range(len(columns["label"])))
        assert not fold.speaker_disjoint and not fold.text_dependent and speaker_note(fold) == SPEAKER_DEPENDENT


@settings(max_examples=60, deadline=None)
@given(corpora, st.integers(0, 3))
def test_neither_speaker_nor_sentence_of_the_test_is_trained_on(columns: dict[str, list[Any]], seed: int) -> None:
    try:
        folds = make_folds(columns, "speaker+sentence", seed=seed)
    except EmozooError:
        assume(False)
    for name in ("speaker", "sentence"):
        told = [values(columns, name, fold.test) for fold in folds]
        assert sum(map(len, told)) == len(set().union(*told))
        for fold in folds:
            assert not values(columns, name, fold.test) & values(columns, name, training(fold))
    for fold in folds:
        assert not values(columns, "digest", fold.test) & values(columns, "digest", training(fold))
        assert fold.test and fold.speaker_disjoint and speaker_note(fold) == ""
        who, what = (values(columns, name, training(fold)) for name in ("speaker", "sentence"))
        for row in set(range(len(columns["label"]))) - set(fold.test + training(fold)):
            assert columns["speaker"][row] not in who or columns["sentence"][row] not in what, (
                "nothing else is left out"
            )


def test_how_many_clips_are_left_out_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Of 6 speakers and 2 sentences: each fold tests 3 speakers on 1 sentence, and trains on 3 others and the other."""
    folds = make_folds(corpus(6, 2), "speaker+sentence")
    assert [(len(fold.test), len(training(fold))) for fold in folds] == [(9, 9), (9, 9)]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "18 clips of each fold are left out" in record.getMessage()
    assert "; sentence t" in folds[0].name and folds[0].name.startswith("speakers s")


@pytest.mark.parametrize("protocol", ["speaker", "group-3"])
def test_sentences_on_both_sides_are_told_where_they_are_known(protocol: str) -> None:
    columns = corpus(6, 4)
    assert {speaker_note(fold) for fold in make_folds(columns, protocol)} == {TEXT_DEPENDENT}
    unknown = {**columns, "sentence": [""] * len(columns["label"])}
    assert {speaker_note(fold) for fold in make_folds(unknown, protocol)} == {""}
    del unknown["sentence"]
    assert {speaker_note(fold) for fold in make_folds(unknown, protocol)} == {""}
    pairs = zip(columns["speaker"], columns["sentence"], strict=True)
    own = {**columns, "sentence": [f"{who} {what}" for who, what in pairs]}
    assert {speaker_note(fold) for fold in make_folds(own, protocol)} == {""}
    both = speaker_note(make_folds(columns, "random")[0])
    assert SPEAKER_DEPENDENT in both and TEXT_DEPENDENT in both


@pytest.mark.parametrize("protocol", ["sentence", "speaker+sentence"])
def test_what_is_needed_is_said(protocol: str) -> None:
    columns = corpus(4, 3)
    columns["sentence"][2] = ""
    with pytest.raises(EmozooError, match="needs the column sentence: empty in 1 of 36 rows"):
        make_folds(columns, protocol)
    with pytest.raises(EmozooError, match="two sentences that share no copy of a clip"):
        make_folds(corpus(4, 1), protocol)


def test_speakers_who_say_nothing_in_common_cannot_be_crossed() -> None:
    columns = corpus(5, 3)
    columns["sentence"] = [f"of {who}" for who in columns["speaker"]]
    with pytest.raises(EmozooError, match="needs speakers who say the same sentences: no clip is of speaker s"):
        for seed in range(5):
            make_folds(columns, "speaker+sentence", seed=seed)
