"""Checkpoints in layouts of other libraries, named as on the Hub: opened online and offline, or refused in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.foreign_folders import save_audonnx, save_odyssey, save_onnx, save_speechbrain
from support.hub_server import Repo, running
from support.onnx_files import answered, softmax, voice
from support.publishing import environment
from support.small import emozoo, one_error, toy

import emozoo as package
from emozoo import EmozooError
from emozoo.checkpoint.foreign_onnx import ForeignOnnx
from emozoo.checkpoint.loading import load as load_network
from emozoo.evaluation.evaluate import evaluate
from emozoo.publishing.card import render_card
from emozoo.publishing.push import push

SOUND = voice(40_000)
SCRIPT = """
import json, sys
import numpy as np
import emozoo
sound = np.load(sys.argv[1])
found = {}
for name in sys.argv[2:]:
    try:
        model = emozoo.load(name, device="cpu")
        found[name] = [model.target, list(model.outputs.names), model.probabilities([(sound, None)])[0].tolist()]
    except emozoo.EmozooError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def save_all(folder: Path) -> dict[str, Any]:
    """A folder for each layout, and what its own network answers: target, labels and numbers; or a part of the error."""
    places = {name: folder / name for name in ("odyssey", "speechbrain", "audonnx", "labels", "pickles", "emotion2vec")}
    for place in places.values():
        place.mkdir()
    odyssey = save_odyssey(places["odyssey"])
    speechbrain = save_speechbrain(places["speechbrain"])
    save_audonnx(places["audonnx"])
    save_onnx(places["labels"], "angry\nhappy\nsad\n")
    save_speechbrain(places["pickles"])
    for name in ("wav2vec2", "model"):
        (places["pickles"] / f"{name}.safetensors").rename(places["pickles"] / f"{name}.ckpt")
    (places["emotion2vec"] / "config.yaml").write_text("model: Emotion2vec\n")
    (places["emotion2vec"] / "model.pt").write_bytes(b"\x80\x04.")
    emotions = ["angry", "sad", "happy", "surprised", "fearful", "disgusted", "contempt", "neutral"]
    return {
        "odyssey": ["emotion", emotions, softmax(odyssey(SOUND))],
        "speechbrain": ["emotion", ["neutral", "angry", "happy", "sad"], softmax(speechbrain(SOUND))],
        "audonnx": [
            "dimensions",
            ["arousal", "dominance", "valence"],
            answered(places["audonnx"] / "model.onnx", SOUND),
        ],
        "labels": ["emotion", ["angry", "happy", "sad"], softmax(answered(places["labels"] / "model.onnx", SOUND))],
        "pickles": "its weights are pickle files (model.ckpt, wav2vec2.ckpt)",
        "emotion2vec": "it is emotion2vec of FunASR",
    }


def check(found: dict[str, Any], expected: dict[str, Any], prefix: str) -> None:
    for name, wanted in expected.items():
        answer = found[f"{prefix}{name}"]
        if isinstance(wanted, str):
            assert wanted in answer and name in answer and "\n" not in answer
        else:
            assert answer[:2] == wanted[:2]
            np.testing.assert_allclose(answer[2], wanted[2], atol=1e-5)


def test_each_layout_is_opened_by_its_name_online_and_offline(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    expected = save_all(tmp_path / "all")
    np.save(tmp_path / "sound.npy", SOUND)
    names = [f"hub:anna/{name}" for name in expected]

    def run(**more: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "sound.npy"), *names],
            env={**environment(hub, tmp_path / "home"), **kept, **more},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    with running() as hub:
        for name in expected:
            repo = hub.models.setdefault(f"anna/{name}", Repo(f"anna/{name}"))
            files = {path.name: path.read_bytes() for path in (tmp_path / "all" / name).iterdir()}
            repo.commit({**files, "custom_interface.py": b"1 / 0", "pipeline_utils.py": b"1 / 0"}, "by hand")
        check(run(), expected, "hub:anna/")
        asked = hub.paths()
    assert not [path for path in asked if path.endswith((".py", ".ckpt", ".pt"))], (
        "neither code nor pickles are fetched"
    )
    offline = run(HF_HUB_OFFLINE="1")
    assert {name: answer for name, answer in offline.items() if not isinstance(answer, str)}.keys() == {
        f"hub:anna/{name}" for name, wanted in expected.items() if not isinstance(wanted, str)
    }
    check(offline, {name: wanted for name, wanted in expected.items() if not isinstance(wanted, str)}, "hub:anna/")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layouts")
    save_all(folder)
    return folder


def test_folders_are_opened_alike(folders: Path, tmp_path: Path) -> None:
    expected = save_all(tmp_path)
    found: dict[str, Any] = {}
    for name in expected:
        try:
            model = package.load(tmp_path / name, device="cpu")
            found[name] = [model.target, list(model.outputs.names), model.probabilities([(SOUND, None)])[0].tolist()]
        except EmozooError as error:
            found[name] = str(error)
    check(found, expected, "")


def test_weights_decide_between_readers_that_know_a_folder(folders: Path, tmp_path: Path) -> None:
    """labels.txt beside a checkpoint of another layout is not taken for an ONNX file's."""
    both = Path(shutil.copytree(folders / "odyssey", tmp_path / "both"))
    (both / "labels.txt").write_text("angry\nhappy\nsad\n")
    assert len(package.load(both, device="cpu").labels) == 8
    (both / "model.safetensors").unlink()
    shutil.copy(folders / "labels" / "model.onnx", both)
    assert isinstance(package.load(both, device="cpu"), ForeignOnnx)


def test_an_onnx_file_is_measured_and_embedded_but_no_network(folders: Path, tmp_path: Path) -> None:
    sound = next(toy().rglob("sentences/**/*.wav"))
    measured = evaluate(folders / "labels", dataset="toy", data_dir=str(toy()), device="cpu")
    model = package.load(folders / "labels")
    assert measured.metrics.count > 10 and model.predict(sound, vad=False).emotion in model.labels
    assert package.load(folders / "audonnx").embed(sound, vad=False).shape == (5,)
    with pytest.raises(
        EmozooError, match="is an ONNX file of another library: it answers as it is, but cannot be trained"
    ):
        load_network(folders / "audonnx")
    with pytest.raises(EmozooError, match="runs on the CPU in fp32"):
        package.load(folders / "audonnx", precision="bf16")


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("export", "MODEL", "--output", "new"), "it is exported already"),
        (("convert", "MODEL", "--output", "new"), "it needs no conversion"),
        (("push", "MODEL", "anna/labels"), "publish it as it is (hf upload USER/labels "),
        (("train", "--from", "MODEL", "--dataset", "toy"), "fine-tune a model that has some"),
        (("train", "cnn", "--from", "MODEL", "--dataset", "toy"), "fine-tune a model that has some"),
    ],
)
def test_what_an_onnx_file_cannot_do_is_told_with_what_to_do_instead(
    words: tuple[str, ...], instead: str, folders: Path, tmp_path: Path
) -> None:
    model = str(folders / "labels")
    places = {"MODEL": model, "new": str(tmp_path / "new")}
    said = one_error(emozoo(*(places.get(word, word) for word in words), check=2))
    assert f"{model} is an ONNX file of another library, which has no weights for a network: {instead}" in said
    assert not any(tmp_path.iterdir())


def test_another_librarys_network_is_converted_before_it_is_pushed(folders: Path) -> None:
    for act in (lambda folder: push(folder, "anna/odyssey", token="hf_x", dry_run=True), render_card):
        with pytest.raises(
            EmozooError, match=r"a checkpoint of another library: name .* that emozoo convert .* has written"
        ):
            act(folders / "odyssey")


def test_the_command_line_says_why_not_in_a_line(folders: Path) -> None:
    done = emozoo(
        "predict",
        "--no-vad",
        str(next(toy().rglob("sentences/**/*.wav"))),
        "--model",
        str(folders / "pickles"),
        check=2,
    )
    assert (
        "load them with SpeechBrain, and save the same tensors by the same names as wav2vec2.safetensors"
        in one_error(done)
    )
