"""No voice, no emotion: silence, noise, clips without length and channels that cancel, at every door."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import grey, tone, write_video
from support.models import LABELS, small_model
from support.places import CASES
from support.small import emozoo, one_error

from emozoo.errors import EmozooError
from emozoo.inference.files import predict_file, predict_files
from emozoo.inference.options import PredictOptions
from emozoo.inference.voice import NO_SPEECH, SILENT, TOO_SHORT, UNSURE, clip_reason, window_reason

RATE = 16_000
SEARCHING = PredictOptions(vad=True)


def wav(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, sound, rate)
    return path


def hum(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(exponent: float, seconds: float = 5.0) -> np.ndarray:
    """White for 0, pink for 0.5, brown for 1; its peak is 0.5."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=count))
    sound = np.fft.irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** exponent, count)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voice") / "model"
    small_model().save(folder)
    return folder


# --- one rule


@pytest.mark.parametrize(
    ("modalities", "share", "seconds", "optional", "reason"),
    [
        ({"audio"}, None, 3, (), None),
        ({"audio"}, 0.4, 3, (), None),
        ({"audio"}, 0.0, 3, (), NO_SPEECH),
        (set(), None, 3, (), SILENT),
        (set(), 0.0, 3, (), SILENT),
        ({"video"}, None, 3, (), SILENT),
        ({"video"}, None, 3, ("video",), SILENT),
        ({"video"}, 0.0, 3, ("audio", "video"), None),
        ({"audio", "video"}, 0.0, 3, ("audio",), None),
        ({"audio"}, None, 0.05, (), TOO_SHORT),
    ],
)
def test_a_window_counts_if_it_has_what_the_model_needs(
    modalities: set[str], share: float | None, seconds: float, optional: tuple[str, ...], reason: str | None
) -> None:
    assert window_reason(modalities, share, seconds, optional) == reason


def test_a_clip_is_answered_if_one_of_its_windows_is() -> None:
    assert clip_reason({None, SILENT, NO_SPEECH}) is None
    assert clip_reason({SILENT}) == SILENT
    assert clip_reason({SILENT, NO_SPEECH}) == NO_SPEECH
    assert clip_reason({TOO_SHORT}) == TOO_SHORT


# --- files


@pytest.mark.parametrize(
    ("sound", "reason", "words"),
    [
        (np.zeros(3 * RATE), SILENT, "is silent"),
        (np.full(3 * RATE, 5e-5), SILENT, "is silent"),
        (np.stack([hum(3), -hum(3)], 1), SILENT, "its channels cancel each other out"),
        (hum(0.05), TOO_SHORT, "lasts 0.05 s, which is too short"),
    ],
)
def test_a_file_without_a_voice_has_a_reason(tmp_path: Path, sound: np.ndarray, reason: str, words: str) -> None:
    path = wav(tmp_path / "clip.wav", sound)
    for answer in (predict_file(small_model(), path), *predict_files(small_model(), [path])):
        assert answer.emotion is None and answer.probabilities is None
        assert answer.reason == reason and words in str(answer.error)
        document = answer.to_dict()
        assert document["emotion"] is None and document["reason"] == reason and words in document["error"]
        assert "probabilities" not in document


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_noise_is_no_speech(tmp_path: Path, exponent: float) -> None:
    pytest.importorskip("silero_vad")
    path = wav(tmp_path / "noise.wav", noise(exponent))
    answer = predict_file(small_model(), path, SEARCHING)
    assert (answer.reason, answer.speech) == (NO_SPEECH, 0.0) and "--no-vad" in str(answer.error)
    assert predict_file(small_model(), path, PredictOptions(vad=False)).emotion in LABELS


def test_speech_is_searched_for_where_the_model_knows_real_voices(tmp_path: Path) -> None:
    pytest.importorskip("silero_vad")
    model, path = small_model(), CASES / "media" / "nist_sphere.sph"
    assert model.synthetic and predict_file(model, path).speech is None
    model.synthetic = False
    answer = predict_file(model, path)
    assert answer.emotion in LABELS and answer.speech is not None and answer.speech > 0.5
    assert predict_file(model, wav(tmp_path / "noise.wav", noise(0.5))).reason == NO_SPEECH


def test_windows_without_a_voice_are_not_in_the_mean(tmp_path: Path) -> None:
    gap = np.concatenate([hum(4), np.zeros(5 * RATE, np.float32), hum(4)])
    answer = predict_file(small_model(), wav(tmp_path / "gap.wav", gap), PredictOptions(timeline=True))
    assert answer.windows is not None and answer.probabilities is not None
    reasons = [window.reason for window in answer.windows]
    assert reasons.count(SILENT) == 3 and reasons.count(None) == len(reasons) - 3
    heard = [window.probabilities for window in answer.windows if window.probabilities]
    for label in LABELS:
        assert answer.probabilities[label] == pytest.approx(np.mean([each[label] for each in heard]))
    document = answer.to_dict()["windows"][4]
    assert document == {"start": 4.0, "end": 7.0, "emotion": None, "reason": "silent"}


def test_a_hop_sets_the_windows_and_a_rest_that_is_hardly_new_has_none(tmp_path: Path) -> None:
    def starts(seconds: float, hop: float) -> list[float]:
        path = wav(tmp_path / "clip.wav", hum(seconds))
        answer = predict_file(small_model(), path, PredictOptions(timeline=True, hop=hop))
        return [window.start for window in answer.windows or ()]

    assert starts(3.02, 1) == [0] and starts(3.2, 1) == pytest.approx([0, 0.2])
    assert starts(9, 3) == [0, 3, 6] and starts(9.5, 3) == [0, 3, 6, 6.5]
    assert starts(5, 0.5) == [0, 0.5, 1, 1.5, 2]
    for hop in (0, -1, 61, float("nan")):
        with pytest.raises(EmozooError, match="a hop lies between"):
            PredictOptions(hop=hop)
    with pytest.raises(EmozooError, match="a hop lies between 0.1 and 3 s"):  # longer than this model's windows
        starts(9, 3.5)


def test_an_answer_below_the_confidence_is_unsure(tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.wav", hum(4))
    sure = predict_file(small_model(), path)
    answer = predict_file(small_model(), path, PredictOptions(min_confidence=0.999, timeline=True))
    assert answer.emotion is None and answer.reason == UNSURE and answer.error is None
    assert answer.probabilities == sure.probabilities
    assert {window.reason for window in answer.windows or ()} == {UNSURE}
    assert predict_file(small_model(), path, PredictOptions(min_confidence=0.01)).emotion == sure.emotion
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(EmozooError, match="a confidence lies between"):
            PredictOptions(min_confidence=share)


def test_only_the_sound_of_a_video_is_said(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", [grey(64, 48, 100)] * 50, sound=tone(2, RATE))
    answer = predict_file(small_model(), tmp_path / "film.mp4")
    assert "only the sound of the video was used" in answer.warnings
    assert predict_file(small_model(), wav(tmp_path / "a.wav", hum(2))).warnings == ()


# --- the command line


def test_predict_answers_what_it_can_and_fails_where_nothing_was_answered(checkpoint: Path, tmp_path: Path) -> None:
    silent, loud = wav(tmp_path / "silent.wav", np.zeros(RATE)), wav(tmp_path / "loud.wav", hum(4))
    words = ["predict", "--model", checkpoint, "--json"]
    done = emozoo(*words, silent, check=2)
    [answer] = json.loads(done.stdout)["predictions"]
    assert answer["emotion"] is None and answer["reason"] == "silent"
    both = json.loads(emozoo(*words, silent, loud).stdout)["predictions"]
    assert [each["emotion"] is None for each in both] == [True, False]
    table = emozoo("predict", "--model", checkpoint, silent, loud, "--min-confidence", "0.99")
    assert "unsure" in table.stdout and "is silent" in table.stderr


def test_lines_are_printed_as_soon_as_they_are_known(checkpoint: Path, tmp_path: Path) -> None:
    names = [wav(tmp_path / f"{number}.wav", hum(1 + number)) for number in range(3)]
    lines = emozoo("predict", "--model", checkpoint, "--jsonl", *names, tmp_path / "none.wav").stdout.splitlines()
    answers = [json.loads(line) for line in lines]
    assert [Path(each["file"]).name for each in answers] == ["0.wav", "1.wav", "2.wav", "none.wav"]
    assert all(each["schema"] == 1 for each in answers) and "error" in answers[3]
    table = emozoo("predict", "--model", checkpoint, "--csv", *names, tmp_path / "none.wav").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["emotion"] for row in rows] == [*(each["emotion"] for each in answers[:3]), ""]
    assert rows[3]["error"] == answers[3]["error"]
    assert "exclude each other" in one_error(emozoo("predict", names[0], "--csv", "--jsonl", check=2))


def test_what_was_printed_before_ctrl_c_stays(checkpoint: Path, tmp_path: Path) -> None:
    for number in range(300):
        wav(tmp_path / f"{number:03}.wav", hum(3))
    words = [sys.executable, "-m", "emozoo", "predict", str(tmp_path), "--model", str(checkpoint)]
    for kind in ("--jsonl", "--csv"):
        process = subprocess.Popen([*words, kind], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        begun = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        lines = begun + process.stdout.readlines()
        assert process.wait(60) == 130 and 2 <= len(lines) < 300 and all(line.endswith("\n") for line in lines)


def test_evaluation_leaves_silent_clips_out_and_says_so(checkpoint: Path, tmp_path: Path) -> None:
    lines = ["file,label,speaker"]
    for number in range(6):
        wav(tmp_path / f"{number}.wav", np.zeros(2 * RATE) if number == 5 else hum(2 + number / 4))
        lines.append(f"{number}.wav,{LABELS[number % 4]},anna")
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    words = ["evaluate", checkpoint, "--dataset", "manifest", "--data-dir", tmp_path / "clips.csv", "--json"]
    document = json.loads(emozoo(*words, "--output", tmp_path / "out").stdout)
    assert document["count"] == 5 and "1 of 6 clips are silent" in document["note"]
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open()))
    assert len(rows) == 6 and [row["predicted"] for row in rows].count("") == 1


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 9), st.floats(0.1, 3))
def test_every_sample_is_within_a_window_but_for_less_than_a_tenth_of_a_second(seconds: float, hop: float) -> None:
    from emozoo.media.window import LEAST_NEW_SAMPLES, window_starts
    from emozoo.media.window_shape import DEFAULT_WINDOW

    samples, shape = round(seconds * RATE), DEFAULT_WINDOW.every(hop)
    starts = window_starts(samples, shape)
    assert starts[0] == 0 and all(0 < b - a <= shape.hop_samples for a, b in zip(starts, starts[1:], strict=False))
    assert samples - (starts[-1] + shape.samples) < LEAST_NEW_SAMPLES
