"""Checkpoints that transformers cannot load by itself, in the layouts that are published: each answers as its own library's
network does, or is refused by its reason."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emozoo_foreign import emotion2vec, odyssey, onnx_folder, speechbrain
from emozoo_foreign.audio_classifier import AudioClassifier, AudioClassifierConfig
from emozoo_foreign.encoder_shapes import encoder_config, kind_of
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.foreign_folders import (
    ATTRIBUTES,
    HYPERPARAMS,
    MSP,
    encoder,
    save_audonnx,
    save_odyssey,
    save_onnx,
    save_speechbrain,
)
from support.onnx_files import answered, softmax, voice

import emozoo.testing
from emozoo import EmozooError
from emozoo.checkpoint.foreign_onnx import load_foreign_onnx
from emozoo.conformance.reader_subject import marker_document
from emozoo.reader import Reader, Reading
from emozoo.target import Outputs

CLIPS = [voice(samples, seed) for seed, samples in enumerate((16_000, 7_300, 16_000, 30_001, 1_600))]


def read(reader: Reader, folder: Path) -> Reading:
    document = marker_document(folder / reader.marker)
    assert reader.matches(document) is True
    return reader.read(folder, document)


def network_of(reading: Reading, folder: Path, *files: str) -> AudioClassifier:
    """The network of a reading, built from its config as a converted copy records it, every tensor in its place."""
    saved = json.loads(json.dumps(dataclasses.asdict(reading.config), allow_nan=False))
    network = AudioClassifier(AudioClassifierConfig(**saved), len(reading.labels))
    held = {name: tensor for file in files for name, tensor in load_file(folder / file).items()}
    assert set(reading.tensors) == set(held)
    assert sorted(reading.tensors.values()) == sorted(network.state_dict())
    network.load_state_dict({reading.tensors[name]: tensor for name, tensor in held.items()})
    return network.eval()


def answers(network: AudioClassifier, clips: list[np.ndarray] = CLIPS, beyond: int = 777) -> np.ndarray:
    """Outputs [clips, labels] of clips in one batch, each followed by `beyond` samples or more of noise."""
    batch = torch.from_numpy(
        np.random.default_rng(1).standard_normal((len(clips), max(map(len, clips)) + beyond)).astype(np.float32)
    )
    for row, sound in zip(batch, clips, strict=True):
        row[: len(sound)] = torch.from_numpy(sound)
    with torch.inference_mode():
        return network(batch, torch.tensor([len(sound) for sound in clips])).numpy()


def check(network: AudioClassifier, answer: Any) -> None:
    expected = np.array([answer(sound) for sound in CLIPS])
    assert np.ptp(expected, axis=0).max() > 0.01, "the clips should differ"
    # Logits of about 5, in float32: probabilities then agree to 1e-5.
    np.testing.assert_allclose(answers(network), expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def edit(path: Path, **changes: Any) -> None:
    """Sets fields of a JSON file; those set to `...` go."""
    document = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({field: value for field, value in document.items() if value is not ...}))


def rename(path: Path, old: str, new: str) -> None:
    """Replaces a part of the names of tensors; those that become empty go."""
    tensors = {
        name.replace(old, new) if new else name: tensor
        for name, tensor in load_file(path).items()
        if new or old not in name
    }
    save_file(tensors, path)


# --- Odyssey


@pytest.mark.parametrize(("layers", "large"), [(1, True), (2, False)])
def test_an_odyssey_baseline_answers_as_its_own_network(layers: int, large: bool, tmp_path: Path) -> None:
    answer = save_odyssey(tmp_path, layers=layers, large=large)
    reading = read(odyssey.reader, tmp_path)
    assert (reading.labels, reading.target, reading.architecture) == (MSP, "emotion", "audio_classifier")
    check(network_of(reading, tmp_path, "model.safetensors"), answer)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (ATTRIBUTES, {}),
        (ATTRIBUTES, {"id2label": ...}),
        (("valence",), {}),
        (ATTRIBUTES, {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}),
    ],
)
def test_its_attributes_are_dimensions(labels: tuple[str, ...], names: dict[str, Any], tmp_path: Path) -> None:
    answer = save_odyssey(tmp_path, labels)
    edit(tmp_path / "config.json", **names)
    reading = read(odyssey.reader, tmp_path)
    assert (reading.labels, reading.target) == (labels, "dimensions")
    check(network_of(reading, tmp_path, "model.safetensors"), answer)


def test_weights_by_torchs_old_names_are_the_same(tmp_path: Path) -> None:
    answer = save_odyssey(tmp_path)
    for number, letter in ((0, "g"), (1, "v")):
        rename(tmp_path / "model.safetensors", f"parametrizations.weight.original{number}", f"weight_{letter}")
    check(network_of(read(odyssey.reader, tmp_path), tmp_path, "model.safetensors"), answer)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mean": ...}, "'mean'"),
        ({"std": 0.0}, "std is 0.0"),
        ({"std": "x"}, "missing or damaged"),
        ({"ssl_type": "facebook/data2vec-audio-base"}, "emozoo knows wav2vec 2.0, HuBERT and WavLM"),
        ({"ssl_type": "facebook/hubert-large-ll60k"}, "tensors"),
        ({"id2label": {"0": "Angry"}}, "does not name its 8 outputs"),
    ],
)
def test_a_baseline_that_is_not_known_exactly_is_refused(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    save_odyssey(tmp_path)
    edit(tmp_path / "config.json", **changes)
    if reason == "tensors":  # another encoder than the config names: the core finds that it does not fit
        reading = read(odyssey.reader, tmp_path)
        network = AudioClassifier(reading.config, len(reading.labels))
        assert sorted(reading.tensors.values()) != sorted(network.state_dict())
        return
    with pytest.raises(EmozooError, match=reason):
        read(odyssey.reader, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "reason"), [("sap_linear", "other", "no such baseline has"), ("ser_model.out", "", "missing")]
)
def test_tensors_of_another_head_are_refused(old: str, new: str, reason: str, tmp_path: Path) -> None:
    save_odyssey(tmp_path)
    rename(tmp_path / "model.safetensors", old, new)
    with pytest.raises(EmozooError, match=reason):
        read(odyssey.reader, tmp_path)


def test_before_its_weights_are_there_a_baseline_is_known_by_its_config(tmp_path: Path) -> None:
    save_odyssey(tmp_path)
    whole = read(odyssey.reader, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    told = read(odyssey.reader, tmp_path)
    assert (told.labels, told.target, told.architecture) == (whole.labels, whole.target, whole.architecture)
    assert told.config.model["hidden_size"] == 1024 and not told.tensors


# --- SpeechBrain


@pytest.mark.parametrize(
    ("kind", "name", "prefix"),
    [("wav2vec2", "facebook/wav2vec2-base", "model."), ("hubert", "facebook/hubert-base-ls960", "")],
)
def test_speechbrains_recipe_answers_as_its_own_network(kind: str, name: str, prefix: str, tmp_path: Path) -> None:
    answer = save_speechbrain(tmp_path, kind, name, prefix=prefix)
    reading = read(speechbrain.reader, tmp_path)
    assert (reading.labels, reading.target) == (("neu", "ang", "hap", "sad"), "emotion")
    check(network_of(reading, tmp_path, "wav2vec2.safetensors", "model.safetensors"), answer)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("return_std: False", "return_std: True", "pools in another way"),
        ("    return_std: False\n", "", "pools in another way"),
        (
            "nnet.pooling.StatisticsPooling",
            "lobes.models.ECAPA_TDNN.AttentiveStatisticsPooling",
            "pools in another way",
        ),
        ("output_norm: True", "output_all_hiddens: True", "than by its last layer"),
        ("source: !ref <wav2vec2_hub>", "source: !ref <nothing>", "than by its last layer"),
        ("source: !ref <wav2vec2_hub>", "source: !apply:os.getcwd", "than by its last layer"),
        ("facebook/wav2vec2-base", "openai/whisper-base", "its encoder is 'openai/whisper-base'"),
        ("facebook/wav2vec2-base", "microsoft/wavlm-base", "not those of a wavlm"),
    ],
)
def test_another_recipe_of_speechbrain_is_refused(old: str, new: str, reason: str, tmp_path: Path) -> None:
    text = HYPERPARAMS.replace("{encoder}", "facebook/wav2vec2-base")
    assert old in text
    save_speechbrain(tmp_path, text=text.replace(old, new))
    with pytest.raises(EmozooError, match=reason):
        read(speechbrain.reader, tmp_path)


def test_sound_of_a_wavlm_is_prepared_as_its_own_feature_extractor_says(tmp_path: Path) -> None:
    save_speechbrain(tmp_path, "wavlm", "microsoft/wavlm-base")
    with pytest.raises(EmozooError, match="it has no preprocessor_config.json, and WavLM's differ"):
        read(speechbrain.reader, tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": false}')
    assert read(speechbrain.reader, tmp_path).config.extractor["do_normalize"] is False


@pytest.mark.parametrize(
    "text", [None, "", "'neu' => 0\n'ang' => 1\n", "'a' => 0\n'a' => 1\n'b' => 2\n'c' => 3\n", "\xff"]
)
def test_labels_that_do_not_name_each_output_are_refused(text: str | None, tmp_path: Path) -> None:
    save_speechbrain(tmp_path)
    path = tmp_path / "label_encoder.txt"
    path.unlink() if text is None else path.write_bytes(text.encode("latin-1"))
    with pytest.raises(EmozooError, match="label_encoder.txt"):
        read(speechbrain.reader, tmp_path)


def test_before_its_weights_are_there_a_recipe_is_known_by_its_hyperparameters(tmp_path: Path) -> None:
    save_speechbrain(tmp_path)
    for file in ("wav2vec2", "model"):
        (tmp_path / f"{file}.safetensors").unlink()
    told = read(speechbrain.reader, tmp_path)
    assert told.labels == ("neu", "ang", "hap", "sad") and told.config.model["hidden_size"] == 768 and not told.tensors
    (tmp_path / "model.ckpt").write_bytes(b"")
    with pytest.raises(EmozooError, match=r"its weights are pickle files \(model.ckpt\)"):
        read(speechbrain.reader, tmp_path)


# --- an encoder, from the shapes of its tensors


@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from(["wavlm", "wav2vec2", "hubert"]),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "num_hidden_layers": st.integers(1, 3),
            "hidden_size": st.sampled_from([16, 32, 48]),
            "intermediate_size": st.sampled_from([8, 40]),
            "num_conv_pos_embeddings": st.sampled_from([4, 9]),
            "num_conv_pos_embedding_groups": st.sampled_from([1, 4]),
            "mask_time_prob": st.sampled_from([0.0, 0.05]),
        }
    ),
)
def test_shapes_tell_the_encoder(kind: str, large: bool, sizes: dict[str, Any]) -> None:
    model = encoder(kind, large, **sizes)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = encoder_config(f"anna/{kind}-small", shapes)
    told = model.config.to_dict()
    assert {key: found[key] for key in sizes} == sizes
    fields = (
        "conv_dim",
        "conv_kernel",
        "conv_stride",
        "conv_bias",
        "feat_extract_norm",
        "do_stable_layer_norm",
        "num_attention_heads",
    )
    assert [found[field] for field in fields] == [
        list(told[field]) if isinstance(told[field], tuple) else told[field] for field in fields
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("microsoft/wavlm-large", "wavlm"),
        ("microsoft/wavlm-base-plus", "wavlm"),
        ("facebook/wav2vec2-large-robust", "wav2vec2"),
        ("facebook/wav2vec2-xls-r-300m", "wav2vec2"),
        ("/old/place/hubert-base-ls960", "hubert"),
        ("facebook/w2v-bert-2.0", None),
        ("facebook/wav2vec2-conformer-rope-large", None),
        ("wavlm/other", None),
        (None, None),
    ],
)
def test_a_name_tells_the_kind(name: Any, kind: str | None) -> None:
    if kind is None:
        with pytest.raises(EmozooError, match="its encoder is"):
            kind_of(name)
    else:
        assert kind_of(name) == kind


# --- ONNX


def test_audonnx_dimensions_answer_as_onnxruntime(tmp_path: Path) -> None:
    save_audonnx(tmp_path)
    reading = read(onnx_folder.audonnx, tmp_path)
    assert (reading.labels, reading.target) == (ATTRIBUTES, "dimensions") and reading.graph is not None
    model = load_foreign_onnx(tmp_path, reading.graph, Outputs.of(reading.labels, reading.target), "a")
    windows = [(sound, None) for sound in CLIPS]
    expected = [answered(tmp_path / "model.onnx", sound) for sound in CLIPS]
    np.testing.assert_allclose(model.probabilities(windows), expected, atol=1e-6)
    hidden = [answered(tmp_path / "model.onnx", sound, "hidden_states") for sound in CLIPS]
    np.testing.assert_allclose(model.embeddings(windows), hidden, atol=1e-6)


SMILE = {"$opensmile.core.smile.Smile==2.4.1": {"feature_set": "GeMAPSv01b"}}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"transform": SMILE}, "has a transform"),
        ({"transform": {"signal": SMILE}}, "has a transform"),
        ({"path": "../model.onnx"}, "emozoo reads model.onnx beside it"),
        ({"labels": None}, "which output is the emotion: it has labels for no output"),
        ({"labels": {"logits": ["angry", "angry"]}}, "no output"),
        ({"labels": {"gender": ["female", "male"], "emotion": ["angry", "sad"]}}, "labels for 'gender', 'emotion'"),
    ],
)
def test_an_audonnx_model_of_something_else_is_refused(fields: dict[str, Any], reason: str, tmp_path: Path) -> None:
    save_audonnx(tmp_path, **fields)
    with pytest.raises(EmozooError, match=reason):
        read(onnx_folder.audonnx, tmp_path)


@pytest.mark.parametrize("fields", [{"labels": list(ATTRIBUTES)}, {"transform": {"signal": None}}])
def test_an_audonnx_model_may_say_it_shorter(fields: dict[str, Any], tmp_path: Path) -> None:
    save_audonnx(tmp_path, **fields)
    assert read(onnx_folder.audonnx, tmp_path).labels == ATTRIBUTES


@pytest.mark.parametrize(
    "text", ["angry\nhappy\nsad\n", "- angry\n- happy\n- sad", "0: angry\n1: happy\n2: sad\n", "\nangry \n\nhappy\nsad"]
)
@pytest.mark.parametrize("normalize", [None, True, False])
def test_an_onnx_file_with_labels_beside_it_answers_as_onnxruntime(
    text: str, normalize: bool | None, tmp_path: Path
) -> None:
    save_onnx(tmp_path, text)
    if normalize is not None:
        (tmp_path / "preprocessor_config.json").write_text(
            json.dumps({"do_normalize": normalize, "sampling_rate": 16_000})
        )
    reading = read(onnx_folder.onnx_labels, tmp_path)
    assert (reading.labels, reading.target) == (("angry", "happy", "sad"), "emotion") and reading.graph is not None
    model = load_foreign_onnx(tmp_path, reading.graph, Outputs.of(reading.labels, reading.target), "a")
    sounds = [(sound - sound.mean()) / np.sqrt(sound.var() + 1e-7) if normalize else sound for sound in CLIPS]
    expected = [softmax(answered(tmp_path / "model.onnx", sound)) for sound in sounds]
    np.testing.assert_allclose(model.probabilities([(sound, None) for sound in CLIPS]), expected, atol=1e-5)


@pytest.mark.parametrize("text", ["angry\nangry", "angry", "", "0: angry\n2: sad", "angry\nhappy\nangry\n"])
def test_labels_that_are_none_are_no_labels(text: str, tmp_path: Path) -> None:
    save_onnx(tmp_path, text)
    document = marker_document(tmp_path / "labels.txt")
    if onnx_folder.onnx_labels.matches(document):
        with pytest.raises(EmozooError, match="its labels are damaged"):
            onnx_folder.onnx_labels.read(tmp_path, document)


def test_labels_may_stand_in_a_config(tmp_path: Path) -> None:
    save_onnx(tmp_path, None, id2label={"1": "sad", "0": "angry", "2": "calm"}, do_normalize=True)
    reading = read(onnx_folder.onnx_config, tmp_path)
    assert reading.labels == ("angry", "sad", "calm") and reading.graph is not None and reading.graph.normalize
    named = {"architectures": ["Wav2Vec2ForSequenceClassification"], "model_type": "wav2vec2"}
    assert not onnx_folder.onnx_config.matches({"id2label": {"0": "a", "1": "b"}, **named})


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ({"sampling_rate": 8000}, "8000 Hz"),
        ({"feature_extractor_type": "WhisperFeatureExtractor"}, "given sound only"),
        ({"do_normalize": 1}, "neither true nor false"),
        ([], "not a JSON object"),
        (None, "not a JSON object"),
    ],
)
def test_sound_that_emozoo_does_not_give_is_refused(sound: Any, reason: str, tmp_path: Path) -> None:
    save_onnx(tmp_path, "angry\nhappy\nsad")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(sound))
    with pytest.raises(EmozooError, match=reason):
        read(onnx_folder.onnx_labels, tmp_path)


# --- emotion2vec


def test_emotion2vec_is_known_and_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "model: Emotion2vec\nmodel_conf:\n    loss_beta: 0.0\ntokenizer: CharTokenizer\n"
    )
    (tmp_path / "model.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(EmozooError, match=r"pickle file \(model.pt\).*: use FunASR for it") as caught:
        read(emotion2vec.reader, tmp_path)
    assert "\n" not in str(caught.value)
    assert not emotion2vec.reader.matches({"model": "Paraformer"})


# --- the contract


class TestOdyssey(emozoo.testing.ReaderConformance):
    reader = "odyssey"

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        save_odyssey(tmp_path)
        return tmp_path


class TestSpeechBrain(emozoo.testing.ReaderConformance):
    reader = "speechbrain"

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        save_speechbrain(tmp_path)
        return tmp_path


class TestAudonnx(emozoo.testing.ReaderConformance):
    reader = "audonnx"

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        save_audonnx(tmp_path)
        return tmp_path


class TestOnnx(emozoo.testing.ReaderConformance):
    reader = "onnx_config"
    without = ("loads",)  # as those of the same module

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        save_onnx(tmp_path, None, id2label={"0": "angry", "1": "happy", "2": "sad"})
        return tmp_path


class TestOnnxLabels(emozoo.testing.ReaderConformance):
    reader = "onnx_labels"
    without = ("loads",)  # as those of the same module

    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        save_onnx(tmp_path, "angry\nhappy\nsad\n")
        return tmp_path


class TestEmotion2vec(emozoo.testing.ReaderConformance):
    reader = "emotion2vec"  # without a checkpoint, for there is none that it reads
