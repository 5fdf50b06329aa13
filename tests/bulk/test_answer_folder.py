"""The folder of answers: each clip once, whatever ends a process, and never two kinds of answers."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.object_store import BUCKET, object_store

from emozoo import EmozooError
from emozoo.bulk import answer_folder
from emozoo.bulk.answer_folder import AnswerFolder
from emozoo.bulk.run import answer_into
from emozoo.bulk.source import Source

ABOUT = {"model": "m", "asked": "predict"}


class Died(BaseException):
    pass


def sources(count: int) -> list[Source]:
    return [Source(f"{number}.wav", f"{number}.wav") for number in range(count)]


def table(*files: str) -> pa.Table:
    return pa.table({"file": list(files), "error": pa.array([None] * len(files), pa.string())})


def files_in(folder: Path) -> list[str]:
    return [file for part in sorted(folder.glob("*.parquet")) for file in pq.read_table(part)["file"].to_pylist()]


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 8), st.integers(1, 12)), min_size=1, max_size=6),
)
def test_runs_that_die_anywhere_leave_each_clip_once(
    tmp_path_factory: pytest.TempPathFactory, count: int, runs: list[tuple[int, int, int]]
) -> None:
    """Each run answers some clips at a time, repeats one that was answered before, writes after some rows, and dies."""
    folder = tmp_path_factory.mktemp("answers")
    for together, steps, rows in [*runs, (3, 1000, 4)]:

        def engine(asked: Any, together: int = together, steps: int = steps) -> Any:
            names = [source.file for source in asked]
            for number, begin in enumerate(range(0, len(names), together)):
                if number == steps:
                    raise Died
                yield table(*names[max(0, begin - 1) : begin + together])

        before = answer_folder.MOST_ROWS
        answer_folder.MOST_ROWS = rows
        try:
            done = list(answer_into(AnswerFolder(str(folder), ABOUT), sources(count), engine))
        except Died:
            done = []
        finally:
            answer_folder.MOST_ROWS = before
        assert len(files_in(folder)) == len(set(files_in(folder)))
        assert done == sorted(done)
    assert sorted(files_in(folder)) == sorted(source.file for source in sources(count))
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_clips_of_one_name_in_two_folders_are_two_and_a_clip_of_two_names_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(asked: Any) -> Any:
        return [table(*(each.file for each in asked))]

    for place, name, expected in (
        ("a", "0.wav", ["0.wav"]),
        ("b", "0.wav", [str(tmp_path / "b" / "0.wav")]),
        ("a", str(tmp_path / "a" / "0.wav"), []),
        ("b", "../a/0.wav", []),
        ("b", "s3://calls/0.wav", ["s3://calls/0.wav"]),
        ("a", "s3://calls/0.wav", []),
    ):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)
        before = files_in(tmp_path / "answers")
        list(answer_into(AnswerFolder(str(tmp_path / "answers"), ABOUT), [Source.of(name)], engine))
        assert sorted(files_in(tmp_path / "answers")) == sorted([*before, *expected])


@pytest.mark.parametrize("text", ["[1]", "1", '"x"', "{"])
def test_a_record_that_is_none_is_that_of_other_answers(text: str, tmp_path: Path) -> None:
    (tmp_path / "_emozoo.json").write_text(text)
    with pytest.raises(EmozooError, match="holds other answers"), AnswerFolder(str(tmp_path), ABOUT).held():
        pass


def test_other_answers_are_refused_and_a_new_release_is_not(tmp_path: Path) -> None:
    with AnswerFolder(str(tmp_path / "a"), {**ABOUT, "version": "1"}).held():
        pass
    with AnswerFolder(str(tmp_path / "a"), {**ABOUT, "version": "2"}).held():
        pass
    for other in ({**ABOUT, "model": "n"}, {**ABOUT, "hop": 2.0}, {"model": "m", "asked": "embed"}):
        with (
            pytest.raises(EmozooError, match="holds other answers .*: name another --output"),
            AnswerFolder(str(tmp_path / "a"), other).held(),
        ):
            pass


def test_a_folder_of_others_and_a_file_are_refused_and_left_alone(tmp_path: Path) -> None:
    pq.write_table(table("x.wav"), tmp_path / "theirs.parquet")
    with pytest.raises(EmozooError, match="did not write"), AnswerFolder(str(tmp_path), ABOUT).held():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.parquet"]
    with (
        pytest.raises(EmozooError, match=r"theirs\.parquet is a file"),
        AnswerFolder(str(tmp_path / "theirs.parquet"), ABOUT).held(),
    ):
        pass


def test_a_damaged_file_of_answers_is_named(tmp_path: Path) -> None:
    folder = AnswerFolder(str(tmp_path), ABOUT)
    with folder.held():
        folder.add(table("x.wav"))
    (tmp_path / "answers-9.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(EmozooError, match=r"answers-9\.parquet in .* is no file of answers"):
        folder.answered()


def test_two_processes_do_not_answer_the_same_but_different_shards(tmp_path: Path) -> None:
    with AnswerFolder(str(tmp_path), ABOUT, "1-of-2").held():
        with (
            pytest.raises(EmozooError, match="another process is answering shard 1/2"),
            AnswerFolder(str(tmp_path), ABOUT, "1-of-2").held(),
        ):
            pass
        with AnswerFolder(str(tmp_path), ABOUT, "2-of-2").held():
            pass


def test_an_object_store_is_a_folder_too() -> None:
    with object_store() as store:
        name = f"s3://{BUCKET}/answers"
        for count in (3, 5):
            steps = answer_into(
                AnswerFolder(name, ABOUT), sources(count), lambda asked: [table(*(each.file for each in asked))]
            )
            assert list(steps)[-1] == count
        assert AnswerFolder(name, ABOUT).answered() == {os.path.abspath(f"{number}.wav") for number in range(5)}
        assert len(store.file_system().glob(f"{BUCKET}/answers/*.parquet")) == 2
        with pytest.raises(EmozooError, match="holds other answers"), AnswerFolder(name, {"model": "n"}).held():
            pass
