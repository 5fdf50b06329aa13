"""`emozoo benchmark`: the figures are there and hang together. How high they are is not tested."""

import json
import math
from pathlib import Path

import pytest
import torch
from support.models import VALUES, small_model
from support.schemas import validate
from support.small import NETWORK, emozoo, one_error

from emozoo import EmozooError
from emozoo.checkpoint.device import computes_bf16
from emozoo.features.blocks import SpectrogramConvs
from emozoo.inspection import benchmark as inspection_benchmark
from emozoo.inspection.benchmark import _flops, benchmark


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_benchmark, "SECONDS", 0.01)
    monkeypatch.setattr(inspection_benchmark, "PEAK_SIZE", {"cpu": 64})


@pytest.mark.parametrize("name", ["cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn"])
def test_every_network_is_measured(name: str) -> None:
    found = benchmark(name, settings={**NETWORK, "batch_size": "2"}, device="cpu", batch_sizes=(1, 3))
    assert found["parameters"] == sum(parameter.numel() for parameter in small_model(name).parameters())
    assert [row["batch"] for row in found["throughput"]] == [1, 3]
    for row in found["throughput"]:
        assert row["windows_per_second"] == pytest.approx(1e3 * row["batch"] / row["ms"], rel=0.01)
        share = found["flops_per_window"] * row["windows_per_second"] / (1e9 * found["peak_gflops"]["float32"])
        assert row["share_of_peak"] == pytest.approx(share, rel=0.01)
    assert 0 < found["latency_of_a_window"]["p50_ms"] <= found["latency_of_a_window"]["p95_ms"]
    fastest = max(row["windows_per_second"] for row in found["throughput"])
    assert found["real_time_factor"] == pytest.approx(1 / fastest, rel=0.01)
    precision = "bfloat16" if computes_bf16(torch.device("cpu")) else "float32"
    assert (found["training_step"]["batch"], found["training_step"]["precision"]) == (2, precision)
    assert found["peak_memory_mb"]["training"] >= found["peak_memory_mb"]["prediction"] > 0


def test_a_run_that_learnt_dimensions_is_measured(tmp_path: Path) -> None:
    small_model("cnn", VALUES).save(tmp_path)
    assert benchmark(str(tmp_path), device="cpu", batch_sizes=(1,))["training_step"]["ms"] > 0


def test_flops_are_those_of_convolutions_products_and_recurrent_layers() -> None:
    model = small_model("cnn")
    convs = model.network.convs
    assert isinstance(convs, SpectrogramConvs)
    count, shape = 0, (200, 300)
    for layer in convs:
        if isinstance(layer, torch.nn.Conv2d):
            height, width = layer.kernel_size
            outputs = (shape[0] + 1 - height % 2) * (shape[1] + 1 - width % 2)
            count += 2 * outputs * layer.out_channels * layer.in_channels * height * width
            shape = (shape[0] // 2, shape[1] // 2)
    count += 2 * (16 * math.prod(convs.map_shape) + 16 * 4)
    assert _flops(model) == count
    lstm = small_model("cnn_lstm")
    steps = lstm.network.convs.map_shape[2]  # type: ignore[union-attr, index]
    weights = sum(weight.numel() for name, weight in lstm.network.named_parameters() if "recurrent.weight" in name)
    assert _flops(lstm) > 2 * steps * weights


def test_the_document_is_printed_as_json_or_tables(tmp_path: Path) -> None:
    run = tmp_path / "a run"
    small_model().save(run)
    for words in ([], ["--json"]):
        text = emozoo("benchmark", run, "--device", "cpu", "--batch-sizes", "2", *words).stdout
        if words:
            validate(json.loads(text), "benchmark")
            assert json.loads(text)["name"] == str(run)
        else:
            assert "real time factor" in text


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    assert "did you mean cnn" in one_error(emozoo("benchmark", "cnnn", check=2))
    for sizes in ("8,x,0", ""):
        assert "--batch-sizes" in one_error(emozoo("benchmark", "cnn", "--batch-sizes", sizes, check=2))
    assert "did you mean filters" in one_error(emozoo("benchmark", "cnn", "--set", "filter=3", check=2))
    assert "cannot be used" in one_error(emozoo("benchmark", "cnn", "--device", "cuda:99", check=2))
    small_model().save(tmp_path / "run")
    with pytest.raises(EmozooError, match="are its own"):
        benchmark(str(tmp_path / "run"), settings={"dropout": "0"}, device="cpu")
