"""A user's own table: which names of columns are understood, and tables as people have them."""

import itertools
import logging
from collections import Counter
from pathlib import Path

import pytest
from support.manifests import TABLES, table
from support.places import ROOT

from emozoo.data import load_dataset
from emozoo.data.corpora.manifest import corpus, read
from emozoo.errors import EmozooError
from emozoo.tables.columns import DURATIONS, ENDS, NAMES, STARTS

# Tables as people have them, with the right values


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
