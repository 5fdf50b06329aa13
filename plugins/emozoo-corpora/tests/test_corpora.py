"""The corpora in their published layouts, with what a reader can stumble over in each; and real clips, where there are."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import numpy as np
import pytest
from emozoo_corpora import ased, crema_d, emo_db, meld, nemo
from support.make_media import grey, tone, write_sound, write_video
from support.places import SHARED_DATA, needs_shared
from support.plugin_site import installed
from support.small import emozoo, one_error, set_words

from emozoo import EmozooError
from emozoo.data import load_dataset
from emozoo.data.corpus import Corpus, corpus_problem
from emozoo.data.rows import read_rows
from emozoo.data.splits.protocols import make_folds

CORPORA = {each.corpus.name: each.corpus for each in (ased, crema_d, emo_db, nemo, meld)}


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
    assert corpus.environment == f"EMOZOO_{name.upper()}"
    assert all((corpus.obtain, corpus.licence, corpus.language, corpus.summary, corpus.citation, corpus.labels))
    assert {"https://", "http://"} & {word[: word.index("://") + 3] for word in corpus.obtain.split() if "://" in word}
    shown = json.loads(emozoo("info", name, "--json").stdout) if name == "meld" else None
    assert shown is None or shown["distribution"] == "emozoo-corpora 0.1.0" and shown["licence"] == corpus.licence


def test_they_import_of_emozoo_only_what_they_may() -> None:
    folder = Path(crema_d.__file__).parent
    lines = [line for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    used = {line.split()[1] for line in lines if line.startswith(("import ", "from ")) and "emozoo" in line}
    assert used == {"emozoo", "emozoo.data.corpus", "emozoo_corpora.files"}


EXAMPLES = {
    "crema_d": "1001_DFA_ANG_XX.wav",
    "emo_db": "03a01Fa.wav",
    "nemo": "EB0_anger_1.wav",
    "meld": "train_sent_emo.csv",
    "ased": "01Neutral/n1-01-01-01-25.wav",
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
    table = tmp_path / "train_sent_emo.csv"
    table.write_text("Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n")
    path = {"meld": "train_splits/dia0_utt0.mp4"}.get(name, EXAMPLES[name])
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
}
HEADING_AND_LINE = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHey.,Ross,joy,0,0\n"


def one_recording(name: str, folder: Path, ending: str) -> Path:
    files(folder, f"{ONE[name]}{ending}")
    if name == "meld":
        (folder / "train_sent_emo.csv").write_text(HEADING_AND_LINE)
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
