"""`emozoo predict` with --segments, --diarize and --adapt speaker, as a user runs it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.distributions import distribution
from support.make_media import write_sound
from support.models import LABELS, small_model
from support.small import emozoo, one_error

from emozoo.registry.entry_points import DIARIZERS

RATE = 16_000
RTTM = "".join(
    f"SPEAKER call 1 {start} {seconds} <NA> <NA> {speaker} <NA> <NA>\n"
    for start, seconds, speaker in [(4, 3.5, "bob"), (0.5, 3, "anna"), (8, 2, "anna"), (9.5, 0.05, "bob")]
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    small_model().save(folder)
    return folder


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    sound = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).clip(-1, 1)
    (folder / "turns.rttm").write_text(RTTM)
    return write_sound(folder / "call.wav", sound, RATE)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A diarizer that says what a distribution on the path says."""
    source = """
        from emozoo.diarizer import Diarizer

        def diarize(sound):
            print("LOUD")
            if not sound.any():
                return []
            return [(0.0, 4.0, "one"), (3.5, len(sound) / 16000, 2)]

        diarizer = Diarizer("turns", diarize, "two halves")
    """
    distribution(tmp_path / "site", "emozoo-turns", {"turns": "emozoo_turns:diarizer"}, source, DIARIZERS)
    return tmp_path / "site"


def predict(run: Path, *words: Any, **more: Any) -> Any:
    return emozoo("predict", *words, "--model", run, **more)


def answers(run: Path, *words: Any, **more: Any) -> list[dict[str, Any]]:
    return json.loads(predict(run, *words, "--json", **more).stdout)["predictions"]


def test_json_has_the_segments_and_the_speakers(run: Path, call: Path) -> None:
    (answer,) = answers(run, call, "--segments", call.with_name("turns.rttm"))
    assert [(each["start"], each["end"], each["speaker"]) for each in answer["segments"]] == [
        (4.0, 7.5, "bob"), (0.5, 3.5, "anna"), (8.0, 10.0, "anna"), (9.5, 9.55, "bob"),
    ]  # fmt: skip
    assert [each.get("reason") for each in answer["segments"]] == [None, None, None, "too short"]
    anna, bob = answer["speakers"]
    assert (anna["speaker"], anna["segments"], anna["answered"], anna["seconds"]) == ("anna", 2, 2, 5.0)
    assert (bob["speaker"], bob["segments"], bob["answered"], bob["seconds"]) == ("bob", 2, 1, 3.55)
    first, second = (each["probabilities"] for each in answer["segments"][1:3])
    for label in LABELS:
        assert anna["probabilities"][label] == pytest.approx((3 * first[label] + 2 * second[label]) / 5)


def test_a_table_has_a_row_for_each_segment_and_speaker(run: Path, call: Path) -> None:
    shown = predict(run, "call.wav", "--segments", "turns.rttm", cwd=call.parent).stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        ["call.wav", "4.0 to 7.5", "bob"], ["", "0.5 to 3.5", "anna"], ["", "8.0 to 10.0", "anna"],
        ["", "9.5 to 9.6", "bob"], ["", "5.0 in 2", "anna"], ["", "3.5 in 2", "bob"],
    ]  # fmt: skip
    assert rows[3][3:] == ["too short", "-", "-", "-", "-"] and rows[0][3] in LABELS


def test_csv_has_a_row_for_each_segment(run: Path, call: Path, tmp_path: Path) -> None:
    table = tmp_path / "turns.srt"
    table.write_text("1\n00:00:00,500 --> 00:00:03,500\n[anna]: =SUM(A1)\n\n2\n00:00:08,000 --> 00:00:10,000\nWell\n")
    done = predict(run, call, tmp_path / "none.wav", "--segments", table, "--csv", check=2)
    assert "turns.srt, line 2 does not say which file the segment is of" in one_error(done) and not done.stdout
    shown = predict(run, call, "--segments", table, "--csv").stdout
    first, second = csv.DictReader(shown.splitlines())
    assert list(first)[:6] == ["file", "start", "end", "speaker", "text", "emotion"]
    assert (first["start"], first["end"], first["speaker"], first["text"]) == ("0.500", "3.500", "anna", "'=SUM(A1)")
    assert (second["speaker"], second["text"]) == ("", "Well")
    assert sum(float(second[label]) for label in LABELS) == pytest.approx(1, abs=1e-5)


def test_a_line_of_json_for_each_file(run: Path, call: Path, tmp_path: Path) -> None:
    other = write_sound(tmp_path / "other.wav", np.random.default_rng(1).normal(0, 0.1, 5 * RATE).clip(-1, 1), RATE)
    (tmp_path / "all.rttm").write_text(RTTM + "SPEAKER other 1 1 3 <NA> <NA> eve <NA> <NA>\n")
    words = [call, other, tmp_path / "none.wav", "--segments", tmp_path / "all.rttm", "--jsonl"]
    first, second, third = map(json.loads, predict(run, *words).stdout.splitlines())
    assert len(first["segments"]) == 4 and [each["speaker"] for each in second["segments"]] == ["eve"]
    assert "all.rttm has segments of call, other, but none of" in third["error"]


def test_what_was_answered_can_be_given_again(run: Path, call: Path, tmp_path: Path) -> None:
    again = tmp_path / "answers.json"
    again.write_text(predict(run, call, "--segments", call.with_name("turns.rttm"), "--json").stdout)
    assert answers(run, call, "--segments", again) == json.loads(again.read_text())["predictions"]


def test_segments_are_adapted_to_their_speakers(run: Path, call: Path) -> None:
    words = [call, "--segments", call.with_name("turns.rttm")]
    (plain,), (adapted,) = answers(run, *words), answers(run, *words, "--adapt", "speaker")
    assert [each.get("adapted_with") for each in adapted["segments"]] == [0, 1, 1, None]
    assert adapted["segments"][0]["probabilities"] == pytest.approx(plain["segments"][0]["probabilities"])
    assert adapted["segments"][1]["probabilities"] != pytest.approx(plain["segments"][1]["probabilities"])
    note = "each segment is adapted to its speaker with the other segments of the same speaker"
    assert f"{note}; 1 of 3 stay as they are" in predict(run, *words, "--adapt", "speaker").stdout
    assert note in predict(run, *words, "--adapt", "speaker", "--csv").stderr


def test_a_diarizer_finds_the_segments(run: Path, call: Path, site: Path, tmp_path: Path) -> None:
    silent = write_sound(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    path = {"PYTHONPATH": str(site)}
    done = predict(run, call, silent, tmp_path / "none.wav", "--diarize", "--json", **path)
    first, second, third = json.loads(done.stdout)["predictions"]
    assert [(each["start"], each["end"], each["speaker"]) for each in first["segments"]] == [
        (0, 4, "one"),
        (3.5, 10, "2"),
    ]
    assert (second["reason"], second["emotion"], second["segments"]) == ("no speech", None, [])
    assert "has no segments, so there is nothing" in second["error"] and "does not exist" in third["error"]
    assert "LOUD" in done.stderr
    named = answers(run, call, "--diarizer", "turns", "--adapt", "speaker", **path)
    assert len(named[0]["speakers"]) == 2
    listed = json.loads(emozoo("list", "--json", **path).stdout)["diarizers"]
    assert [(each["name"], each["distribution"], each["state"]) for each in listed] == [("turns", "emozoo-turns", "ok")]
    assert "Diarizers" in emozoo("list", **path).stdout and "Diarizers" not in emozoo("list").stdout


def test_a_diarizer_that_fails_costs_only_its_file(run: Path, call: Path, tmp_path: Path) -> None:
    source = """
        from emozoo.diarizer import Diarizer
        diarizer = Diarizer("torn", lambda sound: [(0, float("nan"), "a")])
    """
    distribution(tmp_path / "site", "emozoo-torn", {"torn": "emozoo_torn:diarizer"}, source, DIARIZERS)
    done = predict(run, call, "--diarize", "--json", check=2, PYTHONPATH=str(tmp_path / "site"))
    (answer,) = json.loads(done.stdout)["predictions"]
    assert "the diarizer 'torn' of emozoo-torn 1.2 gives no usable segments for" in answer["error"]
    assert "segment 1: nan is no time in seconds" in answer["error"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--segments", "turns.rttm", "--diarize"], "segments are given, or found by a diarizer, not both"),
        (
            ["--adapt", "speaker"],
            "to adapt to speakers takes segments that name them: give --segments FILE or --diarize",
        ),
        (["--segments", "turns.rttm", "--timeline"], "a timeline is of the whole file"),
        (["--segments", "turns.rttm", "--plot", "a.png"], "a timeline is of the whole file"),
        (["--diarize"], "no diarizer is installed: pip install emozoo-sherpa"),
        (["--diarizer", "turns"], "no diarizer is named 'turns'; none is installed"),
        (["--segments", "none.rttm"], "the segments none.rttm cannot be read: No such file or directory"),
        (["--segments", "call.wav"], "call.wav is no"),
        (["--adapt", "anna"], "--adapt anna: "),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(words: list[str], sentence: str, run: Path, call: Path) -> None:
    assert sentence in one_error(predict(run, call, *words, check=2, cwd=call.parent))
