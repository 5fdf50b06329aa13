"""RAVDESS' published names and folders: which files make which row."""

import logging
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.make_media import grey, tone, write_sound, write_video
from support.places import SHARED_DATA, needs_shared

from emozoo.data import load_dataset
from emozoo.data.corpora.ravdess import EMOTIONS, corpus, read
from emozoo.errors import EmozooError


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not opened here")
    return folder


def names(row: dict[str, str]) -> tuple[str, str]:
    return Path(row["audio_path"]).name, Path(row["video_path"]).name


def test_what_a_name_says(tmp_path: Path) -> None:
    man, woman = read(files(tmp_path, "Actor_12/03-01-07-02-02-01-12.wav", "Actor_01/03-01-05-01-01-02-01.wav"))
    expected = {"utterance_id": "01-05-01-01-02-01", "speaker": "Actor_01", "gender": "M", "emotion": "angry"}
    assert expected.items() <= man.items()
    assert man["transcript"] == "Kids are talking by the door"
    assert (man["sentence"], woman["sentence"], man["language"], man["age"]) == ("01", "02", "en", "")
    assert (man["start"], man["end"], man["video_path"]) == (-1.0, -1.0, "")
    expected = {"utterance_id": "01-07-02-02-01-12", "speaker": "Actor_12", "gender": "F", "emotion": "disgusted"}
    assert expected.items() <= woman.items()
    assert woman["transcript"] == "Dogs are sitting by the door"


def test_all_emotions(tmp_path: Path) -> None:
    rows = read(files(tmp_path, *(f"Actor_01/03-01-0{number}-01-01-01-01.wav" for number in range(1, 9))))
    words = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"]
    assert [row["emotion"] for row in rows] == words == list(EMOTIONS.values())


@pytest.mark.parametrize(
    ("modalities", "sound", "video"),
    [
        (["03.wav"], "03.wav", ""),
        (["01.mp4"], "01.mp4", "01.mp4"),
        (["01.mp4", "02.mp4"], "01.mp4", "01.mp4"),
        (["01.mp4", "03.wav"], "03.wav", "01.mp4"),
        (["02.mp4", "03.wav"], "03.wav", "02.mp4"),
        (["01.mp4", "02.mp4", "03.wav"], "03.wav", "01.mp4"),
        (["03.opus", "03.wav"], "03.wav", ""),
        (["03.MP3"], "03.MP3", ""),
        (["03.flac", "01.mp4"], "03.flac", "01.mp4"),
    ],
)
def test_the_files_of_a_take_make_one_row(tmp_path: Path, modalities: list[str], sound: str, video: str) -> None:
    take = "-01-03-01-01-01-05"
    files(tmp_path, *("Actor_05/" + name.replace(".", take + ".") for name in modalities))
    (row,) = read(tmp_path)
    assert names(row) == (sound.replace(".", take + "."), video.replace(".", take + "."))


def test_layouts_and_copies(tmp_path: Path) -> None:
    files(
        tmp_path,
        "Audio_Speech_Actors_01-24/Actor_01/03-01-03-01-01-01-01.wav",
        "audio_speech_actors_01-24/Actor_01/03-01-03-01-01-01-01.wav",  # as a well-known copy of the corpus has it
        "Video_Speech_Actor_01/Actor_01/01-01-03-01-01-01-01.mp4",
        "Actor_02/03-01-03-01-01-01-02.wav",
        "Ördner mit Leerzeichen/Actor_03/03-01-03-01-01-01-03.wav",
    )
    rows = read(tmp_path)
    assert [row["speaker"] for row in rows] == ["Actor_01", "Actor_02", "Actor_03"]
    assert names(rows[0]) == ("03-01-03-01-01-01-01.wav", "01-01-03-01-01-01-01.mp4")
    assert len(read(tmp_path / "Actor_02")) == 1


def test_what_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(
        tmp_path,
        "Actor_01/03-01-03-01-01-01-01.wav",
        "Actor_01/._03-01-03-01-01-02-01.wav",
        "Actor_01/03-02-03-01-01-01-01.wav",  # a song
        "Actor_01/02-01-04-01-01-01-01.mp4",
        "Actor_01/03-01-09-01-01-01-01.wav",
        "Actor_01/03-01-03-01-01-01-25.wav",
        "Actor_01/notes.txt",
        "another corpus/a.wav",
    )
    assert [row["utterance_id"] for row in read(tmp_path)] == ["01-03-01-01-01-01"]
    (record,) = caplog.records
    assert "2 files are not named like a recording, such as 03-01-03-01-01-01-25.wav" in record.getMessage()
    assert "1 recordings have video and no audio, such as 02-01-04-01-01-01-01" in record.getMessage()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(
        EmozooError, match=r"no speech of RAVDESS in .*Actor_01/03-01-05-01-02-01-01.wav.*every folder below$"
    ):
        read(tmp_path)
    files(tmp_path, "Actor_01/03-02-03-01-01-01-01.wav")
    with pytest.raises(EmozooError, match="the 1 songs there are not used"):
        read(tmp_path)


def test_sound_file_beside_its_video(tmp_path: Path) -> None:
    """The sound is the wav's, whole; the pictures are the video's from its beginning."""
    sound = tone(1.0, 48_000)
    for take, value in (("01-03-01-01-01-01", 80), ("01-04-01-01-01-01", 160)):
        folder = tmp_path / "Actor_01"
        folder.mkdir(exist_ok=True)
        write_sound(folder / f"03-{take}.wav", sound, 48_000)
        write_video(folder / f"01-{take}.mp4", [grey(100, 60, value)] * 50, sound=0 * tone(2.0, 48_000), rate=48_000)
    dataset = load_dataset(corpus, tmp_path, ["happy", "sad"], video=True)
    assert [len(waveform) for waveform in dataset["waveform"]] == [16_000, 16_000]
    assert np.abs(dataset["waveform"][0]).max() == pytest.approx(16384, rel=0.02)
    frames = np.array(dataset["frames"], np.uint8).reshape(2, 7, 60, 100, 3)
    assert frames[0].mean() == pytest.approx(80, abs=3)
    assert frames[1].mean() == pytest.approx(160, abs=3)


@pytest.mark.parametrize("ending", [".wav", ".WAV", ".flac", ".aiff", ".m4a", ".oga", ".aac"])
def test_sounds_that_were_converted(tmp_path: Path, ending: str) -> None:
    folder = files(tmp_path, f"Audio_Speech_Actors_01-24/actor_01/03-01-05-01-02-01-01{ending}", "__MACOSX/._Actor_01")
    (row,) = read(folder)
    assert row["audio_path"].endswith(ending)


def test_songs_and_copies_are_said_and_count_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(3):
        files(tmp_path, f"Actor_01/03-01-0{number + 1}-01-01-01-01.wav")
        files(tmp_path, f"audio_speech_actors_01-24/Actor_01/03-01-0{number + 1}-01-01-01-01.wav")
        files(tmp_path, f"Audio_Song_Actors_01-24/Actor_01/03-02-0{number + 1}-01-01-01-01.wav")
    files(tmp_path, "flac/Actor_01/03-01-01-01-01-01-01.flac")  # a conversion, not a copy
    assert len(read(tmp_path)) == 3
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}: 3 songs, such as 03-02-01-01-01-01-01.wav, are not used; "
        "3 files, such as 03-01-01-01-01-01-01.wav, are there twice and count once"
    )


def test_archives_that_nobody_unpacked_are_named_with_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "RAVDESS ü"
    files(folder, "Audio_Speech_Actors_01-24.zip", "Video_Speech_Actor_01.zip", "._x.zip")
    archive = folder / "Audio_Speech_Actors_01-24.zip"
    with pytest.raises(
        EmozooError, match="no speech of RAVDESS in .* holds .* and 1 more archives: unpack each"
    ) as caught:
        load_dataset(corpus, folder)
    assert f"unzip '{archive}' -d '{folder}'" in str(caught.value)
    with pytest.raises(EmozooError, match="is an archive: unpack it with unzip .*, and name the folder"):
        load_dataset(corpus, archive)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("Actor_01/03-01-05-01-02-01-01.wav", b"not opened here")
    command = str(caught.value).rpartition("unpack each with ")[2]
    assert shlex.split(command)[1:] == [str(archive), "-d", str(folder)]
    zipfile.ZipFile(archive).extractall(folder)
    assert len(read(folder)) == 1


@needs_shared
def test_the_real_corpus() -> None:
    dataset = load_dataset(corpus, SHARED_DATA / "speech")
    assert len(dataset) == 672
    assert dataset.features["label"].names == ["happy", "sad", "angry", "neutral"]
    assert np.bincount(dataset["label"]).tolist() == [192, 192, 192, 96]
    assert len(set(dataset["speaker"])) == 24
