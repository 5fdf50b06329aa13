"""A user's own table: which lines become rows, what is said of the others, and where its files are."""

import json
import logging
from collections import Counter
from pathlib import Path

import pytest
from support.manifests import TABLES, table
from support.places import SHARED_DATA, needs_shared
from support.small import emozoo, one_error, set_words

from emozoo.data import load_dataset
from emozoo.data.corpora.manifest import corpus, read
from emozoo.data.tables.places import find_table
from emozoo.errors import EmozooError


def test_every_column_of_a_row(folder: Path) -> None:
    heading = "file,label,speaker,gender,session,start,end,split,utterance_id,transcript,colour"
    path = table(folder, f'{heading}\na.wav,happy,anna,F,s1,0.5,1.25,train,u1,"Well, ""hello""\nthere",blue\n')
    (row,) = read(path)
    expected = {
        "audio_path": str(folder / "a.wav"), "video_path": "", "emotion": "happy", "speaker": "anna", "gender": "F",
        "session": "s1", "start": 0.5, "end": 1.25, "split": "train", "utterance_id": "u1",
        "transcript": 'Well, "hello"\nthere', "side": "", "dialogue": "",
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert "colour" not in row


def test_what_a_row_leaves_out(folder: Path) -> None:
    (row,) = read(table(folder, "file,label,start,end\na.wav,happy,,\n"))
    assert (row["start"], row["end"], row["speaker"], row["split"]) == (-1.0, -1.0, "", "")
    assert row["utterance_id"] == "my:2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_kinds_of_csv(folder: Path, delimiter: str, encoding: str, ending: str) -> None:
    lines = ["file,label,transcript", 'ü ber.wav,wütend,"a, b; c\td"', ""]
    text = ending.join([lines[0].replace(",", delimiter), lines[1].replace(",", delimiter, 2), lines[2]])
    (row,) = read(table(folder, text, encoding=encoding))
    assert Path(row["audio_path"]).name == "ü ber.wav"
    assert row["emotion"] == "wütend"
    assert row["transcript"] == "a, b; c\td"


@pytest.mark.parametrize(
    "file", ["file", "path", "audio", "file_name", " File ", "wav", "Filename", "filePath", "video"]
)
@pytest.mark.parametrize("label", ["label", "emotion", "LABEL", "emo", "Class"])
def test_other_names_of_the_two_columns(folder: Path, file: str, label: str) -> None:
    (row,) = read(table(folder, f"{label},{file}\nsad,b.wav\n"))
    assert (Path(row["audio_path"]).name, row["emotion"]) == ("b.wav", "sad")


def test_json_lines(folder: Path) -> None:
    lines = [{"file": "a.wav", "label": "happy", "start": 1, "speaker": None}, {"path": "b.wav", "Emotion": "sad"}]
    path = table(folder, "\n\n".join(map(json.dumps, lines)), "my.jsonl")
    first, second = read(path)
    assert (first["emotion"], first["start"], first["speaker"]) == ("happy", 1.0, "")
    assert (second["emotion"], second["utterance_id"]) == ("sad", "my:3")


def test_a_video_is_sound_and_picture(folder: Path) -> None:
    video, sound = read(table(folder, "file,label\nfilm.MP4,happy\na.wav,sad\n"))
    assert video["audio_path"] == video["video_path"] == str(folder / "film.MP4")
    assert (sound["audio_path"], sound["video_path"]) == (str(folder / "a.wav"), "")


def test_paths_are_relative_to_the_table_or_absolute(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("else where")
    (elsewhere / "c::d.wav").touch()
    rows = read(table(folder, f"file,label\n{elsewhere / 'c::d.wav'},happy\n./a.wav,sad\n"))
    assert [Path(row["audio_path"]) for row in rows] == [elsewhere / "c::d.wav", folder / "a.wav"]


@pytest.mark.parametrize(
    ("word", "split"), [("Train", "train"), ("dev", "dev"), ("valid", "dev"), ("validation", "dev"), ("test", "test")]
)
def test_split_words(folder: Path, word: str, split: str) -> None:
    assert read(table(folder, f"file,label,split\na.wav,sad,{word}\n"))[0]["split"] == split


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",sad,,,", "no file is named"),
        ("a.wav, ,,,", "the label is empty"),
        ("a.wav,sad,soon,,", "start 'soon' is no time, such as 12.5"),
        ("a.wav,nan,,,", "the label is empty (nan)"),
        ("a.wav,sad,,inf,", "end 'inf' is no time"),
        ("a.wav,sad,,1:75,", "end '1:75' is no time"),
        ("a.wav,sad,,1e99,", "end '1e99' is no time within a recording"),
        ("a.wav,sad,-3,,", "start '-3' is no time"),
        ("a.wav,sad,2,2,", "end 2 is not after start 2"),
        ("a.wav,sad,,0,", "end 0 is not after start 0"),
        ("a.wav,sad,,,holdout", "split 'holdout' is not train, dev, valid, validation or test"),
        ("a.wav,sad", "2 fields, not 5"),
        (f"{'x' * 5000}.wav,sad,,,", "File name too long"),
    ],
)
def test_a_bad_line_costs_itself_only(folder: Path, caplog: pytest.LogCaptureFixture, line: str, reason: str) -> None:
    path = table(folder, f"file,label,start,end,split\na.wav,sad,,,\n\n{line}\nb.wav,happy,,,\n")
    assert [row["emotion"] for row in read(path)] == ["sad", "happy"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "1 lines are left out: line 4: " in record.getMessage()
    assert reason in record.getMessage()


def test_line_numbers_count_lines_within_quotes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(table(folder, 'file,label,transcript\na.wav,sad,"one\ntwo\nthree"\ngone.wav,sad,\n'))
    assert "gone.wav (line 5)" in caplog.text


def test_many_bad_lines_are_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(table(folder, "file,label\na.wav,sad\n" + "a.wav,\n" * 14))
    (record,) = caplog.records
    assert "14 lines are left out: line 3: the label is empty; " in record.getMessage()
    assert "line 12: " in record.getMessage() and "line 13: " not in record.getMessage()
    assert record.getMessage().endswith("; and 4 more")


def test_bad_json_lines(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = '{"file": "a.wav", "label": "sad"}\n{"file": \n[1]\n'
    assert len(read(table(folder, text, "my.jsonl"))) == 1
    assert "line 2: no JSON (" in caplog.text and "line 3: no JSON object" in caplog.text


def test_a_missing_column_is_named_with_those_found(folder: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"no column label \(or emotion, .*its columns are file, mood; .*mood looks like"
    ):
        read(table(folder, "file,mood\na.wav,sad\n"))
    with pytest.raises(EmozooError, match=r"no column file \(or path, audio, .*its columns are label;"):
        read(table(folder, '{"label": "sad"}\n', "my.jsonl"))
    with pytest.raises(EmozooError, match="its columns are none"):
        read(table(folder, ""))


def test_no_good_line(folder: Path) -> None:
    with pytest.raises(EmozooError, match=r"no line that can be used \(line 2: the label is empty\)"):
        read(table(folder, "file,label\na.wav,\n"))
    with pytest.raises(EmozooError, match="only a heading"):
        read(table(folder, "file,label\n"))


def test_a_folder_that_holds_one_table(folder: Path) -> None:
    path = table(folder, "file,label\na.wav,sad\n", "metadata.csv")
    table(folder, "", "._metadata.csv")
    assert find_table(folder) == path


def test_a_folder_that_holds_several_or_none(folder: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"holds no metadata.csv, manifest.csv or .jsonl file, but a.wav, b.wav, film.MP4"
    ):
        find_table(folder)
    table(folder, "", "metadata.csv")
    table(folder, "", "x.jsonl")
    with pytest.raises(EmozooError, match=r"holds metadata.csv, x.jsonl: name the one"):
        find_table(folder)


def test_an_error_reaches_the_user_as_it_is(folder: Path) -> None:
    with pytest.raises(EmozooError, match="no column label"):
        load_dataset(corpus, table(folder, "file,mood\na.wav,sad\n"))


# Files that are missing, or elsewhere


def test_missing_files_are_counted_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"gone/{number}.wav,sad" for number in range(5)]
    read(table(folder, "\n".join(["file,label", "a.wav,sad", *lines])))
    (record,) = caplog.records
    assert (
        "5 files are missing and left out: gone/0.wav (line 3); gone/1.wav (line 4); gone/2.wav (line 5); and 2 more; "
        f"looked for in the table's folder, {folder}" in record.getMessage()
    )


def test_no_file_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(EmozooError, match=rf"none of its files is there: x.wav \(line 2\); looked for in .*{folder}$"):
        read(table(folder, "file,label\nx.wav,sad\n"))
    with pytest.raises(EmozooError, match="these paths are absolute: write them as seen from the table's folder"):
        read(table(folder, "file,label\n/elsewhere/x.wav,sad\nC:\\data\\x.wav,sad\n"))
    elsewhere = tmp_path_factory.mktemp("else where")
    monkeypatch.chdir(folder)
    with pytest.raises(EmozooError, match=rf"a.wav is there from {folder}: put the table into that folder"):
        read(table(elsewhere, "file,label\na.wav,sad\n"))
    with pytest.raises(EmozooError, match=r"; and 1 lines cannot be used: line 3: the label is empty"):
        read(table(elsewhere, f"file,label\na.wav,sad\n{folder}/b.wav,\n"))


def test_files_may_be_named_from_a_folder_around_the_table(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "data" / "fold_1").mkdir(parents=True)
    rows = read(table(folder / "data" / "fold_1", "file,label\ngone.wav,sad\na.wav,sad\n"))
    assert [row["audio_path"] for row in rows] == [str(folder / "a.wav")]
    assert f"its files are not in its own folder, but are named from {folder}" in caplog.text


# On the command line


def test_what_is_said_of_a_table_reaches_the_user_as_one_line_each(tmp_path: Path) -> None:
    words = ["train", "cnn", "--dataset", "manifest", "--epochs", "1", "--device", "cpu", *set_words()]
    source = (TABLES / "case.csv").read_text().replace("speaker", "who", 1).replace("clips/", f"{TABLES}/clips/")
    path = table(tmp_path, source)
    done = emozoo(*words, "--data-dir", path, "--columns", "speaker=who", "--output", tmp_path / "run", "--json")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["columns"] == {"speaker": "who"}
    measured = json.loads(emozoo("evaluate", tmp_path / "run", "--device", "cpu", "--json").stdout)
    assert "speaker-dependent" not in measured["note"]
    assert done.stderr.count("the same emotion in several spellings") == 1
    assert json.loads(done.stdout)["test"][0]["labels"] == ["angry", "happy", "neutral", "sad"]
    bad = tmp_path / "my.csv"
    bad.write_text("file,label,start_frame\na.wav,sad,1\n")
    assert "start_frame" in one_error(emozoo(*words, "--data-dir", bad, "--output", tmp_path / "no", check=2))


@needs_shared
def test_a_real_table(caplog: pytest.LogCaptureFixture) -> None:
    """It may grow: what is known of its corpora stays true."""
    caplog.set_level(logging.INFO)
    rows = read(find_table(SHARED_DATA / "speech"))
    counts = Counter(row["corpus"] for row in rows)
    assert counts["ravdess"] == 1440 and counts["emodb"] >= 339 and counts["nemo"] >= 3076
    assert {"happy", "sad", "angry", "neutral", "calm"} < {row["emotion"] for row in rows}
    speakers = {name: {row["speaker"] for row in rows if row["corpus"] == name} for name in counts}
    assert [len(speakers[name]) for name in ("ravdess", "emodb", "nemo")] == [24, 10, 9]
    assert {(row["start"], row["end"]) for row in rows} == {(-1.0, -1.0)}
    (record,) = caplog.records
    assert record.levelno == logging.INFO and "emotion as label" in record.getMessage()
