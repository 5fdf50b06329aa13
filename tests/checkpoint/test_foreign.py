"""Checkpoints of other libraries: a model of one's own in every command, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.schemas import validate
from support.small import emozoo, one_error, toy
from support.transformers_models import save_classifier

from emozoo import EmozooError
from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.convert import convert, convert_weights
from emozoo.checkpoint.foreign import translate
from emozoo.checkpoint.loading import load
from emozoo.inspection.describe import describe
from emozoo.media.reading import read_audio
from emozoo.publishing.card import render_card
from emozoo.tables.emotions import emotion_of, emotions, in_common_words

CARD = "---\nlicense: cc-by-nc-4.0\ndatasets:\n- Toy\n- some/IEMOCAP\n---\nA model.\n"
WORDS = {"id2label": {"0": "neu", "1": "hap", "2": "ang", "3": "Trauer"}}


def rewrite(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign") / "wav2vec2"
    save_classifier(folder, "wav2vec2")
    rewrite(folder, **WORDS, label2id={"neu": 0, "hap": 1, "ang": 2, "Trauer": 3})
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def foreign(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "foreign"))


@pytest.fixture(scope="module")
def clip() -> Path:
    return next(toy().rglob("sentences/**/*.wav"))


# --- what is read


def test_its_words_are_ours_and_its_card_is_told(foreign: Path) -> None:
    told = describe(str(foreign))
    assert told["labels"] == ["neutral", "happy", "angry", "sad"]
    assert told["labels_of_source"] == {"neu": "neutral", "hap": "happy", "ang": "angry", "Trauer": "sad"}
    assert (told["licence"], told["corpora"], told["reader"]) == (
        "cc-by-nc-4.0",
        ["Toy", "some/IEMOCAP"],
        "transformers",
    )
    assert told["window"] > 3 and told["read_from"] == "foreign"
    words = emozoo("info", foreign).stdout
    assert "Trauer" in words and "cc-by-nc-4.0" in words and "some/IEMOCAP" in words
    validate(json.loads(emozoo("info", foreign, "--json").stdout), "info")


def test_a_card_that_is_damaged_says_nothing(foreign: Path) -> None:
    for card in (
        "---\nlicense: [\n---\n",
        "---\n- a\n---\n",
        "no front matter",
        "---\ndatasets: {a: b}\nlicense: 7\n---\n",
    ):
        (foreign / "README.md").write_text(card)
        source = translate(foreign, str(foreign)).config.source
        assert source is not None and source.licence is None and source.datasets == ()
    (foreign / "README.md").unlink()
    assert translate(foreign, str(foreign)).config.labels[0] == "neutral"


@given(st.lists(st.text(min_size=1) | st.sampled_from(sorted(emotions())), min_size=1, unique=True))
def test_labels_stay_different_whatever_they_become(labels: list[str]) -> None:
    found = in_common_words(labels, {})
    assert len(set(found)) == len(labels)
    assert all(word == label or word == emotion_of(label) for word, label in zip(found, labels, strict=True))


def test_words_of_one_meaning_stay_as_they_are() -> None:
    assert in_common_words(("ang", "Anger", "joy", "XYZ"), {}) == ("ang", "Anger", "happy", "XYZ")
    assert in_common_words(("anger", "angry"), {}) == ("anger", "angry")
    assert in_common_words(("生气/angry", "开心/happy", "sad/happy"), {}) == ("angry", "happy", "sad/happy")
    assert in_common_words(("LABEL_0", "LABEL_1"), {"LABEL_0": "happy"}) == ("happy", "LABEL_1")


# --- what is refused


def test_every_tensor_has_its_place_and_every_place_its_tensor(foreign: Path) -> None:
    weights = load_file(foreign / "model.safetensors")
    gone, key_of = "classifier.weight", "wav2vec2.encoder.layers.0.attention.k_proj.bias"
    for changed, words in (
        ({key: value for key, value in weights.items() if key != key_of}, key_of),
        ({**weights, "classifier.stray.weight": torch.zeros(2)}, "classifier.stray.weight"),
        ({**weights, gone: torch.zeros(4, 9)}, "classifier.weight' is [4, 9], not [4, 8]"),
        ({**weights, gone: weights[gone] * torch.nan}, "not finite"),
    ):
        save_file(changed, foreign / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(EmozooError) as refused:
            load(foreign, "cpu")
        assert words in str(refused.value) and "\n" not in str(refused.value)


def test_weights_in_several_files_are_one_model(foreign: Path, clip: Path) -> None:
    whole = load(foreign, "cpu").predict(clip, vad=False).probabilities
    weights = load_file(foreign / "model.safetensors")
    halves = list(weights)[::2], list(weights)[1::2]
    for number, keys in enumerate(halves):
        save_file(
            {key: weights[key] for key in keys}, foreign / f"model-{number}.safetensors", metadata={"format": "pt"}
        )
    index = {key: f"model-{number}.safetensors" for number, keys in enumerate(halves) for key in keys}
    (foreign / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    (foreign / "model.safetensors").unlink()
    assert load(foreign, "cpu").predict(clip, vad=False).probabilities == whole
    (foreign / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../elsewhere.safetensors"}})
    )
    with pytest.raises(EmozooError, match="does not name the files"):
        load(foreign, "cpu")


def test_what_no_reader_knows_is_said(foreign: Path, clip: Path) -> None:
    rewrite(foreign, model_type="llama", architectures=["LlamaForCausalLM"])
    error = one_error(emozoo("predict", clip, "--no-vad", "--model", foreign, check=2))
    assert "llama" in error and "reader" in error


# --- what it can do


def test_commands_know_no_difference(foreign: Path, clip: Path, tmp_path: Path) -> None:
    answer = json.loads(emozoo("predict", clip, "--no-vad", "--model", foreign, "--json").stdout)
    validate(answer, "predict")
    shares = answer["predictions"][0]["probabilities"]
    assert set(shares) == {"neutral", "happy", "angry", "sad"} and sum(shares.values()) == pytest.approx(1)
    measured = json.loads(emozoo("evaluate", foreign, "--dataset", "toy", "--data-dir", toy(), "--json").stdout)
    validate(measured, "evaluate")
    assert "its card says that it was trained on Toy" in measured["note"]
    emozoo("embed", clip, "--no-vad", "--model", foreign, "--output", tmp_path / "vectors.npz")
    assert np.load(tmp_path / "vectors.npz", allow_pickle=False)["embedding"].shape == (1, 8)


def test_a_converted_copy_answers_the_same_and_says_where_it_is_from(foreign: Path, clip: Path, tmp_path: Path) -> None:
    done = emozoo("convert", foreign, "--output", tmp_path / "own", "--json")
    validate(json.loads(done.stdout), "convert")
    own, sound = load(tmp_path / "own", "cpu"), read_audio(clip)
    assert own.predict(sound, vad=False).probabilities == load(foreign, "cpu").predict(sound, vad=False).probabilities
    card = render_card(tmp_path / "own")
    assert "license: cc-by-nc-4.0" in card and "some/IEMOCAP" in card and "`foreign`, which others trained" in card
    assert "30 seconds at a time" in card
    assert "does not exist" in one_error(emozoo("convert", tmp_path / "none", "--output", tmp_path / "new", check=2))
    for what, words in ((tmp_path / "own", "already"), (foreign, "not empty")):
        with pytest.raises(EmozooError, match=words):
            convert(what, tmp_path / "own" if what is foreign else tmp_path / "new")


def test_its_graph_stands_in_a_folder_of_its_own(foreign: Path, dimensions: Path, clip: Path, tmp_path: Path) -> None:
    for source, said in ((foreign, "probabilities"), (dimensions, "dimensions")):
        target = tmp_path / f"{source.name} graph"
        emozoo("export", source, "--output", target)
        assert {path.name for path in target.iterdir()} == {"config.json", "model.onnx"}
        found = onnx_model.load(target).predict(clip, vad=False)
        assert getattr(found, said) == pytest.approx(
            getattr(load(source, "cpu").predict(clip, vad=False), said), abs=1e-5
        )
    assert "--output" in one_error(emozoo("export", foreign, check=2))


# --- dimensions


@pytest.fixture
def dimensions(original: Path, tmp_path: Path) -> Path:
    """As audEERING publishes it: a dense layer and an output layer over the mean of an encoder's states."""
    folder = tmp_path / "dimensions"
    shutil.copytree(original, folder)
    weights = {
        key: value for key, value in load_file(folder / "model.safetensors").items() if key.startswith("wav2vec2.")
    }
    torch.manual_seed(0)
    for name, size in (("dense", 16), ("out_proj", 3)):
        weights[f"classifier.{name}.weight"], weights[f"classifier.{name}.bias"] = (
            torch.randn(size, 16),
            torch.randn(size),
        )
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    names = {"0": "arousal", "1": "dominance", "2": "valence"}
    rewrite(folder, architectures=["Wav2Vec2ForSpeechClassification"], problem_type="regression", id2label=names)
    rewrite(folder, label2id={name: int(number) for number, name in names.items()})
    return folder


def test_dimensions_are_numbers_and_no_words(dimensions: Path, clip: Path) -> None:
    document = json.loads(emozoo("predict", clip, "--no-vad", "--model", dimensions, "--json", "--timeline").stdout)
    validate(document, "predict")
    assert document["labels"] == [] and document["dimensions"] == ["arousal", "dominance", "valence"]
    (answer,) = document["predictions"]
    assert set(answer["dimensions"]) == set(document["dimensions"]) and "emotion" not in answer
    assert answer["windows"][0]["dimensions"] == pytest.approx(answer["dimensions"])
    line = json.loads(emozoo("predict", clip, "--no-vad", "--model", dimensions, "--jsonl").stdout)
    validate(line, "predict-line")
    assert line["dimensions"] == pytest.approx(answer["dimensions"])
    told = emozoo("predict", clip, "--no-vad", "--model", dimensions).stdout
    assert "arousal" in told and f"{answer['dimensions']['valence']:.2f}" in told and "%" not in told
    segments = load(dimensions, "cpu").predict(clip, segments=[(0, 0.5, "A"), (0.5, 1, "A")], vad=False)
    assert segments.segments and segments.speakers and segments.speakers[0].dimensions == segments.dimensions


def test_dimensions_adapt_to_a_speaker_and_are_drawn(dimensions: Path, clip: Path, tmp_path: Path) -> None:
    words = ["predict", clip, "--no-vad", "--model", dimensions, "--plot", tmp_path / "a.png", "--json"]
    document = json.loads(emozoo(*words).stdout)
    assert "scale" not in document and "ratings" not in document["predictions"][0]
    assert (tmp_path / "a.png").stat().st_size > 1000
    turns = [(0, 0.5, "A"), (0.5, 1, "A")]
    plain, adapted = (
        load(dimensions, "cpu").predict(clip, segments=turns, adapt_speakers=adapt, vad=False)
        for adapt in (False, True)
    )
    assert plain.segments and adapted.segments and adapted.segments[0].adapted_with == 1
    other, own = plain.segments[1].dimensions or {}, plain.segments[0].dimensions or {}
    for name, value in (adapted.segments[0].dimensions or {}).items():
        moved = own[name] - (other[name] - 0.5) / 6
        assert value == pytest.approx(min(max(moved, min(own[name], 0)), max(own[name], 1)))


def test_what_needs_words_is_refused(dimensions: Path, clip: Path) -> None:
    words = ["predict", clip, "--no-vad", "--model", dimensions, "--min-confidence", "0.5"]
    assert "arousal" in one_error(emozoo(*words, check=2))


# --- weights of one's own


def test_a_state_dict_becomes_a_checkpoint(tmp_path: Path, clip: Path) -> None:
    from support.models import small_model

    model = small_model()
    file = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in model.network.state_dict().items()}, file)
    fields = ["--set", "filters=4,6,6", "--set", "kernels=[[5,5],[5,5],[3,3]]", "--set", "linear=16"]
    words = ["convert", file, "--architecture", model.architecture.name, "--labels", ",".join(model.labels)]
    emozoo(*words, *_settings(model), "--output", tmp_path / "own")
    assert fields and load(tmp_path / "own", "cpu").predict(clip, vad=False).probabilities == pytest.approx(
        model.predict(clip, vad=False).probabilities
    )
    for labels, out in (("happy,sad,angry", "b"), ("happy", "c")):
        error = one_error(
            emozoo(*words[:4], "--labels", labels, *_settings(model), "--output", tmp_path / out, check=2)
        )
        assert "labels" in error or "is [" in error
        assert not (tmp_path / out).exists()


def _settings(model: Any) -> list[str]:
    given_ = {name: value for name, value in vars(model.config).items() if value != vars(type(model.config)())[name]}
    texts = {name: json.dumps(value) for name, value in given_.items()}
    return [word for name, text in texts.items() for word in ("--set", f"{name}={text}")]


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"cos\nsystem\n(S'touch gone'\ntR.")
    with pytest.raises(EmozooError, match="safetensors.torch.save_file"):
        convert_weights(tmp_path / "weights.pt", "cnn", ("a", "b"), tmp_path / "own")
