"""Tables of EmoBox, audformat and nkululeko, with what stands beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emozoo.data.corpora.manifest import read
from emozoo.data.tables.places import find_table
from emozoo.errors import EmozooError

TEXTS = ("speaker", "gender", "age", "language", "transcript", "emotion")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wav").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "wav" / name).write_bytes(b"not opened here")
    return tmp_path


def told(path: Path) -> list[tuple[str, ...]]:
    return [tuple(str(row[name]) for name in TEXTS) for row in read(find_table(path))]


@pytest.mark.parametrize("beside", ["fold_1", "."])
def test_a_label_map_of_emobox_says_what_its_labels_are(folder: Path, beside: str) -> None:
    corpus = folder / "data" / "my"
    (corpus / "fold_1").mkdir(parents=True)
    table = corpus / "fold_1" / "my_test_fold_1.jsonl"
    table.write_text(
        '{"key": "my-a", "wav": "wav/a.wav", "emo": "W"}\n{"key": "my-b", "wav": "wav/b.wav", "emo": "odd"}\n'
    )
    map_ = corpus / ("fold_1" if beside == "." else ".") / "label_map.json"
    map_.write_text('{"W": "angry", "F": "happy"}')
    assert [(row["utterance_id"], row["emotion"]) for row in read(table)] == [("my-a", "angry"), ("my-b", "odd")]
    for text, said in (("[1]", "is no map of labels"), ('{"W": 1}', "is no map of labels"), ("{", "cannot be read")):
        map_.write_text(text)
        with pytest.raises(EmozooError, match=f"label_map.json {said}"):
            read(table)
    map_.unlink()
    assert [row["emotion"] for row in read(table)] == ["W", "odd"]


HEADER = """name: my
schemes:
  emotion: {dtype: str, labels: [happy, sad]}
  speaker:
    dtype: int
    labels:
      3: {age: 31, gender: male, language: deu}
      8: {age: 34, gender: female}
"""


def test_audformat_knows_speakers_from_its_other_tables_and_header(folder: Path) -> None:
    (folder / "db.yaml").write_text(HEADER)
    (folder / "db.emotion.csv").write_text("file,emotion,emotion.confidence\nwav/a.wav,happy,0.9\nwav/b.wav,sad,1.0\n")
    (folder / "db.files.csv").write_text(
        "file,duration,speaker,transcription\nwav/a.wav,0 days 00:00:01,3,Der Lappen\nwav/b.wav,0 days 00:00:01,8,\n"
    )
    assert told(folder / "db.emotion.csv") == [
        ("3", "male", "31", "deu", "Der Lappen", "happy"),
        ("8", "female", "34", "", "", "sad"),
    ]


def test_a_table_of_speakers_is_joined_and_what_the_clips_say_themselves_stays(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "db.yaml").write_text("schemes: {speaker: {labels: speaker}}")
    (folder / "db.speaker.csv").write_text("speaker,sex,age\nanna,female,30\nben,male,40\n")
    heading = "file,start,end,emotion,speaker,age\n"
    lines = "wav/a.wav,0 days,0 days 00:00:01.5,happy,anna,29\nwav/b.wav,0 days 00:00:01,NaT,sad,carl,\n"
    (folder / "db.emotion.csv").write_text(heading + lines)
    assert told(folder) == [("anna", "female", "29", "", "", "happy"), ("carl", "", "", "", "", "sad")]
    (folder / "db.yaml").write_text("schemes: [")
    assert told(folder)[0][1] == "female" and "what db.yaml says of speakers is not used" in caplog.text
    (folder / "db.yaml").unlink()
    assert told(folder / "db.emotion.csv")[0][1] == ""


def test_a_segmented_table_of_nkululeko(folder: Path) -> None:
    path = folder / "segmented.csv"
    path.write_text(
        ",file,start,end,speaker,gender,emotion,class_label\n"
        "0,wav/a.wav,0 days,0 days 00:00:01.500000,anna,female,happy,happy\n"
        "1,wav/a.wav,0 days 00:00:01.500000,NaT,anna,female,sad,sad\n"
    )
    rows = read(path)
    assert [(row["start"], row["end"], row["gender"]) for row in rows] == [(0.0, 1.5, "female"), (1.5, -1.0, "female")]
