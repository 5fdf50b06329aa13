"""A checkpoint of transformers is a model like any other, loaded whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.transformers_models import KINDS, LABELS, clip, save_classifier, told

import emozoo
from emozoo.errors import EmozooError
from emozoo.inference.model import Window

WEIGHTS = "model.safetensors"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_loads_answers_and_embeds(kind: str, tmp_path: Path) -> None:
    save_classifier(tmp_path, kind)
    model = emozoo.load(tmp_path, "cpu")
    assert model.labels == LABELS and model.target == "emotion"
    clips = [clip(16_000, 1), clip(9_999, 2)]
    windows: list[Window] = [(sound, None) for sound in clips]
    for sound, row in zip(clips, model.probabilities(windows), strict=True):
        assert dict(zip(LABELS, row, strict=True)) == pytest.approx(told(tmp_path, sound), abs=1e-5)
    assert model.embeddings(windows).shape == (2, model.network.output.in_features)


def test_a_copy_that_emozoo_saves_answers_the_same(tmp_path: Path) -> None:
    save_classifier(tmp_path / "foreign", "wav2vec2")
    model = emozoo.load(tmp_path / "foreign", "cpu")
    model.save(tmp_path / "copy")
    windows: list[Window] = [(clip(16_000), None)]
    assert np.array_equal(emozoo.load(tmp_path / "copy", "cpu").probabilities(windows), model.probabilities(windows))
    assert json.loads((tmp_path / "copy" / "config.json").read_text(encoding="utf-8"))["model_type"] == "emozoo"


Change = Callable[[dict[str, torch.Tensor]], Any]
CHANGES: dict[str, tuple[Change, str]] = {
    "missing": (lambda held: held.pop("wav2vec2.encoder.layer_norm.bias"), r"lacks.*encoder\.layer_norm\.bias"),
    "extra": (lambda held: held.update({"wav2vec2.adapter.x": torch.zeros(2)}), r"wav2vec2\.adapter\.x"),
    "renamed": (lambda held: held.update(projection=held.pop("projector.bias")), r"projection|projector\.bias"),
    "misshapen": (
        lambda held: held.update({"projector.bias": torch.zeros(9)}),
        r"'projector.bias' is \[9\], not \[8\]",
    ),
    "whole numbers": (
        lambda held: held.update({"projector.bias": torch.zeros(8, dtype=torch.int32)}),
        "projector.bias",
    ),
    "not finite": (lambda held: held["projector.bias"].fill_(float("nan")), "projector.bias"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_that_is_not_the_network_is_refused_by_the_tensor(what: str, tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    change, reason = CHANGES[what]
    held = load_file(tmp_path / WEIGHTS)
    change(held)
    save_file(held, tmp_path / WEIGHTS, {"format": "pt"})
    with pytest.raises(EmozooError, match=reason) as refused:
        emozoo.load(tmp_path, "cpu")
    assert str(tmp_path) in str(refused.value)


def test_a_config_that_asks_for_more_than_the_weights_takes_no_memory(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2")
    document = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(document | {"intermediate_size": 2**30}), encoding="utf-8")
    with pytest.raises(EmozooError, match="far larger than the weights"):
        emozoo.load(tmp_path, "cpu")


def test_what_a_reader_refuses_is_called_by_the_name_that_the_user_gave(tmp_path: Path) -> None:
    save_classifier(tmp_path, "wav2vec2", {"sampling_rate": 8_000})
    with pytest.raises(EmozooError, match="cannot be read: it takes sound of 8000 Hz") as refused:
        emozoo.load(tmp_path, "cpu")
    assert str(refused.value).startswith(str(tmp_path))


def test_a_model_of_text_is_refused_by_its_kind(tmp_path: Path) -> None:
    document = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
    (tmp_path / "config.json").write_text(json.dumps(document), encoding="utf-8")
    save_file({"classifier.weight": torch.zeros(2, 2)}, tmp_path / WEIGHTS, {"format": "pt"})
    with pytest.raises(EmozooError, match="cannot be read: its model_type is 'bert', for which transformers has no"):
        emozoo.load(tmp_path, "cpu")
