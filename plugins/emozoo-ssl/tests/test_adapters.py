"""An adapter on an encoder of the Hub: a small checkpoint that names the encoder's commit, and a whole one made of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import conftest  # noqa: F401 - gives every process a cache of its own
import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.torch import load_file
from support.hub_server import Hub, Repo, running
from support.plugin_site import installed
from support.publishing import environment
from support.schemas import validate
from support.small import emozoo, one_error, read, toy
from tiny_encoders import save_backbone

import emozoo as package
from emozoo import EmozooError
from emozoo.checkpoint.merge import merge
from emozoo.integrations.transformers import EmozooForAudioClassification

ENCODER = "anna/tiny"


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-ssl"):
        yield


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def commit(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An encoder on the Hub, and a later commit that must not be taken for it."""
    repo = hub.models[ENCODER] = Repo(ENCODER)
    for name in ("first", "second"):
        folder = save_backbone(tmp_path_factory.mktemp(name), "hubert")
        repo.commit({path.name: path.read_bytes() for path in folder.iterdir()}, name)
        if name == "first":
            sha = repo.refs["main"]
    return sha


@pytest.fixture(scope="module")
def run(hub: Hub, commit: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained in a process that fetched the encoder into this one's cache."""
    folder = tmp_path_factory.mktemp("runs") / "adapted"
    settings = [
        f"backbone=hub:{ENCODER}@{commit}", "freeze=lora", "rank=4", "hidden=8", "batch_size=20", "learning_rate=1e-2",
        "adapter_learning_rate=3e-2", "epochs=1",
    ]  # fmt: skip
    words = ["train", "ssl", "--dataset", "toy", "--data-dir", toy(), "--protocol", "group-2", "--device", "cpu"]
    emozoo(
        *words,
        "--output",
        folder,
        *(w for s in settings for w in ("--set", s)),
        **environment(hub, Path(constants.HF_HOME)),
    )
    return folder


def wav() -> Path:
    return next(toy().rglob("sentences/**/*.wav"))


def answered(folder: Path | str, check: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
    return emozoo("predict", wav(), "--model", folder, "--json", check=check, **environ)


def probabilities(done: subprocess.CompletedProcess[str]) -> np.ndarray:
    return np.array([*json.loads(done.stdout)["predictions"][0]["probabilities"].values()])


def test_the_file_holds_adapter_and_head_and_the_config_the_encoders_commit(run: Path, commit: str) -> None:
    names = load_file(run / "model.safetensors").keys()
    assert names and not [name for name in names if name.startswith("backbone.") and ".lora_" not in name]
    assert any(".lora_B." in name for name in names) and "classifier.output.weight" in names
    assert read(run / "config.json")["architecture_config"]["backbone"] == f"hub:{ENCODER}@{commit}"


def test_it_fetches_the_encoder_once_and_works_offline_then(hub: Hub, run: Path, tmp_path: Path) -> None:
    home = tmp_path / "another home"
    away = {**environment(hub, home), "HF_HUB_OFFLINE": "1"}
    line = one_error(answered(run, 2, **away))
    assert f"hub:{ENCODER}" in line and "leaves pretrained weights out" in line and "HF_HUB_OFFLINE" in line
    there = probabilities(answered(run, **environment(hub, home)))
    asked = len(hub.requests)
    np.testing.assert_array_equal(probabilities(answered(run, **away)), there)
    assert len(hub.requests) == asked


def test_merged_it_is_whole_answers_the_same_and_needs_neither_peft_nor_the_encoder(run: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    done = merge(run, whole)
    assert done.difference <= 1e-5 and done.bytes == (whole / "model.safetensors").stat().st_size
    assert read(whole / "metrics.json") == read(run / "metrics.json")
    expected = package.load(run, "cpu").predict(wav()).probabilities
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "peft.py").write_text("raise ImportError('not installed')\n")
    path = os.pathsep.join([str(tmp_path / "no"), os.environ["PYTHONPATH"]])
    alone = probabilities(answered(whole, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path), PYTHONPATH=path))
    np.testing.assert_allclose(alone, [*expected.values()], atol=1e-5)
    with pytest.raises(EmozooError, match="no adapter to merge"):
        merge(whole, tmp_path / "twice")
    assert not (tmp_path / "twice").exists() and package.load(whole, "cpu").config.freeze == "none"
    with pytest.raises(EmozooError, match="name an empty folder"):
        merge(run, whole)


def test_the_command_line_merges_into_a_folder_that_is_named(run: Path, tmp_path: Path) -> None:
    home = {"HF_HUB_OFFLINE": "1", "HF_HOME": constants.HF_HOME}
    done = json.loads(emozoo("export", run, "--merge", "--output", tmp_path / "whole", "--json", **home).stdout)
    validate(done, "export")
    assert done["file"] == str(tmp_path / "whole" / "model.safetensors") and Path(done["file"]).is_file()
    assert "--merge needs --output FOLDER" in one_error(emozoo("export", run, "--merge", check=2))


def test_without_peft_or_with_another_encoder_it_is_refused_in_one_sentence(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Path(constants.HF_HUB_CACHE)
    folder = next(cache.glob("models--anna--tiny/snapshots/*"))
    other = folder.parent / ("f" * 40)
    other.mkdir()
    for path in save_backbone(tmp_path / "other", "hubert", hidden_size=32).iterdir():
        shutil.copy(path, other)
    changed = shutil.copytree(run, tmp_path / "changed")
    config = read(changed / "config.json")
    name = f"hub:{ENCODER}@{'f' * 40}"
    config["architecture_config"]["backbone"] = config["architecture_config"]["backbone_config"]["name"] = name
    (changed / "config.json").write_text(json.dumps(config))
    with pytest.raises(EmozooError, match="does not hold the encoder that its config.json describes"):
        package.load(changed, "cpu")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(EmozooError, match=r"freeze=lora needs peft: pip install 'emozoo-ssl\[lora\]'$"):
        package.load(run, "cpu")


def test_transformers_is_told_what_to_do_instead(run: Path) -> None:
    with pytest.raises(EmozooError, match="emozoo export --merge writes it whole"):
        EmozooForAudioClassification.from_pretrained(run)
