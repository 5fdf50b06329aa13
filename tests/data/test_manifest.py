"""A user's own table: which lines become rows, and what is said of the others."""

import csv
import itertools
import json
import logging
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.places import CASES, ROOT, SHARED_DATA, needs_shared
from support.small import emozoo, one_error, set_words

from emozoo.data import load_dataset
from emozoo.data.corpora.hub_table import unpack
from emozoo.data.corpora.manifest import corpus, read
from emozoo.data.corpus import read_votes
from emozoo.data.tables.places import find_table
from emozoo.errors import EmozooError
from emozoo.tables.columns import DURATIONS, ENDS, NAMES, STARTS
from emozoo.tables.times import seconds


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


# Tables as people have them, with the right values


TABLES = CASES / "tables"
EQUAL = {"angry": 6, "happy": 6, "neutral": 6, "sad": 6}


@pytest.mark.parametrize(
    ("name", "labels", "seconds_each", "told"),
    [
        ("segments/seconds.csv", EQUAL, 1.0, ""),
        ("segments/ms.csv", EQUAL, 1.0, ""),
        ("segments/start_time.csv", EQUAL, 1.0, ""),
        ("duration_col.csv", EQUAL, 0.5, ""),
        ("nkululeko.csv", EQUAL, None, ""),
        ("backslash.csv", EQUAL, None, ""),
        ("array.json", EQUAL, None, ""),
        (
            "case.csv",
            EQUAL,
            None,
            "the same emotion in several spellings is one: ANGRY, Angry as angry; HAPPY, Happy as",
        ),
        (
            "nan.csv",
            {"angry": 4, "happy": 5, "neutral": 5, "sad": 6},
            None,
            "4 lines are left out: line 2: the label is empty (nan);",
        ),
        (
            "dup_conflict.csv",
            {"angry": 4, "happy": 5, "neutral": 6, "sad": 3},
            None,
            "6 clips stand under several labels and are left out: clips/angry_Ses02_F.wav (angry, sad); ",
        ),
    ],
)
def test_tables_as_people_have_them(
    name: str, labels: dict[str, int], seconds_each: float | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = load_dataset(corpus, TABLES / name)
    names = dataset.features["label"].names
    assert dict(Counter(names[label] for label in dataset["label"])) == labels
    assert names == sorted(labels) and len(set(dataset["speaker"])) == 6
    if seconds_each:
        assert {len(waveform) for waveform in dataset["waveform"]} == {round(seconds_each * 16_000)}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == [] if not told else True
    assert told in caplog.text


def test_segments_are_the_same_sounds_however_their_times_are_named() -> None:
    digests = [load_dataset(corpus, TABLES / "segments" / f"{name}.csv")["digest"][:] for name in ("seconds", "ms")]
    assert digests[0] == digests[1] and len(set(digests[0])) == 24


# Columns


PAIRS = [
    ("start", "end", 1.0),
    ("Start Time", "End Time", 1.0),
    ("startTime", "endTime", 1.0),
    ("start_s", "stop_s", 1.0),
    ("onset", "offset", 1.0),
    ("begin", "stop", 1.0),
    ("xmin", "xmax", 1.0),
    ("segment_start", "segment_end", 1.0),
    ("start_ms", "end_ms", 1000.0),
    ("START (ms)", "END (ms)", 1000.0),
    ("onset_ms", "offset_ms", 1000.0),
    ("Begin Time - msec", "End Time - msec", 1000.0),
    ("Begin Time - ss.msec", "End Time - ss.msec", 1.0),
    ("start_seconds", "end_milliseconds", 1.0),
]


@pytest.mark.parametrize(("start", "end", "unit"), PAIRS)
def test_names_of_times(folder: Path, start: str, end: str, unit: float) -> None:
    last = 2.5 * (1000.0 if "milli" in end else unit)
    (row,) = read(table(folder, f"file,label,{start},{end}\na.wav,sad,{1.25 * unit:g},{last:g}\n"))
    assert (row["start"], row["end"]) == pytest.approx((1.25, 2.5))


@pytest.mark.parametrize(
    ("start", "duration"),
    [("start", "duration"), ("onset", "dur"), ("start_ms", "duration_ms"), ("offset", "duration")],
)
def test_a_start_and_a_duration(folder: Path, start: str, duration: str) -> None:
    """NeMo's manifests have the start in `offset`."""
    unit = 1000 if "ms" in start else 1
    (row,) = read(table(folder, f"file,label,{start},{duration}\na.wav,sad,{2 * unit},{3 * unit}\n"))
    assert (row["start"], row["end"]) == (2.0, 5.0)


def test_a_duration_without_a_start_is_a_fact_and_no_end(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (row,) = read(table(folder, "file,label,duration_s\na.wav,sad,3.303\n"))
    assert (row["start"], row["end"]) == (-1.0, -1.0)
    assert "duration_s (there is no start)" in caplog.text
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("name", [*NAMES["speaker"], "Speaker ID", "speakerId", "SPK", "SpkrID"])
def test_names_of_the_speaker(folder: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert read(table(folder, f"file,label,{name}\na.wav,sad,anna\n"))[0]["speaker"] == "anna"
    assert caplog.text.count(f"{name} as speaker") == (name != "speaker")


@pytest.mark.parametrize(
    ("names", "meaning", "value"),
    [
        (("partition", "usage", "subset", "Split"), "split", "test"),
        (("dataset", "source", "corpus", "database"), "corpus", "ravdess"),
        (("text", "transcription", "transcript", "raw_text"), "transcript", "well, none"),
        (("sex", "gender"), "gender", "F"),
        (("age", "Age Group"), "age", "30-39"),
        (("language", "lang", "locale"), "language", "pl"),
        (("sentence", "sentence_id", "statement"), "sentence", "Kids talk"),
    ],
)
def test_other_names_of_the_rest(folder: Path, names: tuple[str, ...], meaning: str, value: str) -> None:
    for name in names:
        assert read(table(folder, f'file,label,{name}\na.wav,sad,"{value}"\n'))[0][meaning] == value


def test_every_name_that_is_understood_is_documented() -> None:
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    names = [*itertools.chain.from_iterable(NAMES.values()), *STARTS, *ENDS, *DURATIONS]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_what_was_understood_and_what_was_not_is_said_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    read(table(folder, ",wav,emo,colour,Unnamed: 4\n0,a.wav,sad,blue,1\n1,b.wav,sad,red,2\n"))
    (record,) = caplog.records
    assert record.getMessage().endswith("my.csv: read wav as file, emo as label; not used: colour")
    caplog.clear()
    read(table(folder, "file,label,speaker,start,end\na.wav,sad,anna,,\n"))
    assert caplog.records == []


@pytest.mark.parametrize("name", ["speaker_code", "Voice", "actor name"])
def test_a_column_like_the_speakers_is_named(folder: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    (row,) = read(table(folder, f"file,label,{name}\na.wav,sad,anna\n"))
    assert f"column {name} looks like the speaker's and is not understood: name it speaker" in caplog.text
    assert row["speaker"] == ""
    caplog.clear()
    read(table(folder, f"file,label,speaker,{name}\na.wav,sad,anna,x\n"))
    read(table(folder, "file,label,speaker_age\na.wav,sad,30\n"))
    assert caplog.records == []


@pytest.mark.parametrize(
    "name", ["start_frame", "EndSample", "begin_min", "starts_at", "tmin_x", "from", "to", "onset_samples", "word_end"]
)
def test_a_column_like_the_span_of_a_clip_is_an_error(folder: Path, name: str) -> None:
    """Without it, the whole file would be taken for the clip."""
    with pytest.raises(EmozooError, match=rf"my.csv: column {name} looks like a time within the file and is not under"):
        read(table(folder, f"file,label,{name}\na.wav,sad,1\n"))
    assert len(read(table(folder, f"file,label,start,end,{name}\na.wav,sad,1,2,3\n"))) == 1


def test_a_length_beside_a_start_is_an_error(folder: Path) -> None:
    with pytest.raises(EmozooError, match="column length_s looks like a time within the file"):
        read(table(folder, "file,label,start,length_s\na.wav,sad,1,2\n"))
    assert len(read(table(folder, "file,label,length_s\na.wav,sad,1\n"))) == 1


@pytest.mark.parametrize("name", ["timestamp", "time", "TimeCode"])
def test_a_column_like_a_time_is_named(folder: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    read(table(folder, f"file,label,{name},recorded_date,gender,sentiment\na.wav,sad,3,2020,F,bad\n"))
    (record,) = caplog.records
    assert f"column {name} looks like a time and is not understood" in record.getMessage()


@pytest.mark.parametrize(
    ("heading", "line", "names"),
    [
        ("file,path,label", "a.wav,b.wav,sad", "line 2: columns file and path both mean the file"),
        ("file,label,emotion", "a.wav,1,sad", "columns label and emotion both mean the label"),
        ("file,label,speaker,spk", "a.wav,sad,a,b", "columns speaker and spk both mean the speaker"),
        ("file,label,start,start_ms,end", "a.wav,sad,1,1000,2", "columns start and start_ms both mean the start"),
        ("file,label,label", "a.wav,1,sad", "two columns are called label"),
        ("file,label,offset", "a.wav,sad,1", "offset may be where a clip begins or where it ends"),
    ],
)
def test_two_columns_that_mean_the_same(folder: Path, heading: str, line: str, names: str) -> None:
    with pytest.raises(EmozooError, match=f"my.csv: .*{names}"):
        read(table(folder, f"{heading}\n{line}\n"))


def test_two_columns_that_mean_the_same_may_take_turns(folder: Path) -> None:
    rows = read(table(folder, "file,path,label\na.wav,,sad\n,b.wav,happy\n"))
    assert [Path(row["audio_path"]).name for row in rows] == ["a.wav", "b.wav"]


def test_a_name_that_can_mean_something_else_is_judged_by_what_the_column_holds(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"a.wav,sad,Actors {number},http://x/{number},{number},{number + 1}" for number in range(60)]
    rows = read(table(folder, "\n".join(["file,label,subset,source,start,end", *lines])))
    assert {(row["split"], row["corpus"]) for row in rows} == {("", "")} and len(rows) == 60
    assert "column subset is not read as the split: it holds no train, dev or test" in caplog.text
    assert "column source is not read as the corpus: it holds 60 different words" in caplog.text


def test_a_user_says_what_columns_mean(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is said wins over what names mean, and is not doubted."""
    path = table(
        folder, "name,mood,who,speaker,t0,t1,corpus\na.wav,sad,anna,x,500,1500,y\n" + "b.wav,happy,ben,x,,,y\n" * 2
    )
    given = {"file": "name", "label": "mood", "speaker": "Who", "start_ms": "t0", "end_ms": "t1", "corpus": "t0"}
    with pytest.raises(EmozooError, match="gives column t0 two meanings, start and corpus"):
        read(path, given)
    with caplog.at_level(logging.INFO):
        first, second = read(path, given | {"corpus": "speaker"})
    assert (first["speaker"], first["emotion"], first["start"], first["end"]) == ("anna", "sad", 0.5, 1.5)
    assert (second["speaker"], second["corpus"]) == ("ben", "x")
    told = "read name as file, mood as label, who as speaker, speaker as corpus, t0 as start, t1 as end; not used: "
    assert told + "corpus (another is named the corpus)" in caplog.text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"speaker": "who"}, "my.csv: --columns speaker=who: there is no column who: the columns are file, label"),
        ({"voice": "label"}, "--columns voice=label: voice is no meaning of a column; they are file, video, label, "),
    ],
)
def test_a_column_that_is_not_there_or_means_nothing(folder: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(EmozooError, match=says):
        read(table(folder, "file,label\na.wav,sad\n"), given)


def test_columns_are_for_tables_alone(folder: Path) -> None:
    with pytest.raises(EmozooError, match=r"--columns is for a table of your own \(--dataset manifest\), not for toy"):
        load_dataset("toy", columns={"speaker": "who"}, data_dir=folder)


# Files and encodings


@pytest.mark.parametrize(
    ("encoding", "ending", "delimiter"),
    list(itertools.product(["utf-8", "utf-8-sig", "utf-16"], ["\n", "\r\n", "\r"], ",;\t|")),
)
def test_text_as_programs_write_it(folder: Path, encoding: str, ending: str, delimiter: str) -> None:
    lines = [["file", "label", "text"], ["ü ber.wav", "wütend", f'x{delimiter} "y"']]
    path = folder / "my.csv"
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=ending).writerows(lines)
    (row,) = read(path)
    assert (row["emotion"], row["transcript"]) == ("wütend", f'x{delimiter} "y"')


def test_excels_own_first_line(folder: Path) -> None:
    (row,) = read(table(folder, "sep=;\r\nfile;label;start;end\r\na.wav;sad;0,5;1,25\r\n"))
    assert (row["start"], row["end"]) == (0.5, 1.25)


def test_json_and_parquet(folder: Path) -> None:
    rows = [{"file": "a.wav", "label": "happy", "start": 1}, {"file": "b.wav", "label": "sad", "start": None}]
    (folder / "lines.json").write_text("\n".join(map(json.dumps, rows)))
    (folder / "array.txt").write_text(json.dumps(rows, indent=1), encoding="utf-16")
    (folder / "one.json").write_text(json.dumps(rows[0]))
    pq.write_table(pa.Table.from_pylist(rows), folder / "my.parquet")
    for name in ("lines.json", "array.txt", "my.parquet"):
        found = read(folder / name)
        assert [(row["emotion"], row["start"]) for row in found] == [("happy", 1.0), ("sad", -1.0)], name
    assert len(read(folder / "one.json")) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "my.csv",
            "file,label\na.wav,wütend\n".encode("latin-1"),
            r"not UTF-8 text \(byte 18, line 2\): save it as UTF-8; Excel",
        ),
        ("my.csv", b"\xff\xfe\x00\xd8", "not UTF-16 text"),
        ("my.xlsx", b"PK\x03\x04 and so on", "Excel workbook or a zip, not a table of text: save it as CSV UTF-8"),
        ("my.csv", b"RIFF\0\0\0\0WAVEfmt ", "is no text: a table is CSV, JSON Lines"),
        ("my.json", b'{"file": {"0": "a.wav"}, "label": {"0": "sad"}}', "one JSON value and no list of clips"),
        ("my.json", b"3", "one JSON value and no list of clips"),
        ("my.json", b"[" * 100_000, "nested too deeply"),
        ("my.csv", b"file,label\na.wav," + b"x" * 200_000, "line 2: field larger than field limit"),
        ("my.parquet", b"PAR1 and no more", "a Parquet file that cannot be read"),
    ],
)
def test_what_is_no_table(folder: Path, name: str, content: bytes, says: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(EmozooError, match=says) as caught:
        read(folder / name)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_with_the_sounds_in_it(folder: Path) -> None:
    pq.write_table(pa.table({"audio": [{"bytes": b"RIFF", "path": "a.wav"}], "label": ["sad"]}), folder / "my.parquet")
    with pytest.raises(EmozooError, match="holds the audio itself, in its column audio: write it to files"):
        read(folder / "my.parquet")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=80).map(lambda data: b"PAR1" + data),
        st.text(max_size=200).map(lambda text: ("file,label,start\n" + text).encode("utf-8", "replace")),
        st.lists(st.dictionaries(st.sampled_from(["file", "label", "end", "x"]), st.text() | st.floats() | st.none()))
        .map(json.dumps)
        .map(str.encode),
        st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
        .map(json.dumps)
        .map(str.encode),
    ),
    name=st.sampled_from(["my.csv", "my.jsonl", "my.json", "my.tsv"]),
)
def test_arbitrary_bytes_are_at_worst_an_error_for_people(folder: Path, content: bytes, name: str) -> None:
    (folder / name).write_bytes(content)
    try:
        read(folder / name)
    except EmozooError as error:
        assert "\n" not in str(error)


def test_a_line_may_hold_anything(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd: list[Any] = [
        {"file": "\ud800.wav", "label": "sad"},
        {"file": "a\0.wav", "label": "sad"},
        {"file": "~nobody/a.wav", "label": "sad"},
        {"file": {"path": "a.wav"}, "label": "sad"},
        {"file": "a.wav", "label": "\ud800"},
        {"file": "a.wav", "label": ["sad"]},
        {"file": "a.wav", "label": "sad", "start": {"s": 1}},
        {"file": "a.wav", "label": "sad", "start": True},
        {"file": "b.wav", "label": "sad", "transcript": "\udfff"},
    ]
    (folder / "my.json").write_text(json.dumps([*odd, {"file": "b.wav", "label": "happy", "speaker": 7}]))
    (row,) = read(folder / "my.json")
    assert (row["emotion"], row["speaker"]) == ("happy", "7")
    for number in (1, 4, 5, 6, 7, 8, 9):
        assert f"item {number}: " in caplog.text
    assert "~nobody/a.wav (item 3)" in caplog.text


# Times


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 99 * 3_600_000))
def test_a_time_is_the_same_however_it_is_written(milliseconds: int) -> None:
    total = milliseconds / 1000
    minutes, rest = divmod(milliseconds, 60_000)
    hours, below = divmod(minutes, 60)
    days, of_day = divmod(hours, 24)
    written = [
        str(total), f"{total:.3f} s", f"{milliseconds} ms", f"{minutes}:{rest / 1000:06.3f}",
        f"{hours:02}:{below:02}:{rest / 1000:06.3f}", f"{hours}:{below:02}:{rest / 1000:06.3f}".replace(".", ","),
        f"{days} days {of_day:02}:{below:02}:{rest / 1000:06.3f}", f"{days} days, {of_day}:{below:02}:{rest / 1000:06.3f}",
    ]  # fmt: skip
    assert [seconds(text) for text in written] == pytest.approx([total] * len(written), abs=1e-6)
    assert seconds(str(milliseconds), 1e-3) == pytest.approx(total, abs=1e-6)
    assert seconds(str(total).replace(".", ","), decimal_comma=True) == pytest.approx(total, abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=12) | st.text("0123456789:., dayse-+", max_size=12), st.booleans())
def test_any_text_is_a_time_or_a_value_error(text: str, comma: bool) -> None:
    try:
        assert 0 <= seconds(text, decimal_comma=comma) <= 1e7
    except ValueError:
        pass


def test_times_are_pandas_own(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    spans = [(0.0, 0.1), (1.25, 62.5), (3600.0, 3723.000001)]
    frame = pandas.DataFrame(
        {"file": "a.wav", "label": "sad", "start": [a for a, _ in spans], "end": [b for _, b in spans]}
    )
    frame["start"], frame["end"] = (pandas.to_timedelta(frame[name], unit="s") for name in ("start", "end"))
    frame.loc[2, "end"] = pandas.NaT
    frame.to_csv(folder / "my.csv")
    rows = read(folder / "my.csv")
    assert [(row["start"], row["end"]) for row in rows] == [(0.0, 0.1), (1.25, 62.5), (3600.0, -1.0)]


def test_a_decimal_comma_only_where_commas_do_not_part_fields(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for delimiter in ";\t":
        (row,) = read(table(folder, "file;label;start\na.wav;sad;1,5\n".replace(";", delimiter)))
        assert row["start"] == 1.5
    read(table(folder, 'file,label,start\na.wav,sad,"1,500"\nb.wav,sad,1\n'))
    assert "line 2: start '1,500' is no time" in caplog.text


@pytest.mark.parametrize(("start", "end"), list(itertools.product(STARTS, ENDS)))
def test_every_name_of_a_start_goes_with_every_name_of_an_end(folder: Path, start: str, end: str) -> None:
    (row,) = read(table(folder, f"file,label,{end},{start}\na.wav,sad,2,1\n"))
    assert (row["start"], row["end"]) == (1.0, 2.0)


# Labels, speakers, copies


def test_spellings_of_one_label_are_one_class(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    composed, parted = (unicodedata.normalize(form, "wütend") for form in ("NFC", "NFD"))
    labels = ["Joy", "JOY", "Joy ", composed, parted, " Wütend", "very  sad", "very sad"]
    lines = [f"a.wav,{label},{number},{number + 1}" for number, label in enumerate(labels)]
    rows = read(table(folder, "\n".join(["file,label,start,end", *lines])))
    assert [row["emotion"] for row in rows] == ["Joy"] * 3 + [composed] * 3 + ["very sad"] * 2
    (record,) = caplog.records
    assert record.getMessage().endswith(
        "the same emotion in several spellings is one: JOY as Joy; Wütend as wütend; --labels-as-is keeps them apart"
    )


def test_spellings_of_one_speaker_are_one_speaker(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = read(table(folder, "file,label,speaker\na.wav,sad,Anna\nb.wav,happy,anna\n"))
    assert [row["speaker"] for row in rows] == ["anna", "anna"]
    assert "the same speaker in several spellings is one: Anna as anna" in caplog.text


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "none", "null", "NULL", "NA", "N/A", "-", " - ", "<NA>", "NaT"])
def test_what_pandas_writes_for_nothing_is_nothing(folder: Path, word: str, caplog: pytest.LogCaptureFixture) -> None:
    heading = "file,label,speaker,start,end,split"
    first, second = read(
        table(folder, f"{heading}\na.wav,sad,{word},{word},{word},{word}\nb.wav,{word},,,,\nb.wav,a,,,,\n")
    )
    assert (first["speaker"], first["start"], first["end"], first["split"]) == ("", -1.0, -1.0, "")
    assert f"line 3: the label is empty ({word.strip()})" in caplog.text and second["emotion"] == "a"


def test_a_clip_that_is_named_twice_counts_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    heading = "file,label,speaker,start,end,split"
    lines = [
        "a.wav,sad,x,,,train",
        "./a.wav,sad,x,0,,test",
        "a.wav,Sad,x,0.0,,",
        "a.wav,happy,x,0,1,",
        "b.wav,sad,x,,,",
    ]
    rows = read(table(folder, "\n".join([heading, *lines])))
    assert [(Path(row["audio_path"]).name, row["end"], row["split"]) for row in rows] == [
        ("a.wav", -1.0, "test"),  # never trained on what is tested on
        ("a.wav", 1.0, ""),
        ("b.wav", -1.0, ""),
    ]
    assert "2 lines repeat a clip with the same label, and count once" in caplog.text


def test_two_speakers_of_one_clip_stay(folder: Path) -> None:
    rows = read(table(folder, "file,label,speaker\na.wav,sad,x\na.wav,sad,y\n"))
    assert [row["speaker"] for row in rows] == ["x", "y"]


def test_clips_under_two_labels_only(folder: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"every clip stands under several labels, such as a.wav from 1 s \(happy, sad\)"
    ):
        read(table(folder, "file,label,start\na.wav,sad,1\na.wav,happy,1\n"))


WORDS = "file,label\na.wav,hap\nb.wav,Joy\nü ber.wav,happiness\nfilm.MP4,Anger\n"


def test_other_words_for_an_emotion_are_one_class(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A word that is alone stays as it is."""
    path = table(folder, WORDS)
    assert [row["emotion"] for row in read(path)] == ["happy", "happy", "happy", "Anger"]
    (record,) = caplog.records
    told = "the same emotion in several spellings is one: Joy, hap, happiness as happy; --labels-as-is keeps them apart"
    assert record.getMessage().endswith(told)
    assert [row["emotion"] for row in read(path, labels_as_is=True)] == ["hap", "Joy", "happiness", "Anger"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("labels", "merge", "as_is", "counts"),
    [
        (["joy", "sad"], None, False, {"joy": 12, "sad": 6}),
        (["joy", "happy"], None, False, {"joy": 6, "happy": 6}),
        (["happy", "sad"], {"joy": "happy"}, False, {"happy": 12, "sad": 6}),
        (None, None, True, {"Joy": 6, "happy": 6, "neutral": 6, "sad": 6}),
    ],
)
def test_labels_that_are_asked_for_are_found_in_other_words(
    labels: list[str] | None, merge: dict[str, str] | None, as_is: bool, counts: dict[str, int], tmp_path: Path
) -> None:
    """Two words that are asked for stay apart; a merge of what is one already changes nothing."""
    source = (TABLES / "nkululeko.csv").read_text().replace(",angry", ",Joy").replace("clips/", f"{TABLES}/clips/")
    dataset = load_dataset(corpus, table(tmp_path, source), labels, merge, labels_as_is=as_is)
    names = dataset.features["label"].names
    assert dict(Counter(names[label] for label in dataset["label"])) == counts


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


# Tables of other tools, as these write them


def emobox(folder: Path) -> Path:
    """A line as in EmoBox's data/cafe/fold_1, whose files are named from the folder around `data`."""
    more = {
        "type": "raw",
        "sample_rate": 48000,
        "num_frame": 248653.0,
        "task": "category",
        "length": 5.18,
        "channel": 1,
    }
    line = {"key": "cafe-12-P-2-5", "dataset": "cafe", "wav": "downloads/cafe/12-P-2-5.wav", **more, "emo": "p"}
    path = folder / "data" / "cafe" / "fold_1" / "cafe_test_fold_1.jsonl"
    path.write_text(json.dumps(line) + "\n")
    return path


def emobox_json(folder: Path) -> Path:
    clip = {"wav": "downloads/cafe/12-P-2-5.wav", "length": 5.18, "emo": "p", "dataset": "cafe", "channel": 1}
    (folder / "cafe.json").write_text(json.dumps({"cafe-12-P-2-5": clip}, indent=4))
    return folder / "cafe.json"


def speechbrain(folder: Path) -> Path:
    clip = {"wav": "{data_root}/downloads/cafe/12-P-2-5.wav", "length": 5.18, "emo": "p"}
    (folder / "train.json").write_text(json.dumps({"cafe-12-P-2-5": clip}, indent=2))
    return folder / "train.json"


def audformat(folder: Path) -> Path:
    """Its folder: db.yaml, and a table whose index are files and times."""
    (folder / "db.yaml").write_text("name: cafe\n")
    heading = "file,start,end,emotion,speaker\n"
    (folder / "db.emotion.csv").write_text(f"{heading}downloads/cafe/12-P-2-5.wav,0 days 00:00:00,,p,12\n")
    return folder


def nkululeko(folder: Path) -> Path:
    return table(
        folder, "file,speaker,emotion,language,country\ndownloads/cafe/12-P-2-5.wav,12,p,french,canada\n", "cafe.csv"
    )


@pytest.mark.parametrize("tool", [emobox, emobox_json, speechbrain, audformat, nkululeko])
def test_tables_of_other_tools(tool: Callable[[Path], Path], tmp_path: Path) -> None:
    for name in ("downloads/cafe", "data/cafe/fold_1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "downloads" / "cafe" / "12-P-2-5.wav").touch()
    (row,) = read(find_table(tool(tmp_path)))
    assert row["audio_path"] == str(tmp_path / "downloads" / "cafe" / "12-P-2-5.wav") and row["emotion"] == "p"
    assert row["end"] == -1.0 and row["start"] in (-1.0, 0.0)
    assert row["speaker"] == ("12" if tool in (audformat, nkululeko) else "")
    assert row["corpus"] == ("cafe" if tool in (emobox, emobox_json) else "")
    assert tool not in (emobox_json, speechbrain) or row["utterance_id"] == "cafe-12-P-2-5"


def test_several_tables_of_audformat_are_named(folder: Path) -> None:
    table(folder, "file,emotion\na.wav,sad\n", "db.emotion.csv")
    table(folder, "file,speaker\na.wav,anna\n", "db.files.csv")
    (folder / "db.yaml").touch()
    with pytest.raises(EmozooError, match=r"holds db.emotion.csv, db.files.csv: name the one to read with --data-dir"):
        find_table(folder)


def test_folders_may_be_labels_and_splits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As `datasets` reads an audio folder."""
    for name in ("train/happy/a.wav", "train/sad/a.wav", "test/happy/b.FLAC", "test/happy/notes.txt", "x/y/z/a.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    rows = read(find_table(tmp_path))
    found = {(Path(row["audio_path"]).relative_to(tmp_path).as_posix(), row["emotion"], row["split"]) for row in rows}
    assert found == {
        ("train/happy/a.wav", "happy", "train"), ("train/sad/a.wav", "sad", "train"),
        ("test/happy/b.FLAC", "happy", "test"),
    }  # fmt: skip
    (row,) = {(row["emotion"], row["split"]) for row in read(find_table(tmp_path / "test"))}
    assert row == ("happy", "")
    for name in ("one/a.wav", "two/a.wav"):
        (tmp_path / "speakers" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "speakers" / name).touch()
    with pytest.raises(EmozooError, match=r"holds no metadata.csv, manifest.csv or .jsonl file, but no file"):
        find_table(tmp_path / "speakers")
    (tmp_path / "metadata.csv").write_text("file_name,label\ntrain/sad/a.wav,angry\n")
    assert [row["emotion"] for row in read(find_table(tmp_path))] == ["angry"]


def test_a_table_of_ones_own_may_name_files_anywhere(folder: Path) -> None:
    (folder / "tables").mkdir()
    rows = read(table(folder / "tables", f"file,label\n../a.wav,sad\n..\\b.wav,sad\n{folder}/ü ber.wav,sad\n"))
    assert [Path(row["audio_path"]).resolve().name for row in rows] == ["a.wav", "b.wav", "ü ber.wav"]


def test_files_are_found_in_either_unicode_form(folder: Path) -> None:
    (folder / unicodedata.normalize("NFD", "é.wav")).touch()
    names = [unicodedata.normalize("NFC", "é.wav"), unicodedata.normalize("NFD", "ü ber.wav")]
    assert len(read(table(folder, "file,label\n" + "\n".join(f"{name},sad" for name in names)))) == 2


def test_a_backslash_may_be_part_of_a_name(folder: Path) -> None:
    (folder / "c\\d.wav").touch()
    (folder / "c").mkdir()
    (folder / "c" / "d.wav").touch()
    (row,) = read(table(folder, "file,label\nc\\d.wav,sad\n"))
    assert Path(row["audio_path"]).name == "c\\d.wav"


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


# Ratings, votes and several emotions


def judged(path: Path) -> list[tuple[str, dict[str, float]]]:
    return [(each["emotion"], read_votes(each["votes"])) for each in read(path)]


@pytest.mark.parametrize("arousal", ["arousal", "Activation", "EmoAct", "emo_act"])
def test_ratings_stand_in_columns_of_their_own(folder: Path, arousal: str) -> None:
    """On any scale; then a clip needs no label. A dimension that is not rated is unknown."""
    rows = read(table(folder, f"file;valence;{arousal};EmoDom\na.wav;4,5;-1e1;\nb.wav;nan;3;2.25\n"))
    found = [[each[name] for name in ("valence", "activation", "dominance")] for each in rows]
    assert str(found) == "[[4.5, -10.0, nan], [nan, 3.0, 2.25]]"
    assert {(each["emotion"], each["votes"]) for each in rows} == {("", "")}


def test_votes_are_an_object_or_a_column_a_word(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    objects = table(
        folder, 'file,votes\na.wav,"{""happy"": 2, ""sad"": 0.5, ""angry"": 0}"\nb.wav,"{""sad"":null,""x"":1}"\n'
    )
    assert judged(objects) == [("", {"happy": 2, "sad": 0.5}), ("", {"x": 1})]
    parts = table(folder, "file,label,votes_happy,Votes Very Sad,votes_total\na.wav,happy,2,,2\nb.wav,,0,1,1\n")
    with caplog.at_level("INFO", logger="emozoo"):
        assert judged(parts) == [("happy", {"happy": 2}), ("", {"Very Sad": 1})]
    assert "not used: votes_total" in caplog.text
    lines = [{"file": "a.wav", "votes": {"happy": 3}}, {"file": "b.wav", "votes": '{"sad": 1}'}]
    (folder / "my.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert judged(folder / "my.jsonl") == [("", {"happy": 3}), ("", {"sad": 1})]


def test_several_emotions_of_a_clip_are_votes_of_one_each(folder: Path) -> None:
    text = 'file,emotion\na.wav,happy; surprised;happy\nb.wav,sad|\nü ber.wav,"sad|angry"\n'
    assert judged(table(folder, text)) == [
        ("", {"happy": 1, "surprised": 1}),
        ("sad", {}),
        ("", {"sad": 1, "angry": 1}),
    ]
    beside = table(folder, "file,emotion,votes_sad\na.wav,happy;surprised,3\n")
    assert judged(beside) == [("", {"sad": 3})]


def test_spellings_of_a_label_are_one_word_in_votes_too(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = table(folder, 'file,label,votes\na.wav,happy,"{""HAPPY"": 2, ""Happy"": 1, ""sad"": 1}"\nb.wav,Sad,\n')
    assert judged(path) == [("happy", {"happy": 3, "sad": 1}), ("sad", {})]
    assert "HAPPY, Happy as happy; Sad as sad" in caplog.text


@pytest.mark.parametrize(
    ("heading", "line", "reason"),
    [
        ("valence", "high", "valence 'high' is no number"),
        ("valence", "inf", "valence 'inf' is no number"),
        ("Arousal", "1e999", "Arousal '1e999' is no number"),
        ("dominance", "1_0", "dominance '1_0' is no number"),
        ("votes", "[1]", "votes '[1]' is no JSON object, such as "),
        ("votes", "happy", "votes 'happy' is no JSON object, such as "),
        ("votes", "{}", "votes: the votes add up to 0"),
        ("votes", '"{""sad"": 0}"', "votes: the votes add up to 0"),
        ("votes", '"{""sad"": -1, ""happy"": 2}"', "-1 votes for sad: a number of votes is 0 or more"),
        ("votes", '"{""sad"": NaN}"', "votes for sad 'nan' is no number"),
        ("votes", '"{""sad"": Infinity}"', "votes for sad 'inf' is no number"),
        ("votes", '"{""sad"": true}"', "votes for sad 'True' is no number"),
        ("votes", '"{""sad"": [1]}"', "votes for sad '[1]' is no number"),
        ("votes", '"{"" "": 1}"', "votes has votes for no word"),
        ("votes_sad", "many", "votes_sad 'many' is no number"),
        ("votes_sad", "-2", "-2 votes for sad: a number of votes is 0 or more"),
        ("votes_sad", "0", "votes_sad: the votes add up to 0"),
        ("valence,votes_sad", ",", "the label is empty"),
    ],
)
def test_what_is_no_rating_and_no_vote_costs_its_line(
    folder: Path, caplog: pytest.LogCaptureFixture, heading: str, line: str, reason: str
) -> None:
    good = "," * heading.count(",")
    read(table(folder, f"file,label,{heading}\nb.wav,sad,{good}\na.wav,{'' if 'empty' in reason else 'sad'},{line}\n"))
    (record,) = caplog.records
    assert f"1 lines are left out: line 3: {reason}" in record.getMessage() and "\n" not in record.getMessage()


def test_a_clip_that_is_rated_in_two_ways_is_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = table(folder, "file,label,valence\na.wav,sad,1\na.wav,sad,2\nb.wav,sad,3\nb.wav,sad,3\n")
    assert [each["valence"] for each in read(path)] == [3.0]
    assert "1 clips stand under several labels and are left out: a.wav (other ratings or votes)" in caplog.text


def test_a_column_of_votes_and_one_for_a_word_add_up(folder: Path) -> None:
    path = table(folder, 'file,votes,votes_sad\na.wav,"{""sad"": 1, ""happy"": 1}",2\n')
    assert judged(path) == [("", {"sad": 3, "happy": 1})]


@pytest.mark.parametrize(
    ("speaker", "given"), [("speaker_id", {}), ("who", {"speaker": "who", "label": "mood", "file": "sound"})]
)
def test_parquet_of_the_hub_keeps_its_speakers(folder: Path, speaker: str, given: dict[str, str]) -> None:
    """`speaker_id` is the column of nEMO and of CAMEO."""
    sounds = [{"bytes": b"not opened here", "path": f"{number}.wav"} for number in range(2)]
    names = (given.get("file", "audio"), given.get("label", "emotion"))
    columns = {names[0]: sounds, names[1]: ["anger", "fear"], speaker: ["WR0", "EB0"], "dataset": ["nemo", "nemo"]}
    columns |= {"file_id": ["WR0_anger_6.wav", "EB0_fear_1.wav"], "raw_text": ["Tak.", "Nie."], "age": [23, 24]}
    pq.write_table(pa.table(columns), folder / "part.parquet")
    (folder / "out").mkdir()
    unpack([folder / "part.parquet"], folder, folder / "out", "hub:anna/nemo", given)
    rows = read(find_table(folder / "out"), given)
    assert [(row["speaker"], row["emotion"], row["transcript"], row["corpus"]) for row in rows] == [
        ("WR0", "anger", "Tak.", "nemo"),
        ("EB0", "fear", "Nie.", "nemo"),
    ]


def test_parquet_of_the_hub_has_ratings_votes_and_several_labels(folder: Path) -> None:
    words = ["happy", "sad"]
    features = {
        "audio": {"_type": "Audio"},
        "label": {"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": words}},
    }
    sounds = [{"bytes": b"not opened here", "path": f"{number}.wav"} for number in range(4)]
    columns = {
        "audio": sounds,
        "label": [[0, 1], [1], [], None],
        "EmoVal": [1.5, None, 2.0, None],
        "votes": [None, None, None, {"happy": 1, "sad": None}],
        "votes_sad": [None, 2, None, None],
    }
    made = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, folder / "part.parquet")
    (folder / "out").mkdir()
    unpack([folder / "part.parquet"], folder, folder / "out", "hub:anna/rated")
    rows = read(find_table(folder / "out"))
    assert [(each["emotion"], read_votes(each["votes"])) for each in rows] == [
        ("", {"happy": 1, "sad": 1}),
        ("sad", {"sad": 2}),
        ("", {}),
        ("", {"happy": 1}),
    ]
    assert str([each["valence"] for each in rows]) == "[1.5, nan, 2.0, nan]"
    pq.write_table(made.drop_columns(["label"]), folder / "part.parquet")
    (folder / "more").mkdir()
    unpack([folder / "part.parquet"], folder, folder / "more", "hub:anna/rated")
    assert len(read(find_table(folder / "more"))) == 4
    with pytest.raises(EmozooError, match="hub:anna/rated has no column of labels"):
        pq.write_table(made.select(["audio"]), folder / "part.parquet")
        unpack([folder / "part.parquet"], folder, folder / "more", "hub:anna/rated")


def test_the_hub_says_who_speaks_and_which_sentence(folder: Path) -> None:
    columns = {
        "audio": [{"bytes": b"not opened here", "path": "0.wav"}],
        "emotion": ["sad"],
        "locale": ["pl"],
        "age": [31],
        "sentence": ["Ród smoka"],
    }
    pq.write_table(pa.table(columns), folder / "part.parquet")
    (folder / "out").mkdir()
    unpack([folder / "part.parquet"], folder, folder / "out", "hub:anna/said")
    (row,) = read(find_table(folder / "out"))
    assert (row["language"], row["age"], row["sentence"]) == ("pl", "31", "Ród smoka")
