"""A frozen encoder is computed once for each window: the same weights come out, and later epochs do not ask it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
import torch
from emozoo_ssl.network import SslNetwork
from safetensors.torch import load_file
from support.plugin_site import installed
from support.small import read, toy
from tiny_encoders import MODELS, network, save_backbone, sounds

from emozoo.checkpoint.run import RunOptions
from emozoo.training import frozen
from emozoo.training.progress import Progress
from emozoo.training.train import train


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-ssl"):
        yield


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_backbone(tmp_path_factory.mktemp("backbone"), "hubert")


class Messages(Progress):
    def __init__(self) -> None:
        self.told: list[str] = []

    def message(self, text: str) -> None:
        self.told.append(text)


def trained(backbone: Path, folder: Path, fold: int | None = 1, protocol: str = "group-2", **settings: str) -> Messages:
    known = {"backbone": str(backbone), "hidden": "8", "batch_size": "20", "learning_rate": "1e-3", "epochs": "3"}
    options = RunOptions("ssl", "toy", str(toy()), settings={**known, **settings}, fold=fold, protocol=protocol)
    messages = Messages()
    torch.set_num_threads(1)
    train(options, folder, device="cpu", progress=messages)
    return messages


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many windows the encoder is asked for, batch by batch."""
    asked: list[int] = []
    states = SslNetwork.states

    def counted(self: Any, input_values: Any, lengths: Any = None) -> Any:
        asked.append(0 if input_values.is_meta else len(input_values))
        return states(self, input_values, lengths)

    monkeypatch.setattr(SslNetwork, "states", counted)
    return asked


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_features_in_between_change_no_answer(name: str, tmp_path: Path) -> None:
    built = network(save_backbone(tmp_path, name)).eval()
    lengths = torch.tensor([48_000, 20_000, 300])
    for known in (None, lengths):
        features = built.frozen_features(sounds(), known)
        expected = built(sounds(), known)
        torch.testing.assert_close(built.forward_features(features, known), expected, atol=1e-5, rtol=1e-5)
    for freeze in ("none", "convolutions", "lora"):
        assert network(tmp_path, freeze=freeze).frozen_features is None


def test_the_weights_are_those_of_a_training_without_the_cache(
    backbone: Path, tmp_path: Path, computed: list[int]
) -> None:
    """With windows that are longer than any clip, so that there is no choice of them."""
    same = {"shift": "0", "window": "8"}
    trained(backbone, tmp_path / "anew", cache_features="false", **same)
    anew = sum(computed)
    computed.clear()
    messages = trained(backbone, tmp_path / "once", **same)
    once = sum(computed)
    assert messages.told[-1].startswith("the frozen part is computed once for each window (0.")
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("once", "anew"))
    for key, value in other.items():
        torch.testing.assert_close(one[key], value, atol=1e-5, rtol=1e-4, msg=key)
    first, second = (read(tmp_path / name / "metrics.json")["training"]["history"] for name in ("once", "anew"))
    for record, expected in zip(first, second, strict=True):
        assert record["loss"] == pytest.approx(expected["loss"], abs=1e-5)
        assert record["dev_loss"] == pytest.approx(expected["dev_loss"], abs=1e-5)
    parts = read(tmp_path / "once" / "metrics.json")["data"]["parts"]
    clips = {name: part["clips"] for name, part in parts.items()}
    # Every training and dev window once, and what is no part of the loop: one window to learn the size, and the test clips.
    assert once <= clips["train"] + clips["dev"] + clips["test"] + 20 < anew
    assert not [path for path in (tmp_path / "once").iterdir() if path.name.startswith("features-")]


def test_all_folds_share_what_was_computed_and_two_runs_are_the_same(
    backbone: Path, tmp_path: Path, computed: list[int]
) -> None:
    few = {"protocol": "group-5", "epochs": "1"}
    trained(backbone, tmp_path / "run", fold=None, **few)
    five = sum(computed)
    computed.clear()
    trained(backbone, tmp_path / "first", **few)
    assert five < 2.5 * sum(computed)  # each clip in the loop and, once, as a test clip
    one, other = (
        load_file(folder / "model.safetensors") for folder in (tmp_path / "run" / "fold1", tmp_path / "first")
    )
    assert all(torch.equal(one[key], other[key]) for key in other)


def test_what_cannot_hold_is_said_once_and_the_way_back(backbone: Path, tmp_path: Path) -> None:
    told = trained(backbone, tmp_path / "run", epochs="1", gain="3").told
    assert [line for line in told if "frozen part" in line] == [told[-1]]
    assert "so gain=3, shift=0.2 of the recipe is left out; --set cache_features=false" in told[-1]


def test_where_the_disk_is_full_it_is_computed_in_every_epoch(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "SPARE", 0.0)
    told = trained(backbone, tmp_path / "run", epochs="1").told[-1]
    assert told.startswith("the frozen part is computed in every epoch: its features need 0.0 GB beside")
