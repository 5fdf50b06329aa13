"""A graph answers as torch does for clips of every length that it takes, whatever encoder of transformers is in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.masked import LABELS, Masked, MaskedConfig, architecture, masked_model
from support.plugins import offer
from support.transformers_models import KINDS, clip, save_classifier
from torch import Tensor

from emozoo.checkpoint import export_graph, onnx_model
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError

WINDOW = 1.5
LENGTHS = (1600, 1777, 2050, 4321, 9_999, 12_345, 14_720, 20_001, 23_999, 24_000)
"""Samples: with encoder steps of each remainder that an encoder makes a difference of."""
SMALLER: dict[str, dict[str, Any]] = {
    "data2vec-audio": {"num_conv_pos_embeddings": 2},
    "sew": {"squeeze_factor": 3, "num_conv_pos_embeddings": 15},
    "whisper": {"num_hidden_layers": 2},
}
VARIANTS = [*((kind, {}) for kind in KINDS), ("wav2vec2-conformer", {"position_embeddings_type": "rotary"})]


@pytest.mark.parametrize(
    ("kind", "fields"), VARIANTS, ids=[" ".join((kind, *fields.values())) for kind, fields in VARIANTS]
)
def test_an_encoder_has_one_graph_for_all_lengths(kind: str, fields: dict[str, Any], tmp_path: Path) -> None:
    save_classifier(tmp_path, kind, **({"num_hidden_layers": 1} | SMALLER.get(kind, {}) | fields))
    network = load(tmp_path, "cpu")
    config = dataclasses.replace(network.config, window=WINDOW, hop=1.0)
    short = EmotionModel(network.architecture, config, network.labels)
    short.network.load_state_dict(network.network.state_dict())
    short.eval().save(tmp_path / "short")
    export_onnx(tmp_path / "short")
    graph = onnx_model.load(tmp_path / "short")
    windows = [(clip(samples, samples), None) for samples in LENGTHS]
    wanted = network.probabilities(windows)
    assert np.ptp(wanted, axis=0).max() > 1e-3, "the clips should differ"
    np.testing.assert_allclose(graph.probabilities(windows), wanted, atol=1e-4)


def test_a_graph_that_is_right_for_some_lengths_only_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uneven(Masked):
        def embed(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
            odd = input_values.shape[1] // 160 % 2 > 0 if lengths is None else False
            return super().embed(input_values, lengths) + float(odd)

    uneven = dataclasses.replace(architecture, build=Uneven)
    offer(monkeypatch, uneven, "emozoo", "1.0")
    torch.manual_seed(0)
    EmotionModel(uneven, MaskedConfig(), LABELS).eval().save(tmp_path)
    with pytest.raises(EmozooError, match="masked cannot be exported"):
        export_onnx(tmp_path)
    assert not (tmp_path / "model.onnx").exists()


def test_more_weights_than_a_file_holds_are_told_before_anything_is_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, architecture, "emozoo", "1.0")
    masked_model().save(tmp_path)
    monkeypatch.setattr(export_graph, "MOST_BYTES", 4 * (8 * 400 + 8 + 8 * 4 + 4) - 1)
    with pytest.raises(
        EmozooError, match="masked cannot be exported: its weights are more than the .* of an ONNX file"
    ):
        export_onnx(tmp_path)
