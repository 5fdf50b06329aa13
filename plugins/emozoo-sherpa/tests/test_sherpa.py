"""The diarizer `sherpa`, by the real sherpa-onnx, with two small networks in the place of the weights.

Their speakers are tones: the segmentation tells a low one from a high one, and the embedding is the mean spectrum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import numpy as np
import pytest
import soundfile
from emozoo_sherpa import EMBEDDING, SEGMENTATION, Settings, diarize, diarizer, read_settings
from support.hub_server import Repo, running
from support.models import small_model
from support.plugin_site import installed
from support.publishing import environment
from support.small import emozoo

from emozoo import EmozooError
from emozoo.diarizer import diarizer_problem
from emozoo.inference.diarizing import find_diarizer

onnx = pytest.importorskip("onnx")
pytest.importorskip("sherpa_onnx")

RATE = 16_000
FIELD, SHIFT = 991, 270
"""Samples that a frame of pyannote's segmentation sees, and from one frame to the next."""


def save(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], metadata: dict[str, Any], **arrays: Any
) -> None:
    from onnx import helper, numpy_helper

    constants = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    onnx.save(model, path)


def write_segmentation(path: Path) -> None:
    """Of the seven classes of pyannote's powerset: nobody, a smooth sound, a rough sound."""
    from onnx import TensorProto, helper

    weights, biases = np.zeros((2, 7)), np.full(7, -9.0)
    biases[:3] = 0.01, 0, 0
    weights[:, 1], weights[:, 2] = (1, -1), (-0.5, 1)  # of the mean size, and the mean step from sample to sample
    pool = {"kernel_shape": [FIELD], "strides": [SHIFT]}
    nodes = [
        helper.make_node("Conv", ["x", "step"], ["steps"], pads=[1, 0]),
        helper.make_node("Abs", ["x"], ["sizes"]),
        helper.make_node("Abs", ["steps"], ["stepsizes"]),
        helper.make_node("AveragePool", ["sizes"], ["size"], **pool),
        helper.make_node("AveragePool", ["stepsizes"], ["stepsize"], **pool),
        helper.make_node("Concat", ["size", "stepsize"], ["both"], axis=1),
        helper.make_node("Transpose", ["both"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "biases"], ["y"]),
    ]
    metadata = {
        "model_type": "pyannote-segmentation-3.0", "num_speakers": 3, "powerset_max_classes": 2, "num_classes": 7,
        "sample_rate": RATE, "window_size": 10 * RATE, "receptive_field_size": FIELD, "receptive_field_shift": SHIFT,
    }  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, "T"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "F", 7])
    save(path, nodes, [x], [y], metadata, step=[[[-1, 1]]], weights=weights, biases=biases)


def write_embedding(path: Path) -> None:
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("ReduceMean", ["x"], ["spectrum"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["spectrum"], ["level"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["spectrum", "level"], ["embs"]),
    ]
    metadata = {
        "framework": "wespeaker", "language": "none", "sample_rate": RATE, "output_dim": 80, "normalize_samples": 0,
        "feature_normalize_type": "",
    }  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 80])
    y = helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["N", 80])
    save(path, nodes, [x], [y], metadata)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("weights")
    write_segmentation(folder / "segmentation.onnx")
    write_embedding(folder / "embedding.onnx")
    return {
        SEGMENTATION.variable: str(folder / "segmentation.onnx"),
        EMBEDDING.variable: str(folder / "embedding.onnx"),
    }


@pytest.fixture
def given(weights: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    for name, value in weights.items():
        monkeypatch.setenv(name, value)
    yield weights


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def call() -> np.ndarray:
    """A low voice from 1 to 4 s, a high one from 5 to 8 s, and the low one again from 9 to 12 s."""
    pause = np.zeros(RATE, np.float32)
    return np.concatenate([pause, tone(200, 3), pause, tone(3000, 3), pause, tone(210, 3), pause])


def test_it_keeps_the_contract() -> None:
    assert diarizer_problem(diarizer, "sherpa") is None


def test_voices_are_told_apart_and_found_again(given: dict[str, str]) -> None:
    found = list(diarize(call()))
    assert [speaker for _, _, speaker in found] == ["speaker 1", "speaker 2", "speaker 1"]
    edges = [edge for start, end, _ in found for edge in (start, end)]
    assert np.abs(np.array(edges) - [1, 4, 5, 8, 9, 12]).max() < 0.1


@pytest.mark.parametrize("seconds", [0.0001, 0.5, 11.0])
def test_where_nobody_speaks_there_is_no_segment(seconds: float, given: dict[str, str]) -> None:
    assert list(diarize(np.zeros(round(seconds * RATE) or 1, np.float32))) == []


def test_the_number_of_speakers_may_be_given(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOZOO_SHERPA_SPEAKERS", "1")
    assert {speaker for _, _, speaker in diarize(call())} == {"speaker 1"}


def test_settings() -> None:
    assert read_settings({}) == Settings(-1, 0.5)
    assert read_settings({"EMOZOO_SHERPA_SPEAKERS": " 3 ", "EMOZOO_SHERPA_THRESHOLD": "0.9"}) == Settings(3, 0.9)


@pytest.mark.parametrize("value", ["0", "101", "two", "nan", "-1"])
@pytest.mark.parametrize("name", ["SPEAKERS", "THRESHOLD"])
def test_values_that_are_no_settings(name: str, value: str) -> None:
    with pytest.raises(EmozooError, match=f"EMOZOO_SHERPA_{name}={value}: must be a number from"):
        read_settings({f"EMOZOO_SHERPA_{name}": value})


def test_weights_that_are_none(given: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """sherpa-onnx would end the process for most of these."""
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    monkeypatch.setenv(SEGMENTATION.variable, str(text))
    with pytest.raises(EmozooError, match=r"text.onnx is no network for this: its metadata lacks model_type"):
        list(diarize(call()))
    monkeypatch.setenv(SEGMENTATION.variable, given[EMBEDDING.variable])
    with pytest.raises(EmozooError, match=r"embedding.onnx is no network for this: its metadata lacks model_type"):
        list(diarize(call()))
    monkeypatch.setenv(SEGMENTATION.variable, str(tmp_path / "none.onnx"))
    with pytest.raises(EmozooError, match="EMOZOO_SHERPA_SEGMENTATION=.*none.onnx: no such file"):
        list(diarize(call()))


def test_installed_as_a_distribution_it_is_found(given: dict[str, str]) -> None:
    with installed("emozoo-sherpa"):
        found = find_diarizer()
        assert (found.plugin.distribution, found.plugin.name) == ("emozoo-sherpa", "sherpa")
        assert [each.speaker for each in found.segments(call(), "call.wav")] == ["speaker 1", "speaker 2", "speaker 1"]


def test_predict_fetches_the_weights_from_the_hub_once(weights: dict[str, str], tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    soundfile.write(tmp_path / "call.wav", call(), RATE)
    words = ["predict", tmp_path / "call.wav", "--model", tmp_path / "model", "--diarize", "--json"]
    with running() as hub, installed("emozoo-sherpa"):
        for kind in (SEGMENTATION, EMBEDDING):
            name = kind.reference.removeprefix("hub:")
            hub.models[name] = Repo(name)
            hub.models[name].commit({kind.file: Path(weights[kind.variable]).read_bytes()}, "by hand")
        there = environment(hub, tmp_path / "home")
        (answer,) = json.loads(emozoo(*words, **there).stdout)["predictions"]
        assert [each["speaker"] for each in answer["segments"]] == ["speaker 1", "speaker 2", "speaker 1"]
        assert [(each["speaker"], each["segments"]) for each in answer["speakers"]] == [
            ("speaker 1", 2),
            ("speaker 2", 1),
        ]
        assert json.loads(emozoo(*words, **there | {"HF_HUB_OFFLINE": "1"}).stdout)["predictions"] == [answer]
        hub.models[EMBEDDING.reference.removeprefix("hub:")].commit({EMBEDDING.file: None, "weights.bin": b""}, "moved")
        done = emozoo(*words, check=2, **there | {"HF_HOME": str(tmp_path / "other")})
        assert f"has no {EMBEDDING.file}: name one that has" in json.loads(done.stdout)["predictions"][0]["error"]
