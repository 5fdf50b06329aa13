"""A user's own table: files and encodings, times, and tables of other tools."""

import csv
import itertools
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.manifests import table

from emozoo.data.corpora.manifest import read
from emozoo.data.tables.places import find_table
from emozoo.errors import EmozooError
from emozoo.tables.columns import ENDS, STARTS
from emozoo.tables.times import seconds

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
