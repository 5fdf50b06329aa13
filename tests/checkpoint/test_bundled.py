"""The models in the box: found by name, small, and what predict answers with where no model is named."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.places import ROOT

import emozoo as package
from emozoo.checkpoint import bundled
from emozoo.checkpoint.bundled import DEFAULT, FOLDER
from emozoo.checkpoint.loading import load
from emozoo.evaluation.metrics import calibration_error

LIMIT = 12 * 2**20


def emozoo(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emozoo", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ,
    )


@pytest.fixture
def clip(tmp_path: Path) -> str:
    time = np.arange(32_000) / 16_000
    soundfile.write(tmp_path / "clip.wav", 0.3 * np.sin(2 * np.pi * 180 * time) * np.sin(6 * time), 16_000)
    return "clip.wav"


def test_predict_needs_no_model(clip: str, tmp_path: Path) -> None:
    done = emozoo("predict", clip, "--no-vad", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["model"] == DEFAULT and document["labels"] == ["angry", "happy", "neutral", "sad"]
    assert sum(document["predictions"][0]["probabilities"].values()) == pytest.approx(1)
    named = emozoo("predict", clip, "--no-vad", "--json", "--model", DEFAULT, folder=tmp_path)
    assert json.loads(named.stdout) == document
    [prediction] = document["predictions"]
    assert package.load(device="cpu").predict(tmp_path / clip, vad=False).probabilities == pytest.approx(
        prediction["probabilities"], abs=1e-6
    )


def test_loading_it_never_imports_torchs_compiler(tmp_path: Path) -> None:
    code = f"import sys, emozoo; emozoo.load({DEFAULT!r}); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=300).returncode == 0


def test_what_a_command_writes_goes_elsewhere(clip: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    before = sorted(FOLDER.rglob("*"))
    for words in (("export", DEFAULT), ("predict", clip, "--backend", "onnx")):
        done = emozoo(*words, folder=tmp_path)
        assert done.returncode == 2 and "--output" in done.stderr
    assert sorted(FOLDER.rglob("*")) == before


def test_a_folder_of_the_same_name_is_reached_by_its_path(clip: str, tmp_path: Path) -> None:
    (tmp_path / DEFAULT).mkdir()
    done = emozoo("predict", clip, "--model", f"./{DEFAULT}", folder=tmp_path)
    assert done.returncode == 2 and "config.json" in done.stderr


def test_list_and_info_show_it(tmp_path: Path) -> None:
    models = json.loads(emozoo("list", "--json", folder=tmp_path).stdout)["models"]
    assert DEFAULT in [model["name"] for model in models]
    document = json.loads(emozoo("info", DEFAULT, "--json", folder=tmp_path).stdout)
    assert document["kind"] == "checkpoint" and document["architecture"] == "resnet_gru"


def test_it_travels_in_the_wheel_and_is_small(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist() if "emozoo/models/" in info.filename}
    names = {Path(name).name for name in sizes}
    assert {"config.json", "model.safetensors", "README.md"} <= names and sum(sizes.values()) < LIMIT


@pytest.mark.parametrize("name", bundled.names())
def test_each_loads_and_its_card_tells_data_licence_and_limits(name: str) -> None:
    assert load(name, "cpu").labels
    card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    for word in ("RAVDESS", "EMO-DB", "nEMO", "cc-by-nc-sa-4.0", "commercial", "calibration"):
        assert word in card


def test_calibration_error_is_the_gap_between_sureness_and_being_right() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10)
    assert calibration_error([0] * 9 + [1], probabilities) == pytest.approx(0)
    assert calibration_error([0] * 5 + [1] * 5, probabilities) == pytest.approx(0.4)
    assert calibration_error([0, 1], np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(0)


def test_it_is_calibrated_and_answers_with_sets(clip: str, tmp_path: Path) -> None:
    calibration = load(DEFAULT, "cpu").calibration
    assert calibration is not None and calibration.highest == 0.99 and calibration.speakers == 107
    words = ("--no-vad", "--json", "--coverage")
    (answer,) = json.loads(emozoo("predict", clip, *words, "0.9", folder=tmp_path).stdout)["predictions"]
    (wider,) = json.loads(emozoo("predict", clip, *words, "0.99", folder=tmp_path).stdout)["predictions"]
    assert answer["prediction_set"][0] == answer["emotion"]
    assert set(answer["prediction_set"]) <= set(wider["prediction_set"])
    assert answer["probabilities"] == wider["probabilities"]
