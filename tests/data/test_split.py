"""A run keeps its split: however its data change, what was trained on is never tested."""

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small import emozoo, one_error, read
from support.tables import Heard, Row, options, table, toy_rows

from emozoo.data.splits.kept import Split, read_split
from emozoo.data.splits.protocols import make_folds
from emozoo.errors import EmozooError
from emozoo.evaluation.evaluate import evaluate
from emozoo.filenames import SPLIT
from emozoo.training.train import train

LABELS = ("a", "b")
Columns = dict[str, list[Any]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, and a run over three folds of it whose last was not begun."""
    folder = tmp_path_factory.mktemp("split")
    train(options(table(folder / "toy.csv", toy_rows()), fold=None), folder / "run", device="cpu")
    shutil.rmtree(folder / "run" / "fold3")
    (folder / "run" / "summary.json").unlink()
    return folder


def changed(begun: Path, target: Path, change: Callable[[list[Row]], list[Row]]) -> Path:
    """The same run, in a folder whose table has changed."""
    shutil.copytree(begun / "run", target / "run")
    table(target / "toy.csv", change(toy_rows()))
    for place in (target / "run", *(target / "run").glob("fold*")):
        record = (place / "run.json").read_text().replace(str(begun / "toy.csv"), str(target / "toy.csv"))
        (place / "run.json").write_text(record)
    return target / "run"


def resume(run: Path, progress: Heard | None = None) -> None:
    train(options(run.parent / "toy.csv", fold=None), run, device="cpu", resume=True, progress=progress)


def other_speaker(rows: list[Row]) -> list[Row]:
    return [{**row, "speaker": "renamed"} if row["speaker"] == "Ses01_F" else row for row in rows]


def other_label(rows: list[Row]) -> list[Row]:
    label = next(row["label"] for row in rows if row["label"] != rows[0]["label"])
    return [{**rows[0], "label": label}, *rows[1:]]


def other_sound(rows: list[Row]) -> list[Row]:
    return [{**rows[0], "end": "0.4", "start": "0"}, *({**row, "end": "", "start": ""} for row in rows[1:])]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [row for row in rows if row["speaker"] != "Ses02_M"], "of 50 clips are gone (such as "),
        (other_speaker, "of 50 clips are of another speaker or corpus (such as "),
        (other_label, "1 of 50 clips is of another label (such as "),
        (other_sound, "1 of 50 clips is of another sound (such as "),
    ],
)
def test_a_run_does_not_go_on_with_other_data(
    change: Callable[[list[Row]], list[Row]], words: str, begun: Path, tmp_path: Path
) -> None:
    run = changed(begun, tmp_path, change)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(EmozooError, match="cannot be resumed.*start a new run") as caught:
        resume(run)
    assert words in str(caught.value)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_another_order_and_new_clips_leave_the_split_as_it_was(begun: Path, tmp_path: Path) -> None:
    def change(rows: list[Row]) -> list[Row]:
        new = [{**row, "speaker": f"new {number % 2}", "start": "0.1"} for number, row in enumerate(rows[:6])]
        rows = [{**row, "start": ""} for row in rows] + new
        random.Random(1).shuffle(rows)
        return [{**row, "utterance_id": f"line {number}"} for number, row in enumerate(rows)]

    run, heard = changed(begun, tmp_path, change), Heard()
    resume(run, heard)
    assert any("left out of it: 6;" in text for text in heard.told)
    summary = read(run / "summary.json")
    speakers = [row["speaker"] for row in summary["pooled"]["per_speaker"]]
    assert summary["pooled"]["count"] == 50 and len(speakers) == 10 and not [s for s in speakers if "new" in s]
    assert read(run / "fold3" / "metrics.json")["data"]["speaker_disjoint"] is True
    line = one_error(emozoo("evaluate", run / "fold1", "--fold", "4", check=2))
    assert "there is no fold 4" in line


def test_a_run_is_measured_on_its_own_test_clips_whatever_was_added(begun: Path, tmp_path: Path) -> None:
    def change(rows: list[Row]) -> list[Row]:
        tested = {row["speaker"] for row in read(begun / "run" / "fold2" / "metrics.json")["test"]["per_speaker"]}
        lost = next(row for row in rows if row["speaker"] in tested)
        new = [{**row, "speaker": f"new {row['speaker']}", "start": "0.1"} for row in rows if row["speaker"] < "Ses03"]
        return [{**row, "start": ""} for row in rows if row is not lost] + new

    run = changed(begun, tmp_path, change)
    result = evaluate(run / "fold2", device="cpu")
    was = read(begun / "run" / "fold2" / "metrics.json")["test"]
    assert result.metrics.count == was["count"] - 1 and not result.leak.found
    assert {row.speaker for row in result.metrics.per_speaker} == {row["speaker"] for row in was["per_speaker"]}
    assert f"1 of {was['count']} clips is gone" in result.note and "left out: 20" in result.note


def test_a_run_of_before_is_compared_by_its_test_clips(begun: Path, tmp_path: Path) -> None:
    run = changed(begun, tmp_path / "same", lambda rows: rows)
    for path in run.rglob(SPLIT):
        path.unlink()
    heard = Heard()
    resume(run, heard)
    assert any("begun before runs kept their split" in text for text in heard.told) and (run / SPLIT).is_file()
    run = changed(begun, tmp_path / "other", lambda rows: [row for row in rows if row["speaker"] != "Ses02_M"])
    for path in run.rglob(SPLIT):
        path.unlink()
    with pytest.raises(
        EmozooError, match="before runs kept their split, and fold [12] would now have other test clips"
    ):
        resume(run)
    for fold in ("fold1", "fold2"):
        result = evaluate(run / fold, device="cpu")
        was = read(run / fold / "metrics.json")["test"]
        assert {row.speaker for row in result.metrics.per_speaker} <= {row["speaker"] for row in was["per_speaker"]}
        assert (
            f"found by the ids in its predictions.csv: {result.metrics.count} of {was['count']} are there"
            in result.note
        )
    assert "split anew" in evaluate(run / "fold1", fold=2, device="cpu").note


def corpus(rows: list[tuple[str, int, int]]) -> Columns:
    """Of speaker, sound and label."""
    return {
        "utterance_id": [f"clip {number}" for number in range(len(rows))],
        "digest": [f"{sound:016x}" * 2 for _, sound, _ in rows],
        "speaker": [speaker for speaker, _, _ in rows],
        "corpus": [""] * len(rows),
        "label": [label for _, _, label in rows],
        **{name: [""] * len(rows) for name in ("session", "split", "audio_path", "video_path")},
        **{name: [-1.0] * len(rows) for name in ("start", "end")},
    }


regular = st.integers(4, 8).flatmap(
    lambda count: st.permutations([(f"s{n % count}", n, n // count % 2) for n in range(4 * count)])
)


def words(columns: dict) -> list[str]:
    return [LABELS[number] for number in columns["label"]]


@settings(max_examples=50, deadline=None)
@given(regular, st.randoms(use_true_random=False), st.sets(st.integers(0, 15), max_size=6))
def test_clips_are_found_by_their_sound_in_any_order(
    rows: list[tuple[str, int, int]], chance: random.Random, copies: set[int]
) -> None:
    """Also where some are copies of each other."""
    columns = corpus([(s, min(copies) if n in copies else n, label) for s, n, label in rows])
    folds = [fold for fold in make_folds(columns, "random") if not fold.problem]
    split = Split.of(columns, words(columns), folds)
    order = list(range(len(rows)))
    chance.shuffle(order)
    now = {name: [values[row] for row in order] for name, values in columns.items()}
    now["utterance_id"] = [f"line {number}" for number in range(len(rows))]
    found = split.find(now, words(now))
    assert not split.differences(found) and not found.new and sorted(found.rows.values()) == list(range(len(rows)))
    for was, fold in zip(folds, split.placed(found), strict=True):
        for side in ("train", "dev", "test"):
            sounds = [
                [table_["digest"][row] for row in getattr(each, side)] for table_, each in ((columns, was), (now, fold))
            ]
            assert sounds[0] == sounds[1], "in the order that they had, so that training draws the same"


def test_a_split_comes_back_as_it_was_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    columns = corpus([(f"s{n % 4}", n, n // 4 % 2) for n in range(16)])
    split = Split.of(columns, words(columns), make_folds(columns, "speaker"))
    split.write(tmp_path)
    assert read_split(tmp_path) == dataclasses.replace(
        split, clips=tuple(dataclasses.replace(clip, digest=clip.digest[:16]) for clip in split.clips)
    )
    text = (tmp_path / SPLIT).read_text()
    for spoilt in (text[:-9], "{}", text.replace('"test": [0', '"test": [99'), text.replace('"number"', '"no"')):
        (tmp_path / SPLIT).write_text(spoilt)
        with pytest.raises(EmozooError, match="split.json is damaged"):
            read_split(tmp_path)
