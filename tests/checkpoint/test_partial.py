"""Checkpoints that leave out pretrained weights: what is saved, how it is filled again, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.distributions import distribution

import emozoo as package
from emozoo import EmozooError
from emozoo.checkpoint import building
from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture

PLUGIN = '''
    """A network whose first layer others have published, and a checkpoint leaves out."""

    import os
    from dataclasses import dataclass

    from safetensors.torch import load_file
    from torch import nn

    from emozoo.architecture import Architecture

    @dataclass(frozen=True)
    class Config:
        width: int = 6
        names: tuple[str, ...] = ("body.weight", "body.bias")

    class Network(nn.Module):
        def __init__(self, config, num_labels):
            super().__init__()
            self.config = config
            self.body, self.head = nn.Linear(480, config.width), nn.Linear(config.width, num_labels)
            self.register_buffer("steps", __import__("torch").zeros((), dtype=__import__("torch").int64))

        def forward(self, input_values, pixel_values=None):
            return self.head(self.body(input_values.unflatten(1, (100, 480))).mean(1))

        def pretrained_names(self):
            return self.config.names

        def load_pretrained(self, config):
            self.body.load_state_dict(load_file(os.environ["PUBLISHED"]), strict=False)

    architecture = Architecture(name="partial", modalities=("audio",), config=Config, build=Network)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    distribution(folder, "partial-net", {"partial": "partial_net:architecture"}, PLUGIN)
    return folder


@pytest.fixture
def published(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that holds the first layer."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PUBLISHED", str(tmp_path / "body.safetensors"))
    save_file({"weight": torch.randn(6, 480), "bias": torch.randn(6)}, tmp_path / "body.safetensors")
    return tmp_path / "body.safetensors"


def model(**fields: Any) -> Any:
    architecture = get_architecture("partial")
    built: Any = EmotionModel(architecture, architecture.config(**fields), ("happy", "sad")).eval()
    built.network.load_pretrained(built.config)
    return built


def sound() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32))


def test_what_is_left_out_comes_back_and_the_answers_are_the_same(published: Path, tmp_path: Path) -> None:
    whole = model()
    whole.save(tmp_path / "run")
    assert load_file(tmp_path / "run" / "model.safetensors").keys() == {"head.weight", "head.bias", "steps"}
    loaded = package.load(tmp_path / "run", "cpu")
    assert torch.equal(loaded(sound()), whole(sound()))
    assert all(
        torch.equal(value, whole.network.state_dict()[key]) for key, value in loaded.network.state_dict().items()
    )


def test_a_part_that_is_far_larger_than_the_file_is_filled(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model().save(tmp_path / "run")
    monkeypatch.setattr(building, "SPARE_NUMBERS", 0)
    assert package.load(tmp_path / "run", "cpu").network.body.weight.isfinite().all()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "leaves pretrained weights out, and these cannot be had: .*No such file"),
        ({"weight": torch.ones(7, 480), "bias": torch.ones(7)}, "cannot be had: .*size mismatch"),
        ({"weight": torch.ones(6, 480)}, "partial is broken: its load_pretrained leaves 'body.bias' without values"),
        ({"weight": torch.ones(6, 480), "bias": torch.ones(6) / 0}, "leaves 'body.bias' without values"),
    ],
)
def test_pretrained_weights_that_are_gone_or_others_are_refused(
    body: dict[str, torch.Tensor] | None, words: str, published: Path, tmp_path: Path
) -> None:
    model().save(tmp_path / "run")
    published.unlink()
    if body is not None:
        save_file(body, published)
    with pytest.raises(EmozooError, match=words) as error:
        package.load(tmp_path / "run", "cpu")
    assert "\n" not in str(error.value)


def test_every_other_tensor_must_be_there_and_none_twice(published: Path, tmp_path: Path) -> None:
    model().save(tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    for changed, words in (
        ({"head.weight": weights["head.weight"], "steps": weights["steps"]}, "lacks tensor 'head.bias'"),
        ({**weights, "body.bias": torch.ones(6)}, "has a stray tensor 'body.bias'"),
    ):
        save_file(changed, tmp_path / "run" / "model.safetensors")
        with pytest.raises(EmozooError, match=words):
            package.load(tmp_path / "run", "cpu")


@pytest.mark.parametrize("name", ["body.other", "steps"])
def test_names_of_what_is_no_tensor_of_floats_are_the_plugins_fault(name: str, published: Path, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match=f"broken: pretrained_names gives '{name}'"):
        model(names=(name,)).save(tmp_path / "run")
