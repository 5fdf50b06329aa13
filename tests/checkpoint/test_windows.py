"""Another window than 3 seconds, chosen with `--set window`: trained, answered, streamed, measured and exported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from support.models import edit
from support.small import RECIPE, emozoo, one_error, read, toy, train_words

import emozoo as package
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel, window_of
from emozoo.checkpoint.run import RunOptions
from emozoo.errors import EmozooError
from emozoo.evaluation.evaluate import evaluate
from emozoo.media.window_shape import WindowShape
from emozoo.publishing.card import render_card
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.train import train

AUDIO = ("cnn", "cnn_rnn", "cnn_lstm", "resnet_gru", "av_fusion", "cnn_rnn_3dcnn")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CNN+RNN on windows of 5 s, trained for an epoch, and exported."""
    folder = tmp_path_factory.mktemp("runs") / "five seconds"
    more = ("--set", "window=5", "--set", "hidden=8", "--set", "layers=1")
    emozoo(*train_words(folder, *more, architecture="cnn_rnn", epochs=1))
    emozoo("export", folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 7.5 s."""
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 120_000).clip(-1, 1), 16_000)
    return path


def spans(windows: list[dict]) -> list[tuple[float, float]]:
    return [(window["start"], window["end"]) for window in windows]


WANTED = [(0, 5), (1, 6), (2, 7), (2.5, 7.5)]


def test_the_checkpoint_says_what_its_window_is(run: Path) -> None:
    config = read(run / "config.json")
    assert (config["window"], config["architecture_config"]["window"]) == (5.0, 5.0)
    assert load(run, "cpu").window == WindowShape(5.0)
    assert "5 seconds at a time" in render_card(run)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_predict_and_its_timeline(run: Path, clip: Path, backend: str) -> None:
    words = ("predict", clip, "--model", run, "--no-vad", "--timeline", "--json", "--backend", backend)
    (found,) = json.loads(emozoo(*words).stdout)["predictions"]
    assert spans(found["windows"]) == WANTED
    mean = np.mean([list(window["probabilities"].values()) for window in found["windows"]], axis=0)
    assert list(found["probabilities"].values()) == pytest.approx(mean, abs=1e-6)
    own = package.load(run, device="cpu").predict(clip, vad=False).probabilities
    assert found["probabilities"] == pytest.approx(own, abs=1e-4)


def test_listen(run: Path, clip: Path) -> None:
    words = [sys.executable, "-m", "emozoo", "listen", "--model", str(run), "--no-vad", "--json"]
    with clip.open("rb") as sound:
        done = subprocess.run(words, stdin=sound, capture_output=True, text=True, timeout=120, check=True)
    assert spans([json.loads(line) for line in done.stdout.splitlines()]) == WANTED


def test_embed_a_row_for_each_window(run: Path, clip: Path, tmp_path: Path) -> None:
    emozoo("embed", clip, "--model", run, "--no-vad", "--windows", "--output", tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz", allow_pickle=False) as rows:
        assert [tuple(each) for each in np.stack([rows["start"], rows["end"]], 1).tolist()] == WANTED


def test_evaluate_measures_what_training_did(run: Path) -> None:
    found = evaluate(run, device="cpu").metrics
    trained = read(run / "metrics.json")["test"]
    assert (found.ua, found.count) == (pytest.approx(trained["ua"], abs=1e-6), trained["count"])


def test_the_graph_takes_windows_of_five_seconds(run: Path, tmp_path: Path) -> None:
    (sound,) = onnx.load(run / "model.onnx").graph.input
    assert sound.type.tensor_type.shape.dim[1].dim_value == 80_000
    from emozoo.checkpoint import onnx_model

    edit(run, window=3.0)
    try:
        with pytest.raises(EmozooError, match="not input_values, as of a window of 3 s"):
            onnx_model.load(run)
        with pytest.raises(EmozooError, match="cnn_rnn has other windows with this config"):
            load(run, "cpu")
    finally:
        edit(run, window=5.0)


def test_a_hop_is_no_longer_than_the_window(run: Path, clip: Path) -> None:
    model = load(run, "cpu")
    found = model.predict(clip, vad=False, timeline=True, hop=2.5)
    assert [(each.start, each.end) for each in found.windows] == [(0, 5), (2.5, 7.5)]
    with pytest.raises(EmozooError, match=r"a hop lies between 0\.1 and 5 s"):
        model.predict(clip, vad=False, hop=5.5)


def test_fine_tuning_keeps_the_window(run: Path, tmp_path: Path) -> None:
    known = {"architecture": "cnn_rnn", "dataset": "toy", "data_dir": str(toy()), "start": str(run)}
    train(RunOptions(**known, settings={**RECIPE, "epochs": "1"}), tmp_path / "tuned", device="cpu")
    assert load(tmp_path / "tuned", "cpu").window == WindowShape(5.0)


@pytest.mark.parametrize("name", AUDIO)
def test_the_networks_in_the_box_take_other_windows_and_old_checkpoints_stay_as_they_were(
    name: str, tmp_path: Path
) -> None:
    architecture = get_architecture(name)
    assert window_of(architecture, architecture.config()) == WindowShape()
    config, _ = apply_settings(architecture, {"window": "1.5"})
    model = EmotionModel(architecture, config, ("a", "b")).eval()
    noise = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    frames = np.random.default_rng(0).integers(0, 256, (20, 60, 100, 3), np.uint8) if model.video else None
    assert model.window == WindowShape(1.5) and model.probabilities([(noise, frames)]).shape == (1, 2)
    EmotionModel(architecture, architecture.config(), ("a", "b")).save(tmp_path)
    document = read(tmp_path / "config.json")
    for field in ("window", "frames", "video_scaling"):  # which older ones lack
        document["architecture_config"].pop(field, None)
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert load(tmp_path, "cpu").config == architecture.config()


def test_what_is_no_window_is_one_sentence_before_any_work(tmp_path: Path) -> None:
    words = train_words(tmp_path / "run", "--set", "window=0.2", architecture="cnn_rnn")
    assert "cnn_rnn: a window has 0.5 to 60 s, not 0.2" in one_error(emozoo(*words, check=2))
    assert not (tmp_path / "run").exists()
    architecture = get_architecture("resnet_gru")
    for window in (0.0, 61.0, -3.0, float("nan")):
        with pytest.raises(EmozooError, match=r"a window has 0\.5 to 60 s"):
            window_of(architecture, architecture.config(window=window))
