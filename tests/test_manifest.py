"""A user's own table: which lines become rows, and what is said of the others."""

import json
import logging
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared

from emozoo.data import load_dataset
from emozoo.data.manifest import _find_table, _read, corpus
from emozoo.errors import EmozooError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav", "ü ber.wav", "film.MP4"):
        (tmp_path / name).write_bytes(b"not opened here")
    return tmp_path


def table(folder: Path, text: str, name: str = "my.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding, newline="")
    return path


def test_every_column_of_a_row(folder: Path) -> None:
    heading = "file,label,speaker,gender,session,start,end,split,utterance_id,transcript,colour"
    path = table(folder, f'{heading}\na.wav,happy,anna,F,s1,0.5,1.25,train,u1,"Well, ""hello""\nthere",blue\n')
    (row,) = _read(path)
    expected = {
        "audio_path": str(folder / "a.wav"), "video_path": "", "emotion": "happy", "speaker": "anna", "gender": "F",
        "session": "s1", "start": 0.5, "end": 1.25, "split": "train", "utterance_id": "u1",
        "transcript": 'Well, "hello"\nthere', "side": "", "dialogue": "",
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert "colour" not in row


def test_what_a_row_leaves_out(folder: Path) -> None:
    (row,) = _read(table(folder, "file,label,start,end\na.wav,happy,,\n"))
    assert (row["start"], row["end"], row["speaker"], row["split"]) == (-1.0, -1.0, "", "")
    assert row["utterance_id"] == "my:2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_kinds_of_csv(folder: Path, delimiter: str, encoding: str, ending: str) -> None:
    lines = ["file,label,transcript", 'ü ber.wav,wütend,"a, b; c\td"', ""]
    text = ending.join([lines[0].replace(",", delimiter), lines[1].replace(",", delimiter, 2), lines[2]])
    (row,) = _read(table(folder, text, encoding=encoding))
    assert Path(row["audio_path"]).name == "ü ber.wav"
    assert row["emotion"] == "wütend"
    assert row["transcript"] == "a, b; c\td"


@pytest.mark.parametrize("file", ["file", "path", "audio", "file_name", " File "])
@pytest.mark.parametrize("label", ["label", "emotion", "LABEL"])
def test_other_names_of_the_two_columns(folder: Path, file: str, label: str) -> None:
    (row,) = _read(table(folder, f"{label},{file}\nsad,b.wav\n"))
    assert (Path(row["audio_path"]).name, row["emotion"]) == ("b.wav", "sad")


def test_json_lines(folder: Path) -> None:
    lines = [{"file": "a.wav", "label": "happy", "start": 1, "speaker": None}, {"path": "b.wav", "Emotion": "sad"}]
    path = table(folder, "\n\n".join(map(json.dumps, lines)), "my.jsonl")
    first, second = _read(path)
    assert (first["emotion"], first["start"], first["speaker"]) == ("happy", 1.0, "")
    assert (second["emotion"], second["utterance_id"]) == ("sad", "my:3")


def test_a_video_is_sound_and_picture(folder: Path) -> None:
    video, sound = _read(table(folder, "file,label\nfilm.MP4,happy\na.wav,sad\n"))
    assert video["audio_path"] == video["video_path"] == str(folder / "film.MP4")
    assert (sound["audio_path"], sound["video_path"]) == (str(folder / "a.wav"), "")


def test_paths_are_relative_to_the_table_or_absolute(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("else where")
    (elsewhere / "c::d.wav").touch()
    rows = _read(table(folder, f"file,label\n{elsewhere / 'c::d.wav'},happy\n./a.wav,sad\n"))
    assert [Path(row["audio_path"]) for row in rows] == [elsewhere / "c::d.wav", folder / "a.wav"]


@pytest.mark.parametrize(
    ("word", "split"), [("Train", "train"), ("dev", "dev"), ("valid", "dev"), ("validation", "dev"), ("test", "test")]
)
def test_split_words(folder: Path, word: str, split: str) -> None:
    assert _read(table(folder, f"file,label,split\na.wav,sad,{word}\n"))[0]["split"] == split


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("gone.wav,sad,,,", "there is no file"),
        (",sad,,,", "no file is named"),
        ("a.wav, ,,,", "the label is empty"),
        ("a.wav,sad,soon,,", "start 'soon' is not a number of seconds"),
        ("a.wav,sad,,nan,", "end 'nan' is not a number of seconds"),
        ("a.wav,sad,-3,,", "start '-3' is not a number of seconds"),
        ("a.wav,sad,2,2,", "end 2 is not after start 2"),
        ("a.wav,sad,,0,", "end 0 is not after start 0"),
        ("a.wav,sad,,,holdout", "split 'holdout' is not train, dev, valid, validation or test"),
        ("a.wav,sad", "2 fields, not 5"),
        (f"{'x' * 5000}.wav,sad,,,", "File name too long"),
    ],
)
def test_a_bad_line_costs_itself_only(folder: Path, caplog: pytest.LogCaptureFixture, line: str, reason: str) -> None:
    path = table(folder, f"file,label,start,end,split\na.wav,sad,,,\n\n{line}\nb.wav,happy,,,\n")
    assert [row["emotion"] for row in _read(path)] == ["sad", "happy"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "1 lines are left out: line 4: " in record.getMessage()
    assert reason in record.getMessage()


def test_line_numbers_count_lines_within_quotes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    _read(table(folder, 'file,label,transcript\na.wav,sad,"one\ntwo\nthree"\ngone.wav,sad,\n'))
    assert "line 5: there is no file" in caplog.text


def test_many_bad_lines_are_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    _read(table(folder, "file,label\na.wav,sad\n" + "a.wav,\n" * 14))
    (record,) = caplog.records
    assert "14 lines are left out: line 3: the label is empty; " in record.getMessage()
    assert "line 12: " in record.getMessage() and "line 13: " not in record.getMessage()
    assert record.getMessage().endswith("; and 4 more")


def test_bad_json_lines(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = '{"file": "a.wav", "label": "sad"}\n{"file": \n[1]\n'
    assert len(_read(table(folder, text, "my.jsonl"))) == 1
    assert "line 2: no JSON (" in caplog.text and "line 3: no JSON object" in caplog.text


def test_a_missing_column_is_named_with_those_found(folder: Path) -> None:
    with pytest.raises(EmozooError, match="no column label or emotion: its columns are file, mood"):
        _read(table(folder, "file,mood\na.wav,sad\n"))
    with pytest.raises(EmozooError, match="no column file or path or audio or file_name: its columns are label"):
        _read(table(folder, '{"label": "sad"}\n', "my.jsonl"))
    with pytest.raises(EmozooError, match="its columns are none"):
        _read(table(folder, ""))


def test_no_good_line(folder: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"no line that can be used \(line 2: the label is empty\); its columns are file, label"
    ):
        _read(table(folder, "file,label\na.wav,\n"))
    with pytest.raises(EmozooError, match="only a heading"):
        _read(table(folder, "file,label\n"))


def test_not_text(folder: Path) -> None:
    (folder / "my.csv").write_bytes("file,label\na.wav,wütend\n".encode("latin-1"))
    with pytest.raises(EmozooError, match="not UTF-8"):
        _read(folder / "my.csv")


def test_a_folder_that_holds_one_table(folder: Path) -> None:
    path = table(folder, "file,label\na.wav,sad\n", "metadata.csv")
    table(folder, "", "._metadata.csv")
    assert _find_table(folder) == path


def test_a_folder_that_holds_several_or_none(folder: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"holds no metadata.csv, manifest.csv or .jsonl file, but a.wav, b.wav, film.MP4"
    ):
        _find_table(folder)
    table(folder, "", "metadata.csv")
    table(folder, "", "x.jsonl")
    with pytest.raises(EmozooError, match=r"holds metadata.csv, x.jsonl: name the one"):
        _find_table(folder)


def test_an_error_reaches_the_user_as_it_is(folder: Path) -> None:
    with pytest.raises(EmozooError, match="no column label"):
        load_dataset(corpus, table(folder, "file,mood\na.wav,sad\n"))


@needs_shared
def test_a_real_table() -> None:
    rows = _read(_find_table(SHARED / "speech"))
    assert len(rows) == 4855
    assert {"happy", "sad", "angry", "neutral", "calm"} < {row["emotion"] for row in rows}
    assert len({row["speaker"] for row in rows}) == 24 + 10 + 9
