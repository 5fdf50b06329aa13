"""Classifiers that transformers saved answer as in transformers, whatever stands behind a clip."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import torch
from emozoo_foreign.audio_classifier import AudioClassifier, AudioClassifierConfig
from emozoo_foreign.transformers_heads import reader
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.transformers_models import KINDS, LABELS, clip, save_classifier
from transformers import pipeline

from emozoo.errors import EmozooError


def read(folder: Path) -> Any:
    document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert reader.matches(document)
    return reader.read(folder, document)


def load(folder: Path) -> AudioClassifier:
    """The network of a checkpoint, every tensor of the file in its place."""
    reading = read(folder)
    assert reading.labels == LABELS and reading.target == "emotion" and reading.architecture == "audio_classifier"
    saved = json.loads(json.dumps(vars(reading.config), allow_nan=False))
    network = AudioClassifier(AudioClassifierConfig(**saved), len(reading.labels))
    tensors = load_file(folder / "model.safetensors")
    assert set(reading.tensors) == set(tensors)
    assert sorted(reading.tensors.values()) == sorted(network.state_dict())
    network.load_state_dict({reading.tensors[name]: tensor for name, tensor in tensors.items()})
    return network.eval()


def answers(network: Any, clips: list[np.ndarray], beyond: int = 0) -> np.ndarray:
    """Probabilities [clips, labels] of clips in one batch, each followed by `beyond` samples or more of noise."""
    longest = max(map(len, clips)) + beyond
    batch = torch.from_numpy(np.random.default_rng(1).standard_normal((len(clips), longest)).astype(np.float32))
    for row, sound in zip(batch, clips, strict=True):
        row[: len(sound)] = torch.from_numpy(sound)
    with torch.inference_mode():
        return network(batch, torch.tensor([len(sound) for sound in clips])).softmax(1).numpy()


def told(classify: Any, sound: np.ndarray) -> np.ndarray:
    """Probabilities [labels] of transformers' own pipeline."""
    scores = {each["label"]: each["score"] for each in classify(sound.copy(), top_k=None)}
    return np.array([scores[label] for label in LABELS])


def edit(folder: Path, file: str = "config.json", **changes: Any) -> None:
    """Sets fields of a JSON file; those set to `...` go."""
    document = json.loads((folder / file).read_text(encoding="utf-8")) | changes
    kept = {field: value for field, value in document.items() if value is not ...}
    (folder / file).write_text(json.dumps(kept), encoding="utf-8")


def rename(folder: Path, *changes: tuple[str, str]) -> None:
    """Saves the weights with parts of their tensors' names replaced; tensors whose name becomes empty go."""
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        for old, new in changes:
            name = name.replace(old, new) if new else "" if old in name else name
        if name:
            tensors[name] = tensor
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


CLIPS = [clip(samples, seed) for seed, samples in enumerate((16_000, 7_300, 16_000, 30_001, 16_157))]


def compare(folder: Path) -> None:
    """Asserts that each of the clips has the same answer here, in a batch of all of them, as in transformers' pipeline."""
    network = load(folder)
    classify = pipeline("audio-classification", model=str(folder), device="cpu")
    expected = np.array([told(classify, sound) for sound in CLIPS])
    assert np.ptp(expected, axis=0).max() > 0.005, "the clips should differ"
    assert np.abs(answers(network, CLIPS, beyond=777) - expected).max() < 1e-5
    with torch.inference_mode():
        alone = network(torch.from_numpy(CLIPS[3])[None]).softmax(1).numpy()
    assert np.abs(alone - expected[3]).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_has_the_probabilities_that_transformers_gives(kind: str, tmp_path: Path) -> None:
    save_classifier(tmp_path, kind)
    compare(tmp_path)


@pytest.mark.parametrize(
    ("kind", "extractor", "fields"),
    [
        ("wav2vec2", {"do_normalize": False}, {"use_weighted_layer_sum": True}),
        ("wav2vec2", {"return_attention_mask": True}, {"feat_extract_norm": "layer", "do_stable_layer_norm": True}),
        ("wavlm", {"return_attention_mask": True}, {"use_weighted_layer_sum": True}),
        ("hubert", {}, {"conv_pos_batch_norm": True}),
        ("wav2vec2-conformer", {}, {"position_embeddings_type": "rotary"}),
        ("wav2vec2-bert", {}, {"use_weighted_layer_sum": True, "position_embeddings_type": "relative"}),
        ("whisper", {}, {"use_weighted_layer_sum": True}),
        ("audio-spectrogram-transformer", {"mean": -5.0, "std": 3.0}, {}),
        ("audio-spectrogram-transformer", {"do_normalize": False}, {}),
    ],
)
def test_so_do_variants_of_head_encoder_and_sound(
    kind: str, extractor: dict[str, Any], fields: dict[str, Any], tmp_path: Path
) -> None:
    save_classifier(tmp_path, kind, extractor, **fields)
    compare(tmp_path)


def test_weight_norm_is_read_by_its_old_names_too(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    norm = "parametrizations.weight.original"
    expected = answers(load(tmp_path), CLIPS)
    rename(tmp_path, (f"{norm}0", "weight_g"), (f"{norm}1", "weight_v"))
    assert any(name.endswith("conv.weight_g") for name in load_file(tmp_path / "model.safetensors"))
    assert np.array_equal(answers(load(tmp_path), CLIPS), expected)


@pytest.mark.parametrize(("probability", "drop"), [(0.05, True), (0.0, False)])
def test_the_mask_of_training_is_there_where_the_file_has_it(probability: float, drop: bool, tmp_path: Path) -> None:
    save_classifier(tmp_path, "hubert")
    expected = answers(load(tmp_path), CLIPS)
    edit(tmp_path, mask_time_prob=probability)
    if drop:
        rename(tmp_path, ("masked_spec_embed", ""))
    assert np.array_equal(answers(load(tmp_path), CLIPS), expected)


def test_positions_that_prediction_computed_do_not_stand_in_the_way_of_training(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2-conformer", position_embeddings_type="rotary")
    network, sound = load(tmp_path), torch.from_numpy(CLIPS[0])[None]
    with torch.inference_mode():
        network(sound)
    network.train()(sound).sum().backward()
    assert all(each.grad is not None for each in network.output.parameters())


def test_weights_in_several_files_are_read(tmp_path: Path) -> None:
    model = save_classifier(tmp_path, "wav2vec2")
    whole = read(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert read(tmp_path) == whole


def test_what_a_model_is_can_be_told_before_its_weights_are_there(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    whole = read(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert read(tmp_path).labels == whole.labels and read(tmp_path).config.head == "transformers"
    edit(tmp_path, id2label=...)
    assert read(tmp_path).labels == ("LABEL_0", "LABEL_1")


def test_a_feature_extractor_may_be_part_of_a_processor(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2", {"do_normalize": False})
    whole = read(tmp_path)
    part = json.loads((tmp_path / "preprocessor_config.json").read_text(encoding="utf-8"))
    (tmp_path / "preprocessor_config.json").unlink()
    (tmp_path / "processor_config.json").write_text(json.dumps({"feature_extractor": part}), encoding="utf-8")
    assert read(tmp_path) == whole


@cache
def network_of(kind: str) -> AudioClassifier:
    folder = Path(mkdtemp())
    save_classifier(folder, kind)
    return load(folder)


@pytest.mark.parametrize("kind", ["wav2vec2", "sew", "wav2vec2-bert", "whisper", "audio-spectrogram-transformer"])
@given(lengths=st.lists(st.integers(0, 9000), min_size=1, max_size=4), silence=st.integers(0, 9000))
@settings(max_examples=15, deadline=None)
def test_silence_behind_a_clip_changes_nothing(kind: str, lengths: list[int], silence: int) -> None:
    network = network_of(kind)
    batch = torch.zeros(len(lengths), max(lengths) + silence)
    for row, length in enumerate(lengths):
        batch[row, :length] = torch.from_numpy(clip(length, row))
    with torch.inference_mode():
        together = network(batch, torch.tensor(lengths))
        alone = torch.cat([network(torch.from_numpy(clip(n, row))[None]) for row, n in enumerate(lengths)])
        embedded = network.embed(batch, torch.tensor(lengths))
        decided = network.output(embedded)
    assert together.isfinite().all()
    assert torch.allclose(together, alone, atol=1e-4)
    assert embedded.shape == (len(lengths), network.output.in_features)
    assert torch.allclose(decided, together, atol=1e-4)


def test_many_long_clips_go_through_the_encoder_in_parts() -> None:
    network = network_of("wav2vec2")
    sound = torch.from_numpy(np.stack([clip(400_000, seed) for seed in range(3)]))
    with torch.inference_mode():
        parts = network(sound)
        assert torch.allclose(parts, torch.cat([network(row[None]) for row in sound]), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_can_be_built_as_shapes_only(kind: str) -> None:
    network, config = network_of(kind), read_config(kind)
    with torch.device("meta"):
        shapes = AudioClassifier(config, len(LABELS)).state_dict()
    assert {name: value.shape for name, value in shapes.items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }
    assert not list(network.front.state_dict())


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper", "audio-spectrogram-transformer"])
def test_a_graph_for_one_clip_of_any_length_can_be_exported(kind: str) -> None:
    network = network_of(kind)
    samples = torch.export.Dim("samples", min=max(network.front.least, 800), max=480_000)
    program = torch.export.export(
        network,
        (torch.from_numpy(CLIPS[0])[None],),
        dynamic_shapes=({1: samples},),
        prefer_deferred_runtime_asserts_over_guards=True,
    ).module()
    for sound in CLIPS[:4]:
        with torch.inference_mode():
            given = torch.from_numpy(sound)[None]
            assert torch.allclose(program(given), network(given), atol=1e-5)


@cache
def read_config(kind: str) -> AudioClassifierConfig:
    folder = Path(mkdtemp())
    save_classifier(folder, kind)
    return read(folder).config


def test_what_a_config_says_beside_its_sizes_is_not_kept(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    plain = read(tmp_path)
    edit(
        tmp_path,
        _name_or_path="/home/anna/model",
        auto_map={"AutoModel": "anna/code--modeling.Model"},
        attn_implementation="anna/kernels",
        _attn_implementation="anna/kernels",
        dtype="bfloat16",
        vocab_size=None,
        custom_pipelines={"x": {"impl": "x.Pipe"}},
    )
    assert read(tmp_path) == plain
    assert "anna" not in json.dumps(vars(plain.config))


def test_labels_keep_the_order_of_their_numbers(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    words = {str(number): f"word {number}" for number in (2, 0, 3, 1)}
    edit(tmp_path, id2label=words)
    assert read(tmp_path).labels == ("word 0", "word 1", "word 2", "word 3")
    edit(tmp_path, id2label=...)
    assert read(tmp_path).labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")


PREPROCESSOR = "preprocessor_config.json"


@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("config.json", {"model_type": "bert"}, "'bert', for which transformers has no classifier of sound"),
        ("config.json", {"model_type": "../x"}, "no classifier of sound"),
        ("config.json", {"hidden_act": "/etc/passwd"}, "hidden_act is '/etc/passwd'"),
        ("config.json", {"hidden_size": 2**40}, "hidden_size"),
        ("config.json", {"conv_stride": [1, 1, 1]}, "its convolutions do not fit|leave"),
        ("config.json", {"conv_stride": [5, 8]}, "not lists of as many whole numbers"),
        ("config.json", {"id2label": {"0": "sad", "1": "happy"}}, "does not name its 4 outputs"),
        ("config.json", {"problem_type": "multi_label_classification"}, "classifiers of one emotion"),
        ("config.json", {"problem_type": "regression"}, "'regression'; emozoo reads"),
        ("config.json", {"pooling_mode": "median"}, "pooling_mode is 'median'"),
        (PREPROCESSOR, {"sampling_rate": 44_100}, "takes sound of 44100 Hz; emozoo's is 16000 Hz"),
        (
            PREPROCESSOR,
            {"feature_extractor_type": "EncodecFeatureExtractor"},
            "'EncodecFeatureExtractor'; of a wav2vec2",
        ),
        (PREPROCESSOR, {"do_normalize": "yes"}, "do_normalize is 'yes'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    file: str, changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    save_classifier(tmp_path, "wav2vec2")
    edit(tmp_path, file, **changes)
    with pytest.raises(EmozooError, match=reason) as told:
        read(tmp_path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("whisper", {"chunk_length": 30}, "max_source_positions is 150, but its feature extractor gives 1500"),
        ("whisper", {"feature_size": 10**9}, "feature_size is 1000000000, not between 4 and 512"),
        (
            "audio-spectrogram-transformer",
            {"max_length": 100},
            "max_length is 200, but its feature extractor gives 100",
        ),
        ("wav2vec2-bert", {"stride": 3}, "feature_projection_input_dim is 40, but its feature extractor gives 60"),
    ],
)
def test_spectrograms_of_another_size_are_refused(
    kind: str, changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    save_classifier(tmp_path, kind)
    edit(tmp_path, PREPROCESSOR, **changes)
    with pytest.raises(EmozooError, match=reason):
        read(tmp_path)


def test_without_its_preparation_a_model_is_refused_unless_its_kind_tells(tmp_path: Path) -> None:
    save_classifier(tmp_path / "group", "wav2vec2")
    (tmp_path / "group" / PREPROCESSOR).unlink()
    with pytest.raises(EmozooError, match="no preprocessor_config.json, so nobody can tell"):
        read(tmp_path / "group")
    save_classifier(tmp_path / "layer", "wav2vec2", feat_extract_norm="layer")
    whole = read(tmp_path / "layer")
    (tmp_path / "layer" / PREPROCESSOR).unlink()
    assert read(tmp_path / "layer") == whole


def test_an_encoder_without_a_head_is_refused(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    rename(tmp_path, ("classifier.", ""))
    with pytest.raises(EmozooError, match="have no head that emozoo knows"):
        read(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"not a header at all", b"\xff" * 64])
def test_damaged_weights_are_told_of(damage: bytes, tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    (tmp_path / "model.safetensors").write_bytes(damage)
    with pytest.raises(EmozooError, match="its model.safetensors is damaged"):
        read(tmp_path)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"architectures": []}, {"architectures": [1], "model_type": "x"}, {"architectures": "Wav2Vec2"}],
)
def test_other_documents_do_not_match(document: Any) -> None:
    assert not reader.matches(document)


def test_to_know_a_config_costs_no_torch() -> None:
    code = (
        "import sys; from emozoo_foreign import speech_heads, transformers_heads\n"
        "document = {'architectures': ['Wav2Vec2ForSequenceClassification'], 'model_type': 'wav2vec2'}\n"
        "assert transformers_heads.reader.matches(document) and not speech_heads.reader.matches(document)\n"
        "assert not {'numpy', 'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
