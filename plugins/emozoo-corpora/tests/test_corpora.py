"""The corpora in their published layouts, with what a reader can stumble over in each; and real clips, where there are."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import numpy as np
import pytest
from emozoo_corpora import ased, cmu_mosei, crema_d, emo_db, meld, msp_improv, msp_podcast, nemo
from support.make_media import grey, tone, write_sound, write_video
from support.places import SHARED_DATA, needs_shared
from support.plugin_site import installed
from support.small import emozoo, one_error, set_words

from emozoo import EmozooError
from emozoo.data import load_dataset
from emozoo.data.corpus import Corpus, corpus_problem, read_votes
from emozoo.data.rows import read_rows
from emozoo.data.splits.protocols import make_folds

MODULES = (ased, crema_d, emo_db, nemo, meld, msp_podcast, msp_improv, cmu_mosei)
CORPORA = {each.name: each for each in (*(module.corpus for module in MODULES), msp_podcast.test2)}


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-corpora"):
        yield


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not opened here")
    return folder


def read(corpus: Corpus, folder: Path) -> list[dict[str, Any]]:
    """The rows as emozoo reads them."""
    return read_rows(corpus, folder, folder / "cache").to_list()


@pytest.mark.parametrize("name", CORPORA)
def test_each_says_what_it_is_and_how_to_obtain_it(name: str) -> None:
    corpus = CORPORA[name]
    assert corpus_problem(corpus, name) is None
    assert corpus.environment == f"EMOZOO_{name.removesuffix('_test2').upper()}"
    assert all((corpus.obtain, corpus.licence, corpus.language, corpus.summary, corpus.citation, corpus.labels))
    assert {"https://", "http://"} & {word[: word.index("://") + 3] for word in corpus.obtain.split() if "://" in word}
    shown = json.loads(emozoo("info", name, "--json").stdout) if name == "meld" else None
    assert shown is None or shown["distribution"] == "emozoo-corpora 0.1.0" and shown["licence"] == corpus.licence


def test_they_import_of_emozoo_only_what_they_may() -> None:
    folder = Path(crema_d.__file__).parent
    lines = [line for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    used = {line.split()[1] for line in lines if line.startswith(("import ", "from ")) and "emozoo" in line}
    assert used == {
        "emozoo",
        "emozoo.data.corpus",
        "emozoo_corpora.files",
        "emozoo_corpora.named",
        "emozoo_corpora.parquet",
        "emozoo_corpora.rated",
        "emozoo_corpora.sources",
    }


EXAMPLES = {
    "crema_d": "1001_DFA_ANG_XX.wav",
    "emo_db": "03a01Fa.wav",
    "nemo": "EB0_anger_1.wav",
    "meld": "train_sent_emo.csv",
    "ased": "01Neutral/n1-01-01-01-25.wav",
    "msp_podcast": "Labels/labels_consensus.csv",
    "msp_podcast_test2": "Audios/MSP-PODCAST_0001_0008.wav",
    "msp_improv": "Evalution.txt",
    "cmu_mosei": "Data_Train_modified.csv",
}


@pytest.mark.parametrize("name", CORPORA)
def test_a_folder_without_the_corpus_is_an_error_that_tells_the_way(name: str, tmp_path: Path) -> None:
    files(tmp_path, "other/notes.txt", "other/song.wav")
    for folder in (tmp_path, tmp_path / "other" / "notes.txt"):
        with pytest.raises(EmozooError) as error:
            read(CORPORA[name], folder)
        assert EXAMPLES[name] in str(error.value) and CORPORA[name].obtain in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", CORPORA)
def test_pointers_of_git_lfs_are_named(name: str, tmp_path: Path) -> None:
    path = EXAMPLES[name]
    if name in TABLES:
        path = f"{ONE[name]}.mp4"
        table, text = TABLES[name]
        (tmp_path / table).write_text(text)
    files(tmp_path, path)
    (tmp_path / path).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 63084\n")
    with pytest.raises(EmozooError, match="pointers of Git LFS .* git lfs pull"):
        read(CORPORA[name], tmp_path)


ONE = {
    "crema_d": "AudioWAV/1001_DFA_ANG_XX",
    "emo_db": "wav/03a01Fa",
    "nemo": "samples/EB0_anger_1",
    "meld": "train/dia0_utt0",
    "ased": "01Neutral/n1-01-01-01-25",
    "msp_podcast": "Audios/MSP-PODCAST_0001_0008",
    "msp_podcast_test2": "Audio/MSP-PODCAST_0001_0008",
    "msp_improv": "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01",
    "cmu_mosei": "Audio/WAV_16000/--qXJuDtHPw",
}
PODCAST = (
    "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\nMSP-PODCAST_0001_0008.wav,N,1,2,3,7,Male,{}\n"
)
TABLES = {
    "meld": ("train_sent_emo.csv", "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHey.,Ross,joy,0,0\n"),
    "msp_podcast": ("labels_consensus.csv", PODCAST.format("Test1")),
    "msp_podcast_test2": ("labels_consensus.csv", PODCAST.format("Test2")),
    "msp_improv": ("Evalution.txt", "UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.0; V:3.5; D:3.0 ; N:4.0;\n"),
    "cmu_mosei": (
        "Data_Train_modified.csv",
        "video,start_time,end_time,sentiment,happy,sad,anger,surprise,disgust,fear\n--qXJuDtHPw,0,2.5,1,1,0,0,0,0,0\n",
    ),
}


def one_recording(name: str, folder: Path, ending: str) -> Path:
    files(folder, f"{ONE[name]}{ending}")
    if name in TABLES:
        table, text = TABLES[name]
        (folder / table).write_text(text)
    return folder


@pytest.mark.parametrize("ending", [".wav", ".WAV", ".Flac", ".opus", ".m4a", ".aiff", ".MP3"])
@pytest.mark.parametrize("name", CORPORA)
def test_recordings_may_have_been_converted_and_lie_deeper(name: str, ending: str, tmp_path: Path) -> None:
    folder = one_recording(name, tmp_path / "around" / "my copy", ending)
    companion = folder / f"{ONE[name]}{ending}"
    companion.with_name(f"._{companion.name}").write_bytes(b"of macOS")
    files(folder, f"__MACOSX/{Path(ONE[name]).parent}/._{companion.name}")
    for place in (folder, folder.parent, tmp_path):
        (row,) = read(CORPORA[name], place)
        assert row["audio_path"] == str(companion)


@pytest.mark.parametrize("name", CORPORA)
def test_a_recording_that_is_there_twice_counts_once(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one_recording(name, tmp_path, ".wav")
    files(tmp_path, f"again/{ONE[name]}.WAV", f"other kind/{ONE[name]}.flac")
    (row,) = read(CORPORA[name], tmp_path)
    assert "1 files are there twice and count once, such as " in caplog.text and "flac" not in caplog.text


@pytest.mark.parametrize("archive", ["my corpus.zip", "corpus.tar.gz"])
@pytest.mark.parametrize("name", CORPORA)
def test_an_archive_is_named_with_the_command_that_unpacks_it(name: str, archive: str, tmp_path: Path) -> None:
    path = tmp_path / archive
    path.write_bytes(b"not opened here")
    for place in (path, tmp_path):
        with pytest.raises(EmozooError, match="unpack it with (unzip|tar -xf) .*corpus") as caught:
            read(CORPORA[name], place)
        assert "\n" not in str(caught.value)


# --- CREMA-D


def test_crema_d_as_it_is_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    emotions = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    files(tmp_path, *(f"AudioWAV/1001_DFA_{emotion}_XX.wav" for emotion in emotions))
    files(tmp_path, *(f"AudioMP3/1001_DFA_{emotion}_XX.mp3" for emotion in emotions), "AudioMP3/1002_IEO_SAD_HI.mp3")
    files(tmp_path, "VideoFlash/1001_DFA_ANG_XX.flv", "VideoMP4/1001_DFA_ANG_XX.mp4", "VideoMP4/1003_tie_hap_lo.mp4")
    files(tmp_path, "AudioWAV/._1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_JOY_XX.wav", "AudioWAV/1040_ITH_SAD_X.wav")
    files(tmp_path, "other/song.wav")
    (tmp_path / "VideoDemographics.csv").write_text('"ActorID","Age","Sex"\n1001,51,"Male"\n1003,21,"Female"\n')
    rows = {each["utterance_id"]: each for each in read(crema_d.corpus, tmp_path)}
    found = {name[9:12]: each["emotion"] for name, each in rows.items() if name.startswith("1001")}
    assert found == dict(zip(emotions, ("angry", "disgusted", "fearful", "happy", "neutral", "sad"), strict=True))
    first = rows["1001_DFA_ANG_XX"]
    assert (first["speaker"], first["gender"], first["transcript"]) == ("1001", "M", "Don't forget a jacket")
    assert (first["age"], first["language"], first["sentence"]) == ("51", "en", "DFA")
    assert Path(first["audio_path"]).parts[-2:] == ("AudioWAV", "1001_DFA_ANG_XX.wav")
    assert Path(first["video_path"]).name == "1001_DFA_ANG_XX.mp4"
    assert Path(rows["1002_IEO_SAD_HI"]["audio_path"]).suffix == ".mp3" and rows["1002_IEO_SAD_HI"]["gender"] == ""
    assert rows["1003_TIE_HAP_LO"]["audio_path"] == rows["1003_TIE_HAP_LO"]["video_path"]
    assert rows["1003_TIE_HAP_LO"]["gender"] == "F" and rows["1040_ITH_SAD_X"]["emotion"] == "sad"
    assert len(rows) == 9
    (record,) = caplog.records
    assert "1 files are not named like a recording, such as 1001_DFA_JOY_XX.wav" in record.getMessage()


@pytest.mark.parametrize("below", ["", "AudioWAV", "above"])
def test_crema_d_is_found_from_above_and_from_below(below: str, tmp_path: Path) -> None:
    folder = tmp_path / "my corpora ü" / "CREMA-D"
    files(folder, "AudioWAV/1001_DFA_ANG_XX.wav")
    (folder / "VideoDemographics.csv").write_text("ActorID,Age,Sex\n1001,51,Male\n")
    (row,) = read(crema_d.corpus, folder.parent if below == "above" else folder / below)
    assert row["gender"] == "M"


def test_votes_of_crema_d_are_those_of_raters_who_had_what_the_row_has(tmp_path: Path) -> None:
    """As in the release: a line each for the voice, the face and both, told apart by their numbers."""
    folder = files(
        tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_SAD_XX.wav", "AudioWAV/1002_DFA_SAD_XX.wav"
    )
    files(folder, "VideoMP4/1001_DFA_SAD_XX.mp4", "processedResults/other.csv")
    heading = '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"'
    lines = (
        '"100062",6,2,0,0,1,0,"1001_DFA_ANG_XX",9,0.667,"A"', '"100061",1,2,0,0,5,1,"1001_DFA_SAD_XX",9,0.556,"N"',
        '"200061",0,0,9,0,0,0,"1001_DFA_SAD_XX",9,1,"F"', '"300061",0,0,0,0,2,8,"1001_DFA_SAD_XX",10,0.8,"S"',
        '"300062",0,9,0,0,0,0,"1001_DFA_ANG_XX",9,1,"D"', '"100063",NA,0,0,0,0,0,"1002_DFA_SAD_XX",0,NA,""',
    )  # fmt: skip
    (folder / "processedResults" / "tabulatedVotes.csv").write_text("\n".join((heading, *lines)))
    found = {
        each["utterance_id"]: (each["emotion"], read_votes(each["votes"])) for each in read(crema_d.corpus, folder)
    }
    assert found == {
        "1001_DFA_ANG_XX": ("angry", {"angry": 6, "disgusted": 2, "neutral": 1}),
        "1001_DFA_SAD_XX": ("sad", {"neutral": 2, "sad": 8}),
        "1002_DFA_SAD_XX": ("sad", {}),
    }


# --- EMO-DB


def test_emo_db_as_it_is_unpacked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(tmp_path, *(f"wav/03a01{letter}a.wav" for letter in "WLEAFTN"), "wav/16b10Td.wav", "wav/08A02FB.WAV")
    files(
        tmp_path, "wav/._03a01Wa.wav", "wav/01a01Wa.wav", "wav/03a01Xa.wav", "wav/readme.wav", "lablaut/03a01Fa.lablaut"
    )
    files(tmp_path, "wav_laryng/03a01Fa.wav", "wav_laryng/09a01Fa.wav", "flac/03a01Fa.flac")
    rows = {each["utterance_id"]: each for each in read(emo_db.corpus, tmp_path)}
    words = ("angry", "bored", "disgusted", "fearful", "happy", "sad", "neutral")
    assert {name[5]: each["emotion"] for name, each in rows.items() if name.startswith("03")} == dict(
        zip("WLEAFTN", words, strict=True)
    )
    assert Path(rows["03a01Fa"]["audio_path"]).parts[-2:] == ("wav", "03a01Fa.wav")
    assert {rows[name]["gender"] for name in ("03a01Fa",)} == {"M"} and rows["16b10Td"]["gender"] == "F"
    assert rows["08a02Fb"]["transcript"] == "Das will sie am Mittwoch abgeben."
    assert [rows["08a02Fb"][name] for name in ("age", "language", "sentence")] == ["34", "de", "a02"]
    assert rows.keys() == {f"03a01{letter}a" for letter in "WLEAFTN"} | {"16b10Td", "08a02Fb"}
    (record,) = caplog.records
    assert "3 files are not named like a recording, such as 01a01Wa.wav" in record.getMessage()


@needs_shared
def test_real_clips_of_emo_db() -> None:
    dataset = load_dataset("emo_db", SHARED_DATA / "speech")  # one level too high, and Opus
    assert len(dataset) == 339 and dataset.features["label"].names == ["happy", "sad", "angry", "neutral"]
    assert np.bincount(dataset["label"]).tolist() == [71, 62, 127, 79]
    assert dict(zip(dataset["speaker"], dataset["gender"], strict=True)) == emo_db.GENDERS
    check_folds(dataset, 5)


# --- nEMO


def test_nemo_as_it_is_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = {"anger": "angry", "fear": "fearful", "happiness": "happy", "neutral": "neutral", "sadness": "sad"}
    words["surprised"] = "surprised"
    files(
        tmp_path,
        *(f"samples/WR0_{word}_6.wav" for word in words),
        "samples/EB0_anger_10.WAV",
        "samples/EB0_anger_9.wav",
    )
    files(tmp_path, "samples/._WR0_fear_6.wav", "samples/WR0_joy_6.wav", "samples/XX0_fear_6.wav")
    heading = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    lines = (
        "WR0_fear_6.wav\tfear\t„Ród smoka” to serial.\tród smoka to serial\t        WR0\tmale\t23\n"
        "WR0_fear_7.wav\tfear\tGone.\tgone\t        WR0\tmale\t23\n"
    )
    (tmp_path / "data.tsv").write_text(heading + lines, encoding="utf-8")
    rows = read(nemo.corpus, tmp_path)
    assert [each["utterance_id"] for each in rows][:3] == ["EB0_anger_9", "EB0_anger_10", "WR0_anger_6"]
    assert {each["utterance_id"].split("_")[1]: each["emotion"] for each in rows} == words
    assert {each["speaker"]: each["gender"] for each in rows} == {"EB0": "F", "WR0": "M"}
    assert [each["transcript"] for each in rows if each["transcript"]] == ["„Ród smoka” to serial."]
    assert [each["age"] for each in rows if each["age"]] == ["23"] and {each["language"] for each in rows} == {"pl"}
    assert [each["sentence"] for each in rows][:3] == ["9", "10", "6"]
    (record,) = caplog.records
    assert "2 files are not named like a recording, such as WR0_joy_6.wav" in record.getMessage()
    assert "1 recordings of data.tsv are missing, such as WR0_fear_7" in record.getMessage()


def test_another_table_of_that_name_is_not_taken_for_nemos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(tmp_path, "samples/WR0_fear_6.wav")
    (tmp_path / "data.tsv").write_text("a\tb\n1\t2\n")
    (row,) = read(nemo.corpus, tmp_path / "samples")
    assert row["transcript"] == "" and "has no column file_id" in caplog.text


@needs_shared
def test_real_clips_of_nemo(caplog: pytest.LogCaptureFixture) -> None:
    rows = read_rows(nemo.corpus, SHARED_DATA / "speech" / "nemo", Path())
    assert len(rows) == 3076 and set(rows["speaker"]) == nemo.GENDERS.keys() and not caplog.records
    assert set(rows["emotion"]) == {"angry", "happy", "sad", "neutral"}


@needs_shared
def test_emozoo_trains_on_nemo(tmp_path: Path) -> None:
    """On a few real clips of each speaker, in a folder as it is published."""
    (tmp_path / "samples").mkdir()
    for path in sorted((SHARED_DATA / "speech" / "nemo").glob("*_[12].opus")):
        (tmp_path / "samples" / path.name).symlink_to(path)
    words = [
        "train",
        "cnn",
        "--dataset",
        "nemo",
        "--epochs",
        "1",
        "--device",
        "cpu",
        "--output",
        tmp_path / "run",
        *set_words(),
    ]
    done = emozoo(*words, "--json", EMOZOO_NEMO=str(tmp_path))
    (test,) = json.loads(done.stdout)["test"]
    assert test["count"] > 8 and test["labels"] == ["happy", "sad", "angry", "neutral"]
    data = json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]
    assert data["speaker_disjoint"] is True and data["licence"] == "CC BY-NC-SA 4.0" and data["language"] == "pl"


def check_folds(dataset: Any, count: int) -> None:
    """The usual folds keep speakers apart, and each clip is in one test split."""
    speakers = dataset["speaker"][:]
    folds = make_folds(dataset, f"group-{count}")
    assert sorted(row for fold in folds for row in fold.test) == list(range(len(dataset)))
    for fold in folds:
        heard, tested = ({speakers[row] for row in part} for part in (fold.train + fold.dev, fold.test))
        assert fold.speaker_disjoint and not heard & tested


# --- ASED


def test_ased_as_it_is_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(tmp_path, "01Neutral/n1-01-01-01-25.wav", "02Fearful/f2-07-02-01-25.wav", "03Happy/h3-02-01-02-25.wav")
    files(
        tmp_path, "04Sad/s4-03-01-02-65.WAV", "05Angry/A5-03-01-02-65.wav", "05Angry/a5-03-01-02-66.wav", "x/song.wav"
    )
    rows = read(ased.corpus, tmp_path)
    assert [(each["speaker"], each["gender"], each["emotion"]) for each in rows] == [
        ("25", "F", "fearful"),
        ("25", "F", "happy"),
        ("25", "F", "neutral"),
        ("65", "M", "angry"),
        ("65", "M", "sad"),
    ]
    assert rows[3]["utterance_id"] == "a5-03-01-02-65"
    (record,) = caplog.records
    assert "1 files are not named like a recording, such as a5-03-01-02-66.wav" in record.getMessage()


@needs_shared
def test_real_clips_of_ased(caplog: pytest.LogCaptureFixture) -> None:
    if not (SHARED_DATA / "speech" / "ased").is_dir():
        pytest.skip("needs ASED among the real clips")
    rows = read_rows(ased.corpus, SHARED_DATA / "speech", Path())  # one level too high, and Opus
    with open(SHARED_DATA / "speech" / "metadata.csv", encoding="utf-8", newline="") as file:
        table = [line for line in csv.DictReader(file) if line["corpus"] == "ased"]
    told = {Path(line["file"]).stem: (line["speaker"][-2:], line["gender"], line["emotion"]) for line in table}
    assert told == {each["utterance_id"]: (each["speaker"], each["gender"], each["emotion"]) for each in rows}
    assert len(rows) > 2400 and len(set(rows["speaker"])) == 65 and not caplog.records


# --- MELD

HEADING = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
TRAIN = (
    '1,"Oh my God, he\u2019s lost it.",Phoebe,sadness,negative,0,0,4,7,"00:20:57,256","00:21:00,049"\n'
    '2,What?,Monica,Surprise ,negative,0,1,4,7,"00:21:01,927","00:21:03,261"\n'
    '3,"""Wanted."" Nice!",Dr. Harad,joy,positive,1,0,4,4,"0:12:24,660","0:12:30,915"\n'
)
OTHER = "1,Hey.,Ross,{},neutral,0,0,4,7,0,0\n2,No!,Monica,{},negative,0,1,4,7,0,0\n"


def meld_folder(folder: Path) -> Path:
    """The release's layout: the train table lies beside its clips, the others one level above theirs."""
    files(folder, *(f"train/train_splits/dia{clip}.mp4" for clip in ("0_utt0", "0_utt1", "1_utt0")))
    files(folder, *(f"dev/dev_splits_complete/dia0_utt{number}.mp4" for number in (0, 1)))
    files(folder, *(f"test/output_repeated_splits_test/dia0_utt{number}.mp4" for number in (0, 1)))
    files(folder, "test/output_repeated_splits_test/final_videos_testdia0_utt0.mp4")
    files(folder, "train/train_splits/._dia0_utt0.mp4", "dev/dev_splits_complete/dia9_utt9.mp4")
    (folder / "train" / "train_sent_emo.csv").write_text(f"{HEADING}\n{TRAIN}", encoding="utf-8")
    (folder / "dev_sent_emo.csv").write_text(f"{HEADING}\n{OTHER.format('anger', 'disgust')}")
    (folder / "test_sent_emo.csv").write_text(f"{HEADING}\n{OTHER.format('fear', 'neutral')}")
    return folder


def test_meld_as_it_is_unpacked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = {each["utterance_id"]: each for each in read(meld.corpus, meld_folder(tmp_path / "dev work" / "MELD.Raw"))}
    assert [each["emotion"] for each in rows.values()] == [
        "sad", "surprised", "happy", "angry", "disgusted", "fearful", "neutral",
    ]  # fmt: skip
    assert [each["split"] for each in rows.values()] == ["train"] * 3 + ["dev"] * 2 + ["test"] * 2
    first = rows["train_dia0_utt0"]
    assert (first["speaker"], first["gender"], first["dialogue"]) == ("Phoebe", "F", "train_dia0")
    assert (
        first["transcript"] == "Oh my God, he’s lost it." and rows["train_dia1_utt0"]["transcript"] == '"Wanted." Nice!'
    )
    assert (rows["train_dia1_utt0"]["speaker"], rows["train_dia1_utt0"]["gender"]) == ("Dr. Harad", "")
    assert first["audio_path"] == first["video_path"] and first["start"] == -1
    assert Path(rows["test_dia0_utt0"]["video_path"]).name == "dia0_utt0.mp4"
    assert not caplog.records


def test_what_is_wrong_in_melds_tables_costs_its_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = meld_folder(tmp_path)
    bad = "4,Gone.,Joey,joy,positive,7,7,1,1,0,0\n5,Odd.,Joey,bliss,positive,0,0,1,1,0,0\n6,Broken\n"
    text = f"{HEADING}\n{OTHER.format('anger', 'disgust')}{bad}"
    (folder / "dev_sent_emo.csv").write_text(text)
    (folder / "train" / "train_sent_emo.csv").write_bytes(f"{HEADING}\n{TRAIN}".replace("\r\n", "\n").encode("cp1252"))
    (folder / "test_sent_emo.csv").write_text(
        f"{HEADING}\n1,he\x92s,Ross,???,x,0,0,1,1,0,0\n2,a\x85,Ross,fear,x,0,1,1,1,0,0\n"
    )
    rows = {each["utterance_id"]: each for each in read(meld.corpus, folder)}
    assert rows["train_dia0_utt0"]["transcript"] == "Oh my God, he’s lost it."
    assert rows["test_dia0_utt1"]["transcript"] == "a…"
    assert len(rows) == 3 + 2 + 1
    (record,) = caplog.records
    for part in (
        "1 clips are missing, such as dev_dia7_utt7",
        "2 lines cannot be read, or repeat another, such as dev_sent_emo.csv: dev_dia0_utt0",
        "1 lines have no known emotion, such as test_dia0_utt0",
    ):
        assert part in record.getMessage()


def test_meld_is_found_from_above_and_from_below(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = meld_folder(tmp_path / "MELD.Raw")
    assert len(read(meld.corpus, tmp_path)) == 7
    assert (
        len(read(meld.corpus, folder / "dev")) == 4
        and "splits have no table, such as train_sent_emo.csv" in caplog.text
    )
    (folder / "train" / "train_sent_emo.csv").write_text("Utterance,Speaker\nHey.,Ross\n")
    with pytest.raises(
        EmozooError, match="train_sent_emo.csv has no column Emotion: its columns are Utterance, Speaker"
    ):
        read(meld.corpus, folder)


def test_melds_clips_give_sound_and_picture_and_its_speakers_are_in_all_splits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = meld_folder(tmp_path)
    for number, path in enumerate(sorted(folder.rglob("dia?_utt?.mp4"))):
        write_video(path, [grey(100, 60, 90)] * 25, sound=tone(1.0, 48_000, hertz=200 + 40 * number), rate=48_000)
    (folder / "train" / "train_splits" / "dia0_utt1.mp4").write_bytes(b"cut off, as one of the release's")
    merge = dict.fromkeys(("surprised", "angry", "disgusted", "neutral"), "sad") | {"fearful": "happy"}
    dataset = load_dataset(meld.corpus, folder, ["happy", "sad"], merge, video=True)
    assert len(dataset) == 6 and "dia0_utt1.mp4" in caplog.text
    assert {len(waveform) for waveform in dataset["waveform"]} <= set(range(15_000, 17_100))
    (fold,) = make_folds(dataset, meld.corpus.protocol)
    assert not fold.speaker_disjoint  # Monica is in all three


# --- Rated corpora

AUDIO = ("0001_0008", "0001_0019", "0002_0033", "0002_0039_0001", "0003_0271", "0006_0029", "0009_0001")
CONSENSUS = """FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0008.wav,N,2.200000,4.000000,2.600000,Unknown,Unknown,Train
MSP-PODCAST_0001_0019.wav,X,3.5,NaN,7,127,Female,Development
MSP-PODCAST_0002_0033.wav,C,3.5,1,6.5,12,Male,Test1
MSP-PODCAST_0002_0039_0001.wav,U,3.5,1,6.5,12,Male,Test2
MSP-PODCAST_0003_0271.wav,H,3.5,1,6.5,12,Male,Test3
MSP-PODCAST_0006_0029.wav,?,3.5,1,6.5,12,Male,Train
MSP-PODCAST_0009_0001.wav,H,3.5,1,6.5,12,Male,Elsewhere
MSP-PODCAST_0010_0001.wav,H,3.5,1,6.5,12,Male,Train
"""
DETAIL = """FileName,EmoDetail
MSP-PODCAST_0001_0008.wav,"WORKER00000001; Neutral; Neutral,Confused; A:1.000000; V:4.000000; D:1.000000;"
MSP-PODCAST_0001_0008.wav,"WORKER00000002; Neutral; Neutral; A:3.000000; V:4.000000; D:4.000000;"
MSP-PODCAST_0001_0008.wav,"WORKER00000003; Other-Curious; ; A:3.000000; V:4.000000; D:4.000000;"
MSP-PODCAST_0002_0033.wav,"WORKER00000003; Surprise; Angry,Fear; A:3.000000; V:4.000000; D:4.000000;"
"""
COLUMNS = """FileName,Worker,EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom
MSP-PODCAST_0001_0008.wav,WORKER1,Neutral,"Neutral,Confused",1,4,1
MSP-PODCAST_0001_0008.wav,WORKER2,Neutral,Neutral,3,4,4
MSP-PODCAST_0001_0008.wav,WORKER3,Other-Curious,,3,4,4
MSP-PODCAST_0002_0033.wav,WORKER3,Surprise,"Angry,Fear",3,4,4
"""
PODCASTS = {
    "MSP-PODCAST_0001_0008": ("", "", "neutral", 4.0, 2.2, 2.6, {"neutral": 2, "other": 1}, "train"),
    "MSP-PODCAST_0001_0019": ("127", "F", "undecided", None, 3.5, 7.0, {}, "dev"),
}
LAST = {
    "test1": {"MSP-PODCAST_0002_0033": ("12", "M", "contempt", 1.0, 3.5, 6.5, {"surprised": 1}, "test")},
    "test2": {"MSP-PODCAST_0002_0039_0001": ("12", "M", "surprised", 1.0, 3.5, 6.5, {}, "test")},
}
PODCAST_FILES = tuple(f"Audios/MSP-PODCAST_{name}.wav" for name in AUDIO)
OLD = "Previous_releases_information/previous_releases_info/v1.6/label/labels_concensus.csv"
IMPROV = """UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.800000; V:3.000000; D:NaN ; N:3.8;
A1B2-p1; Neutral; Neutral,Concerned; A:3.000000; V:3.000000; D:NaN; N:4.000000;
C3D4_p2; Other; Bored (a bit);  A:2.000000; V:3.000000; D:NaN; N:4.000000;
E5F6; Neutral; ; A:3.000000; V:3.000000; D:NaN; N:3.000000;

UTD-IMPROV-S12H-M06-T-MM12.avi; X; A:3.500000; V:4.250000; D:3.000000 ; N:4.5;
A1B2-p1; Happy; Happy,Excited; A:3.000000; V:5.000000; D:3.000000; N:4.000000;

UTD-IMPROV-S12H-M06-T-MM13.avi; A; A:3.500000; V:1.000000; D:3.000000 ; N:4.5;
"""
MOSEI = "video,start_time,end_time,sentiment,happy,sad,anger,surprise,disgust,fear,text,ASR\n"
TOLD = {
    "msp_podcast, a column a rater": (
        msp_podcast.corpus,
        PODCAST_FILES,
        {"Labels/labels_consensus.csv": CONSENSUS, "Labels/labels_detailed.csv": DETAIL, OLD: "old,table"},
        PODCASTS | LAST["test1"],
        "1 lines have no known emotion, such as MSP-PODCAST_0006_0029; 1 lines have no known split, such as "
        "MSP-PODCAST_0009_0001; 1 clips are missing, such as MSP-PODCAST_0010_0001",
    ),
    "msp_podcast, columns": (
        msp_podcast.test2,
        PODCAST_FILES,
        {"Labels/labels_consensus.csv": CONSENSUS, "Labels/labels_detailed.csv": COLUMNS},
        PODCASTS | LAST["test2"],
        "1 clips are missing, such as MSP-PODCAST_0010_0001",
    ),
    "msp_improv": (
        msp_improv.corpus,
        ("session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav", "session1/S01A/P/UTD-IMPROV-S01A-F01-P-FM01.avi",
         "Audio/session6/S12H/T/MSP-IMPROV-S12H-M06-T-MM12.wav", "other/MSP-IMPROV.wav"),
        {"Evalution.txt": IMPROV},
        {
            "MSP-IMPROV-S01A-F01-P-FM01": ("F01", "F", "neutral", 3.0, 2.8, None, {"neutral": 2, "other": 1}, ""),
            "MSP-IMPROV-S12H-M06-T-MM12": ("M06", "M", "undecided", 4.25, 3.5, 3.0, {"happy": 1}, ""),
        },
        "1 clips are missing, such as MSP-IMPROV-S12H-M06-T-MM13",
    ),
    "cmu_mosei": (
        cmu_mosei.corpus,
        ("Videos/Full/Combined/--qXJuDtHPw.mp4", "Audio/WAV_16000/--qXJuDtHPw.wav", "Audio/WAV_16000/aBc_1.wav"),
        {
            "Labels/Data_Train_modified.csv": f"{MOSEI}--qXJuDtHPw,-0.5,2.5,1.3333,0.6667,0,0.3333,0,0,0,Hey,HEY\n",
            "Labels/Data_Val_modified.csv": f"{MOSEI}aBc_1,1,3,-3,1,1,0,0,0,0,,\nabc_1,1,3,0,0,0,0,0,0,0,,\n",
            "Labels/Data_Test_original.csv": f"{MOSEI}aBc_1,3,9.5,0,0,0,0,0,0,0,,\naBc_1,9,8,0,0,0,0,0,0,0\naBc_1,9,x\n",
        },
        {
            "--qXJuDtHPw_-0.5_2.5": ("", "", "happy", 1.3333, None, None, {"happy": 0.6667, "angry": 0.3333}, "train"),
            "aBc_1_1_3": ("", "", "", -3.0, None, None, {"happy": 1, "sad": 1}, "dev"),
            "aBc_1_3_9.5": ("", "", "", 0.0, None, None, {}, "test"),
        },
        "2 lines cannot be read, such as Data_Test_original.csv: aBc_1_9_8; 1 clips are missing, such as abc_1_1_3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_rated_corpora_as_they_are_unpacked(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus, names, tables, expected, lost = TOLD[case]
    folder = files(tmp_path / "here", *names)
    for name, text in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    rows = read(corpus, folder)
    columns = ("speaker", "gender", "emotion", "valence", "activation", "dominance")
    found = {
        each["utterance_id"]: (*(each[name] for name in columns), read_votes(each["votes"]), each["split"])
        for each in rows
    }
    assert {name: tuple(map(plain, values)) for name, values in found.items()} == expected
    (record,) = caplog.records
    assert lost in record.getMessage()
    low, high = corpus.scale or (0, 0)
    assert all(low <= each[name] <= high for each in rows for name in columns[3:] if not math.isnan(each[name]))
    assert all(Path(each["audio_path"]).is_file() for each in rows)


def plain(value: Any) -> Any:
    """A rating as it was written, and None for an unknown one."""
    return (None if math.isnan(value) else round(value, 4)) if isinstance(value, float) else value


def test_a_sentence_of_mosei_is_a_stretch_of_its_video_or_else_of_its_sound(tmp_path: Path) -> None:
    _, names, tables, _, _ = TOLD["cmu_mosei"]
    folder = files(tmp_path, *names)
    for name, text in tables.items():
        (folder / Path(name).name).write_text(text)
    first, second, _ = read(cmu_mosei.corpus, folder)
    assert first["audio_path"] == first["video_path"] == str(folder / names[0])
    assert (first["start"], first["end"], first["dialogue"], first["transcript"]) == (0.0, 2.5, "--qXJuDtHPw", "Hey")
    assert (second["audio_path"], second["video_path"]) == (str(folder / names[2]), "")


def test_turns_of_msp_improv_have_sound_picture_and_session(tmp_path: Path) -> None:
    _, names, tables, _, _ = TOLD["msp_improv"]
    folder = files(tmp_path, *names)
    (folder / "Evaluation.txt").write_text(tables["Evalution.txt"], newline="\r\n")
    first, second = read(msp_improv.corpus, folder)
    assert [Path(first[name]).suffix for name in ("audio_path", "video_path")] == [".wav", ".avi"]
    assert (first["start"], first["session"], second["session"]) == (-1.0, "session1", "session6")


def test_the_two_test_sets_of_msp_podcast_share_their_name_and_training_clips(tmp_path: Path) -> None:
    """So a model that was trained on one is known to have been trained on speakers of the other."""
    folder = files(tmp_path, *PODCAST_FILES)
    (folder / "labels_concensus.csv").write_text(CONSENSUS)
    first, second = (read(corpus, folder) for corpus in (msp_podcast.corpus, msp_podcast.test2))
    names = [[each["utterance_id"] for each in rows] for rows in (first, second)]
    assert names[0][:2] == names[1][:2] and names[0][2] != names[1][2] and len(first) == len(second) == 3
    assert {each["corpus"] for each in first + second} == {"msp_podcast"} and not any(each["votes"] for each in first)


def test_a_missing_corpus_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    line = one_error(emozoo("train", "cnn", "--dataset", "crema_d", "--output", tmp_path / "run", check=2))
    assert "EMOZOO_CREMA_D" in line and "github.com/CheyneyComputerScience/CREMA-D" in line
    words = ["train", "cnn", "--dataset", "crema_d", "--data-dir", tmp_path, "--output", tmp_path / "run"]
    assert "AudioWAV/1001_DFA_ANG_XX.wav" in one_error(emozoo(*words, check=2))


def test_sound_of_crema_d_is_heard_whole_beside_a_longer_video(tmp_path: Path) -> None:
    for name, level in (("1001_DFA_ANG_XX", 0.5), ("1001_DFA_SAD_XX", 0.25)):
        files(tmp_path, f"AudioWAV/{name}.wav", f"VideoMP4/{name}.mp4")
        write_sound(tmp_path / "AudioWAV" / f"{name}.wav", tone(1.0, 16_000, level=level), 16_000)
        write_video(tmp_path / "VideoMP4" / f"{name}.mp4", [grey(100, 60, 90)] * 50)
    dataset = load_dataset(crema_d.corpus, tmp_path, video=True)
    assert [len(waveform) for waveform in dataset["waveform"]] == [16_000, 16_000]
    assert dataset.features["label"].names == ["sad", "angry"]
