"""What a model can be asked about in Python: paths, bytes, open files, samples; threads and forked processes."""

from __future__ import annotations

import io
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.make_media import write_sound
from support.models import LABELS, small_model
from support.small import emozoo

from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.onnx_model import load as load_onnx
from emozoo.checkpoint.results import Metrics
from emozoo.errors import EmozooError
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.inference.answers import Prediction

RATE = 16_000


def noise(seconds: float, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """float32 [samples, channels]."""
    return np.random.default_rng(seed).normal(0, 0.1, (round(seconds * rate), channels)).astype(np.float32)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips") / "model"
    small_model().save(folder)
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which must be empty in the end."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def same(one: Prediction, other: Prediction) -> None:
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


@pytest.mark.parametrize("rate", [RATE, 44_100, 8_000])
def test_a_path_bytes_files_and_samples_get_one_answer(tmp_path: Path, temporary: Path, rate: int) -> None:
    model, path, sound = small_model(), tmp_path / "ünïcode clip.wav", noise(4.5, rate, 2)
    soundfile.write(path, sound, rate, subtype="FLOAT")
    wanted = model.predict(path)
    ways: dict[str, Callable[[], Any]] = {
        "text": lambda: str(path),
        "bytes": path.read_bytes,
        "bytearray": lambda: bytearray(path.read_bytes()),
        "memoryview": lambda: memoryview(path.read_bytes()),
        "open file": lambda: path.open("rb"),
        "BytesIO": lambda: io.BytesIO(path.read_bytes()),
        "numpy": lambda: (sound, rate),
        "float64": lambda: (sound.astype(np.float64), np.int64(rate)),
        "torch": lambda: (torch.from_numpy(sound).T, rate),
        "datasets": lambda: {"array": sound, "sampling_rate": rate},
        "transformers": lambda: {"raw": sound.mean(1), "sampling_rate": rate},
    }
    for way, give in ways.items():
        answer = model.predict(give())
        assert answer.probabilities == pytest.approx(wanted.probabilities, abs=1e-6), way
        assert answer.warnings == wanted.warnings, way
    assert model.predict(path.open("rb")).file == path.name
    answers = model.predict([give() for give in ways.values()])
    assert len(answers) == len(ways)
    for answer in answers:
        same(answer, wanted)
    assert list(temporary.iterdir()) == []


def test_a_file_that_was_read_and_samples_that_are_no_floats_are_told(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", noise(1).reshape(-1, 1), RATE)
    with open(path, "rb") as file:
        small_model().predict(file, vad=False)
        with pytest.raises(EmozooError, match=r"a\.wav has been read to its end: call seek\(0\) on it first"):
            small_model().predict(file)
    first, *_ = small_model().predict(noise(1) * 32_768, vad=False).warnings
    assert "times full scale: samples that are floats lie between -1 and 1" in first


def test_samples_without_a_rate_are_at_16_khz() -> None:
    model, sound = small_model(), noise(3.5)[:, 0]
    wanted = model.predict((sound, RATE))
    same(model.predict(sound), wanted)
    same(model.predict(torch.from_numpy(sound)), wanted)
    same(model.predict(torch.from_numpy(sound)[None]), wanted)
    half = torch.from_numpy(sound).to(torch.bfloat16)
    assert model.predict(half).probabilities == pytest.approx(wanted.probabilities, abs=0.05)


def test_a_list_has_an_answer_for_each_and_bad_ones_have_an_error(tmp_path: Path, temporary: Path) -> None:
    answers = small_model().predict(
        [noise(2), tmp_path / "none.wav", b"not a sound", (noise(1), 8_000), np.zeros(RATE)]
    )
    assert [answer.file for answer in answers] == ["clip 1", str(tmp_path / "none.wav"), "clip 3", "clip 4", "clip 5"]
    assert [answer.error is None for answer in answers] == [True, False, False, True, False]
    assert answers[4].reason == "silent" and "emozoo-clip-" not in str(answers)
    assert small_model().predict([]) == [] and list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "cannot be asked about None"),
        (7, "cannot be asked about an int"),
        ({"sound": 1}, "cannot be asked about a dict"),
        (("a", 16_000), "samples are a numpy array or a torch tensor"),
        ((np.zeros(9), "x"), "a sampling rate is a whole number"),
        ((np.zeros(9), True), "a sampling rate is a whole number"),
        ((np.zeros(9), float("nan")), "a sampling rate is a whole number"),
        ((np.zeros(9, np.float32), 10), "sound has 1000 to 1000000 samples a second"),
        (np.zeros((2, 48_000), np.float32), "so transpose them"),
        (np.zeros((2, 2, 2), np.float32), "not of shape"),
        (np.zeros(0, np.float32), "its length is zero"),
        (np.array(["a"]), "not str32"),
        (np.full(RATE, np.nan, np.float32), "NaN or infinite"),
        (b"", "is empty"),
        (b"RIFF" + b"\0" * 1_000_000, "damaged or cut off"),
        (io.StringIO("text"), "binary mode"),
        ("x" * 1_300_000, "is no path"),
        (torch.zeros(9).to_sparse(), "gives no samples"),
        (torch.zeros(9, device="meta"), "gives no samples"),
        (torch.nested.nested_tensor([torch.zeros(3), torch.zeros(4)], layout=torch.jagged), "gives no samples"),
        (memoryview(b"RIFF and nothing more")[::2], "not a sound or video file"),
        ([torch.zeros(9).to_sparse()], "item 1 of the list: this tensor"),
        ([[noise(1)]], "item 1 of the list"),
        ([noise(1), 3], "item 2 of the list"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:20],
)
def test_what_is_no_clip_is_one_short_sentence(given: Any, words: str, temporary: Path) -> None:
    with pytest.raises(EmozooError) as caught:
        small_model().predict(given)
    sentence = str(caught.value)
    assert words in sentence and len(sentence) < 400 and "\n" not in sentence and str(temporary) not in sentence
    assert list(temporary.iterdir()) == []


ARRAYS = st.one_of(
    st.binary(max_size=4_000),
    st.binary(max_size=4_000).map(lambda data: b"RIFF" + data),
    st.builds(
        lambda kind, size, channels, seed: (
            np.random.default_rng(seed).integers(0, 255, (size, channels)).astype(kind).squeeze(),
            RATE,
        ),
        st.sampled_from(["u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "?"]),
        st.integers(0, 5_000),
        st.integers(0, 70),
        st.integers(0, 9),
    ),
    st.tuples(st.just(noise(0.3)), st.one_of(st.integers(-(10**12), 10**12), st.floats(), st.none(), st.text())),
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=30), st.dictionaries(st.text(), st.integers())),
)


@settings(max_examples=150, deadline=None)
@given(ARRAYS)
@example("a name\nof two lines")
def test_whatever_is_given_is_answered_or_is_one_sentence(given: Any) -> None:
    try:
        answer = MODEL.predict(given)
    except EmozooError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 500
    else:
        assert (answer.emotion is None) == (answer.reason is not None)


MODEL = small_model()


# --- threads and processes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hop": "1"}, "hop is a number, not '1'"),
        ({"min_confidence": None}, "min_confidence is a number, not None"),
        ({"coverage": True}, "coverage is a number, not True"),
        ({"vad": "no"}, "vad is True or False, not 'no'"),
        ({"adapt_recordings": "yes"}, "adapt_recordings is True or False"),
        ({"speaker": 3}, "a speaker's recordings are a path or several, not 3"),
        ({"speaker": [noise(1)]}, "a speaker's recordings are a path or several"),
    ],
)
def test_what_is_no_option_is_one_short_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(EmozooError, match=words) as caught:
        small_model().predict(noise(1), **options)
    assert len(str(caught.value)) < 300


def test_many_threads_get_the_answers_of_one(checkpoint: Path) -> None:
    export_onnx(checkpoint)
    clips = [noise(0.5 + number / 4, seed=number)[:, 0] for number in range(12)]
    for model in (load(checkpoint, "cpu"), load_onnx(checkpoint)):
        wanted = [model.predict(clip) for clip in clips]
        with ThreadPoolExecutor(8) as pool:
            for _ in range(2):
                for one, other in zip(pool.map(model.predict, clips), wanted, strict=True):
                    same(one, other)


def _answer(folder: str, model: Any, clip: np.ndarray, results: Any) -> None:
    if model is None:  # nothing is handed over to a spawned process
        model = load(folder, "cpu")
    results.put(model.predict(clip).probabilities)


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_worker_process_answers_as_its_parent(checkpoint: Path, kind: str, backend: str) -> None:
    if backend == "onnx":
        export_onnx(checkpoint)
    model: Any = load(checkpoint, "cpu") if backend == "torch" else load_onnx(checkpoint)
    clip = noise(7)[:, 0]
    wanted = model.predict(clip)  # with all of the parent's threads
    context = multiprocessing.get_context(kind)
    results = context.Queue()
    handed = model if kind == "fork" else None
    worker = context.Process(target=_answer, args=(str(checkpoint), handed, clip, results))
    worker.start()
    found = results.get(timeout=60)
    worker.join(60)
    assert worker.exitcode == 0 and found == pytest.approx(wanted.probabilities, abs=1e-5)


# --- notebooks


def test_a_notebook_shows_answers_and_metrics_and_runs_nothing_of_theirs() -> None:
    answer = Prediction(
        "<script>x</script>.wav",
        emotion="sad",
        probabilities={"sad": 0.75, "<b>": 0.25},
        speech=0.5,
        warnings=("cut off",),
    )
    page = answer._repr_html_()
    assert "75.0 %" in page and "cut off" in page and "50 % of it is speech" in page
    assert "<script>" not in page and "&lt;b&gt;" in page
    silent = Prediction("a.wav", reason="silent", error="a.wav is silent")._repr_html_()
    assert "silent" in silent and "<table>" not in silent
    metrics: Metrics = evaluate_predictions(("<i>", "sad"), [0, 1, 1], np.array([0, 1, 0]))
    assert "<i>" not in metrics._repr_html_() and "UA 75.0 %" in metrics._repr_html_()


def test_python_and_the_command_line_give_one_answer(checkpoint: Path, tmp_path: Path) -> None:
    import json

    soundfile.write(tmp_path / "clip.wav", noise(4), RATE)
    [printed] = json.loads(emozoo("predict", tmp_path / "clip.wav", "--model", checkpoint, "--json").stdout)[
        "predictions"
    ]
    answer = load(checkpoint, "cpu").predict(tmp_path / "clip.wav")
    assert printed["probabilities"] == pytest.approx(answer.probabilities, abs=1e-6) and set(
        printed["probabilities"]
    ) == {*LABELS}
