"""A user's own table: spellings of labels and speakers, clips that stand twice, ratings and votes."""

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.manifests import TABLES, table

from emozoo.data import load_dataset
from emozoo.data.corpora.hub_table import unpack
from emozoo.data.corpora.manifest import corpus, read
from emozoo.data.corpus import read_votes
from emozoo.data.tables.places import find_table
from emozoo.errors import EmozooError

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
