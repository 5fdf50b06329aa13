"""`emozoo.data.corpora.toy`: a small corpus in IEMOCAP's layout, the same each time; its sound and picture belong
together."""

import dataclasses
import hashlib
import re
import threading
import time
import wave
from collections import Counter
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emozoo.data.corpora.iemocap import Iemocap
from emozoo.data.corpora.toy import CONTENT_VERSION, corpus, write_toy
from emozoo.data.corpus import SIDE_CROPS, read_votes
from emozoo.data.loading import locate
from emozoo.data.synthetic.actors import VOICES, Turn, express_mood
from emozoo.data.synthetic.raters import rate
from emozoo.features import LogMel
from emozoo.media import read_audio
from emozoo.media.reading import read_clip

LOUDNESS = [
    (281_491, 3412), (286_742, 4086), (310_216, 2480), (315_748, 3047), (295_887, 2776),
    (317_521, 2976), (337_810, 2672), (267_881, 3182), (272_778, 3691), (258_086, 2585),
]  # fmt: skip
"""Samples and root mean square of each dialogue of versions 1 and 2."""
LABELS = "c42d52cfeacdfdbf"
"""The digest of the label files of version 2."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, utterances=60)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> datasets.Dataset:
    builder = corpus.builder(cache_dir=str(tmp_path_factory.mktemp("cache")), data_dir=str(folder))
    builder.download_and_prepare()
    return builder.as_dataset(split="train")


def test_its_version_is_raised_when_its_sound_or_its_labels_change(folder: Path) -> None:
    loudness = []
    for path in sorted(folder.rglob("dialog/wav/*.wav")):
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        loudness.append((len(samples), round(float(np.sqrt(np.mean(samples**2))))))
    texts = [path.read_bytes() for path in sorted(folder.rglob("EmoEvaluation/*.txt"))]
    known = {2: (LOUDNESS, LABELS)}
    found = loudness, hashlib.blake2b(b"".join(texts), digest_size=8).hexdigest()
    assert found == known[CONTENT_VERSION], "the toy corpus is another one: raise CONTENT_VERSION"


def test_layout_is_the_releases(folder: Path) -> None:
    found = {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "sentences" not in path.parts
    }
    assert found == {
        f"IEMOCAP_full_release/Session{number}/dialog/{place}"
        for number in range(1, 6)
        for dialogue in (f"Ses0{number}F_impro01", f"Ses0{number}M_impro01")
        for place in (
            f"EmoEvaluation/{dialogue}.txt",
            f"transcriptions/{dialogue}.txt",
            f"wav/{dialogue}.wav",
            f"avi/DivX/{dialogue}.avi",
        )
    }


def test_nothing_is_lost_in_reading(folder: Path, rows: datasets.Dataset, caplog: pytest.LogCaptureFixture) -> None:
    sounds = {path.stem for path in folder.rglob("sentences/wav/*/*.wav")}
    assert len(rows) == 60 and set(rows["utterance_id"]) == sounds
    assert all(rows["transcript"]) and all(rows["video_path"])


def test_emotions_sessions_speakers_and_sides_are_balanced(rows: datasets.Dataset) -> None:
    counts = Counter(rows["emotion"])
    others = [counts.pop(emotion) for emotion in ("excited", "frustrated", "undecided")]
    assert sum(others) == 5
    assert set(counts) == set(corpus.labels) and max(counts.values()) - min(counts.values()) <= 5
    assert Counter(rows["session"]) == {f"Ses0{number}": 12 for number in range(1, 6)}
    assert set(rows["speaker"]) == {f"Ses0{number}_{who}" for number in range(1, 6) for who in "FM"}
    for session in set(rows["session"]):
        emotions = {(one["speaker"], one["emotion"]) for one in rows if one["session"] == session}
        assert all((f"{session}_{who}", label) in emotions for who in "FM" for label in corpus.labels)
    assert set(rows["side"]) == {"left", "right"}


def test_durations(rows: datasets.Dataset) -> None:
    for one in rows:
        with wave.open(one["audio_path"]) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
            seconds = file.getnframes() / 16_000
        assert 0.9 <= seconds <= 4.0
        assert one["end"] - one["start"] == pytest.approx(seconds, abs=2e-4)
    assert np.median(np.array(rows["end"]) - np.array(rows["start"])) == pytest.approx(2.4, abs=0.3)


def test_turns_do_not_overlap(rows: datasets.Dataset) -> None:
    for dialogue in set(rows["dialogue"]):
        turns = [(one["start"], one["end"]) for one in rows if one["dialogue"] == dialogue]
        assert all(end < start for (_, end), (start, _) in pairwise(turns))


def test_sounds_and_labels_are_the_same_each_time(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        write_toy(tmp_path / name, utterances=10)
        files = [path for path in sorted((tmp_path / name).rglob("*")) if path.suffix in (".wav", ".txt")]
        contents.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert len(contents[0]) == 10 + 10 + 20  # utterances, dialogues, labels and transcripts
    assert contents[0] == contents[1]


def test_size_follows_what_is_asked(tmp_path: Path) -> None:
    write_toy(tmp_path, utterances=20)
    assert len(list(tmp_path.rglob("sentences/wav/*/*.wav"))) == 20


def test_video_is_divx_with_two_halves_in_the_middle_rows(rows: datasets.Dataset) -> None:
    import av

    with av.open(rows[0]["video_path"]) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ("mpeg4", "DIVX")
        assert (stream.width, stream.height) == (720, 480)
        picture = next(file.decode(stream)).to_ndarray(format="rgb24").astype(int)
    assert picture[:108].max() < 30 and picture[372:].max() < 30
    left, right = picture[120:360, 20:60].mean((0, 1)), picture[120:360, 660:700].mean((0, 1))
    assert np.abs(left - right).max() > 10  # two walls, of different colours


def test_the_films_sound_is_the_utterances(rows: datasets.Dataset) -> None:
    for one in list(rows)[::10]:
        alone = read_audio(one["audio_path"])
        within = read_audio(one["video_path"], one["start"], one["end"])
        count = min(len(alone), len(within))
        assert abs(len(alone) - len(within)) <= 160
        assert np.corrcoef(alone[:count], within[:count])[0, 1] > 0.99


def test_the_speakers_half_speaks(rows: datasets.Dataset) -> None:
    """Between the chin and the nose of who speaks, the picture moves with the sound; the other's mouth stays shut."""
    other = {"left": "right", "right": "left"}
    for one in list(rows)[::6]:
        moves = {}
        for side in ("left", "right"):
            frames = read_clip(one["video_path"], one["start"], one["end"], video=True, crop=SIDE_CROPS[side]).frames
            assert frames is not None
            assert frames.shape[1:] == (60, 100, 3)
            moves[side] = frames[1:-1, 38:52, 43:57, 1].astype(float).std(axis=0).mean()
        assert moves[one["side"]] > 1.5 * moves[other[one["side"]]], one["utterance_id"]


def test_emotions_sound_and_look_different(rows: datasets.Dataset) -> None:
    """On average: angry is louder than sad, and redder in the face."""
    level: dict[str, list[float]] = {"angry": [], "sad": []}
    red: dict[str, list[float]] = {"angry": [], "sad": []}
    for one in rows:
        if one["emotion"] in level:
            level[one["emotion"]].append(float(np.sqrt(np.mean(read_audio(one["audio_path"]) ** 2))))
            clip = read_clip(one["video_path"], one["start"], one["end"], video=True, crop=SIDE_CROPS[one["side"]])
            assert clip.frames is not None
            cheeks = clip.frames[:, 30:36, 42:58].reshape(-1, 3).astype(float).mean(0)
            red[one["emotion"]].append(cheeks[0] - cheeks[1])
    assert np.median(level["angry"]) > 3 * np.median(level["sad"])
    assert np.median(red["angry"]) > 20 + np.median(red["sad"])


def test_the_label_is_what_most_raters_said_and_ratings_are_their_mean(folder: Path, rows: datasets.Dataset) -> None:
    words = {line["utterance_id"]: (line["emotion"], read_votes(line["votes"])) for line in rows}
    text = "".join(path.read_text() for path in sorted(folder.rglob("EmoEvaluation/*.txt")))
    blocks = dict(re.findall(r"\t(Ses\w+)\t\w+\t\[[^\n]*\n(.*?)(?:\n\n|\Z)", text, re.DOTALL))
    assert blocks.keys() == words.keys()
    for name, (emotion, votes) in words.items():
        most = [word for word, number in votes.items() if number == max(votes.values())]
        assert (most == [emotion]) if emotion != "undecided" else (len(most) > 1)
        assert blocks[name].count("C-E") == blocks[name].count("A-E") == 3 <= sum(votes.values())
    for name, *means in zip(rows["utterance_id"], rows["valence"], rows["activation"], rows["dominance"], strict=True):
        rated = re.findall(r"val (\d); act (\d); dom (\d);", blocks[name])
        assert np.array(rated, float).mean(axis=0) == pytest.approx(means, abs=1e-4)
        assert all(1 <= float(each) <= 5 for rater in rated for each in rater)
    assert 0.3 < np.mean([len(votes) == 1 for _, votes in words.values()]) < 0.8  # raters agree on some clips only


def test_ratings_can_be_learnt_from_the_sound_of_other_speakers(rows: datasets.Dataset) -> None:
    """By a linear model, from the mean, deviation and change of a spectrogram's bands; session by session."""
    spectrogram = LogMel()
    features = []
    for one in rows:
        bands = spectrogram(torch.from_numpy(read_audio(one["audio_path"]))[None])[0, 0].numpy()
        features.append(np.concatenate([bands.mean(1), bands.std(1), np.diff(bands).std(1)]))
    for dimension in ("valence", "activation", "dominance"):
        rated = np.array(rows[dimension])
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 9)))
        found = cross_val_predict(model, np.array(features), rated, groups=rows["session"], cv=LeaveOneGroupOut())
        agreement = (
            2 * np.cov(rated, found, bias=True)[0, 1] / (rated.var() + found.var() + (rated.mean() - found.mean()) ** 2)
        )
        assert agreement > 0.5, (dimension, agreement)


def test_picture_tells_what_the_sound_does_not() -> None:
    """Of the ratings, more of the valence than of the others."""
    rng = np.random.default_rng(0)
    turns = [Turn(word, "F", vague) for word in VOICES for vague in ("sound", "face", "") for _ in range(60)]
    drawn = [express_mood(turn, rng) for turn in turns]
    rated = np.array([rate(*one, rng).mean(axis=0) for one in drawn])
    voices, faces = (np.array([astuple(one[place]) for one in drawn]) for place in (0, 1))
    score = {
        name: cross_val_score(
            make_pipeline(StandardScaler(), RidgeCV()), features, rated, cv=KFold(5, shuffle=True, random_state=0)
        ).mean()
        for name, features in (("sound", voices), ("picture", faces), ("both", np.hstack([voices, faces])))
    }
    assert score["both"] > max(score["sound"], score["picture"]) + 0.05 and score["both"] < 0.95


def test_what_the_corpus_says_of_itself() -> None:
    assert corpus.scale == (1, 5)
    assert (corpus.name, corpus.builder, corpus.write, corpus.protocol) == ("toy", Iemocap, write_toy, "session")
    assert corpus.labels == ("happy", "sad", "angry", "neutral")
    assert "synthetic" in corpus.summary


def test_processes_that_need_it_at_once_make_it_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def write(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)  # others come meanwhile

    own = dataclasses.replace(corpus, write=write)
    threads = [threading.Thread(target=locate, args=(own, None, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and locate(own, None, tmp_path).is_dir()
