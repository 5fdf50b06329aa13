"""The architecture `ssl`: tiny encoders that transformers makes and saves, trained and used as a user does."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import emozoo_ssl
import numpy as np
import pytest
import torch
import transformers
from emozoo_ssl import SslConfig, architecture
from emozoo_ssl.backbone import BASE, KINDS, build_encoder, check_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.plugin_site import installed
from support.small import emozoo, one_error, read, toy
from tiny_encoders import MODELS, network, save_backbone, sounds
from torch.nn import functional as F

import emozoo as package
from emozoo import EmozooError
from emozoo.architecture import contract_problem
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.model import EmotionModel, Origin
from emozoo.checkpoint.run import RunOptions
from emozoo.media.window import cut_window
from emozoo.training.train import train


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-ssl"):
        yield


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("my bäckbones")
    return {name: save_backbone(root / name, name) for name in MODELS}


def train_words(
    backbone: Path | str, output: Path, *settings: str, epochs: int = 1, more: tuple[str, ...] = ()
) -> list[str]:
    pairs = [f"backbone={backbone}", "hidden=8", "batch_size=20", "learning_rate=1e-2", *settings]
    words = ["train", "ssl", "--dataset", "toy", "--data-dir", str(toy()), "--output", str(output), "--device", "cpu"]
    return [*words, "--epochs", str(epochs), *more, *(word for pair in pairs for word in ("--set", pair))]


def train_here(backbone: Path, output: Path, epochs: int = 1, fold: int | None = 1, **settings: str) -> None:
    """The same in this process, which has imported everything already."""
    known = {
        "backbone": str(backbone),
        "hidden": "8",
        "batch_size": "20",
        "learning_rate": "1e-2",
        "epochs": str(epochs),
    }
    options = RunOptions("ssl", "toy", str(toy()), settings={**known, **settings}, fold=fold, protocol="group-2")
    torch.set_num_threads(1)
    train(options, output, device="cpu")


def test_it_keeps_the_contract_and_imports_of_emozoo_only_what_it_may() -> None:
    assert contract_problem(architecture, "ssl") is None
    folder = Path(emozoo_ssl.__file__).parent
    lines = [line for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    used = {line.split()[1] for line in lines if line.startswith(("import ", "from ")) and "emozoo" in line}
    assert used <= {
        "emozoo", "emozoo.architecture", "emozoo.features", "emozoo.pretrained",
        "emozoo_ssl", "emozoo_ssl.adapter", "emozoo_ssl.backbone", "emozoo_ssl.network", "emozoo_ssl.sound",
        "emozoo_ssl.states",
    }  # fmt: skip
    assert (folder / architecture.card).read_text().strip()


# --- the encoders


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_encoder_answers_as_transformers_own_does(name: str, backbones: dict[str, Path]) -> None:
    """The hidden states that are weighted are those of the published weights, for sound as its extractor hands it over."""
    folder = backbones[name]
    ours = network(folder).eval()
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    clips = [sound.numpy() for sound in sounds()]
    extract = transformers.AutoFeatureExtractor.from_pretrained(folder)
    with torch.inference_mode():
        if name == "whisper":
            features = extract(clips, sampling_rate=16_000, return_tensors="pt").input_features
            expected = whisper_of_3_seconds(theirs.encoder, features)
        else:
            features = extract(clips, sampling_rate=16_000, return_tensors="pt").input_values
            output = theirs(features, output_hidden_states=True)
            expected = [*output.hidden_states[:-1], output.last_hidden_state]
        states = ours.states(sounds()).layers
    assert len(states) == 3 == len(ours.layer_weights)
    for state, other in zip(states, expected, strict=True):
        torch.testing.assert_close(state, other, atol=2e-4, rtol=1e-3)


def whisper_of_3_seconds(encoder: Any, features: torch.Tensor) -> list[torch.Tensor]:
    """The hidden states of transformers' layers for the first 3 s of 30: Whisper's own forward insists on 30."""
    hidden = F.gelu(encoder.conv2(F.gelu(encoder.conv1(features)))).transpose(1, 2)[:, :150]
    hidden = hidden + encoder.embed_positions.weight[:150]
    states = [hidden]
    for layer in encoder.layers:
        output = layer(states[-1], None)
        states.append(output[0] if isinstance(output, tuple) else output)
    return [*states[:-1], encoder.layer_norm(states[-1])]


def test_weights_are_read_under_their_older_names_as_well(backbones: dict[str, Path], tmp_path: Path) -> None:
    """Published files call the two parts of weight norm `weight_g` and `weight_v`."""
    folder = shutil.copytree(backbones["wav2vec2 with a head"], tmp_path / "older")
    weights = load_file(folder / "model.safetensors")
    parts = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    older = {}
    for key, value in weights.items():
        for new, old in parts.items():
            key = key.replace(new, old)
        older[key] = value
    assert any(key.endswith("conv.weight_g") for key in older)
    save_file(older, folder / "model.safetensors")
    expected = network(backbones["wav2vec2 with a head"]).state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network(folder).state_dict().items())


def test_weights_in_several_files_are_those_of_one(backbones: dict[str, Path], tmp_path: Path) -> None:
    whole = transformers.HubertModel.from_pretrained(backbones["hubert"])
    folder = shutil.copytree(backbones["hubert"], tmp_path / "several")
    (folder / "model.safetensors").unlink()
    whole.save_pretrained(folder, max_shard_size="10KB")
    assert len([*folder.glob("model-*.safetensors")]) > 1 and not (folder / "model.safetensors").exists()
    expected = network(backbones["hubert"]).state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network(folder).state_dict().items())


@pytest.mark.parametrize("freeze", ["all", "convolutions", "none"])
@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_what_is_not_frozen_and_nothing_else(
    name: str, freeze: str, backbones: dict[str, Path]
) -> None:
    built = network(backbones[name], freeze=freeze).train()
    F.cross_entropy(built(sounds(4)), torch.arange(4)).backward()
    learns = {
        key: parameter.grad is not None and bool(parameter.grad.any()) for key, parameter in built.named_parameters()
    }
    wanted = {key: parameter.requires_grad for key, parameter in built.named_parameters()}
    assert learns == wanted
    frozen = {key for key, free in wanted.items() if not free}
    encoder = {key for key in wanted if key.startswith("backbone.")}
    convolutions = {key for key in encoder if "feature_extractor." in key or "backbone.conv" in key}
    # Whisper never trains its sinusoids; the masks of UniSpeech-SAT are for pretraining.
    positions = {key for key in encoder if "embed_positions" in key or "masked_spec_embed" in key}
    assert frozen == {"all": encoder, "convolutions": convolutions | positions, "none": positions}[freeze]


@pytest.mark.parametrize("name", MODELS)
def test_a_clips_answer_does_not_depend_on_its_neighbours(name: str, backbones: dict[str, Path]) -> None:
    built = network(backbones[name]).eval()
    with torch.inference_mode():
        together, apart = built(sounds()), torch.cat([built(sound[None]) for sound in sounds()])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-5


@pytest.mark.parametrize("level", [0.0, 1e6, 1e30])
@pytest.mark.parametrize("name", ["hubert", "hubert large", "wavlm", "whisper"])
def test_silence_and_loud_noise_give_finite_answers_and_gradients(
    name: str, level: float, backbones: dict[str, Path]
) -> None:
    built = network(backbones[name], freeze="none").train()
    logits = built(sounds(2) * level)
    F.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(p.grad).all() for p in built.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", ["hubert", "wavlm", "whisper"])
def test_it_runs_in_half_precision(name: str, backbones: dict[str, Path]) -> None:
    built = network(backbones[name], freeze="none").train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = built(sounds(2))
    assert torch.isfinite(logits).all() and logits.shape == (2, 4)


def test_sound_is_normalised_only_where_the_extractor_says_so(tmp_path: Path) -> None:
    loud = network(save_backbone(tmp_path / "plain", "wavlm", normalize=False)).sound(sounds())
    torch.testing.assert_close(loud, sounds())
    same = network(save_backbone(tmp_path / "same", "wavlm", normalize=True)).sound(sounds())
    assert same.std().item() == pytest.approx(1, abs=1e-3)


def test_the_same_seed_gives_the_same_weights(backbones: dict[str, Path]) -> None:
    one, other = network(backbones["hubert"]).state_dict(), network(backbones["hubert"]).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_gradient_checkpointing_changes_no_loss_and_no_gradient(backbones: dict[str, Path]) -> None:
    found = []
    for checkpointing in (False, True):
        built = network(backbones["hubert"], freeze="none", gradient_checkpointing=checkpointing).train()
        assert (
            any(getattr(layer, "gradient_checkpointing", False) for layer in built.backbone.modules()) is checkpointing
        )
        torch.manual_seed(3)
        loss = F.cross_entropy(built(sounds(4)), torch.arange(4))
        loss.backward()
        found.append([loss, *(parameter.grad for parameter in built.parameters())])
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(plain, again)


def test_a_frozen_encoder_answers_the_same_in_training_as_later(backbones: dict[str, Path]) -> None:
    built = network(backbones["wav2vec2"], dropout=0.0)
    torch.testing.assert_close(built.train()(sounds()), built.eval()(sounds()))


def test_attention_alone_pools_half_as_many_features(backbones: dict[str, Path]) -> None:
    sizes = {
        pooling: network(backbones["hubert"], pooling=pooling).classifier.output.in_features for pooling in POOLINGS
    }
    assert sizes == {"statistics": 16, "attention": 8}


POOLINGS = ("statistics", "attention")


def test_without_a_backbone_at_hand_the_network_has_the_default_encoders_size() -> None:
    torch.manual_seed(0)
    with torch.device("meta"):
        built: Any = architecture.build(SslConfig(), 4)
    assert sum(parameter.numel() for parameter in built.backbone.parameters()) == 94_370_944
    with pytest.raises(ValueError, match="was not looked up"):
        architecture.build(SslConfig(backbone="hub:anna/encoder"), 4)


# --- training, as a user does it


@pytest.fixture(scope="module")
def trained(
    backbones: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, torch.Tensor]]:
    """A run of a backbone's folder that is gone when the run is used; and the encoder as it was pretrained."""
    root = tmp_path_factory.mktemp("runs")
    copied = shutil.copytree(backbones["hubert"], root / "tiny hübert")
    before = network(copied).backbone.state_dict()
    emozoo(*train_words(copied, root / "run", epochs=2))
    shutil.rmtree(copied)
    return root / "run", before


def test_a_run_predicts_when_its_backbone_is_gone(trained: tuple[Path, Any]) -> None:
    run, _ = trained
    wav = next(toy().rglob("sentences/**/*.wav"))
    answer = json.loads(emozoo("predict", wav, "--model", run, "--json", HF_HUB_OFFLINE="1").stdout)
    assert answer["predictions"][0]["emotion"]
    probabilities = package.load(run, "cpu").predict(wav).probabilities
    assert answer["predictions"][0]["probabilities"] == pytest.approx(probabilities, abs=1e-6)


def test_a_checkpoint_holds_all_and_names_no_folder_of_this_machine(trained: tuple[Path, Any]) -> None:
    run, _ = trained
    config = read_config(run).architecture_config
    assert config["backbone"] == config["backbone_config"]["name"] == "tiny hübert"
    assert config["backbone_config"]["hidden_size"] == 16
    published = [path for path in run.iterdir() if path.suffix in (".json", ".csv", ".md") and path.name != "run.json"]
    assert len(published) > 3
    assert not [path.name for path in published if str(run.parent) in path.read_text(encoding="utf-8")]
    done = emozoo("push", run, "anna/tiny", "--dry-run", HF_HUB_OFFLINE="1")
    assert "model.safetensors" in done.stdout


def test_a_frozen_encoder_does_not_change_and_the_weights_of_its_layers_do(trained: tuple[Path, Any]) -> None:
    run, before = trained
    weights = load_file(run / "model.safetensors")
    assert all(torch.equal(weights[f"backbone.{key}"], value) for key, value in before.items())
    assert weights["layer_weights"].unique().numel() == 3


def test_a_saved_model_answers_as_before(backbones: dict[str, Path], tmp_path: Path) -> None:
    for name in MODELS:
        built = network(backbones[name]).eval()
        labels = ("happy", "sad", "angry", "neutral")
        model = EmotionModel(architecture, built.config, labels, Origin("emozoo-ssl", "0.1.0"))
        model.network.load_state_dict(built.state_dict())
        model.save(tmp_path / name)
        loaded = package.load(tmp_path / name, "cpu")
        assert loaded.config == built.config
        with torch.inference_mode():
            assert torch.equal(loaded(sounds()), model.eval()(sounds()))


def test_fine_tuning_changes_the_encoder_at_its_own_pace(backbones: dict[str, Path], tmp_path: Path) -> None:
    before = network(backbones["wav2vec2"]).backbone.state_dict()
    settings = {"freeze": "convolutions", "backbone_learning_rate": "1e-6", "gradient_checkpointing": "true"}
    train_here(backbones["wav2vec2"], tmp_path / "run", warmup="0", **settings)
    weights = load_file(tmp_path / "run" / "model.safetensors")
    moved = {key: (weights[f"backbone.{key}"] - value).abs().max().item() for key, value in before.items()}
    assert {key for key, change in moved.items() if not change} == {key for key in moved if "feature_extractor" in key}
    assert 0 < max(moved.values()) < 1e-5  # a few steps of Adam's, each of about the learning rate
    assert weights["layer_weights"].abs().max() > 1e-3


def test_a_run_is_fine_tuned_further_without_its_backbone(trained: tuple[Path, Any], tmp_path: Path) -> None:
    run, before = trained
    words = ["train", "--from", run, "--dataset", "toy", "--data-dir", toy(), "--device", "cpu", "--epochs", "1"]
    emozoo(*words, "--set", "freeze=none", "--set", "backbone_learning_rate=1e-3", "--output", tmp_path / "more")
    weights = load_file(tmp_path / "more" / "model.safetensors")
    assert not torch.equal(weights["backbone.encoder.layer_norm.weight"], before["encoder.layer_norm.weight"])
    assert package.load(tmp_path / "more", "cpu").config.backbone == "tiny hübert"
    other = RunOptions("ssl", "toy", str(toy()), start=str(run), settings={"backbone": "hub:facebook/wav2vec2-base"})
    with pytest.raises(EmozooError, match="a trained model keeps its own"):
        train(other, tmp_path / "other", device="cpu")


def test_an_interrupted_run_resumes_to_the_same_result_without_its_backbone(
    backbones: dict[str, Path], tmp_path: Path
) -> None:
    copied = shutil.copytree(backbones["wavlm"], tmp_path / "wavlm")
    words = ["freeze=convolutions", "backbone_learning_rate=1e-3"]
    train_here(copied, tmp_path / "whole", epochs=2, **dict(word.split("=") for word in words))
    arguments = train_words(copied, tmp_path / "cut", *words, epochs=2, more=("--protocol", "group-2"))
    interrupt_after_an_epoch(arguments)
    shutil.rmtree(copied)
    assert "going on after epoch 1" in emozoo(*arguments, "--resume").stderr
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def interrupt_after_an_epoch(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "emozoo", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment, **quiet)  # type: ignore[call-overload]
    for line in process.stderr:
        if line.startswith("epoch"):
            process.kill()
            break
    process.communicate(timeout=60)


def test_every_fold_starts_from_the_pretrained_encoder(backbones: dict[str, Path], tmp_path: Path) -> None:
    train_here(backbones["whisper"], tmp_path / "run", fold=None)
    before = network(backbones["whisper"]).backbone.state_dict()
    for fold in (1, 2):
        weights = load_file(tmp_path / "run" / f"fold{fold}" / "model.safetensors")
        assert all(torch.equal(weights[f"backbone.{key}"], value) for key, value in before.items())


def test_info_and_list_show_it(trained: tuple[Path, Any]) -> None:
    document = json.loads(emozoo("info", trained[0], "--json").stdout)
    assert document["config"]["backbone"] == "tiny hübert"
    listed = json.loads(emozoo("list", "--json").stdout)["architectures"]
    assert [(p["distribution"], p["state"]) for p in listed if p["name"] == "ssl"] == [("emozoo-ssl", "ok")]


# --- what cannot be used


def test_each_wrong_backbone_has_a_sentence_of_its_own(backbones: dict[str, Path], tmp_path: Path) -> None:
    def refused(reference: str | Path, words: str) -> None:
        with pytest.raises(EmozooError, match=words) as error:
            network(reference)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)

    refused(tmp_path / "nowhere", "cannot be read .*No such file.*hub:user/name")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "has no config.json")
    transformers.BertConfig().save_pretrained(tmp_path / "text")
    (tmp_path / "text" / "model.safetensors").write_bytes(b"")
    refused(tmp_path / "text", "no speech encoder that emozoo-ssl knows: its model_type is 'bert'")
    pickled = shutil.copytree(backbones["hubert"], tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    refused(pickled, r"refused: its weights are pickle files \(pytorch_model.bin\).*save_pretrained")
    several = shutil.copytree(backbones["hubert"], tmp_path / "several")
    (several / "model.safetensors").rename(several / "model.safetensors.index.json")
    refused(several, "index.json is damaged: it does not name the files")
    refused("hub:facebook/wav2vec2-base", "not in the cache, and HF_HUB_OFFLINE is set")
    refused("hub:one-word", "no repository of the Hub")
    refused(save_backbone(tmp_path / "odd", "hubert", conv_stride=(1, 1, 1)), "convolutions leave 47981 steps")
    torn = shutil.copytree(backbones["hubert"], tmp_path / "torn")
    (torn / "model.safetensors").write_bytes((torn / "model.safetensors").read_bytes()[:-10])
    refused(torn, "damaged")
    other = shutil.copytree(backbones["hubert"], tmp_path / "other")
    shutil.copy(backbones["data2vec-audio"] / "model.safetensors", other)
    refused(other, "does not hold the encoder that its config.json describes")
    weights = load_file(backbones["hubert"] / "model.safetensors")
    save_file(
        {**weights, "encoder.layer_norm.bias": weights["encoder.layer_norm.bias"] / 0}, other / "model.safetensors"
    )
    refused(other, "not finite")
    telephone = shutil.copytree(backbones["hubert"], tmp_path / "telephone")
    (telephone / "preprocessor_config.json").write_text('{"sampling_rate": 8000}')
    refused(telephone, "audio of 8000 Hz")
    (telephone / "config.json").write_text("{")
    refused(telephone, "not readable as JSON")


def test_a_wrong_backbone_costs_one_line_and_leaves_no_folder(trained: tuple[Path, Any], tmp_path: Path) -> None:
    line = one_error(emozoo(*train_words(tmp_path / "nowhere", tmp_path / "run"), check=2))
    assert "nowhere" in line and not (tmp_path / "run").exists()
    with pytest.raises(EmozooError, match="train --from"):
        train_here(trained[0], tmp_path / "run")
    with pytest.raises(EmozooError, match="backbone_config is of no known kind"):
        train_here(trained[0], tmp_path / "run", backbone_config='{"a": 1}')
    assert not (tmp_path / "run").exists()


@pytest.fixture
def checkpoint(trained: tuple[Path, Any], tmp_path: Path) -> Path:
    return shutil.copytree(trained[0], tmp_path / "stranger")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "bert"),
        ("model_type", ["hubert"]),
        ("num_hidden_layers", 10_000),
        ("hidden_size", -16),
        ("hidden_size", 8192),
        ("hidden_size", True),
        ("conv_stride", [1, 1, 1]),
        ("conv_dim", [8192, 8, 12]),
        ("conv_dim", "8"),
        ("hidden_act", "os.system"),
        ("attention_dropout", 2),
        ("num_attention_heads", 3),
        ("normalize", "yes"),
        ("_attn_implementation", "stranger/kernels"),
        ("auto_map", {"AutoModel": "code.Model"}),
        ("quantization_config", {"quant_method": "gptq"}),
        ("name", "other"),
        ("name", "/etc/passwd"),
        ("name", None),
    ],
)
def test_a_hostile_checkpoint_is_refused_before_a_network_is_built(checkpoint: Path, field: str, value: object) -> None:
    config = read(checkpoint / "config.json")
    config["architecture_config"]["backbone_config"][field] = value
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(EmozooError, match="config.json|model.safetensors"):
        package.load(checkpoint, "cpu")


def test_a_spec_without_a_field_is_refused() -> None:
    spec = {**BASE, "name": "hub:facebook/hubert-base-ls960"}
    check_spec(spec)
    for field in spec:
        with pytest.raises(ValueError, match="backbone_config"):
            check_spec({key: value for key, value in spec.items() if key != field})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from([*BASE, "name", "other"]), value=JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_a_field_holds_a_spec_is_accepted_or_refused_with_a_reason(field: str, value: Any) -> None:
    spec = {**BASE, "name": "here", field: value}
    try:
        SslConfig(backbone="here", backbone_config=spec)
    except ValueError as error:
        assert "backbone_config" in str(error)
    else:
        assert type(value) in (type(spec[field]), int, float) and spec.keys() == {*BASE, "name"}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_recorded_builds_the_encoder_again(name: str, backbones: dict[str, Path]) -> None:
    spec = json.loads(json.dumps(network(backbones[name]).config.backbone_config))
    shapes = [value.shape for value in build_encoder(spec).state_dict().values()]
    assert shapes == [value.shape for value in network(backbones[name]).backbone.state_dict().values()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden", 0),
        ("dropout", 1.0),
        ("freeze", "some"),
        ("pooling", "max"),
        ("backbone_learning_rate", 0.0),
        ("backbone", ""),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(SslConfig(), **{field: value})


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_clips_of_different_length_gets_the_answers_of_each_alone(
    name: str, backbones: dict[str, Path]
) -> None:
    model = EmotionModel(
        architecture, emozoo_ssl.prepare(SslConfig(backbone=str(backbones[name]), hidden=8)), ("a", "b", "c")
    ).eval()
    with torch.no_grad():  # answers that differ, as those of a trained network do
        list(model.network.parameters())[-2].mul_(10)
    rng = np.random.default_rng(0)
    clips = [rng.normal(0, 0.03 * (1 + row), samples) for row, samples in enumerate((800, 20_000, 47_999, 48_000, 0))]
    windows = [cut_window(clip.astype(np.float32), None, 0) for clip in clips]
    alone = np.concatenate([model.probabilities([window]) for window in windows])
    assert np.ptp(alone, axis=0).max() > 1e-3
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 4]):
        together = model.probabilities([windows[row] for row in order])
        np.testing.assert_allclose(together, alone[order], rtol=0, atol=1e-5)
