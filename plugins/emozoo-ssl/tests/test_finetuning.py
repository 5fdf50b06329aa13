"""What is trained of an encoder, and how fast: adapters (LoRA) and learning rates that fall with the layers."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import emozoo_ssl
import pytest
import torch
from emozoo_ssl import SslConfig, architecture
from emozoo_ssl.adapter import OWN
from tiny_encoders import MODELS, network, save_backbone, sounds
from torch.nn import functional as F

from emozoo import EmozooError
from emozoo.architecture import Recipe

RECIPE = Recipe(learning_rate=1e-3)


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("backbones")
    return {name: save_backbone(root / name, name) for name in MODELS}


def adapted(folder: Path, **fields: Any) -> Any:
    """A network whose adapter says something, as after a training."""
    built = network(folder, freeze="lora", rank=4, **fields)
    torch.manual_seed(3)
    for name, parameter in built.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return built.eval()


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_a_fresh_adapter_changes_nothing(name: str, backbones: dict[str, Path]) -> None:
    plain, fresh = network(backbones[name]).eval(), network(backbones[name], freeze="lora").eval()
    fresh.load_state_dict(
        {key: value for key, value in plain.state_dict().items() if "backbone" not in key}, strict=False
    )
    assert torch.equal(fresh(sounds()), plain(sounds()))


@pytest.mark.parametrize("name", MODELS)
def test_the_adapter_learns_in_every_layer_and_the_encoder_does_not(name: str, backbones: dict[str, Path]) -> None:
    """Each adapted layer is one that the encoder really calls. WavLM's attention calls none of its own."""
    built = adapted(backbones[name]).train()
    F.cross_entropy(built(sounds(4)), torch.arange(4)).backward()
    free = {key for key, parameter in built.named_parameters() if parameter.requires_grad}
    moves = {key for key, parameter in built.named_parameters() if parameter.grad is not None and parameter.grad.any()}
    assert moves == free
    encoder = {key for key in free if key.startswith("backbone.")}
    assert encoder and all(OWN in key for key in encoder)
    assert all(any(f"layers.{layer}." in key for key in encoder) for layer in range(2))


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_a_merged_network_answers_as_the_adapted_one(name: str, backbones: dict[str, Path]) -> None:
    built = adapted(backbones[name])
    config, tensors = built.merged()
    merged = architecture.build(config, 4).eval()
    merged.load_state_dict(tensors)
    assert not [key for key in tensors if "lora" in key or "base_layer" in key]
    assert merged.merged() is None and not merged.pretrained_names()
    expected = built(sounds())
    torch.testing.assert_close(merged(sounds()), expected, atol=1e-5, rtol=1e-5)
    assert (network(backbones[name]).eval()(sounds()) - expected).abs().max() > 1e-3


def test_only_an_encoder_of_the_hub_at_a_commit_is_left_out(backbones: dict[str, Path]) -> None:
    built = adapted(backbones["hubert"])
    assert built.pretrained_names() == []
    spec = built.config.backbone_config
    for backbone, partial in ((f"hub:a/b@{'0' * 40}", True), ("hub:a/b@main", False), ("hub:a/b", False)):
        config = dataclasses.replace(built.config, backbone=backbone, backbone_config={**spec, "name": backbone})
        names = architecture.build(config, 4).pretrained_names()
        assert bool(names) is partial
        assert not [key for key in names if OWN in key or not key.startswith("backbone.")]


def test_without_peft_one_sentence_says_what_to_install(
    backbones: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    network(backbones["hubert"])
    with pytest.raises(EmozooError, match=r"^freeze=lora needs peft: pip install 'emozoo-ssl\[lora\]'$"):
        network(backbones["hubert"], freeze="lora")


def rates(built: Any) -> dict[str, float]:
    """The learning rate of each parameter that is trained."""
    names = {id(parameter): name for name, parameter in built.named_parameters()}
    groups = built.parameter_groups(RECIPE)
    found = {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups)
    assert found.keys() == {name for name, parameter in built.named_parameters() if parameter.requires_grad}
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("freeze", ["none", "convolutions", "lora"])
def test_the_learning_rate_falls_from_layer_to_layer(name: str, freeze: str, backbones: dict[str, Path]) -> None:
    fields = {"backbone_learning_rate": 1e-4, "adapter_learning_rate": 1e-4, "layer_decay": 0.5}
    found = rates(network(backbones[name], freeze=freeze, **fields))
    for key, rate in found.items():
        depth = next(
            (layer for layer in range(2) if f"encoder.layers.{layer}." in key or f".layers.{layer}." in key), None
        )
        if not key.startswith("backbone."):
            assert rate == RECIPE.learning_rate
        elif "pos_conv" in key or "conv_layers" in key or "feature_projection" in key or "backbone.conv" in key:
            assert rate == pytest.approx(1e-4 / 4)
        elif depth is not None:
            assert rate == pytest.approx(1e-4 / 2 ** (1 - depth))
    norms = [
        rate
        for key, rate in found.items()
        if key in ("backbone.encoder.layer_norm.weight", "backbone.layer_norm.weight")
    ]
    if freeze != "lora":  # of large encoders and Whisper, the last norm is above all layers; of others, below
        assert norms == [pytest.approx(1e-4 if "large" in name or name == "whisper" else 1e-4 / 4)]


def test_without_a_decay_all_layers_learn_alike(backbones: dict[str, Path]) -> None:
    found = rates(network(backbones["wavlm"], freeze="none"))
    assert set(found.values()) == {1e-3, 1e-5}


@pytest.mark.parametrize(
    ("field", "value"), [("rank", 0), ("rank", 10_000), ("layer_decay", 0.0), ("layer_decay", 1.5)]
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(SslConfig(), **{field: value})


def test_an_adapter_leaves_a_batch_norms_statistics_alone(tmp_path: Path) -> None:
    folder = save_backbone(tmp_path, "hubert", conv_pos_batch_norm=True)
    built = network(folder, freeze="lora").train()
    before = {key: value.clone() for key, value in built.state_dict().items()}
    built(sounds(4))
    assert all(torch.equal(value, before[key]) for key, value in built.state_dict().items())
    assert emozoo_ssl.architecture.lengths
