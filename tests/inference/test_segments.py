"""Segments from files and from Python: every format, and everything that can be wrong with one."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.errors import EmozooError
from emozoo.inference.segment_formats import parse_segments
from emozoo.inference.segments import Segment, as_segments, open_segments, read_segments

ANNA = Segment(0.5, 2.75, "anna", "Hello")
BOB = Segment(3.0, 4.5, "bob", "Bye")

FILES = {
    "turns.rttm": ";; made by hand\nSPKR-INFO call 1 <NA> <NA> <NA> unknown anna <NA> <NA>\n"
    "SPEAKER call 1 0.500 2.250 <NA> <NA> anna <NA> <NA>\n\nSPEAKER call 1 3 1.5 <NA> <NA> bob <NA>\n",
    "turns.csv": "start,end,speaker,text\n0.5,2.75,anna,Hello\n3,4.5,bob,Bye\n",
    "milliseconds.csv": "start_ms;end_ms;speaker;text\n500;2750;anna;Hello\n3000;4500;bob;Bye\n",
    "clock.tsv": "begin\tend\tspeaker\ttranscript\n0:00:00.500\t00:00:02.75\tanna\tHello\n0:03\t0:04.5\tbob\tBye\n",
    "duration.csv": "speaker,start,duration,text\nanna,0.5,2.25,Hello\nbob,3,1.5,Bye\n",
    "commas.csv": "start;end;speaker;text\n0,5;2,75;anna;Hello\n3,0;4,5;bob;Bye\n",
    "turns.json": json.dumps([vars_ for vars_ in (
        {"start": 0.5, "end": 2.75, "speaker": "anna", "text": "Hello"},
        {"start": 3, "end": 4.5, "speaker": "bob", "text": "Bye"},
    )]),
    "whisperx.json": json.dumps({"language": "en", "segments": [
        {"start": 0.5, "end": 2.75, "speaker": "anna", "text": " Hello", "words": []},
        {"start": 3, "end": 4.5, "speaker": "bob", "text": " Bye", "words": []},
    ]}),
    "turns.jsonl": '{"start": 0.5, "end": 2.75, "speaker": "anna", "text": "Hello"}\n'
    '{"start": 3, "end": 4.5, "speaker": "bob", "text": "Bye"}\n',
    "predicted.json": json.dumps({"schema": 1, "model": "speech", "labels": [], "predictions": [
        {"file": "call.wav", "emotion": "sad", "segments": [
            {"start": 0.5, "end": 2.75, "speaker": "anna", "text": "Hello", "emotion": "sad", "probabilities": {"sad": 1}},
            {"start": 3, "end": 4.5, "speaker": "bob", "text": "Bye", "emotion": None, "reason": "silent"},
        ]},
    ]}),
    "labels.txt": "0.500000\t2.750000\tanna: Hello\n\\\t120.0\t4000.0\n3.000000\t4.500000\tbob: Bye\n",
    "labels-commas.txt": "0,500000\t2,750000\tanna: Hello\n3,000000\t4,500000\tbob: Bye\n",
    "turns.vtt": "WEBVTT - made by hand\n\nNOTE\nnothing\n\nSTYLE\n::cue { color: red }\n\n"
    "00:00.500 --> 00:02.750 align:start position:0%\n<v.loud anna><i>Hello</i></v>\n\n"
    "last\n00:00:03.000 --> 00:00:04.500\n<v bob>Bye\n",
    "turns.srt": "1\n00:00:00,500 --> 00:00:02,750\n[anna]: Hello\n\n"
    "2\n00:00:03,000 --> 00:00:04,500\n[bob]: {\\an8}<b>Bye</b>\n",
    "names.srt": "1\n00:00:00,5 --> 00:00:02,75\nanna: Hello\n\n2\n0:00:03 --> 0:00:04,5 X1:0 X2:9\nbob: Bye",
}  # fmt: skip
NO_TEXT = {"turns.rttm"}


def write(folder: Path, name: str, text: str, encoding: str = "utf-8", newline: str = "\n") -> Path:
    path = folder / name
    path.write_bytes(text.replace("\n", newline).encode(encoding))
    return path


def wanted(name: str) -> list[Segment]:
    return [Segment(each.start, each.end, each.speaker, "" if name in NO_TEXT else each.text) for each in (ANNA, BOB)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", FILES)
def test_every_format_in_every_usual_encoding(name: str, encoding: str, newline: str, tmp_path: Path) -> None:
    if newline == "\r" and name.endswith("jsonl"):
        return  # not JSON Lines
    path = write(tmp_path, name, FILES[name], encoding, newline)
    assert read_segments(path).of("call.wav") == wanted(name)


@pytest.mark.parametrize("name", FILES)
def test_the_content_decides_and_not_the_suffix(name: str, tmp_path: Path) -> None:
    assert read_segments(write(tmp_path, "segments.dat", FILES[name])).of("call.wav") == wanted(name)


def test_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"start": each.start, "end": each.end, "speaker": each.speaker, "text": each.text} for each in (ANNA, BOB)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "turns.parquet")
    assert read_segments(tmp_path / "turns.parquet").of("call.wav") == [ANNA, BOB]


def test_order_and_overlap_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "start,end,speaker\n5,9,b\n0,6,a\n0,6,a\n")
    found = read_segments(path).of("x.wav")
    assert [(each.start, each.end, each.speaker) for each in found] == [(5, 9, "b"), (0, 6, "a"), (0, 6, "a")]


def test_thousands_of_segments_of_as_many_files_are_each_found_at_once(tmp_path: Path) -> None:
    lines = [f"SPEAKER call{number:05} 1 {number} 1 <NA> <NA> s <NA> <NA>" for number in range(20_000)]
    read = read_segments(write(tmp_path, "all.rttm", "\n".join(lines)))
    assert [read.of(f"clips/call{number:05}.wav", alone=False)[0].start for number in range(20_000)] == list(
        range(20_000)
    )


@pytest.mark.parametrize(
    ("words", "speaker", "text"),
    [
        ("<v Anna B.>Hi &lt;3</v>", "Anna B.", "Hi <3"),
        ("<v A>Hi</v> <v B>Yes</v>", "", "Hi Yes"),
        ("[laughs] Hi", "", "[laughs] Hi"),
        ("Speaker 2: it is 12:30", "Speaker 2", "it is 12:30"),
        ("Note: one cue with a colon is no speaker", "", "Note: one cue with a colon is no speaker"),
        ("", "", ""),
    ],
)
def test_who_speaks_in_a_cue(words: str, speaker: str, text: str, tmp_path: Path) -> None:
    cues = f"WEBVTT\n\n00:01.000 --> 00:02.000\n{words}\n\n00:03.000 --> 00:04.000\nand no colon here\n"
    first, _ = read_segments(write(tmp_path, "c.vtt", cues)).of("x.wav")
    assert (first.speaker, first.text) == (speaker, text)


NAMED = "file,start,end,speaker\n{},0,1,a\nother.wav,2,3,b\n"


@pytest.mark.parametrize("written", ["call.wav", "call", "clips/call.wav", "C:\\clips\\call.wav", "call.flac"])
def test_rows_of_other_files_are_left_out(written: str, tmp_path: Path) -> None:
    read = read_segments(write(tmp_path, "t.csv", NAMED.format(written)))
    for alone in (True, False):
        assert [each.speaker for each in read.of("some/call.wav", alone)] == ["a"]


def test_a_name_is_better_than_a_stem(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "file,start,end,speaker\ncall.wav,0,1,a\ncall.mp3,0,1,b\n")
    assert [each.speaker for each in read_segments(path).of("call.mp3")] == ["b"]


def test_a_file_without_segments_is_told_which_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", NAMED.format("call.wav"))
    with pytest.raises(EmozooError, match=r"t\.csv has segments of call\.wav, other\.wav, but none of x\.wav: rename"):
        read_segments(path).of("x.wav")
    unnamed = read_segments(write(tmp_path, "u.csv", "start,end\n0,1\n"))
    with pytest.raises(EmozooError, match="u.csv, line 2 does not say which file the segment is of: add a column file"):
        unnamed.require_names()
    assert read_segments(path).require_names() is None


def test_a_folder_has_a_file_for_each_recording(tmp_path: Path) -> None:
    write(tmp_path, "a.rttm", "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n")
    write(tmp_path, "b.csv", "start,end,speaker\n1,2,y\n")
    folder = open_segments(tmp_path)
    assert [folder.of(name, alone=False)[0].speaker for name in ("clips/a.wav", "b.mp4")] == ["x", "y"]
    with pytest.raises(EmozooError, match=r"needs one file of segments for c\.wav, such as c\.rttm, .* it has none"):
        folder.of("c.wav")
    write(tmp_path, "b.srt", "")
    with pytest.raises(EmozooError, match=r"it has b\.csv, b\.srt"):
        folder.of("b.mp4")


BAD = {
    "empty": ("t.rttm", "", "t.rttm holds no segments"),
    "comments": ("t.rttm", ";; nothing\n", "holds no segments"),
    "header only": ("t.csv", "start,end\n", "holds no segments"),
    "no cue": ("t.vtt", "WEBVTT\n\nNOTE nothing\n", "holds no segments"),
    "prose": ("t.txt", "hello\nworld\n", "t.txt is not understood: segments are RTTM, .* its columns are hello"),
    "no end": ("t.csv", "start,speaker\n0,a\n", "its columns are start, speaker"),
    "object": ("t.json", '{"a": 1}', "a JSON object without a list of segments: write an array"),
    "broken JSON": ("t.json", '[{"start": 0', r"t.json is not understood, line 1: no JSON"),
    "no object": ("t.json", "[[0, 1]]", "item 1: no JSON object"),
    "deep": ("t.json", "[" * 100_000, "nested too deeply"),
    "NaN": ("t.json", '[{"start": 0, "end": 1}, {"start": NaN, "end": 1}]', "t.json, item 2: start 'nan' is no time"),
    "endless": ("t.json", '[{"start": 0, "end": Infinity}]', "item 1: end 'inf' is no time"),
    "no number": ("t.json", '[{"start": [0], "end": 1}]', "item 1: start is no time"),
    "true": ("t.json", '[{"start": true, "end": 1}]', "item 1: start is no time"),
    "null": ("t.json", '[{"start": null, "end": 1}]', "item 1: the start is missing"),
    "speaker": ("t.json", '[{"start": 0, "end": 1, "speaker": {}}]', "item 1: the speaker is no word"),
    "backwards": ("t.csv", "start,end\n0,1\n\n3,2\n", r"t.csv, line 4: the end \(2 s\) is before the start \(3 s\)"),
    "negative": ("t.csv", "start,end\n-1,2\n", "line 2: start '-1' is no time"),
    "for ever": ("t.csv", "start,end\n0,1e9\n", "line 2: end '1e9' is no time within a recording: it is too large"),
    "too few fields": ("t.csv", "start,end,speaker\n0,1\n", "line 2: 2 fields, not 3"),
    "two ends": ("t.csv", "start,end,stop\n0,1,2\n", "line 2: columns end and stop both mean the end"),
    "long": ("t.csv", f"start,end\n0,{'1' * 5000}\n", "line 2: end .* is no time: it is too long"),
    "short RTTM": ("t.rttm", "SPEAKER call 1 0\n", "line 1: 4 fields, and RTTM has 9 or 10, none of them with blanks"),
    "blank in RTTM": ("t.rttm", "SPEAKER my call one 1 0 1 <NA> <NA> a <NA> <NA>", "line 1: 12 fields"),
    "negative RTTM": ("t.rttm", "SPEAKER c 1 3 -1 <NA> <NA> a <NA> <NA>", "t.rttm, line 1: '-1' is no time"),
    "other RTTM": ("t.rttm", "SPEAKER c 1 3 1 <NA> <NA> a <NA> <NA>\nhello\n", "line 2: a line of RTTM begins with"),
    "arrow": ("t.srt", "1\n00:00:01,000 -->\nHi\n", "line 2: '' is no time"),
    "srt backwards": ("t.srt", "1\n00:00:05,0 --> 00:00:01,0\nHi", "t.srt, line 2: the end"),
    "61 seconds": ("t.vtt", "WEBVTT\n\n00:61.000 --> 01:02.000\nHi", "t.vtt, line 3: '00:61.000 ?' is no time"),
    "label": ("t.txt", "0\t1\ta\nzero\t1\ta\n", "t.txt, line 2: 'zero' is no time"),
    "point": ("t.txt", "0\t1\ta\n2\n", "t.txt, line 2: '' is no time"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_sentence_with_file_and_line(case: str, tmp_path: Path) -> None:
    name, text, sentence = BAD[case]
    with pytest.raises(EmozooError, match=sentence) as caught:
        read_segments(write(tmp_path, name, text)).of("call.wav")
    assert "\n" not in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(EmozooError) as caught:
            read_segments(path)
        return str(caught.value)

    (tmp_path / "latin.srt").write_bytes("1\n00:00:01,0 --> 00:00:02,0\nschön\n".encode("latin-1"))
    assert "latin.srt is not UTF-8 text (byte 31, line 3): save it as UTF-8" in refusal(tmp_path / "latin.srt")
    (tmp_path / "call.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    assert "is no text" in refusal(tmp_path / "call.wav")
    assert refusal(tmp_path / "none.rttm").endswith("none.rttm cannot be read: No such file or directory")
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04")
    assert "save it as CSV" in refusal(tmp_path / "t.xlsx")


def test_a_segment_of_no_length_is_no_mistake_of_the_file(tmp_path: Path) -> None:
    """Audacity's labels may be points, and a diarizer rounds."""
    assert read_segments(write(tmp_path, "t.txt", "1\t1\ta\n")).of("x.wav") == [Segment(1, 1, "a")]


speakers = st.text("abcdefgh XYZ_-0123456789äß", min_size=1, max_size=12).map(
    lambda text: " ".join(f"s {text}".split())
)
moments = st.integers(0, 10_000_000)
"""In milliseconds."""
segments = st.lists(
    st.tuples(moments, moments, speakers).map(
        lambda each: Segment(min(each[:2]) / 1000, max(each[:2]) / 1000, each[2], "well")
    ),
    min_size=1,
    max_size=8,
)


def clock(seconds: float, comma: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{comma}{milliseconds % 1000:03}"


WRITERS: dict[str, Callable[[list[Segment]], str]] = {
    "csv": lambda found: (
        "start,end,speaker,text\n" + "".join(f"{each.start},{each.end},{each.speaker},{each.text}\n" for each in found)
    ),
    "json": lambda found: json.dumps([{**vars(each), "place": None} for each in found]),
    "audacity": lambda found: "".join(f"{each.start:f}\t{each.end:f}\t{each.speaker}: well\n" for each in found),
    "vtt": lambda found: (
        "WEBVTT\n\n"
        + "".join(f"{clock(each.start, '.')} --> {clock(each.end, '.')}\n<v {each.speaker}>well\n\n" for each in found)
    ),
    "srt": lambda found: "".join(
        f"{number}\n{clock(each.start, ',')} --> {clock(each.end, ',')}\n[{each.speaker}]: well\n\n"
        for number, each in enumerate(found, start=1)
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
@given(found=segments)
def test_what_is_written_is_read_back(kind: str, found: list[Segment]) -> None:
    rows = parse_segments(WRITERS[kind](found).encode(), Path("segments"))
    read = [(round(row.start, 3), round(row.end, 3), row.speaker, row.text) for row in rows]
    assert read == [(each.start, each.end, each.speaker, each.text) for each in found]


@given(found=segments)
def test_rttm_is_read_back(found: list[Segment]) -> None:
    lines = [
        f"SPEAKER call 1 {each.start:.3f} {each.end - each.start:.3f} <NA> <NA> {each.speaker.replace(' ', '_')} <NA> <NA>"
        for each in found
    ]
    rows = parse_segments("\n".join(lines).encode(), Path("segments"))
    assert [(round(row.end, 3), row.speaker) for row in rows] == [
        (each.end, each.speaker.replace(" ", "_")) for each in found
    ]


pieces = st.sampled_from(
    ["SPEAKER", " ", "\t", "\n", "\r\n", "-->", "00:00:01,000", "1.5", "-1", "nan", "WEBVTT", "<v a>", "[", "]", "{", "}",
     '"start":', '"end"', ",", ";", "start", "end", "<NA>", "file", ":", "\\", '"', "0", "9" * 30, "é", "\x00", "\ufeff"]
)  # fmt: skip


@settings(max_examples=300)
@given(
    data=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(pieces, max_size=40).map(lambda found: "".join(found).encode()),
    ),
    suffix=st.sampled_from([".rttm", ".srt", ".vtt", ".json", ".csv", ".txt"]),
)  # fmt: skip
def test_any_bytes_are_segments_or_one_sentence(
    data: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    try:
        found = read_segments(path).of("any.wav")
    except EmozooError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert found
        for each in found:
            assert math.isfinite(each.end) and 0 <= each.start <= each.end
            assert each.place.startswith(str(path))
            assert json.loads(json.dumps([each.speaker, each.text])) == [each.speaker, each.text]


def test_segments_given_in_python() -> None:
    import numpy as np

    given_ = [ANNA, (3, 4.5, "bob", "Bye"), {"start": 5.0, "end": 6, "speaker": 7}, (np.float32(7), 8), [8, 9, None]]
    assert as_segments(given_) == [ANNA, BOB, Segment(5.0, 6.0, "7"), Segment(7.0, 8.0), Segment(8.0, 9.0)]
    assert as_segments(iter([(0, 1)])) == [Segment(0.0, 1.0)]


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        (5, "segments are a path, or a list of"),
        ({"start": 0}, "segments are a path, or a list of"),
        ([5], r"segment 1 is 5, and must be \(start, end, speaker\)"),
        ([(0, 1), "ab"], "segment 2 is 'ab'"),
        ([(1,)], "segment 1 is"),
        ([("0", 1)], "segment 1: '0' is no time"),
        ([(0, math.nan)], "segment 1: nan is no time"),
        ([(0, math.inf)], "segment 1: inf is no time"),
        ([(True, 2)], "segment 1: True is no time"),
        ([(2, 1)], r"segment 1: the end \(1 s\) is before the start \(2 s\)"),
        ([(-1, 1)], "segment 1: -1 to 1 s is no time within a recording"),
        ([(0, 1, b"a")], "segment 1: b'a' is no name"),
        ([Segment(0, -1, place="turns.rttm, line 3")], r"turns.rttm, line 3: the end"),
    ],
)
def test_wrong_segments_in_python_are_one_sentence(given_: Any, sentence: str) -> None:
    with pytest.raises(EmozooError, match=sentence):
        as_segments(given_)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["start", "end", "x"]), inner),
)


@given(given_=anything)
def test_anything_in_python_is_segments_or_one_sentence(given_: Any) -> None:
    try:
        found = as_segments(given_)
    except EmozooError as error:
        assert len(str(error)) < 300
    else:
        assert all(0 <= each.start <= each.end < math.inf for each in found)
