"""Splits: whatever the corpus, no speaker and no copy of a clip stands on two sides, and every clip is tested once."""

import itertools
import logging
import random
from collections.abc import Callable
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from emozoo.data.splits.fold import Fold, speaker_note
from emozoo.data.splits.protocols import make_folds
from emozoo.errors import EmozooError

Columns = dict[str, list[Any]]
PROTOCOLS = ("session", "speaker", "group-2", "group-3", "group-k", "random", "split")
SPEAKER_PROTOCOLS = ("session", "speaker", "group-2", "group-3", "group-k")


def columns(rows: list[dict[str, Any]]) -> Columns:
    unknown = {
        "speaker": "",
        "session": "",
        "split": "",
        "digest": "",
        "audio_path": "",
        "video_path": "",
        "start": -1.0,
        "end": -1.0,
    }
    full = [{**unknown, "digest": f"digest {number}", "label": "happy", **row} for number, row in enumerate(rows)]
    return {name: [row[name] for row in full] for name in full[0]}


def regular(speakers: int = 10, clips: int = 12, per_session: int = 2) -> list[dict[str, Any]]:
    """A corpus like IEMOCAP: sessions of two speakers, each with as many clips of three labels."""
    return [
        {
            "speaker": f"Spk{speaker + 1}",
            "session": f"Ses{speaker // per_session + 1}",
            "label": ("angry", "happy", "sad")[clip % 3],
            "audio_path": f"{speaker}/{clip}.wav",
        }
        for speaker in range(speakers)
        for clip in range(clips)
    ]


@st.composite
def corpora(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Speakers in sessions (a few in two), clips in three labels, copies by digest and by overlap, any split."""
    speakers, ties, chance = (
        draw(st.integers(2, 10)),
        draw(st.integers(0, 20)) / 100,
        random.Random(draw(st.integers(0, 2**32))),
    )
    rows, words = [], chance.choice([["train", "train", "test", "dev"], ["train", "train", "test"]])
    for speaker in range(speakers):
        labels, session = chance.choice([1, 2, 3, 3, 3]), f"Ses{speaker // 2}"
        for clip in range(chance.randint(2, 9)):
            row = {"speaker": f"s{speaker}", "session": session, "label": ("angry", "happy", "sad")[clip % labels]}
            row["split"] = chance.choice(words)
            if chance.random() < ties / 8:
                row["session"] = "Ses0"
            if chance.random() < ties:
                row["digest"] = f"copy {chance.randint(0, 8)}"
            if chance.random() < ties:
                row["audio_path"] = f"{chance.choice([row['speaker'], 'shared'])}.wav"
                start = chance.choice([-1.0, 0.0, 1.0, 2.5, 4.0, 9.0, 20.0])
                row |= {"start": start, "end": -1.0 if start < 0 else start + chance.choice([0.5, 1.5])}
            rows.append(row)
    return rows


def are_copies(table: Columns, one: int, other: int) -> bool:
    """The rule, written out for a pair."""
    if table["digest"][one] and table["digest"][one] == table["digest"][other]:
        return True
    if not table["audio_path"][one] or table["audio_path"][one] != table["audio_path"][other]:
        return False
    if min(table["start"][one], table["start"][other]) < 0:
        return True
    return max(table["start"][one], table["start"][other]) < min(table["end"][one], table["end"][other])


def groups_of_speakers(table: Columns) -> list[set[str]]:
    """Speakers, where those who share a copy of a clip are one group."""
    groups = [{name} for name in set(table["speaker"])]
    for one, other in itertools.combinations(range(len(table["speaker"])), 2):
        if are_copies(table, one, other):
            tied = [group for group in groups if {table["speaker"][one], table["speaker"][other]} & group]
            groups = [group for group in groups if group not in tied] + [set().union(*tied)]
    return groups


def folds_or_reject(table: Columns, protocol: str, seed: int = 0) -> list[Fold]:
    """The folds; a corpus too poor for the protocol is passed over (what is too poor has tests of its own)."""
    try:
        return [fold.usable() for fold in make_folds(table, protocol, seed=seed)]
    except EmozooError:
        assume(False)
        raise


def every_corpus(test: Callable[..., None]) -> Callable[..., None]:
    rich = settings(
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=40, deadline=None
    )
    return rich(given(corpora(), st.integers(0, 3))(pytest.mark.parametrize("protocol", PROTOCOLS)(test)))


@every_corpus
def test_sides_are_disjoint_filled_and_complete(protocol: str, rows: list[dict[str, Any]], seed: int) -> None:
    table = columns(rows)
    folds = folds_or_reject(table, protocol, seed)
    assert [fold.number for fold in folds] == list(range(1, len(folds) + 1))
    for fold in folds:
        assert fold.train and fold.dev and fold.test
        everything = fold.train + fold.dev + fold.test
        assert len(set(everything)) == len(everything)
        assert {table["label"][row] for row in fold.train} == set(table["label"])
        for part in (fold.train, fold.dev, fold.test):
            assert list(part) == sorted(part)
        if protocol != "split":
            assert sorted(everything) == list(range(len(rows)))
    if protocol != "split":
        tested = sorted(itertools.chain.from_iterable(fold.test for fold in folds))
        assert tested == list(range(len(rows))), "each clip is tested in exactly one fold"


@every_corpus
def test_no_copy_of_a_clip_is_on_two_sides(protocol: str, rows: list[dict[str, Any]], seed: int) -> None:
    table = columns(rows)
    for fold in folds_or_reject(table, protocol, seed):
        for one, other in itertools.combinations((fold.train, fold.dev, fold.test), 2):
            assert not [pair for pair in itertools.product(one, other) if are_copies(table, *pair)]


@every_corpus
def test_no_speaker_is_on_two_sides(protocol: str, rows: list[dict[str, Any]], seed: int) -> None:
    table = columns(rows)
    for fold in folds_or_reject(table, protocol, seed):
        train, dev, test = ({table["speaker"][row] for row in part} for part in (fold.train, fold.dev, fold.test))
        if protocol in SPEAKER_PROTOCOLS:
            assert fold.speaker_disjoint
            assert not test & (train | dev)
            by_clips = bool(train & dev)
            left = sum(bool(group & (train | dev)) for group in groups_of_speakers(table)) if by_clips else 0
            assert left < 3, "a dev split by clips, though there are speakers enough"
        elif protocol == "split":
            assert fold.speaker_disjoint == (not test & (train | dev))
        else:
            assert not fold.speaker_disjoint
        if protocol == "session":
            sessions = [{table["session"][row] for row in part} for part in (fold.train + fold.dev, fold.test)]
            assert not sessions[0] & sessions[1]


@settings(max_examples=100, deadline=None)
@given(corpora())
def test_a_fold_is_refused_only_where_no_split_of_its_speakers_would_do(rows: list[dict[str, Any]]) -> None:
    table = columns(rows)
    groups = groups_of_speakers(table)

    def left_without(*out: set[str]) -> set[str]:
        away = set().union(*out)
        return {label for label, speaker in zip(table["label"], table["speaker"], strict=True) if speaker not in away}

    assume(len(groups) > 3)
    folds = make_folds(table, "speaker")
    assert len(folds) == len(groups)
    for fold in folds:
        tested = {table["speaker"][row] for row in fold.test}
        test = next(group for group in groups if group == tested)
        possible = any(left_without(test, dev) == set(table["label"]) for dev in groups if dev is not test)
        assert possible == (not fold.problem)
        assert bool(fold.train) == (left_without(test) == set(table["label"]))


@every_corpus
def test_folds_depend_on_the_rows_and_the_seed_not_on_their_order(
    protocol: str, rows: list[dict[str, Any]], seed: int
) -> None:
    table = columns(rows)
    folds = folds_or_reject(table, protocol, seed)
    assert folds == make_folds(table, protocol, seed=seed)
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    shuffled = make_folds({name: [values[row] for row in order] for name, values in table.items()}, protocol, seed=seed)
    back = [
        Fold(
            fold.number,
            fold.name,
            *(tuple(sorted(order[row] for row in part)) for part in (fold.train, fold.dev, fold.test)),
            fold.speaker_disjoint,
            fold.problem,
        )
        for fold in shuffled
    ]
    assert back == folds


def test_session_protocol_leaves_one_session_out_in_order() -> None:
    rows = regular(20)
    random.Random(0).shuffle(rows)
    folds = make_folds(columns(rows), "session")
    assert [fold.name for fold in folds] == [f"Ses{number}" for number in range(1, 11)], "Ses2 before Ses10"
    for fold in folds:
        assert {rows[row]["session"] for row in fold.test} == {fold.name}


def test_speaker_protocol_leaves_one_speaker_out() -> None:
    rows = regular(10)
    folds = make_folds(columns(rows), "speaker")
    assert [fold.name for fold in folds] == [f"speaker Spk{number}" for number in range(1, 11)]
    assert [{rows[row]["speaker"] for row in fold.test} for fold in folds] == [
        {f"Spk{number}"} for number in range(1, 11)
    ]


def test_groups_are_balanced_in_clips_and_classes() -> None:
    # Speakers of very different size, and half of them never happy.
    rows = [
        {"speaker": f"s{speaker:02}", "label": ("sad", "angry", "happy")[clip % (2 + speaker % 2)]}
        for speaker in range(20)
        for clip in range(20 + 6 * speaker)
    ]
    for seed in range(5):
        folds = make_folds(columns(rows), "group-5", seed=seed)
        assert len(folds) == 5
        for fold in folds:
            assert len(fold.test) == pytest.approx(len(rows) / 5, rel=0.15)
            happy = sum(rows[row]["label"] == "happy" for row in fold.test)
            assert happy == pytest.approx(sum(row["label"] == "happy" for row in rows) / 5, rel=0.35)
    assert (
        make_folds(columns(rows), "group-k")
        == make_folds(columns(rows), "GROUP-5")
        == make_folds(columns(rows), "group-5")
    )
    assert make_folds(columns(rows), "group-5", seed=1) != make_folds(columns(rows), "group-5", seed=2)


def test_many_speakers_make_a_short_name() -> None:
    folds = make_folds(columns(regular(40)), "group-2")
    assert folds[0].name.startswith("speakers Spk")
    assert folds[0].name.endswith(" and 12 more")


def test_random_is_a_stratified_80_20_split() -> None:
    rows = [{"speaker": "a" if row % 2 else "b", "label": "sad" if row < 40 else "happy"} for row in range(200)]
    folds = make_folds(columns(rows), "random")
    assert [fold.name for fold in folds] == [f"random {number} of 5" for number in range(1, 6)]
    for fold in folds:
        assert len(fold.test) == pytest.approx(40, abs=1)
        assert sum(rows[row]["label"] == "sad" for row in fold.test) == pytest.approx(8, abs=1)
        assert sum(rows[row]["label"] == "sad" for row in fold.dev) == pytest.approx(32 / 5, abs=1)
        assert speaker_note(fold).startswith("speaker-dependent: ")
    assert make_folds(columns(rows), "random", seed=1)[0].test != folds[0].test


def test_dev_is_about_a_fifth_of_the_training_clips_with_every_class() -> None:
    rows = regular(24)
    for fold in make_folds(columns(rows), "group-5"):
        assert 0.1 <= len(fold.dev) / len(fold.train + fold.dev) <= 0.4
        assert {rows[row]["label"] for row in fold.dev} == {"angry", "happy", "sad"}
    devs = {make_folds(columns(rows), "group-5", seed=seed)[0].dev for seed in range(5)}
    assert len(devs) > 1, "the seed chooses"


def test_dev_is_by_clips_where_one_training_speaker_is_left(caplog: pytest.LogCaptureFixture) -> None:
    rows = regular(2)
    with caplog.at_level(logging.WARNING, "emozoo"):
        folds = make_folds(columns(rows), "speaker")
    assert all(fold.speaker_disjoint for fold in folds)
    assert [{rows[row]["speaker"] for row in fold.dev} for fold in folds] == [{"Spk2"}, {"Spk1"}]
    assert "too few training speakers in fold 1, 2" in caplog.text


def test_dev_spares_the_only_speaker_of_a_class() -> None:
    rows = regular(6) + [{"speaker": "Spk1", "label": "bored"}, {"speaker": "Spk2", "label": "bored"}]
    for seed in range(10):
        for fold in make_folds(columns(rows), "speaker", seed=seed):
            assert any(rows[row]["label"] == "bored" for row in fold.train)


def test_dev_is_neither_most_of_the_clips_nor_without_a_class_where_that_can_be_helped() -> None:
    rows = regular(4)
    rows += [{"speaker": "much", "label": ("angry", "happy", "sad")[clip % 3]} for clip in range(100)]
    rows += [{"speaker": "calm", "label": "sad"} for _ in range(12)]
    for row in rows:
        row["split"] = "test" if row["speaker"] == "Spk1" else "train"
    for seed in range(20):
        (fold,) = make_folds(columns(rows), "split", seed=seed)
        speakers = {rows[row]["speaker"] for row in fold.dev}
        assert speakers and not speakers & {"much", "calm"}


def test_dev_finds_the_few_speakers_that_can_be_spared() -> None:
    # Five speakers with much and a class of their own, five with little and none: only the latter can be spared.
    rows = regular(1) + [{"speaker": f"plain {number}", "label": "sad"} for number in range(5)]
    rows += [{"speaker": f"own {number}", "label": f"own {number}"} for number in range(5) for _ in range(30)]
    for row in rows:
        row["split"] = "test" if row["speaker"] == "Spk1" else "train"
        row["label"] = row["label"] if row["label"].startswith("own") else "sad"
    (fold,) = make_folds(columns(rows), "split")
    assert {rows[row]["speaker"].split()[0] for row in fold.dev} == {"plain"}


def test_speakers_who_share_a_copy_stay_together(caplog: pytest.LogCaptureFixture) -> None:
    rows = regular(6)
    rows[0]["digest"] = rows[12]["digest"] = "the same"
    with caplog.at_level(logging.WARNING, "emozoo"):
        folds = make_folds(columns(rows), "speaker")
    assert [fold.name for fold in folds] == [
        "speakers Spk1, Spk2",
        "speaker Spk3",
        "speaker Spk4",
        "speaker Spk5",
        "speaker Spk6",
    ]
    assert "speakers that share copies of clips are kept on one side: Spk1 with Spk2" in caplog.text


def test_sessions_that_share_a_speaker_are_merged(caplog: pytest.LogCaptureFixture) -> None:
    rows = regular(6)
    rows[0]["session"] = "Ses2"
    with caplog.at_level(logging.WARNING, "emozoo"):
        folds = make_folds(columns(rows), "session")
    assert [fold.name for fold in folds] == ["Ses1, Ses2", "Ses3"]
    assert "Ses1 with Ses2" in caplog.text


@pytest.mark.parametrize(
    ("one", "other", "tied"),
    [
        ({"start": 0.0, "end": 2.0}, {"start": 1.0, "end": 3.0}, True),
        ({"start": 0.0, "end": 2.0}, {"start": 2.0, "end": 3.0}, False),
        ({"start": 5.0, "end": 9.0}, {}, True),
        ({"start": 5.0, "end": -1.0}, {"start": 1.0, "end": 4.0}, False),
        ({"start": 5.0, "end": -1.0}, {"start": 90.0, "end": 91.0}, True),
        ({"audio_path": "./talk.wav"}, {"start": 1.0, "end": 4.0}, True),
        ({"audio_path": "", "video_path": "talk.wav"}, {"start": 1.0, "end": 4.0}, True),
        ({"audio_path": "other.wav"}, {"start": 1.0, "end": 4.0}, False),
        # Utterances with sound files of their own, in a film of two people who talk at once: no copies.
        (
            {"audio_path": "F1.wav", "video_path": "film.avi", "start": 0.0, "end": 2.0},
            {"audio_path": "M1.wav", "video_path": "film.avi", "start": 1.0, "end": 3.0},
            False,
        ),
        (
            {"video_path": "film.avi", "start": 0.0, "end": 2.0},
            {"video_path": "film.avi", "start": 3.0, "end": 4.0},
            True,
        ),
    ],
)
def test_overlapping_stretches_of_one_file_are_copies(one: dict[str, Any], other: dict[str, Any], tied: bool) -> None:
    rows = regular(4)
    rows[0] |= {"audio_path": "talk.wav", **one}
    rows[12] |= {"audio_path": "talk.wav", **other}
    assert len(make_folds(columns(rows), "speaker")) == (3 if tied else 4)


def test_given_split_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    rows = regular(6)
    for row in rows:
        row["split"] = {"Spk5": "validation", "Spk6": "Test"}.get(row["speaker"], "train")
    (fold,) = make_folds(columns(rows), "split")
    assert (fold.name, fold.speaker_disjoint, speaker_note(fold)) == ("split", True, "")
    assert {rows[row]["speaker"] for row in fold.test} == {"Spk6"}
    assert {rows[row]["speaker"] for row in fold.dev} == {"Spk5"}
    assert not caplog.records


def test_given_split_without_dev_takes_it_from_training_speakers() -> None:
    rows = regular(6)
    for row in rows:
        row["split"] = "test" if row["speaker"] == "Spk6" else "train"
    (fold,) = make_folds(columns(rows), "split")
    train, dev = ({rows[row]["speaker"] for row in part} for part in (fold.train, fold.dev))
    assert dev and train and not train & dev
    assert train | dev == {f"Spk{number}" for number in range(1, 6)}


def test_given_split_says_whether_speakers_are_shared_or_unknown() -> None:
    rows = [{**row, "split": "test" if number % 4 == 0 else "train"} for number, row in enumerate(regular(6))]
    assert not make_folds(columns(rows), "split")[0].speaker_disjoint
    by_speaker = [{**row, "split": {"Spk6": "test", "Spk5": "dev"}.get(row["speaker"], "train")} for row in rows]
    assert make_folds(columns(by_speaker), "split")[0].speaker_disjoint
    nameless = [{**row, "speaker": "" if row["split"] == "test" else row["speaker"]} for row in by_speaker]
    assert not make_folds(columns(nameless), "split")[0].speaker_disjoint
    in_dev = [{**row, "speaker": "Spk6" if row["split"] == "dev" else row["speaker"]} for row in by_speaker]
    assert not make_folds(columns(in_dev), "split")[0].speaker_disjoint


def test_copies_of_test_clips_are_left_out_of_training_and_test_stays_whole(caplog: pytest.LogCaptureFixture) -> None:
    rows = regular(6)
    for row in rows:
        row["split"] = {"Spk5": "dev", "Spk6": "test"}.get(row["speaker"], "train")
    rows[0]["digest"] = rows[-1]["digest"] = "copy of test"
    rows[1]["digest"] = rows[49]["digest"] = "copy of dev"
    with caplog.at_level(logging.WARNING, "emozoo"):
        (fold,) = make_folds(columns(rows), "split")
    assert (len(fold.train), len(fold.dev), len(fold.test)) == (46, 12, 12)
    assert not {0, 1} & set(fold.train)
    assert "2 clips are left out" in caplog.text
    for row in rows:
        row["split"] = row["split"].replace("dev", "train")
    (fold,) = make_folds(columns(rows), "split")
    assert 0 not in fold.train + fold.dev, "nor do they come back where dev is taken from train"


def test_columns_of_a_dataset_will_do_and_its_label_words_are_used() -> None:
    rows = regular(4)
    names = ["angry", "happy", "sad"]
    table = columns(rows)
    table["label"] = [names.index(label) for label in table["label"]]
    features = {name: datasets.Value("float64" if name in ("start", "end") else "string") for name in table}
    dataset = datasets.Dataset.from_dict(
        table, datasets.Features({**features, "label": datasets.ClassLabel(names=names)})
    )
    assert make_folds(dataset, "speaker") == make_folds(columns(rows), "speaker")
    only_one_is_sad = dataset.filter(lambda row: row["label"] != 2 or row["speaker"] == "Spk2")
    folds = make_folds(only_one_is_sad, "speaker")
    with pytest.raises(EmozooError, match=r"fold 2 \(speaker Spk2\): no clip of class 'sad'.*--labels.*--merge"):
        folds[1].usable()
    with pytest.raises(EmozooError, match="no clip of class 'sad'"):
        folds[1].without_dev().usable()
    assert folds[0].usable().train


def test_a_fold_that_cannot_be_leaves_the_others_as_they_are() -> None:
    rows = regular(6)
    rows = [row for row in rows if row["label"] != "sad" or row["speaker"] == "Spk1"]
    folds = make_folds(columns(rows), "speaker")
    assert [bool(fold.problem) for fold in folds] == [True] + [False] * 5
    for fold in folds[1:]:
        assert fold.usable() is fold and fold.train and fold.dev
    assert sorted(row for fold in folds for row in fold.test) == list(range(len(rows))), "each can still be measured"


def test_a_given_split_whose_train_part_lacks_a_class_can_be_measured_but_not_trained() -> None:
    rows = regular(4)
    for row in rows:
        row["split"] = {"Spk1": "test", "Spk2": "dev"}.get(row["speaker"], "train")
    rows = [row for row in rows if row["label"] != "sad" or row["split"] != "train"]
    (fold,) = make_folds(columns(rows), "split")
    assert "no clip of class 'sad' is left for train" in fold.problem
    assert fold.test and fold.speaker_disjoint and not fold.train and not fold.dev


def test_of_several_corpora_the_one_whose_fold_cannot_be_is_named() -> None:
    good = [{**row, "corpus": "good"} for row in regular(6)]
    poor = [{**row, "corpus": "poor", "audio_path": f"poor/{row['audio_path']}"} for row in regular(6)]
    poor = [row for row in poor if row["label"] != "sad" or row["speaker"] == "Spk1"]
    rows = good + poor
    folds = make_folds(columns(rows), "group-2")
    (lost,) = [fold for fold in folds if not fold.train]
    assert lost.problem.startswith("poor: fold ") and "no clip of class 'sad'" in lost.problem and not lost.dev
    assert sorted(row for fold in folds for row in fold.test) == list(range(len(rows)))


@pytest.mark.parametrize(
    ("change", "protocol", "words"),
    [
        (
            {},
            "five",
            "no protocol 'five'; known: session, speaker, sentence, speaker.sentence, corpus, group-K",
        ),
        ({}, "group-", "no protocol 'group-'"),
        ({}, "group-1", "at least 2 folds"),
        ({}, "group-5", "needs 5 speakers .* the dataset has 4"),
        ({"speaker": "one"}, "speaker", "needs 2 speakers .* the dataset has 1"),
        ({"session": "one"}, "session", "needs 2 sessions .* the dataset has 1"),
        ({"session": ""}, "session", "column session: empty in 48 of 48 rows.*--protocol speaker"),
        ({"speaker": ""}, "session", "column speaker: empty in 48 of 48 rows.*--protocol random.*speaker-dependent"),
        ({"speaker": ""}, "group-2", "column speaker"),
        ({"speaker": ""}, "speaker", "column speaker"),
        ({}, "split", "column split: empty in 48 of 48 rows.*group-5"),
        ({"split": "train"}, "split", "no clip for test"),
        ({"split": "test"}, "split", "no clip for train"),
        ({"split": "fold 3"}, "split", "holds 'fold 3'; it must hold train, dev"),
        ({"digest": "all the same"}, "random", "needs 5 different clips, the dataset has 1"),
    ],
)
def test_a_corpus_that_cannot_carry_the_protocol_is_refused(change: dict[str, str], protocol: str, words: str) -> None:
    with pytest.raises(EmozooError, match=words):
        make_folds(columns([{**row, **change} for row in regular(4)]), protocol)


def test_one_empty_speaker_is_enough_to_refuse() -> None:
    rows = regular(4)
    rows[7]["speaker"] = ""
    with pytest.raises(EmozooError, match="empty in 1 of 48 rows"):
        make_folds(columns(rows), "speaker")


def test_a_class_that_no_dev_split_can_spare_is_named() -> None:
    # Fold 1 tests the one speaker; of the other three, each is the only one with a class of its own.
    rows = regular(4) + [{"speaker": f"Spk{number}", "label": f"own {number}"} for number in (2, 3, 4)]
    rows += [{"speaker": "Spk1", "label": f"own {number}"} for number in (2, 3, 4)]
    fold = make_folds(columns(rows), "speaker")[0]
    with pytest.raises(EmozooError, match=r"fold 1 \(speaker Spk1\): only one speaker of class 'own 2'.*--no-dev"):
        fold.usable()
    assert fold.without_dev().usable().train == fold.train


def test_an_empty_dataset_is_refused() -> None:
    empty = {name: [] for name in columns(regular(1))}
    with pytest.raises(EmozooError, match="no rows"):
        make_folds(empty, "random")


def corpus_of(name: str, speakers: int, clips: int) -> list[dict[str, Any]]:
    rows = regular(speakers, clips)
    return [
        {**row, "corpus": name, "digest": f"{name} {number}", "audio_path": f"{name}/{row['audio_path']}"}
        for number, row in enumerate(rows)
    ]


def test_each_of_several_corpora_is_split_as_it_would_be_alone() -> None:
    large, small = corpus_of("large", 10, 12), corpus_of("small", 6, 6)  # speakers of one name are not one person
    together = make_folds(columns([*large, *small]), "group-3")
    alone = make_folds(columns(large), "group-3"), make_folds(columns(small), "group-3")
    for fold, first, second in zip(together, *alone, strict=True):
        for side in ("train", "dev", "test"):
            moved = tuple(len(large) + row for row in getattr(second, side))
            assert getattr(fold, side) == getattr(first, side) + moved
        assert fold.name == f"large {first.name}; small {second.name}"


def test_corpora_that_share_a_clip_are_split_as_one() -> None:
    large, small = corpus_of("large", 10, 12), corpus_of("small", 6, 6)
    small[0]["digest"] = large[0]["digest"]
    for fold in make_folds(columns([*large, *small]), "group-3"):
        sides = [{0, len(large)} & set(side) for side in (fold.train, fold.dev, fold.test)]
        assert sorted(map(len, sides)) == [0, 0, 2]


def test_a_corpus_that_has_too_few_speakers_is_named() -> None:
    with pytest.raises(EmozooError, match="small: protocol group-5 needs 5 speakers"):
        make_folds(columns([*corpus_of("large", 10, 12), *corpus_of("small", 3, 12)]), "group-5")


def test_one_corpus_out_shares_no_speaker_however_they_are_called() -> None:
    large, small = corpus_of("large", 10, 12), corpus_of("small", 6, 6)
    folds = make_folds(columns([*large, *small]), "corpus")
    assert [fold.name for fold in folds] == ["large", "small"]
    assert folds[0].test == tuple(range(len(large))) and folds[1].test == tuple(
        range(len(large), len(large) + len(small))
    )
    assert all(fold.speaker_disjoint and fold.dev for fold in folds)


def test_one_corpus_out_needs_every_row_s_corpus() -> None:
    rows = corpus_of("large", 10, 12)
    rows[3]["corpus"] = ""
    with pytest.raises(EmozooError, match="protocol corpus needs the column corpus: empty in 1 of 120 rows"):
        make_folds(columns(rows), "corpus")
    with pytest.raises(EmozooError, match="protocol corpus needs the column corpus: empty in 120 of 120 rows"):
        make_folds(columns(regular()), "corpus")
