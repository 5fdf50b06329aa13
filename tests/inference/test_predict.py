"""Prediction on real files: windows, folders, patterns, failures, and what is printed."""

import csv
import functools
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.make_media import grey, tone, write_video
from support.models import LABELS, cuts_of, small_model
from support.places import SHARED_DATA, needs_shared
from support.small import NETWORK, PEAK, emozoo, one_error, toy

from emozoo import EmozooError
from emozoo.checkpoint.model import EmotionModel
from emozoo.data import resident
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import open_data
from emozoo.inference.batches import classify, in_batches
from emozoo.inference.files import predict_file, predict_files
from emozoo.inference.options import PredictOptions
from emozoo.media import prepared
from emozoo.media.files import find_files
from emozoo.media.window import cut_window, window_starts
from emozoo.media.window_shape import DEFAULT_WINDOW
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings


def wav(path: Path, seconds: float, rate: int = 16_000, seed: int = 0) -> Path:
    sound = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    soundfile.write(path, sound.clip(-1, 1), rate)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "with spaces and ümläuts"
    small_model().save(folder)
    return folder


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200_000), st.integers(1_000, 70_000))
def test_streamed_windows_are_those_of_the_whole_clip(samples: int, block: int) -> None:
    whole = np.arange(1, samples + 1, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        pieces = np.array_split(whole, max(1, samples // block))
        patch.setattr(prepared, "stream_audio", lambda path, decoder: iter(pieces))
        found = list(cuts_of("any", video=False))
    assert [round(cut.start * 16_000) for cut in found] == window_starts(samples)
    for cut in found:
        start = round(cut.start * 16_000)
        np.testing.assert_array_equal(cut.window[0], cut_window(whole, None, start)[0])
        assert round(cut.end * 16_000) == min(start + 48_000, samples)


def test_a_file_gets_the_mean_of_its_windows(tmp_path: Path) -> None:
    model, path = small_model(), wav(tmp_path / "long.wav", 5.5)
    prediction = predict_file(model, path, PredictOptions(timeline=True))
    assert [(w.start, w.end) for w in prediction.windows] == [(0, 3), (1, 4), (2, 5), (2.5, 5.5)]
    for label in LABELS:
        mean = np.mean([window.probabilities[label] for window in prediction.windows])
        assert prediction.probabilities[label] == pytest.approx(mean)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.emotion == max(prediction.probabilities, key=prediction.probabilities.get)
    assert model.predict(path).windows is None


def test_silence_behind_the_end_and_batch_neighbours_change_nothing(tmp_path: Path) -> None:
    model = small_model()
    short = predict_file(model, wav(tmp_path / "short.wav", 1.2)).probabilities
    sound, _ = soundfile.read(tmp_path / "short.wav", dtype="float32")
    soundfile.write(tmp_path / "padded.wav", np.pad(sound, (0, 48_000 - len(sound))), 16_000)
    padded = predict_file(model, tmp_path / "padded.wav").probabilities
    assert padded == pytest.approx(short, abs=1e-6)
    windows = [(np.random.default_rng(n).normal(0, 0.1, 48_000).astype(np.float32), None) for n in range(40)]
    together = list(classify(model, windows))
    alone = [next(classify(model, [window])) for window in windows]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of 0.1 to 20 s, of several kinds, and among them some that cannot be read."""
    folder = tmp_path_factory.mktemp("many")
    lengths = np.random.default_rng(5).uniform(0.1, 5, 20)
    lengths[[4, 17]] = 20, 10
    names = []
    for number, seconds in enumerate(lengths):
        name = folder / f"{number}{('.wav', '.flac', '.ogg')[number % 3]}"
        names.append(str(wav(name, seconds, (16_000, 22_050, 48_000)[number % 3], seed=number)))
    for position in (19, 11, 10, 0):
        names.insert(position, str(folder / f"missing {position}.wav"))
    (folder / "text.mp3").write_text("not sound at all")
    return [*names, str(folder / "text.mp3")]


@pytest.mark.parametrize("timeline", [False, True])
def test_many_files_get_the_answers_of_each_alone_in_order(many: list[str], timeline: bool) -> None:
    model = small_model()
    found = list(predict_files(model, many, PredictOptions(timeline=timeline)))
    assert [answer.file for answer in found] == many
    for answer in found:
        try:
            alone = predict_file(model, answer.file, PredictOptions(timeline=timeline))
        except EmozooError as error:
            assert answer.to_dict() == {"file": answer.file, "error": str(error)}
            continue
        assert answer.error is None and answer.probabilities == pytest.approx(alone.probabilities, abs=1e-5)
        assert (answer.windows is None) == (not timeline)
        for ours, theirs in zip(answer.windows or (), alone.windows or (), strict=True):
            assert (ours.start, ours.end) == (theirs.start, theirs.end)
            assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
    assert sum(answer.error is not None for answer in found) == 5


def test_answers_depend_neither_on_neighbours_nor_on_order(many: list[str]) -> None:
    model = small_model()
    whole = {answer.file: answer.probabilities for answer in predict_files(model, many)}
    assert list(predict_files(model, [])) == []
    for paths in (many[::-1], many[3:6] * 2, many[5:6], many[:1]):
        for answer in predict_files(model, paths):
            assert (answer.probabilities is None) == (whole[answer.file] is None)
            assert answer.probabilities is None or answer.probabilities == pytest.approx(whole[answer.file], abs=1e-5)


def test_files_are_read_only_a_little_ahead_of_their_answers(tmp_path: Path) -> None:
    asked = []

    def names() -> Iterator[str]:
        for number in range(1_000):
            asked.append(number)
            yield str(tmp_path / "clip.wav")

    wav(tmp_path / "clip.wav", 0.5)
    answers = predict_files(small_model(), names())
    next(answers)
    assert len(asked) < 100
    answers.close()
    assert len(asked) < 100


def test_files_that_are_all_bad_are_each_answered(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.wav") for number in range(50)]
    found = list(predict_files(small_model(), names))
    assert [answer.file for answer in found] == names and all(answer.error for answer in found)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads as Linux tells them")
def test_ctrl_c_ends_at_once_and_leaves_no_process(run: Path, tmp_path: Path) -> None:
    for number in range(4):
        wav(tmp_path / f"{number}.wav", 1_000)
    command = [sys.executable, "-m", "emozoo", "predict", str(tmp_path), "--model", str(run), "--csv"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    group = process.pid
    deadline = time.monotonic() + 60
    while len(os.listdir(f"/proc/{process.pid}/task")) < 5 and time.monotonic() < deadline:  # the decoders' threads
        time.sleep(0.1)
    time.sleep(1)
    assert process.poll() is None
    os.killpg(group, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and err.strip() == "stopped"
    assert len(out.splitlines()) == 1 and out.startswith("file,emotion,")  # no clip was answered as yet
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_folders_and_patterns_are_searched_for_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("b.WAV", "a.wav", "deep/c.flac", "._a.wav", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert find_files(["in"]) == ["in/a.wav", "in/b.WAV", "in/deep/c.flac"]
    assert find_files(["in/*.wav", "in/notes.txt", "in/a.wav"]) == ["in/a.wav", "in/notes.txt"]
    assert find_files(["in/**/*.flac"]) == ["in/deep/c.flac"]
    (tmp_path / "in" / "take [1].wav").write_bytes(b"x")
    assert find_files(["in/take [1].wav"]) == ["in/take [1].wav"]  # a name, though it looks like a pattern
    with pytest.raises(EmozooError, match="no file matches in/\\*.mp3"):
        find_files(["in/*.mp3"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(EmozooError, match="no media files in the folder bare"):
        find_files(["bare"])
    assert find_files(["missing.wav"]) == ["missing.wav"]  # fails by itself, later, and only itself


def test_json_is_one_document_and_a_bad_file_costs_only_itself(run: Path, tmp_path: Path) -> None:
    good = wav(tmp_path / "größer als.wav", 3.5)
    (tmp_path / "text.wav").write_text("not sound at all")
    done = emozoo("predict", good, tmp_path / "text.wav", tmp_path / "gone.wav", "--model", run, "--json")
    document = json.loads(done.stdout)
    assert (document["model"], document["labels"]) == (str(run), list(LABELS))
    answered, broken, gone = document["predictions"]
    assert set(answered) == {"file", "emotion", "probabilities"} and answered["file"] == str(good)
    assert list(answered["probabilities"]) == list(LABELS)
    assert set(broken) == {"file", "error"} and "text.wav" in broken["error"]
    assert "gone.wav" in gone["error"]
    assert "text.wav" in done.stderr and "Traceback" not in done.stderr


def test_the_exit_status_is_2_when_no_file_could_be_answered(run: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not sound at all")
    done = emozoo("predict", tmp_path / "text.wav", "--model", run, "--json", check=2)
    assert "text.wav" in json.loads(done.stdout)["predictions"][0]["error"]
    done = emozoo("predict", tmp_path / "text.wav", "--model", run, check=2)
    assert done.stdout == "" and "text.wav" in done.stderr and "Traceback" not in done.stderr


def test_table_csv_timeline_and_plot(run: Path, tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.wav", 4.5)
    table = emozoo("predict", path, "--model", run, "--timeline").stdout
    assert "0.0 to 3.0" in table and "1.5 to 4.5" in table and "angry %" in table
    rows = list(csv.DictReader(io.StringIO(emozoo("predict", path, "--model", run, "--csv").stdout)))
    assert list(rows[0]) == [
        *("file", "emotion", *LABELS, "reason", "speech", "prediction_set", "modalities", "warnings", "error")
    ]
    assert sum(float(rows[0][label]) for label in LABELS) == pytest.approx(1, abs=1e-5)
    spans = list(csv.DictReader(io.StringIO(emozoo("predict", path, "--model", run, "--csv", "--timeline").stdout)))
    assert [(row["start"], row["end"]) for row in spans] == [("0.000", "3.000"), ("1.000", "4.000"), ("1.500", "4.500")]
    done = emozoo("predict", path, "--model", run, "--plot", tmp_path / "new folder" / "line.png", "--json")
    with Image.open(tmp_path / "new folder" / "line.png") as picture:
        # The wave and the spectrogram of the file are among it: it is higher than four labels need.
        assert picture.format == "PNG" and picture.width == 1120 and picture.height > 1000
    assert "windows" not in json.loads(done.stdout)["predictions"][0]
    assert "PNG" in one_error(emozoo("predict", path, "--model", run, "--plot", "line.pdf", check=2))
    (tmp_path / "folder.png").mkdir()
    for wrong in (tmp_path / "folder.png", path / "line.png"):
        done = emozoo("predict", path, "--model", run, "--plot", wrong, "--json", check=2)
        assert "--plot" in json.loads(done.stdout)["error"]
    done = emozoo("predict", path, "--model", run, "--plot", "/proc/line.png", "--json", check=2)
    assert json.loads(done.stdout)["predictions"] and "error: " in done.stderr  # a single document
    assert "exclude" in one_error(emozoo("predict", path, "--model", run, "--json", "--csv", check=2))


def test_a_model_that_is_missing_is_one_line(tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.wav", 1)
    assert "does not exist" in one_error(emozoo("predict", path, "--model", tmp_path / "none", check=2))
    assert "Traceback" in emozoo("predict", path, "--model", tmp_path / "none", "--debug", check=1).stderr


def test_prediction_imports_neither_transformers_nor_torchs_compiler(run: Path, tmp_path: Path) -> None:
    code = (
        "import sys, emozoo; emozoo.load(sys.argv[1], 'cpu').predict(sys.argv[2]);"
        "heavy = {'transformers', 'torchvision', 'torchaudio', 'datasets', 'matplotlib', 'pandas', 'huggingface_hub'};"
        "print(sorted((heavy | {'sympy', 'torch._dynamo'}) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(run), str(wav(tmp_path / "clip.wav", 1, rate=44_100))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_memory_does_not_grow_with_the_recording(run: Path, tmp_path: Path) -> None:
    code = (
        "import sys, torch, emozoo; torch.set_num_threads(1); model = emozoo.load(sys.argv[1], 'cpu');"
        "[model.predict(path, timeline=True) for path in sys.argv[2:]];"
        f"print({PEAK})"
    )

    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", 16_000, 1) as file:
            for second in range(seconds):
                file.write(np.random.default_rng(second).normal(0, 0.1, 16_000))
        done = subprocess.run(
            [sys.executable, "-c", code, str(run), str(path)], capture_output=True, text=True, timeout=300
        )
        return int(done.stdout)

    # 15 more minutes are 58 MB as float32.
    assert peak(1_080) - peak(180) < 30


@needs_shared
@pytest.mark.parametrize("name", ["cnn", "cnn_rnn_3dcnn"])
def test_real_videos_are_answered_by_models_with_and_without_picture(name: str) -> None:
    model = small_model(name)
    clips = sorted((SHARED_DATA / "clips").glob("*.mp4"))
    assert len(clips) == 9
    for clip in clips:
        prediction = predict_file(model, clip)
        assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_a_model_that_needs_the_picture_says_so_for_a_sound_file(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="clip.wav has no video track"):
        predict_file(small_model("cnn_rnn_3dcnn"), wav(tmp_path / "clip.wav", 1))


def test_piping_into_a_reader_that_stops_is_quiet(run: Path, tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.wav", 1)
    command = f'"{sys.executable}" -m emozoo predict "{path}" --model "{run}" --csv | head -n 0'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, env=dict(os.environ))
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_answers_do_not_depend_on_the_number_of_threads_by_more_than_rounding(run: Path, tmp_path: Path) -> None:
    model, path = small_model(), wav(tmp_path / "clip.wav", 4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = model.predict(path).probabilities
        torch.set_num_threads(2)
        assert model.predict(path).probabilities == pytest.approx(one, abs=1e-5)
    finally:
        torch.set_num_threads(before)


def test_a_name_that_is_no_text_and_a_terminal_without_unicode_are_no_obstacle(run: Path, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"  # Latin-1, as old archives have it
    wav(tmp_path / "plain.wav", 1).rename(os.fsdecode(path))
    command = [sys.executable, "-m", "emozoo", "predict", path, "--model", str(run)]
    for more in ([], ["--json"], ["--csv"]):
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2 and "has a name that is not UTF-8: rename it" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    wav(tmp_path / "größer.wav", 1)
    done = subprocess.run(
        [*command[:4], str(tmp_path / "größer.wav"), *command[5:], "--csv"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and "gr\\xf6\\xdfer.wav" in done.stdout, done.stderr


def test_many_videos_get_the_answers_of_each_alone(tmp_path: Path) -> None:
    architecture = get_architecture("cnn_rnn_3dcnn")
    config, _ = apply_settings(architecture, {**NETWORK, "video_filters": "2,2", "video_linear": "8"})
    model = EmotionModel(architecture, config, LABELS).eval()
    names = []
    for number in range(9):
        path = tmp_path / f"{number}{('.mp4', '.avi', '.mkv')[number % 3]}"
        shade = 20 * number
        sound = tone(1 + number / 2, 22_050, hertz=200 + 50 * number)
        pictures = functools.partial(lambda shade, picture: grey(64, 48, (shade + picture) % 256), shade)
        names.append(str(write_video(path, pictures, count=25 + 12 * number, sound=sound, rate=22_050)))
    for answer in predict_files(model, names):
        assert answer.probabilities == pytest.approx(predict_file(model, answer.file).probabilities, abs=1e-5)


@pytest.mark.parametrize("name", ["cnn", "cnn_rnn_3dcnn"])
def test_decoded_clips_get_the_mean_of_their_windows_wherever_these_are_cut(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(name)
    store = open_data("toy", str(toy()), None, {}, video=model.video).store
    rows = [7, 3, *range(20, 45), 3]
    plain = clip_probabilities(model, store, rows)
    for row, probabilities in zip(rows, plain, strict=True):
        windows = [store.window(row, start) for start in window_starts(store.length(row))]
        np.testing.assert_allclose(probabilities, model.probabilities(windows).mean(0), atol=1e-5)
    monkeypatch.setattr(resident, "fits", lambda store, device: True)
    monkeypatch.delattr(type(store), "window")
    store = open_data("toy", str(toy()), None, {}, video=model.video).store
    np.testing.assert_allclose(clip_probabilities(model, store, rows), plain, atol=1e-6)
    assert clip_probabilities(model, store, []).shape == (0, len(LABELS))


def test_every_batch_is_answered_within_the_context_that_was_asked_for() -> None:
    model, rng = small_model(), np.random.default_rng(0)
    windows = [(rng.normal(0, 0.1, DEFAULT_WINDOW.samples).astype(np.float32), None) for _ in range(40)]
    plain = list(classify(model, windows))
    half = list(in_batches(model, windows, model.probabilities, lambda: torch.autocast("cpu", torch.bfloat16)))
    for exact, rounded in zip(plain, half, strict=True):  # in other threads as well, where autocast does not reach
        assert not np.array_equal(exact, rounded) and rounded == pytest.approx(exact, abs=0.05)


def test_a_file_in_which_all_is_silent_gets_no_emotion(run: Path, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, np.full(80_000, 5e-5), 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "offset.wav", np.full(80_000, 0.1), 16_000)  # which is taken off
    loud = wav(tmp_path / "loud.wav", 1.0)
    names = [str(quiet), str(loud), str(tmp_path / "offset.wav")]
    model = small_model()
    for answers in (list(predict_files(model, names)), [predict_file(model, name) for name in names]):
        assert [answer.reason for answer in answers] == ["silent", None, "silent"]
        assert [answer.emotion is None for answer in answers] == [True, False, True]
    done = emozoo("predict", str(quiet), "--model", str(run), "--json", check=2)
    (told,) = json.loads(done.stdout)["predictions"]
    assert told["emotion"] is None and told["reason"] == "silent" and "there is no voice in it" in told["error"]
    assert emozoo("predict", *names, "--model", str(run)).returncode == 0


def test_a_file_that_is_cut_off_is_answered_with_a_warning(run: Path, tmp_path: Path) -> None:
    path = wav(tmp_path / "cut ö.wav", 2.0)
    path.write_bytes(path.read_bytes()[:40_000])
    sentence = "cut off: the header promises 2.0 s, 1.2 s are there"
    words = ["predict", str(path), "--model", str(run)]
    assert json.loads(emozoo(*words, "--json").stdout)["predictions"][0]["warnings"] == [sentence]
    (row,) = csv.DictReader(io.StringIO(emozoo(*words, "--csv").stdout))
    assert row["warnings"] == sentence and not row["error"]
    assert f"warning: {path}: {sentence}" in emozoo(*words, COLUMNS="300").stderr
