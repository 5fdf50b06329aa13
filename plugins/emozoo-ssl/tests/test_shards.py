"""Training in which each process has a part of the weights (FSDP), beside the same training without."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
import torch
from safetensors.torch import load_file
from support.plugin_site import installed
from support.small import TIMEOUT, emozoo, one_error, read, toy
from tiny_encoders import save_backbone

import emozoo as package

STILL = {"hidden_dropout": 0, "activation_dropout": 0, "attention_dropout": 0, "feat_proj_dropout": 0}
SETTINGS = {
    "hidden": "8", "batch_size": "11", "accumulation": "2", "learning_rate": "1e-2", "freeze": "convolutions",
    "backbone_learning_rate": "1e-3", "layer_decay": "0.5", "clip_norm": "0.5", "ema_decay": "0.9", "dropout": "0",
    "shift": "0",
}  # fmt: skip
"""Nothing random, which each process would draw for itself; and all that a step does with groups of weights."""


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-ssl"):
        yield


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_backbone(tmp_path_factory.mktemp("backbone"), "wavlm", **STILL)


def train_words(backbone: Path, output: Path) -> list[str]:
    words = ["train", "ssl", "--dataset", "toy", "--data-dir", str(toy()), "--output", str(output), "--device", "cpu"]
    words += ["--epochs", "3", "--precision", "fp32", "--log", "none", "--set", f"backbone={backbone}"]
    return [*words, *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}"))]


def processes(count: int) -> list[dict[str, str]]:
    """What the launcher with --use_fsdp tells each of its processes."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = str(place.getsockname()[1])
    common = {"ACCELERATE_USE_FSDP": "true", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def test_two_processes_with_a_part_each_train_as_one_with_all(backbone: Path, tmp_path: Path) -> None:
    """Also after an interruption."""
    emozoo(*train_words(backbone, tmp_path / "one"))
    words = train_words(backbone, tmp_path / "parts")
    launch = ["accelerate.commands.launch", "--use_fsdp", "--fsdp_version", "2", "--num_processes", "2", "--module"]
    process = subprocess.Popen(
        [sys.executable, "-m", *launch, "emozoo", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith("epoch   2"):
            process.terminate()  # which ends its processes
            break
    told.append(process.communicate(timeout=TIMEOUT)[1])
    assert "each of 2 processes trains a part of the weights" in "".join(told)

    package.load(tmp_path / "parts", "cpu")
    with ThreadPoolExecutor(2) as threads:
        tries = [threads.submit(emozoo, *words, "--resume", **each) for each in processes(2)]
        assert "going on after epoch 2" in tries[0].result().stderr
        tries[1].result()
    one, parts = (read(tmp_path / name / "metrics.json")["training"]["history"] for name in ("one", "parts"))
    for first, second in zip(one, parts, strict=True):
        assert second["loss"] == pytest.approx(first["loss"], rel=1e-5)
        assert second["dev_loss"] == pytest.approx(first["dev_loss"], rel=1e-5)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "parts")]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, atol=1e-5, rtol=1e-4)
    wav = next(toy().rglob("*.wav"))
    answers = [package.load(tmp_path / name, "cpu").predict(wav).probabilities for name in ("one", "parts")]
    assert answers[1] == pytest.approx(answers[0], abs=1e-5)


def test_what_cannot_be_cut_is_refused(backbone: Path, tmp_path: Path) -> None:
    words = train_words(backbone, tmp_path / "run")
    line = one_error(emozoo(*words, check=2, **processes(1)[0], FSDP_OFFLOAD_PARAMS="true"))
    assert "leave --fsdp_offload_params out" in line
    assert not (tmp_path / "run").exists()
