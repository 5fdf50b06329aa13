"""`--set`: every type of field, and every way to get it wrong."""

from dataclasses import dataclass
from typing import Literal

import pytest

from emozoo import EmozooError
from emozoo.architecture import Architecture, Recipe
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings


@dataclass(frozen=True)
class Config:
    size: int = 3
    share: float = 0.5
    name: str = "x"
    deep: bool = False
    filters: tuple[int, ...] = (1, 2)
    kernels: tuple[tuple[int, int], ...] = ((1, 1),)
    limit: float | None = None
    mode: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size must not be below zero")


ODD = Architecture("odd", ("audio",), Config, build=lambda config, labels: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "7", 7),
        ("share", "1e-3", 1e-3),
        ("name", "a=b", "a=b"),
        ("deep", "true", True),
        ("deep", "No", False),
        ("filters", "16,24,24", (16, 24, 24)),
        ("filters", "[16, 24]", (16, 24)),
        ("filters", "8", (8,)),
        ("kernels", "[[3, 3], [5, 7]]", ((3, 3), (5, 7))),
        ("limit", "2", 2.0),
        ("limit", "none", None),
        ("mode", "b", "b"),
    ],
)
def test_a_word_becomes_the_fields_type(name: str, text: str, value: object) -> None:
    config, recipe = apply_settings(ODD, {name: text})
    assert getattr(config, name) == value and type(getattr(config, name)) is type(value)
    assert recipe == Recipe()


def test_recipe_fields_are_set_alike() -> None:
    config, recipe = apply_settings(ODD, {"learning_rate": "0.01", "epochs": "3", "frame_augment": "off"})
    assert config == Config()
    assert (recipe.learning_rate, recipe.epochs, recipe.frame_augment) == (0.01, 3, False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("siz", "3", "no setting 'siz'; did you mean size"),
        ("qqqq", "3", "no setting 'qqqq'; known: accumulation"),
        ("size", "3.5", "size takes a whole number"),
        ("size", "-1", "size must not be below zero"),
        ("deep", "maybe", "deep takes true or false"),
        ("share", "nan", "share takes a number"),
        ("filters", "1,x", "filters takes"),
        ("mode", "c", "mode takes"),
        ("epochs", "0", "epochs must be above zero"),
        ("optimizer", "sgdd", "it can be adamw, adam"),
        ("warmup", "2", "warmup must be between 0 and 1"),
        ("clip_norm", "-1", "clip_norm must not be below zero"),
    ],
)
def test_what_does_not_fit_is_named(name: str, text: str, words: str) -> None:
    with pytest.raises(EmozooError, match=words):
        apply_settings(ODD, {name: text})


@pytest.mark.parametrize("name", ["cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn"])
def test_every_size_of_the_built_in_networks_can_be_set(name: str) -> None:
    architecture = get_architecture(name)
    config, _ = apply_settings(architecture, {"filters": "4,4,4", "kernels": "[[3,3],[3,3],[3,3]]", "linear": "8"})
    assert (config.filters, config.kernels, config.linear) == ((4, 4, 4), ((3, 3), (3, 3), (3, 3)), 8)
    architecture.build(config, 3)
