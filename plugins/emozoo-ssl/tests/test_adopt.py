"""`emozoo train ssl --from` a classifier that transformers saved: its encoder, with a head of ssl's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
import torch
import transformers
from emozoo_ssl import SslConfig, adopt
from safetensors.torch import load_file
from support.hub_server import Repo, running
from support.plugin_site import installed
from support.publishing import environment
from support.small import emozoo, read, toy
from tiny_encoders import SOUND, WHISPER

from emozoo import EmozooError
from emozoo.checkpoint.run import RunOptions
from emozoo.training.train import train


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-ssl"):
        yield


def save_classifier(folder: Path, kind: type[Any], sizes: dict[str, Any]) -> Path:
    torch.manual_seed(5)
    names = {0: "ang", 1: "hap", 2: "neu", 3: "sad"}
    config = kind.config_class(**sizes, id2label=names, label2id={label: number for number, label in names.items()})
    kind(config).save_pretrained(folder)
    mels = {"feature_size": sizes["num_mel_bins"]} if "num_mel_bins" in sizes else {}
    extractor = transformers.WhisperFeatureExtractor if mels else transformers.Wav2Vec2FeatureExtractor
    extractor(**mels).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "a classifier"
    return save_classifier(folder, transformers.Wav2Vec2ForSequenceClassification, SOUND)


def options(start: Path | str, architecture: str = "ssl", **settings: str) -> RunOptions:
    known = {"epochs": "1", "batch_size": "20"}
    return RunOptions(
        architecture, "toy", str(toy()), start=str(start), settings={**known, **settings}, protocol="group-2"
    )


@pytest.mark.parametrize(
    ("kind", "sizes", "prefix"),
    [
        (transformers.Wav2Vec2ForSequenceClassification, SOUND, "wav2vec2."),
        (transformers.HubertForSequenceClassification, SOUND, "hubert."),
        (transformers.WhisperForAudioClassification, WHISPER, "encoder."),
    ],
)
def test_the_encoder_is_the_classifiers(kind: type[Any], sizes: dict[str, Any], prefix: str, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "tiny", kind, sizes)
    train(options(folder, hidden="8"), tmp_path / "run", device="cpu")
    theirs, ours = load_file(folder / "model.safetensors"), load_file(tmp_path / "run" / "model.safetensors")
    encoder = {key.removeprefix("backbone.") for key in ours if key.startswith("backbone.")}
    assert encoder
    for key in encoder:
        mine, other = ours[f"backbone.{key}"], theirs[prefix + key]
        assert torch.equal(mine, other[: len(mine)] if key == "embed_positions.weight" else other)
    metrics = read(tmp_path / "run" / "metrics.json")
    assert metrics["training"]["start"] == "tiny"
    assert "tiny keeps no record of what it was trained on" in metrics["data"]["note"]
    assert read(tmp_path / "run" / "config.json")["architecture_config"]["backbone"] == "tiny"


def test_from_the_hub_the_commit_is_recorded_and_an_adapter_is_all_that_is_saved(
    classifier: Path, tmp_path: Path
) -> None:
    with running() as hub:
        repo = hub.models["anna/classifier"] = Repo("anna/classifier")
        repo.commit({path.name: path.read_bytes() for path in classifier.iterdir()}, "first")
        words = [
            "train",
            "ssl",
            "--from",
            "hub:anna/classifier",
            "--dataset",
            "toy",
            "--data-dir",
            toy(),
            "--epochs",
            "1",
        ]
        pairs = ["freeze=lora", "rank=2", "hidden=8", "batch_size=20"]
        told = [word for pair in pairs for word in ("--set", pair)]
        emozoo(*words, *told, "--device", "cpu", "--output", tmp_path / "run", **environment(hub, tmp_path / "home"))
    config = read(tmp_path / "run" / "config.json")["architecture_config"]
    assert config["backbone"] == f"hub:anna/classifier@{repo.refs['main']}"
    assert not [key for key in load_file(tmp_path / "run" / "model.safetensors") if key.endswith("base_layer.weight")]


def test_what_cannot_start_from_it_is_refused_in_one_sentence(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="is a checkpoint of another library, which cnn cannot start from: leave the"):
        train(options(classifier, "cnn"), tmp_path / "run", device="cpu")
    with pytest.raises(EmozooError, match="named by --from or by --set backbone, not by both"):
        train(options(classifier, backbone="hub:facebook/wav2vec2-base"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    assert adopt(SslConfig(), "somewhere").backbone == "somewhere"
