"""`emozoo.data.corpora.iemocap`: the release as it is unpacked, with everything in it that a reader can stumble over."""

import dataclasses
import json
import math
import shutil
import wave
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emozoo.data import load_dataset
from emozoo.data.corpora.iemocap import Iemocap, corpus
from emozoo.data.corpus import FEATURES, SIDE_CROPS, corpus_problem, read_votes, row, written_votes
from emozoo.errors import EmozooError

HEADING = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"


def label(name: str, word: str, start: float = 1.0, end: float = 2.5, ratings: str = "[2.5000, 3.0000, 3.5000]") -> str:
    """A block of a label file: the line itself, and what the raters said."""
    return (
        f"[{start:.4f} - {end:.4f}]\t{name}\t{word}\t{ratings}\n"
        "C-E2:\tNeutral;\t()\nC-F1:\tNeutral;\t(curious)\n"
        "A-E3:\tval 3; act 2; dom  3;\t()\nA-M1:\tval 3; act 2; dom  3;\t()\n"
    )


def write_dialogue(release: Path, name: str, blocks: list[str], texts: list[str], sounds: list[str]) -> Path:
    """One dialogue's files; returns its session's folder."""
    session = release / f"Session{int(name[3:5])}"
    for folder in ("dialog/EmoEvaluation", "dialog/transcriptions", "dialog/avi/DivX", f"sentences/wav/{name}"):
        (session / folder).mkdir(parents=True, exist_ok=True)
    (session / f"dialog/EmoEvaluation/{name}.txt").write_bytes("\n".join([HEADING, "", *blocks]).encode())
    (session / f"dialog/transcriptions/{name}.txt").write_bytes("\n".join(texts).encode())
    (session / f"dialog/avi/DivX/{name}.avi").write_bytes(b"RIFF")
    for sound in sounds:
        with wave.open(str(session / f"sentences/wav/{name}/{sound}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(3_200))
    return session


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Two dialogues of two sessions with nothing wrong."""
    folder = tmp_path / "IEMOCAP_full_release"
    first, second = "Ses01F_impro01_F000", "Ses01F_impro01_M000"
    write_dialogue(
        folder,
        "Ses01F_impro01",
        [label(first, "neu", 6.2901, 8.2357), label(second, "fru", 10.01, 11.39)],
        [f"{first} [006.2901-008.2357]: Excuse me.", f"{second} [010.0100-011.3900]: Do you have your forms?"],
        [first, second],
    )
    third = "Ses05M_script01_1b_F033"
    write_dialogue(folder, "Ses05M_script01_1b", [label(third, "hap")], [f"{third} [001.0000-002.5000]: Yes."], [third])
    return folder


def read(data_dir: Path) -> datasets.Dataset:
    builder = Iemocap(cache_dir=str(data_dir.parent / "cache"), data_dir=str(data_dir))
    builder.download_and_prepare()
    return builder.as_dataset(split="train")


def by_id(data_dir: Path) -> dict[str, dict[str, Any]]:
    return {one["utterance_id"]: one for one in read(data_dir)}


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "emozoo"]


def test_every_column_of_an_utterance(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = read(release)
    assert rows.features == FEATURES
    session = release / "Session1"
    assert rows[0] == {
        "utterance_id": "Ses01F_impro01_F000",
        "dialogue": "Ses01F_impro01",
        "session": "Ses01",
        "speaker": "Ses01_F",
        "gender": "F",
        "age": "",
        "language": "",
        "emotion": "neutral",
        "valence": 2.5,
        "activation": 3.0,
        "dominance": 3.5,
        "votes": '{"neutral": 1}',
        "transcript": "Excuse me.",
        "sentence": "",
        "audio_path": str(session / "sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"),
        "video_path": str(session / "dialog/avi/DivX/Ses01F_impro01.avi"),
        "start": 6.2901,
        "end": 8.2357,
        "side": "left",
        "split": "",
        "corpus": "",
    }
    assert warnings_of(caplog) == []


def test_who_speaks_and_on_which_side(release: Path) -> None:
    """Who wears the markers, the dialogue's sixth character, sits on the left."""
    found = {name: (one["speaker"], one["gender"], one["side"]) for name, one in by_id(release).items()}
    assert found == {
        "Ses01F_impro01_F000": ("Ses01_F", "F", "left"),
        "Ses01F_impro01_M000": ("Ses01_M", "M", "right"),
        "Ses05M_script01_1b_F033": ("Ses05_F", "F", "right"),
    }


def test_sides_are_the_halves_of_the_picture() -> None:
    """Rows 112 to 368 of 480, split at column 360 of 720."""
    left, right = SIDE_CROPS["left"], SIDE_CROPS["right"]
    assert left is not None and right is not None and SIDE_CROPS[""] is None
    assert [edge * 480 for edge in (left.top, left.bottom, right.top, right.bottom)] == pytest.approx([112, 368] * 2)
    assert [edge * 720 for edge in (left.left, left.right, right.left, right.right)] == [0, 360, 360, 720]


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("neu", "neutral"),
        ("hap", "happy"),
        ("ang", "angry"),
        ("sad", "sad"),
        ("exc", "excited"),
        ("fru", "frustrated"),
        ("sur", "surprised"),
        ("fea", "fearful"),
        ("dis", "disgusted"),
        ("oth", "other"),
        ("xxx", "undecided"),
    ],
)
def test_label_words(tmp_path: Path, word: str, emotion: str) -> None:
    name = "Ses02M_impro03_M001"
    write_dialogue(tmp_path / "release", "Ses02M_impro03", [label(name, word)], [], [name])
    assert by_id(tmp_path / "release")[name]["emotion"] == emotion


def test_votes_are_the_raters_words_and_not_the_actors_own(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As in the release: several words of one rater each count, free text does not."""
    name, other = "Ses03F_impro01_F000", "Ses03F_impro01_M000"
    raters = (
        "C-E1:\tFrustration; Anger;\t(annoyed; Sadness;)\nC-E2:\tNeutral state;\t()\nC-E4:\tFrustration;\t()\n"
        "C-E3:\tOther; Happiness;\t(smug)\nC-F1:\tSadness;\t()\nC-M1:\tFear;\t()\nC-E5:\t;\t()\n"
        "C-E6:\tPuzzled;\t()\n"
    )
    line = label(name, "fru").partition("\n")[0]
    write_dialogue(
        release,
        "Ses03F_impro01",
        [f"{line}\n{raters}", label(other, "neu")],
        [f"{each} [1-2]: No." for each in (name, other)],
        [name, other],
    )
    found = by_id(release)
    assert read_votes(found[name]["votes"]) == {"angry": 1, "frustrated": 2, "happy": 1, "neutral": 1, "other": 1}
    assert found[name]["valence"] == 2.5 and read_votes(found[other]["votes"]) == {"neutral": 1}
    (message,) = warnings_of(caplog)
    assert message.endswith("1 raters' words that are not known, such as Ses03F_impro01.txt: C-E6:\tPuzzled;\t()")


def test_the_parent_folder_will_do(release: Path) -> None:
    assert len(read(release.parent)) == 3


def test_sessions_in_part(release: Path) -> None:
    shutil.rmtree(release / "Session1")
    assert read(release)["session"] == ["Ses05"]


def test_hidden_companions_of_macos_are_no_files(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    (release / "._Session1").write_bytes(b"\0\5\x16\7")
    for path in [path for path in release.rglob("*") if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7\xff\xfe")
    assert len(read(release)) == 3
    assert warnings_of(caplog) == []


def test_only_the_label_folders_own_files_count(release: Path) -> None:
    """Its subfolders hold single raters' files of like names, and it holds other things than text."""
    folder = release / "Session1" / "dialog" / "EmoEvaluation"
    for name in ("Categorical", "Attribute", "Self-evaluation"):
        (folder / name).mkdir()
        shutil.copy(folder / "Ses01F_impro01.txt", folder / name / "Ses01F_impro01.txt")
        (folder / name / "Ses01F_impro02_e1_cat.txt").write_text("Ses01F_impro02_F000 :Anger; ()\n")
    (folder / "Ses01F_impro09.anvil").write_text("<xml/>")
    assert [name for name in read(release)["utterance_id"] if name.startswith("Ses01")] == [
        "Ses01F_impro01_F000",
        "Ses01F_impro01_M000",
    ]


def test_lines_that_cannot_be_read_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    release = tmp_path / "release"
    good, other = "Ses01F_impro01_F000", "Ses01F_impro01_M000"
    names = [f"Ses01F_impro01_F00{number}" for number in range(1, 7)]
    broken = [
        label(names[0], "neu", ratings="[2.5, 2.5]"),
        label(names[1], "hmm"),
        label(names[2], "sad", 9.0, 8.0),
        label("Ses01F_impro02_F000", "sad"),
        label(good, "ang"),
        f"[1.0 - ]\t{names[3]}\tneu\t[2.5, 2.5, 2.5]",
        "garbage",
    ]
    texts = [f"{good} [001.0000-002.5000]: Fine.", "M: [LAUGHTER]", f"{other} 1-2 no brackets"]
    write_dialogue(
        release, "Ses01F_impro01", [label(good, "hap"), *broken, label(other, "sad")], texts, [good, other, *names]
    )
    rows = by_id(release)
    assert {name: one["emotion"] for name, one in rows.items()} == {good: "happy", other: "sad"}
    assert rows[good]["transcript"] == "Fine." and rows[other]["transcript"] == ""
    (message,) = warnings_of(caplog)
    assert "7 label lines that cannot be read" in message
    assert "2 transcript lines that cannot be read" in message
    assert "1 utterances without a transcript" in message


def test_transcripts_without_a_label_are_counted(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (release / "Session1/dialog/transcriptions/Ses01F_impro01.txt").open("a") as file:
        file.write("\nSes01F_impro01_MXX0 [012.0000-012.5000]: Hm.\nSes01F_impro01_FXX0 [013.0000-013.5000]: Oh.\n")
    assert len(read(release)) == 3
    (message,) = warnings_of(caplog)
    assert message.endswith("2 transcripts without a label, such as Ses01F_impro01_FXX0")


def test_a_missing_sound_costs_its_utterance_only(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    (release / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    shutil.rmtree(release / "Session5/sentences")
    assert read(release)["utterance_id"] == ["Ses01F_impro01_F000"]
    (message,) = warnings_of(caplog)
    assert message.endswith("2 utterances without an audio file (left out), such as Ses01F_impro01_M000")


def test_a_missing_video_leaves_the_sound(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Then the row's one file is the utterance's own sound, and times within the dialogue would cut it."""
    (release / "Session1/dialog/avi/DivX/Ses01F_impro01.avi").unlink()
    rows = by_id(release)
    lost, kept = rows["Ses01F_impro01_M000"], rows["Ses05M_script01_1b_F033"]
    assert (lost["video_path"], lost["start"], lost["end"]) == ("", -1.0, -1.0)
    assert lost["audio_path"].endswith("Ses01F_impro01_M000.wav")
    assert kept["video_path"].endswith("Ses05M_script01_1b.avi")
    (message,) = warnings_of(caplog)
    assert message.endswith("2 utterances without a video (audio only), such as Ses01F_impro01_F000")


def test_missing_transcripts_leave_the_text_empty(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(release / "Session1/dialog/transcriptions")
    assert by_id(release)["Ses01F_impro01_F000"]["transcript"] == ""
    (message,) = warnings_of(caplog)
    assert "2 utterances without a transcript" in message


def test_endings_in_capitals(release: Path) -> None:
    video = release / "Session1/dialog/avi/DivX/Ses01F_impro01.avi"
    video.rename(video.with_suffix(".AVI"))
    sound = release / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    sound.rename(sound.with_suffix(".WAV"))
    found = by_id(release)["Ses01F_impro01_F000"]
    assert found["video_path"].endswith(".AVI") and found["audio_path"].endswith(".WAV")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends_and_encodings(
    release: Path, caplog: pytest.LogCaptureFixture, ending: str, encoding: str, mark: bytes
) -> None:
    dialog = release / "Session1" / "dialog"
    labels = dialog / "EmoEvaluation/Ses01F_impro01.txt"
    text = labels.read_text().replace("(curious)", "(\u00e9mu)")
    labels.write_bytes(mark + text.replace("\n", ending).encode(encoding))
    said = "Ses01F_impro01_F000 [006.2901-008.2357]: The caf\u00e9\u0085 closes?\n"
    said += "Ses01F_impro01_M000 [010.0100-011.3900]: Yes.\n"
    (dialog / "transcriptions/Ses01F_impro01.txt").write_bytes(mark + said.replace("\n", ending).encode(encoding))
    rows = by_id(release)
    assert rows["Ses01F_impro01_F000"]["transcript"] == "The caf\u00e9\u0085 closes?"
    assert rows["Ses01F_impro01_F000"]["emotion"] == "neutral"
    assert rows["Ses01F_impro01_M000"]["transcript"] == "Yes."
    assert warnings_of(caplog) == []


def test_a_folder_without_the_release_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "Session1").mkdir()
    with pytest.raises(EmozooError) as failure:
        read(tmp_path)
    assert str(tmp_path) in str(failure.value)
    assert "Session1/dialog/EmoEvaluation" in str(failure.value) and "IEMOCAP_full_release" in str(failure.value)


def test_an_archive_asks_to_be_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "IEMOCAP_full_release.zip"
    archive.write_bytes(b"PK\3\4")
    with pytest.raises(EmozooError, match=r"IEMOCAP_full_release\.zip is a file.*unpack"):
        read(archive)


def test_a_release_without_sounds_says_so(release: Path) -> None:
    for session in release.iterdir():
        shutil.rmtree(session / "sentences")
    with pytest.raises(EmozooError, match="sentences/wav"):
        read(release)


def test_no_folder_names_the_ways_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="--data-dir"):
        Iemocap(cache_dir=str(tmp_path)).download_and_prepare()


def test_what_the_corpus_says_of_itself() -> None:
    assert (corpus.name, corpus.builder, corpus.protocol) == ("iemocap", Iemocap, "session")
    assert corpus.labels == ("happy", "sad", "angry", "neutral")
    assert corpus.environment == "EMOZOO_IEMOCAP" and "https://sail.usc.edu/iemocap/" in corpus.obtain
    assert corpus.write is None


def test_a_row_fills_what_a_corpus_does_not_know() -> None:
    filled = row(utterance_id="a", audio_path="a.wav", emotion="happy")
    assert list(filled) == list(FEATURES)
    assert (filled["utterance_id"], filled["speaker"], filled["start"]) == ("a", "", -1.0)
    assert math.isnan(filled["valence"])
    with pytest.raises(TypeError, match="sex"):
        row(sex="f")
    rated = row(arousal=4.5, votes={"sad": 2, "happy": 0.5, "angry": 0})
    assert (rated["activation"], rated["votes"]) == (4.5, '{"happy": 0.5, "sad": 2}') and list(rated) == list(FEATURES)
    with pytest.raises(TypeError, match="arousal and activation"):
        row(arousal=1, activation=1)


NUMBERS = st.floats(0, 1e6, allow_subnormal=False) | st.integers(0, 10**6)


@given(st.dictionaries(st.text(), NUMBERS))
def test_votes_are_read_as_they_were_written(votes: dict[str, float]) -> None:
    assert read_votes(written_votes(votes)) == {word: number for word, number in votes.items() if number}


@pytest.mark.parametrize("number", [-1, math.nan, math.inf])
def test_a_number_of_votes_is_not_negative_and_finite(number: float) -> None:
    with pytest.raises(ValueError, match="votes for sad"):
        row(votes={"happy": 1, "sad": number})
    with pytest.raises(ValueError, match="votes for sad"):
        read_votes(json.dumps({"happy": 1, "sad": number}))


@pytest.mark.parametrize("written", ["[1]", "3", '{"sad": "1"}', '{"sad": true}', '{"sad": 0}', "{}", "{sad: 1}"])
def test_what_is_no_object_of_votes_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        read_votes(written)


@pytest.mark.parametrize(
    "scale", [(5, 1), (1, 1), (1,), (1, 5, 7), (0, math.inf), (math.nan, 1), [1, 5], ("1", "5"), 5], ids=str
)
def test_a_scale_is_two_numbers_in_order(scale: Any) -> None:
    assert corpus.scale == (1, 5) and corpus_problem(corpus, "iemocap") is None
    assert corpus_problem(dataclasses.replace(corpus, scale=(-3.0, 3)), "iemocap") is None
    assert "scale is" in (corpus_problem(dataclasses.replace(corpus, scale=scale), "iemocap") or "")


# As people have it


@pytest.mark.parametrize("name", ["Session 1", "session1", "SESSION_1", "Session-1"])
def test_names_of_a_session_s_folder(release: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    (release / "Session1").rename(release / name)
    assert len(read(release)) == 3 and warnings_of(caplog) == []
    assert len(read(release / name)) == 2  # a session alone


@pytest.mark.parametrize("above", ["IEMOCAP", "data/corpora", "IEMOCAP/IEMOCAP_full_release"])
def test_a_folder_around_the_release_will_do(release: Path, above: str) -> None:
    around = release.parent / "there" / above
    around.mkdir(parents=True)
    release.rename(around / "my copy")
    (around / "._my copy").touch()
    assert len(read(around)) == 3
    assert len(read(around.parent)) == 3


def test_other_cases_of_the_folders_names(release: Path) -> None:
    session = release / "Session1"
    for old, new in (
        ("dialog/EmoEvaluation", "dialog/emoevaluation"),
        ("dialog", "Dialog"),
        ("sentences", "Sentences"),
    ):
        (session / old).rename(session / new)
    assert len(read(release)) == 3


@pytest.mark.parametrize(
    ("ending", "folder"), [(".flac", "wav"), (".FLAC", "flac"), (".opus", "opus"), (".m4a", "audio")]
)
def test_sounds_that_were_converted(release: Path, ending: str, folder: str, caplog: pytest.LogCaptureFixture) -> None:
    sentences = release / "Session1" / "sentences"
    for path in sorted(sentences.rglob("*.wav")):
        path.rename(path.with_suffix(ending))
    if folder != "wav":
        (sentences / "wav").rename(sentences / folder)
        (sentences / "wav").mkdir()
    (sentences / "ForcedAlignment" / "Ses01F_impro01").mkdir(parents=True)
    (sentences / "ForcedAlignment" / "Ses01F_impro01" / "Ses01F_impro01_F000.wdseg").touch()
    found = by_id(release)
    assert found["Ses01F_impro01_F000"]["audio_path"].endswith(f"{folder}/Ses01F_impro01/Ses01F_impro01_F000{ending}")
    assert len(found) == 3 and warnings_of(caplog) == []


def test_of_two_kinds_of_a_sound_the_wav_is_read(release: Path) -> None:
    sound = release / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    shutil.copy(sound, sound.with_suffix(".flac"))
    (release / "Session1/sentences/flac/Ses01F_impro01").mkdir(parents=True)
    shutil.copy(sound, release / "Session1/sentences/flac/Ses01F_impro01")
    assert by_id(release)["Ses01F_impro01_F000"]["audio_path"] == str(sound)


def test_a_video_that_was_converted(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = release / "Session1/dialog/avi/DivX/Ses01F_impro01.avi"
    video.rename(video.with_suffix(".mp4"))
    assert by_id(release)["Ses01F_impro01_F000"]["video_path"].endswith("Ses01F_impro01.mp4")
    assert warnings_of(caplog) == []


def test_a_session_that_is_there_twice_is_read_once(release: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(release / "Session1", release / "Session 1")
    assert len(read(release)) == 3
    (message,) = warnings_of(caplog)
    assert message.endswith("1 dialogues that are there twice (read once), such as Ses01F_impro01")


def test_an_archive_where_the_release_should_be_is_named_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    archive = tmp_path / "my data" / "IEMOCAP_full_release_withoutVideos.tar.gz"
    archive.write_bytes(b"\x1f\x8b")
    command = f"unpack it with tar -xf '{archive}' -C '{tmp_path / 'my data'}'"
    for place in (archive, archive.parent):
        with pytest.raises(EmozooError) as caught:
            load_dataset(corpus, place)
        assert command in str(caught.value) and "\n" not in str(caught.value)
