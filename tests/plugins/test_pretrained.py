"""What a plugin may build on: `prepare`, `load_pretrained` and `parameter_groups` of the contract, and the files that
`pretrained_files` gets them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from support.distributions import distribution
from support.hub_server import Hub, Repo, running
from support.publishing import environment
from support.small import emozoo, one_error, read, toy

import emozoo as package
from emozoo import EmozooError
from emozoo.architecture import pretrained_files
from emozoo.checkpoint.run import RunOptions
from emozoo.training.train import train

PLUGIN = '''
    """A network whose first layer comes from a file, which the checkpoint must not need."""

    import dataclasses
    from dataclasses import dataclass

    from safetensors.torch import load_file
    from torch import nn

    from emozoo.architecture import Architecture, Recipe, pretrained_files

    @dataclass(frozen=True)
    class Config:
        source: str = ""
        width: int = 0
        forget: bool = False

        def __post_init__(self):
            if self.width < 0:
                raise ValueError("width must not be below 0")

    def prepare(config):
        folder, name = pretrained_files(config.source, ("model.safetensors",))
        return dataclasses.replace(config, source=name, width=len(load_file(folder / "model.safetensors")["weight"]))

    class Network(nn.Module):
        def __init__(self, config, num_labels):
            super().__init__()
            self.config = config
            self.body, self.head = nn.Linear(480, config.width), nn.Linear(config.width, num_labels)

        def forward(self, input_values, pixel_values=None):
            return self.head(self.body(input_values.unflatten(1, (100, 480))).mean(1))

        def load_pretrained(self, asked):
            print("LOADED")
            folder, _ = pretrained_files(asked.source, ("model.safetensors",))
            self.body.load_state_dict(load_file(folder / "model.safetensors"))

        def parameter_groups(self, recipe):
            groups = [{"params": self.head.parameters()}, {"params": self.body.parameters(), "lr": 1e-6}]
            return groups[:1] if self.config.forget else groups

    architecture = Architecture(
        name="borrowed", modalities=("audio",), config=Config, build=Network, prepare=prepare,
        recipe=Recipe(batch_size=10, learning_rate=1e-2),
    )
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    distribution(folder, "borrowed-net", {"borrowed": "borrowed_net:architecture"}, PLUGIN)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "sourçe").mkdir()
    weights = {"weight": np.full((6, 480), 0.01, np.float32), "bias": np.zeros(6, np.float32)}
    save_file(weights, tmp_path / "sourçe" / "model.safetensors")
    return tmp_path / "sourçe"


def options(source: Path | str, **more: Any) -> RunOptions:
    known = {"settings": {"source": str(source), "epochs": "1"}, "protocol": "group-2"}
    return RunOptions("borrowed", "toy", str(toy()), **{**known, **more})


def test_a_network_is_prepared_once_filled_in_every_fold_and_loads_alone(
    site: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(site))
    run = tmp_path / "run"
    train(options(source, fold=None), run, device="cpu")
    assert capsys.readouterr().out.count("LOADED") == 2
    assert read(run / "prepared.json") == {"source": "sourçe", "width": 6, "forget": False}
    for fold in ("fold1", "fold2"):
        assert read(run / fold / "config.json")["architecture_config"] == read(run / "prepared.json")
        weights = load_file(run / fold / "model.safetensors")
        # The body has a ten-thousandth of the head's learning rate, and Adam's steps are about as long as that.
        assert 0 < (weights["body.weight"] - 0.01).abs().max() < 1e-4 < weights["head.weight"].abs().max()
    shutil.rmtree(source)
    train(options(source, fold=None), run, device="cpu", resume=True)  # finished: shown, not trained
    assert package.load(run / "fold1", "cpu").config.width == 6
    train(options("", start=str(run / "fold1"), settings={"epochs": "1"}), tmp_path / "more", device="cpu")
    one, other = (
        load_file(folder / "model.safetensors")["head.weight"] for folder in (run / "fold1", tmp_path / "more")
    )
    assert not torch.equal(one, other) and "LOADED" not in capsys.readouterr().out


def test_what_cannot_be_prepared_or_trained_costs_one_line(
    site: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "borrowed", "--dataset", "toy", "--data-dir", toy(), "--output", tmp_path / "run"]
    line = one_error(emozoo(*words, "--set", f"source={tmp_path / 'gone'}", PYTHONPATH=str(site), check=2))
    assert "gone cannot be read" in line and not (tmp_path / "run").exists()
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(EmozooError, match="borrowed is broken: parameter_groups leaves out 'body.weight'"):
        train(options("", settings={"source": str(source), "forget": "true"}), tmp_path / "run", device="cpu")
    train(options(source), tmp_path / "whole", device="cpu")
    for settings in ({"width": "-1"}, {"width": "7"}):
        with pytest.raises(EmozooError, match="width must not be below 0|makes another network"):
            train(options("", start=str(tmp_path / "whole"), settings=settings), tmp_path / "more", device="cpu")


def test_a_folder_is_used_as_it_is_and_recorded_by_its_name_alone(source: Path, tmp_path: Path) -> None:
    assert pretrained_files(str(source), ["model.safetensors"], ["more.json"]) == (source, "sourçe")
    odd = source.rename(tmp_path / "~a\n:b")
    assert pretrained_files(str(odd), ["model.safetensors"])[1] == "_a__b"
    with pytest.raises(EmozooError, match="has no config.json"):
        pretrained_files(str(odd), ["config.json", "model.safetensors"])


# --- from the Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def fetch(hub: Hub, home: Path, reference: str, **more: str) -> tuple[str, str]:
    """In a process of its own, as a plugin would: the name that may be recorded and the files; or the error's words."""
    code = (
        "import sys, logging; logging.basicConfig(level='WARNING', format='%(message)s')\n"
        "from emozoo.architecture import pretrained_files; from emozoo import EmozooError\n"
        "try: folder, name = pretrained_files(sys.argv[1], ['config.json', 'model.safetensors'], ['extra.json'])\n"
        "except EmozooError as error: print('error:', error)\n"
        "else: print(name, *sorted(path.name for path in folder.iterdir()))"
    )
    variables = {**os.environ, **environment(hub, home, None), **more}
    done = subprocess.run(
        [sys.executable, "-c", code, reference], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip(), done.stderr


def test_of_the_hub_all_files_come_from_one_commit_which_is_recorded(hub: Hub, tmp_path: Path) -> None:
    repo = hub.models.setdefault("anna/encoder", Repo("anna/encoder"))
    files = {"config.json": b"{}", "model.safetensors": b"weights", "extra.json": b"{}", "other.txt": b"unasked"}
    sha = repo.commit(files, "first").sha
    expected = f"hub:anna/encoder@{sha} config.json extra.json model.safetensors"
    assert fetch(hub, tmp_path, "hub:anna/encoder")[0] == expected
    repo.commit({"model.safetensors": b"newer"}, "second")
    assert fetch(hub, tmp_path, f"hub:anna/encoder@{sha}", HF_HUB_OFFLINE="1")[0] == expected
    assert fetch(hub, tmp_path, "hub:anna/encoder")[0] != expected


def test_pickles_are_refused_unless_the_hubs_own_bot_has_converted_them(hub: Hub, tmp_path: Path) -> None:
    repo = hub.models.setdefault("anna/old", Repo("anna/old"))
    repo.commit({"config.json": b"{}", "pytorch_model.bin": b"pickle"}, "first")
    said, _ = fetch(hub, tmp_path, "hub:anna/old")
    assert "hub:anna/old is refused: its weights are pickle files (pytorch_model.bin)" in said
    # A stranger's pull request, and one of the bot's that was closed, are not taken for it.
    for number, (author, status) in enumerate([("mallory", "open"), ("SFconvertbot", "closed")], 1):
        repo.requests[number] = (author, status)
        repo.commit({"config.json": b"{}", "model.safetensors": b"?"}, "request", branch=f"refs/pr/{number}")
    assert "is refused" in fetch(hub, tmp_path, "hub:anna/old")[0]
    repo.requests[3] = ("SFconvertbot", "open")
    sha = repo.commit({"config.json": b"{}", "model.safetensors": b"same"}, "request", branch="refs/pr/3").sha
    said, warned = fetch(hub, tmp_path, "hub:anna/old")
    assert said == f"hub:anna/old@{sha} config.json model.safetensors"
    assert "hub:anna/old@refs/pr/3" in warned
    assert not [line for line in hub.requests if "pytorch_model.bin" in line]


def test_each_trouble_of_the_hub_has_its_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.models["anna/gated"] = Repo("anna/gated", gated=True)
    hub.models["anna/gated"].commit({"config.json": b"{}", "model.safetensors": b""}, "first")
    hub.models["anna/text"] = Repo("anna/text")
    hub.models["anna/text"].commit({"README.md": b""}, "first")
    for reference, part in {
        "hub:anna/gated": "is gated: ask for access",
        "hub:anna/nothing": "is private, or there is no such repository",
        "hub:anna/text": "hub:anna/text has no config.json",
        "hub:anna/text@v9": "no such branch, tag or commit",
    }.items():
        assert part in fetch(hub, tmp_path, reference)[0]
    assert "HF_HUB_OFFLINE is set" in fetch(hub, tmp_path, "hub:anna/gated", HF_HUB_OFFLINE="1")[0]
