"""`emozoo check --dataset`: what is wrong with a corpus is found before anyone trains on it; a good one is left in peace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.schemas import validate
from support.small import emozoo, one_error
from support.tables import Row, table

from emozoo.inspection.sounds import sound_of

RATE = 16_000


def voice(seed: int, seconds: float = 1.0, rate: int = RATE, gain: float = 0.3) -> np.ndarray:
    """A buzz of overtones with some noise, as loud upwards as downwards: float64 [samples]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tones = (np.arange(1, 40) * (110 + 3 * seed))[:, None]
    tones = tones[tones[:, 0] < rate / 2]
    waves = np.sin(2 * np.pi * tones[::2] * time) / (tones[::2] / tones[0])
    wave = waves.sum(0)
    return gain * wave / np.abs(wave).max() + 1e-3 * rng.standard_normal(len(time))


class Folder:
    """A corpus of 24 good clips, and more that a test adds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        path.mkdir()
        for number in range(24):
            self.add(
                f"good {number}.wav", voice(number), ("happy", "sad")[number % 2], "anna ben carla".split()[number % 3]
            )

    def add(
        self, name: str, sound: np.ndarray, label: str = "happy", speaker: str = "anna", rate: int = RATE, **more: str
    ) -> None:
        soundfile.write(self.path / name, sound, rate)
        self.rows.append({"file": name, "label": label, "speaker": speaker})

    def looked_over(self, *words: str, status: int = 1) -> dict[str, Any]:
        names = dict.fromkeys(name for row in self.rows for name in row)
        table(self.path / "metadata.csv", [{name: row.get(name, "") for name in names} for row in self.rows])
        done = emozoo(
            *("check", "--dataset", "manifest", "--data-dir", str(self.path), "--no-model", "--json", *words),
            check=status,
        )
        document = json.loads(done.stdout)
        validate(document, "check-dataset")
        return document


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "my clips ü")


def found(document: dict[str, Any], kind: str) -> list[str]:
    return [clip for finding in document["findings"] if finding["kind"] == kind for clip in finding["clips"]]


def told(document: dict[str, Any], kind: str) -> str:
    return "; ".join(finding["text"] for finding in document["findings"] if finding["kind"] == kind)


def test_a_good_corpus_has_no_problem(folder: Folder) -> None:
    document = folder.looked_over(status=0)
    assert document["fine"] and document["findings"] == [] and document["model"] is None
    assert (document["clips"], document["speakers"], document["seconds"]) == (24, 3, 24)
    assert [(each["label"], each["clips"], each["speakers"]) for each in document["labels"]] == [
        ("happy", 12, 3),
        ("sad", 12, 3),
    ]
    assert document["lengths"] == {"min": 1, "median": 1, "max": 1} and document["formats"] == {"16 kHz mono": 24}


def test_each_fault_of_a_sound_is_found_by_name(folder: Folder) -> None:
    folder.add("silent.wav", np.zeros(RATE))
    folder.add("silent too.wav", np.zeros(RATE), "sad")  # no copy: silence sounds alike
    folder.add("empty.wav", np.concatenate([voice(30, 0.1), np.zeros(RATE)]))
    folder.add("short.wav", voice(31, 0.2))
    folder.add("long.wav", voice(32, 31))
    folder.add("clipped.wav", np.clip(voice(33, gain=2), -1, 1))
    folder.add("clipped and turned down.wav", np.clip(voice(34, gain=1), -0.3, 0.3))
    folder.add("telephone.wav", voice(35, rate=8000), rate=8000)
    folder.add("cut.wav", voice(36))
    cut = folder.path / "cut.wav"
    cut.write_bytes(cut.read_bytes()[:RATE])
    folder.add("broken.wav", voice(37))
    (folder.path / "broken.wav").write_bytes(b"RIFF1234WAVEnonsense" * 3)
    folder.add("gone.wav", voice(38))
    (folder.path / "gone.wav").unlink()
    document = folder.looked_over()
    assert found(document, "silent") == ["silent.wav", "silent too.wav"]
    assert found(document, "empty") == ["empty.wav"]
    assert found(document, "short") == ["short.wav"]
    assert found(document, "long") == ["long.wav"]
    assert found(document, "clipped") == ["clipped.wav", "clipped and turned down.wav"]
    assert found(document, "narrow") == ["telephone.wav"]
    assert document["formats"] == {"16 kHz mono": 32, "8 kHz mono": 1}
    assert found(document, "remarks") == ["cut.wav: cut off: the header promises 1.0 s, 0.5 s are there"]
    (broken,) = found(document, "undecodable")
    assert broken.startswith("broken.wav: ")
    assert "gone.wav" in told(document, "reading")
    assert not any(finding["kind"].startswith("copies") for finding in document["findings"])
    problems = [finding["problem"] for finding in document["findings"]]
    assert problems == sorted(problems, reverse=True), "the worst first"


def test_copies_are_found_the_worst_first(folder: Folder) -> None:
    folder.add("as sad.wav", voice(0), "sad", "anna")
    folder.add("as ben.wav", voice(6), "happy", "ben")
    folder.add("again.wav", voice(12), "happy", "anna")
    document = folder.looked_over()
    assert found(document, "copies-labels") == ["good 0.wav (happy) = as sad.wav (sad)"]
    assert found(document, "copies-speakers") == ["good 6.wav = as ben.wav"]
    assert found(document, "copies") == ["good 12.wav = again.wav"]
    kinds = [finding["kind"] for finding in document["findings"]]
    assert kinds == ["copies-labels", "copies-speakers", "copies"]


def test_labels_that_tell_the_speaker_and_speakers_that_tell_the_label(folder: Folder) -> None:
    for number in range(10):
        folder.add(f"dora {number}.wav", voice(40 + number), "angry", "dora")
    document = folder.looked_over()
    assert told(document, "label-of-one-speaker").startswith("one speaker alone has angry (only dora)")
    assert told(document, "speaker-of-one-label") == "1 of 4 speakers have one label only, such as dora"


def test_a_label_that_loudness_alone_gives_away(folder: Folder) -> None:
    for number in range(10):
        folder.add(f"loud {number}.wav", voice(40 + number, gain=0.9), "angry", "anna ben".split()[number % 2])
    assert "clips labelled angry are louder than the others in 100% of pairs" in told(folder.looked_over(), "telling")


def test_ratings_votes_and_sentences(folder: Folder) -> None:
    for number, row in enumerate(folder.rows):
        row |= {
            "valence": "3" if number % 2 else "2",
            "sentence": f"s{number % 2}",
            "votes_happy": "1",
            "votes_sad": "",
        }
    folder.rows[5]["valence"] = "7"
    folder.rows[6]["votes_happy"] = "0"
    document = folder.looked_over("--scale", "1,5")
    assert found(document, "ratings") == ["good 5.wav (7)"]
    assert "the votes add up to 0" in told(document, "reading")
    assert "say a sentence that is said in one emotion only" in told(document, "sentences")


def test_a_table_of_ratings_alone(folder: Folder) -> None:
    for number, row in enumerate(folder.rows):
        row |= {"label": "", "valence": "3" if number % 2 else "2"}
    document = folder.looked_over("--target", "dimensions", "--scale", "1,5", status=0)
    assert document["labels"] == [] and document["clips"] == 24
    words = ("check", "--dataset", "manifest", "--data-dir", str(folder.path), "--no-model")
    assert "--target dimensions" in one_error(emozoo(*words, check=2))


def test_speakers_on_both_sides_of_a_given_split(folder: Folder) -> None:
    for number, row in enumerate(folder.rows):
        row["split"] = "test" if number < 6 else "train"
    assert "3 of 3 speakers in test and in train or dev" in told(folder.looked_over(status=0), "split")


def test_training_decodes_nothing_again(folder: Folder, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    table(folder.path / "metadata.csv", folder.rows)
    words = ("--dataset", "manifest", "--data-dir", str(folder.path))
    first = emozoo("check", *words, "--no-model", EMOZOO_CACHE=cache)
    assert "decoding 24 clips" in first.stderr
    second = emozoo("check", *words, "--no-model", EMOZOO_CACHE=cache)
    assert "decoding" not in second.stderr and second.stdout == first.stdout


@given(st.lists(st.integers(-32768, 32767), max_size=2000))
@settings(max_examples=40, deadline=None)
def test_any_waveform_has_finite_properties(samples: list[int]) -> None:
    sound = sound_of(np.array(samples, np.int16))
    assert np.isfinite(list(vars(sound).values())).all() and 0 <= sound.clipped <= 1 and 0 <= sound.peak <= 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cnn", "--dataset", "toy"], "leave one out"),
        ([], "name a plugin to check, or a corpus with --dataset"),
        (["cnn", "--no-model"], "--no-model is for --dataset"),
        (["--dataset", "toy", "--set", "a=1"], "--set is for a plugin"),
        (["--dataset", "toy", "--model", "speech", "--no-model"], "--model and --no-model"),
        (["--dataset", "toy", "--model", "no such model"], "no such model"),
        (["--dataset", "tyo"], "tyo"),
        (["--dataset", "manifest", "--data-dir", "nowhere"], "nowhere"),
        (["--dataset", "toy", "--labels", ","], "--labels names no emotion"),
        (["--dataset", "toy", "--target", "words"], "--target words: must be one of"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], sentence: str) -> None:
    assert sentence in one_error(emozoo("check", *words, check=2))
