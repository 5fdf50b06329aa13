"""Heads that transformers does not have: the encoder's last layer pooled, a linear layer, tanh, a linear layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from emozoo_foreign import speech_heads, transformers_heads
from emozoo_foreign.audio_classifier import AudioClassifier
from safetensors.torch import load_file, save_file
from support.transformers_models import ENCODER, LABELS, WAVEFORM, clip, extractor_of, stir

from emozoo.errors import EmozooError

DIMENSIONS = ("arousal", "dominance", "valence")
READERS = (speech_heads.reader, transformers_heads.reader)


class Whole(torch.nn.Module):
    """The network as published code has it (Wagner et al. 2023; soxan), but for dropout."""

    def __init__(self, config: Any, outputs: int, last: str = "out_proj") -> None:
        super().__init__()
        self.encoder = transformers.AutoModel.from_config(config)
        self.last = last
        layers = {"dense": torch.nn.Linear(16, 16), last: torch.nn.Linear(16, outputs)}
        self.classifier = torch.nn.ModuleDict(layers)

    def forward(self, input_values: torch.Tensor, pooling: str) -> torch.Tensor:
        states = self.encoder(input_values).last_hidden_state
        pooled = {"mean": states.mean(1), "sum": states.sum(1), "max": states.max(1)[0]}[pooling]
        return self.classifier[self.last](torch.tanh(self.classifier["dense"](pooled)))


def save(
    folder: Path, kind: str = "wav2vec2", labels: tuple[str, ...] = DIMENSIONS, last: str = "out_proj", **fields: Any
) -> Whole:
    """Saves a tiny network as those models are published; gives it."""
    config = transformers.CONFIG_MAPPING[kind](**WAVEFORM)
    whole = Whole(config, len(labels), last).eval()
    stir(whole)
    prefix = kind.replace("-", "_")
    tensors = {name.replace("encoder.", f"{prefix}.", 1): value for name, value in whole.state_dict().items()}
    document = config.to_dict() | {
        "architectures": ["Wav2Vec2ForSpeechClassification"],
        "finetuning_task": "wav2vec2_reg",
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "pooling_mode": "mean",
        "vocab_size": None,
    }
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(document | fields), encoding="utf-8")
    extractor_of(kind).save_pretrained(folder)
    return whole


def read(folder: Path) -> Any:
    document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (reader,) = (each for each in READERS if each.matches(document))
    return reader.read(folder, document)


def load(folder: Path) -> AudioClassifier:
    reading = read(folder)
    network = AudioClassifier(reading.config, len(reading.labels))
    tensors = load_file(folder / "model.safetensors")
    assert set(reading.tensors) == set(tensors)
    network.load_state_dict({reading.tensors[name]: tensor for name, tensor in tensors.items()})
    return network.eval()


def expected(whole: Whole, pooling: str = "mean") -> torch.Tensor:
    """The outputs for one clip, which is prepared by transformers' feature extractor."""
    prepared = extractor_of("wav2vec2")(clip(12_345), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        return whole(prepared["input_values"], pooling)


def found(network: AudioClassifier) -> torch.Tensor:
    """The outputs for the same clip, with noise behind it."""
    sound = torch.cat([torch.from_numpy(clip(12_345)), torch.randn(999)])
    with torch.inference_mode():
        return network(sound[None], torch.tensor([12_345]))


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm", "unispeech-sat", "data2vec-audio"])
def test_dimensions_come_from_the_published_head(kind: str, tmp_path: Path) -> None:
    whole = save(tmp_path, kind)
    reading = read(tmp_path)
    assert reading.target == "dimensions" and reading.labels == DIMENSIONS
    assert reading.architecture == "audio_classifier"
    assert torch.allclose(found(load(tmp_path)), expected(whole), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
@pytest.mark.parametrize("last", ["out_proj", "output"])
def test_emotions_come_from_it_too_however_it_pools(pooling: str, last: str, tmp_path: Path) -> None:
    whole = save(tmp_path, labels=LABELS, last=last, pooling_mode=pooling, finetuning_task="wav2vec2_clf")
    assert read(tmp_path).target == "emotion"
    assert torch.allclose(found(load(tmp_path)), expected(whole, pooling), atol=1e-5)


def test_the_tensors_tell_the_head_though_the_config_names_a_class_of_transformers(tmp_path: Path) -> None:
    """transformers itself draws a random head for such a file."""
    whole = save(
        tmp_path, labels=LABELS, last="output", architectures=["Wav2Vec2ForSequenceClassification"], vocab_size=32
    )
    drawn = transformers.AutoModelForAudioClassification.from_pretrained(tmp_path)
    assert "classifier.output.weight" not in drawn.state_dict()
    assert torch.allclose(found(load(tmp_path)), expected(whole), atol=1e-5)


def test_a_head_of_transformers_is_known_though_the_config_names_another_class(tmp_path: Path) -> None:
    config = transformers.Wav2Vec2Config(**WAVEFORM, num_labels=4)
    model = transformers.AutoModelForAudioClassification.from_config(config).eval()
    stir(model)
    model.save_pretrained(tmp_path)
    extractor_of("wav2vec2").save_pretrained(tmp_path)
    document = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    document |= {"architectures": ["Wav2Vec2ForSpeechClassification"], "pooling_mode": "mean"}
    (tmp_path / "config.json").write_text(json.dumps(document), encoding="utf-8")
    prepared = extractor_of("wav2vec2")(clip(12_345), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(found(load(tmp_path)), model(**prepared).logits, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"pooling_mode": "attentive"}, "its pooling_mode is 'attentive'"),
        ({"pooling_mode": None}, "its pooling_mode is None"),
        ({"model_type": "bert"}, "'bert', for which transformers has no classifier of sound"),
        ({"id2label": {"0": "arousal"}}, "does not name its 3 outputs"),
        ({"id2label": {"0": "age", "1": "height", "2": "weight"}, "problem_type": "regression"}, "'regression'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(fields: dict[str, Any], reason: str, tmp_path: Path) -> None:
    save(tmp_path, **fields)
    with pytest.raises(EmozooError, match=reason):
        read(tmp_path)


def test_a_tensor_that_this_head_does_not_have_is_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors") | {"attn1.weight": torch.zeros(2)}
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(EmozooError, match=r"its weights hold 'attn1.weight'"):
        read(tmp_path)


def test_encoders_of_spectrograms_have_no_such_head(tmp_path: Path) -> None:
    config = transformers.Wav2Vec2BertConfig(**ENCODER, feature_projection_input_dim=40)
    tensors = {"classifier.dense.weight": torch.zeros(16, 16), "classifier.out_proj.weight": torch.zeros(3, 16)}
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    document = config.to_dict() | {"architectures": ["XForSpeechClassification"]}
    (tmp_path / "config.json").write_text(json.dumps(document), encoding="utf-8")
    extractor_of("wav2vec2-bert").save_pretrained(tmp_path)
    with pytest.raises(EmozooError, match="encoders that take waveforms, not of a wav2vec2-bert"):
        read(tmp_path)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"model_type": "wav2vec2"}, {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}],
)
def test_other_documents_do_not_match(document: Any) -> None:
    assert not any(reader.matches(document) for reader in READERS)


def test_a_model_that_brings_its_own_code_does_not_match() -> None:
    document = {"model_type": "wav2vec2", "pooling_mode": "mean", "auto_map": {"AutoModel": "code.Model"}}
    assert not any(reader.matches(document) for reader in READERS)
