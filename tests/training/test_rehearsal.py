"""What a later step could not hold is refused before the first epoch, in a sentence that names it."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from support.distributions import distribution
from support.small import NETWORK, RECIPE, emozoo, one_error, toy

from emozoo import EmozooError
from emozoo.architecture import Recipe
from emozoo.checkpoint.run import RunOptions
from emozoo.registry.loading import get_architecture
from emozoo.training.progress import Progress
from emozoo.training.rehearsal import check_labels
from emozoo.training.train import train


class Untouched(Progress):
    def step(self, epoch: int, done: int, total: int) -> None:
        raise AssertionError("a step was taken")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("sad", "\ud800"), "cannot be printed"),
        (("sad", "an\ngry"), "cannot be printed"),
        (("sad", "an\x1b[31mgry"), "cannot be printed"),
        (("sad", " "), "cannot be printed"),
        (("sad", "a" * 1001), "1001 characters"),
        (("sad", 3), "is not text"),
        (("caf\u00e9", "cafe\u0301"), "look the same"),
        (("very sad", "very  sad"), "look the same"),
        (tuple(f"l{number}" for number in range(1001)), "1001 labels"),
    ],
)
def test_labels_that_no_file_could_hold_are_refused(labels: tuple[Any, ...], words: str) -> None:
    with pytest.raises(EmozooError, match=words):
        check_labels(labels)


def test_labels_of_any_language_are_not() -> None:
    check_labels(("怒り", "радость", "غضب", "sad", "Sad", "neutral (calm)", "😀", "très triste"))


def test_a_label_of_a_table_is_found_before_the_first_epoch(tmp_path: Path) -> None:
    sounds = sorted(toy().rglob("sentences/**/*.wav"))[:12]
    labels = ("sad", "angry" * 201)
    rows = [f"{path},{labels[number % 2]},s{number}" for number, path in enumerate(sounds)]
    (tmp_path / "table.csv").write_text("file,label,speaker\n" + "\n".join(rows), encoding="utf-8")
    with pytest.raises(EmozooError, match="1005 characters"):
        train(
            RunOptions("cnn", "manifest", str(tmp_path / "table.csv"), protocol="random"),
            tmp_path / "run", device="cpu", progress=Untouched(),
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_words_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for words in (["--labels", "sad,\udcff"], ["--set", "sequence=\udcff"], ["--merge", "\udcff=sad"]):
        line = one_error(
            emozoo(
                "train",
                "cnn_rnn",
                "--dataset",
                "toy",
                "--data-dir",
                toy(),
                "--output",
                tmp_path / "run",
                *words,
                check=2,
            )
        )
        assert "\\udcff" in line
    for wrong in ({"labels": "sad"}, {"labels": ("sad", 3)}, {"seed": "1"}, {"settings": {"epochs": 3}}):
        with pytest.raises(EmozooError, match="the training's options are wrong"):
            train(RunOptions("cnn", "toy", str(toy()), **wrong), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


ODD = '''
    """Networks whose checkpoint would not come back."""

    import pathlib
    from dataclasses import dataclass

    import torch
    from torch import nn

    from emozoo.architecture import Architecture, Recipe

    class Network(nn.Module):
        def __init__(self, config, labels):
            super().__init__()
            self.head = nn.Linear(48_000, labels)
            self.register_buffer("mask", torch.tensor({mask}))
            if {grows}:
                Network.grown = getattr(Network, "grown", 0) + 1
                self.more = nn.Linear(Network.grown, 1)

        def forward(self, input_values):
            return self.head(input_values)

    @dataclass(frozen=True)
    class Config:
        value: {hint} = {value}

    architecture = Architecture("odd", ("audio",), Config, Network, Recipe())
'''
PLAIN = {"hint": "int", "value": "3", "mask": "0.0", "grows": "False"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hint": "object", "value": "pathlib.Path('x')"}, "not JSON serializable"),
        ({"hint": "object", "value": "frozenset((1, 2))"}, "not JSON serializable"),
        ({"hint": "float", "value": "float('nan')"}, "config.json is damaged"),
        ({"hint": "str", "value": "'../up'"}, "leads out of the checkpoint"),
        ({"hint": "str", "value": "'a\\nb'"}, "config.json is damaged"),
        ({"hint": "str", "value": "'\\ud800'"}, "surrogates"),
        ({"hint": "int", "value": "2**40"}, "too large"),
        ({"hint": "list", "value": "None"}, "not of type list"),
        ({"mask": "float('-inf')"}, "not finite"),
        ({"grows": "True"}, "does not fit"),
    ],
)
def test_a_network_that_does_not_come_back_from_its_checkpoint_is_not_trained(
    change: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path / "site", "odd-net", {"odd": "odd_net:architecture"}, ODD.format(**{**PLAIN, **change}))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(__import__("sys").modules, "odd_net", raising=False)
    run = RunOptions("odd", "toy", str(toy()), settings={"epochs": "1"})
    with pytest.raises(EmozooError, match=words) as raised:
        train(run, tmp_path / "run", device="cpu", progress=Untouched())
    assert "odd (odd-net 1.2) cannot be trained" in str(raised.value) and "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value) and not (tmp_path / "run").exists()


HINTS = """
    from __future__ import annotations

    from dataclasses import dataclass, field
    from typing import TYPE_CHECKING

    from torch import nn

    from emozoo.architecture import Architecture, Recipe

    if TYPE_CHECKING:
        from decimal import Decimal

    @dataclass(frozen=True)
    class Config:
        value: {config} = None

    @dataclass(frozen=True)
    class Mine(Recipe):
        more: {recipe} = None

    architecture = Architecture("hinted", ("audio",), Config, lambda config, labels: nn.Linear(1, 1), Mine())
"""


@pytest.mark.parametrize(
    ("config", "recipe", "what"),
    [("Decimal | None", "int", "config, Config"), ("int", "'NotThere'", "recipe, Mine"), ("list[", "int", "")],
)
def test_a_type_hint_that_means_nothing_is_named_with_its_plugin(
    config: str, recipe: str, what: str, tmp_path: Path
) -> None:
    source = textwrap.dedent(HINTS.format(config=config, recipe=recipe))
    distribution(tmp_path / "site", "hinted-net", {"hinted": "hinted_net:architecture"}, source)
    words = ["train", "hinted", "--dataset", "toy", "--data-dir", toy(), "--output", tmp_path / "run"]
    line = one_error(emozoo(*words, PYTHONPATH=str(tmp_path / "site"), check=2))
    assert "'hinted' of hinted-net 1.2 cannot be used" in line and f"a type hint of its {what}" in line or not what


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": float("nan")}, {"learning_rate": float("inf")}, {"epochs": 2.5}, {"epochs": "3"},
        {"epochs": True}, {"frame_augment": 1}, {"warmup": None}, {"weight_decay": float("inf")},
    ],
)  # fmt: skip
def test_a_recipe_holds_numbers_only(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Recipe(**wrong)


@pytest.mark.parametrize("name", ["cnn", "resnet_gru"])
def test_what_a_front_end_refuses_is_refused_before_the_first_epoch(name: str, tmp_path: Path) -> None:
    for setting in ({"time_mask": "301"}, {"freq_mask": "201"}):
        run = RunOptions(name, "toy", str(toy()), settings={**(NETWORK if name == "cnn" else {}), **RECIPE, **setting})
        with pytest.raises(EmozooError, match=rf"{name} \(emozoo .*\) cannot be trained with this recipe"):
            train(run, tmp_path / "run", device="cpu", progress=Untouched())
    assert not (tmp_path / "run").exists()
    assert get_architecture(name).recipe.time_mask <= 300
