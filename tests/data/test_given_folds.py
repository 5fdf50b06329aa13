"""Folds that others made, found in a dataset; and folds with few of their training speakers."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import SHARED_DATA, needs_shared

from emozoo.data.splits.few import with_few_speakers
from emozoo.data.splits.fold import SPEAKER_DEPENDENT, Fold, speaker_note
from emozoo.data.splits.given import given_folds
from emozoo.data.splits.sentences import TEXT_DEPENDENT
from emozoo.data.tables.fold_lists import FoldLists, read_fold_lists
from emozoo.errors import EmozooError

Columns = dict[str, list[Any]]


def corpus(paths: list[str], **more: list[Any]) -> Columns:
    """A dataset of files, whose folder is the speaker; every other one is happy."""
    count = len(paths)
    empty: Columns = {name: [""] * count for name in ("session", "split", "digest", "video_path", "sentence")}
    columns = empty | {"start": [-1.0] * count, "end": [-1.0] * count, "audio_path": paths}
    columns |= {"utterance_id": [f"row {row}" for row in range(count)]}
    columns |= {"speaker": [Path(path).parent.name for path in paths]}
    return columns | {"label": [("happy", "sad")[row % 2] for row in range(count)]} | more


FILES = [f"/data/wav/{speaker}/{number}.flac" for speaker in "abcd" for number in range(4)]


def listed(path: Path, lines: list[dict[str, Any]]) -> FoldLists:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_fold_lists(str(path))


def by_speaker(written: str = "downloads/{}/{}.wav") -> list[dict[str, Any]]:
    """A line for each file, in a fold for each two speakers."""
    return [
        {"wav": written.format(speaker, number), "fold": 1 + (speaker in "cd")}
        for speaker in "abcd"
        for number in range(4)
    ]


def test_clips_are_found_by_the_end_of_their_path_and_tested_on_in_turn(tmp_path: Path) -> None:
    columns = corpus(FILES)
    for written in ("downloads/{}/{}.wav", "C:\\db\\{}\\{}.WAV", "{}/{}"):
        one, two = given_folds(columns, listed(tmp_path / "folds.jsonl", by_speaker(written)))
        assert set(one.test) == set(two.train + two.dev) == {*range(8)}
        assert set(two.test) == {*range(8, 16)} and one.speaker_disjoint and one.dev
        assert not {columns["speaker"][row] for row in one.dev} & {columns["speaker"][row] for row in one.train}


def test_a_file_is_not_taken_for_another_of_the_same_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    columns = corpus([path for path in FILES if "/b/" not in path])
    folds = given_folds(columns, listed(tmp_path / "folds.jsonl", by_speaker()))
    assert [columns["speaker"][row] for row in folds[0].test] == ["a"] * 4
    assert "4 of its clips agree with several files, and are left out" in caplog.text
    caplog.clear()
    lines = [line | {"wav": line["wav"].replace("/", "-")} for line in by_speaker()]
    with pytest.raises(EmozooError, match="none of the 8 clips to test on in fold_1"):
        given_folds(columns, listed(tmp_path / "folds.jsonl", lines))


def test_ids_and_starts_tell_clips_of_one_file_apart(tmp_path: Path) -> None:
    starts = [float(row % 4) for row in range(16)]
    columns = corpus([f"/data/{speaker}/talk.wav" for speaker in "abcd" for _ in range(4)], start=starts)
    columns["end"] = [start + 1 for start in starts]
    parts = [{"fold": "x", "part": "test" if row % 4 > 1 else "train"} for row in range(16)]
    ids = [{"id": f"row {row}", **part} for row, part in enumerate(parts)]
    times = [
        {"file": path, "start": f"0 days 00:00:0{start:.0f}", **part}
        for path, start, part in zip(columns["audio_path"], starts, parts, strict=True)
    ]
    named = given_folds(columns, listed(tmp_path / "a.jsonl", ids))
    timed = given_folds(columns, listed(tmp_path / "b.jsonl", times))
    assert named == timed and set(named[0].test) == {row for row in range(16) if row % 4 > 1}
    assert named[0].name == "x" and not named[0].speaker_disjoint


def test_parts_that_share_speakers_copies_or_sentences_are_marked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digests = [f"clip {row}" for row in range(16)]
    digests[5] = digests[0]
    columns = corpus(FILES, digest=digests, sentence=[str(row % 4) for row in range(16)])
    lines = [{"file": path, "part": "test" if row % 8 > 3 else "train"} for row, path in enumerate(FILES)]
    (fold,) = given_folds(columns, listed(tmp_path / "a.jsonl", lines))
    assert fold.copies == 1 and fold.speaker_disjoint and fold.text_dependent
    note = speaker_note(fold)
    assert TEXT_DEPENDENT in note and "1 of 8 test clips have a copy" in note and SPEAKER_DEPENDENT not in note
    assert "fold 1 share 0 of 2 test speakers and copies of 1 of 8 test clips" in caplog.text
    lines = [{"file": path, "part": "test" if row % 4 > 2 else "train"} for row, path in enumerate(FILES)]
    (fold,) = given_folds(columns, listed(tmp_path / "b.jsonl", lines))
    assert SPEAKER_DEPENDENT in speaker_note(fold) and "4 of 4 test speakers" in caplog.text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"file": FILES[0], "part": "test"}], "names nothing to train on"),
        ([{"file": FILES[0], "part": "train"}], "names nothing to test on"),
        (
            [{"file": path, "part": part} for path in FILES for part in ("train", "test")],
            "16 clips in both train and test",
        ),
        ([{"file": path, "fold": 1} for path in FILES], "a single fold"),
        ([{"file": path} for path in FILES], "no column fold"),
        ([{"file": FILES[0], "part": "middle"}], "part 'middle' is not train"),
        ([{"speaker": "a", "fold": 1}], "names no clip"),
    ],
)
def test_folds_that_cannot_be_are_one_sentence(tmp_path: Path, lines: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(EmozooError, match=said) as error:
        given_folds(corpus(FILES), listed(tmp_path / "folds.jsonl", lines))
    assert str(error.value).startswith("--folds ") and "\n" not in str(error.value)


def emobox(folder: Path, parts: dict[str, list[str]], number: int = 1) -> Path:
    """A fold as EmoBox writes it, of paths."""
    place = folder / f"fold_{number}"
    place.mkdir(parents=True)
    for part, paths in parts.items():
        lines = [{"key": f"{folder.name}-{Path(path).stem}", "wav": path, "emo": "?", "channel": 1} for path in paths]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (place / f"{folder.name}_{part}_fold_{number}.jsonl").write_text(text)
    return folder


def test_a_folder_of_emobox_is_read_with_its_valid_part(tmp_path: Path) -> None:
    parts = {"train": FILES[:8], "valid": FILES[8:12], "test": FILES[12:]}
    folder = emobox(tmp_path / "my corpus-ü", parts)
    emobox(folder, {"train": FILES[4:], "test": FILES[:4]}, 10)
    (folder / "label_map.json").write_text("{}")
    one, ten = given_folds(corpus(FILES), read_fold_lists(str(folder)))
    assert (one.name, ten.name, ten.number) == ("fold_1", "fold_10", 2)
    assert (one.train, one.dev, one.test) == (tuple(range(8)), tuple(range(8, 12)), tuple(range(12, 16)))
    with pytest.raises(EmozooError, match="name one of its folders: my corpus-ü"):
        read_fold_lists(str(tmp_path))


def test_the_digest_is_of_what_is_said_not_of_its_place_or_order(tmp_path: Path) -> None:
    lines = by_speaker()
    one = listed(tmp_path / "a.jsonl", lines).digest
    assert one == listed(tmp_path / "b.jsonl", lines[::-1]).digest
    assert one != listed(tmp_path / "c.jsonl", lines[1:]).digest


@needs_shared
def test_folds_of_emo_db_that_share_their_speakers_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open(SHARED_DATA / "speech" / "metadata.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == "emodb"]
    paths = [f"downloads/emodb/wav/{Path(row['file']).stem}.wav" for row in rows]
    cut = {"train": paths[1::4] + paths[2::4] + paths[3::4], "test": paths[::4]}
    columns = corpus([str(SHARED_DATA / "speech" / row["file"]) for row in rows])
    for name, column in (("speaker", "speaker"), ("sentence", "sentence"), ("label", "emotion")):
        columns[name] = [row[column] for row in rows]
    (fold,) = given_folds(columns, read_fold_lists(str(emobox(tmp_path / "emodb", cut))))
    assert len(fold.test) == len(cut["test"]) and len(fold.train + fold.dev) == len(cut["train"])
    assert "share 10 of 10 test speakers and copies of 0" in caplog.text
    assert SPEAKER_DEPENDENT in speaker_note(fold) and TEXT_DEPENDENT in speaker_note(fold)


def few(fold: Fold, count: int, columns: Columns, seed: int = 0) -> Fold:
    return with_few_speakers(
        fold,
        count,
        speakers=columns["speaker"],
        genders=columns["gender"],
        classes=columns["label"],
        needed={"happy", "sad"},
        seed=seed,
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["m", "f", ""]), min_size=3, max_size=12), st.integers(0, 9), st.data())
def test_few_speakers_are_among_more_and_of_the_genders_of_all(genders: list[str], seed: int, data: Any) -> None:
    rows = [
        (speaker, label)
        for speaker in range(len(genders))
        for label in ("happy", "sad")
        for _ in range(1 + speaker % 3)
    ]
    columns = {"speaker": [f"s{one}" for one, _ in rows], "gender": [genders[one] for one, _ in rows]}
    columns["label"] = [label for _, label in rows]
    fold = Fold(1, "x", tuple(range(len(rows))), (), (), True)
    count = data.draw(st.integers(1, len(genders)))
    fewer = few(fold, data.draw(st.integers(1, count)), columns, seed)
    more = few(fold, count, columns, seed)
    assert set(fewer.train) <= set(more.train) and not more.problem
    kept = {columns["speaker"][row] for row in more.train}
    assert len(kept) == count and {row for row in fold.train if columns["speaker"][row] in kept} == {*more.train}
    for gender in set(genders):
        share = genders.count(gender) * count / len(genders)
        assert abs(sum(genders[int(one[1:])] == gender for one in kept) - share) < 2
    assert speaker_note(more) == f"trained on {count} of {len(genders)} training speakers"


def test_more_speakers_than_there_are_or_unknown_ones_or_a_lost_class_are_one_sentence() -> None:
    columns = corpus(FILES, gender=[""] * 16)
    fold = Fold(3, "x", tuple(range(16)), (), (), True)
    with pytest.raises(EmozooError, match="fold 3 has 4 training speakers, so take 4 or fewer"):
        few(fold, 5, columns)
    with pytest.raises(EmozooError, match="the speakers of 4 of the 16 training clips of fold 3 are unknown"):
        few(fold, 2, columns | {"speaker": [""] * 4 + columns["speaker"][4:]})
    apart = columns | {"label": ["happy"] * 8 + ["sad"] * 8}
    assert "have no clip of class" in few(fold, 1, apart).problem and not few(fold, 2, apart).problem
