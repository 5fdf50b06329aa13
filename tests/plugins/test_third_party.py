"""A third party's plugin from `emozoo new` to a model on the Hub, in an environment of its own: wheels, pip, no source tree.

The virtual environment holds emozoo's wheel and the plugin's. What they need is seen through a .pth file, which does not
follow the .pth files of the places that it names: so nothing here comes from an emozoo that is installed for development.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import Hub, running
from support.places import ROOT
from support.publishing import environment
from support.small import one_error, toy

DEPENDENCIES = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]


class Place:
    """A fresh virtual environment beside a folder of plugins."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder, self.wheels = folder, wheels
        venv.create(folder / "venv", with_pip=False)
        self.python = folder / "venv" / "bin" / "python"
        (site,) = (folder / "venv").glob("lib/python*/site-packages")
        (site / "dependencies.pth").write_text("\n".join(DEPENDENCIES))
        self.pip("install", *map(str, wheels.glob("emozoo-*.whl")))

    def pip(self, what: str, *words: str) -> None:
        quiet = ["--no-deps", "--no-index"] if what == "install" else ["--yes"]
        self.run(sys.executable, "-m", "pip", "--python", str(self.python), what, "-q", *quiet, *words)

    def install(self, name: str, *kind: str) -> Path:
        """Writes a plugin, builds its wheel and installs it; returns the folder of its sources."""
        source = Path(self.emozoo("new", *kind, name, "--output", f"sources/{name}").stdout.strip())
        build_wheel(source, self.folder / "wheels")
        self.pip("install", *map(str, (self.folder / "wheels").glob(f"emozoo_{name}-*.whl")))
        return source

    def emozoo(self, *words: Any, check: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.python.with_name("emozoo")), *map(str, words), check=check, **more)

    def run(self, *command: str, check: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            command,
            env={**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "160", **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert check is None or done.returncode == check, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def build_wheel(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-w", target, source], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    build_wheel(ROOT, folder)
    return folder


@pytest.fixture
def place(wheels: Path, tmp_path: Path) -> Place:
    return Place(tmp_path, wheels)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def test_a_plugin_is_installed_trained_published_and_missed(place: Place, hub: Hub) -> None:
    place.install("third_net", "architecture")
    where = place.run(
        str(place.python), "-c", "import emozoo, emozoo_third_net as t; print(emozoo.__file__, t.__file__)"
    )
    assert all(path.startswith(str(place.folder / "venv")) for path in where.stdout.split())

    listed = json.loads(place.emozoo("list", "--json", EMOZOO_PLUGINS="third_net").stdout)["architectures"]
    (third,) = (each for each in listed if each["distribution"] != "emozoo")
    told = {key: third[key] for key in ("name", "distribution", "version", "state", "problem")}
    assert list(told.values()) == ["third_net", "emozoo-third-net", "0.1.0", "ok", None]

    data = ("--dataset", "toy", "--data-dir", toy())
    place.emozoo("train", "third_net", *data, "--epochs", 1, "--output", "run", "--set", "filters=4,4")
    clip = next(toy().rglob("sentences/**/*.wav"))
    answer = json.loads(place.emozoo("predict", clip, "--model", "run", "--json").stdout)["predictions"][0]
    assert answer["emotion"] in answer["probabilities"]

    there = environment(hub, place.folder / "home")
    pushed = place.emozoo("push", "run", "anna/third", **there)
    assert pushed.stdout.strip() == f"{hub.url}/anna/third"
    card = hub.models["anna/third"].files()["README.md"].decode()
    assert "emozoo-third-net" in card and "--set filters=8,16" in card  # the plugin's own paragraph
    fetched = place.emozoo("predict", clip, "--model", "hub:anna/third", "--json", **there)
    assert json.loads(fetched.stdout)["predictions"][0] == answer

    off = one_error(place.emozoo("predict", clip, "--model", "hub:anna/third", check=2, EMOZOO_PLUGINS="", **there))
    assert "of emozoo-third-net 0.1.0 is switched off" in off
    place.pip("uninstall", "emozoo-third-net")
    for model in ("run", "hub:anna/third"):
        assert one_error(place.emozoo("predict", clip, "--model", model, check=2, **there)) == (
            f"error: {model} needs the architecture 'third_net', which no installed plugin offers; it was made with "
            "emozoo-third-net 0.1.0: pip install emozoo-third-net (installing a plugin runs its code)"
        )


def test_a_new_architecture_passes_its_check_unchanged(place: Place) -> None:
    place.install("checked_net", "architecture")
    report = json.loads(place.emozoo("check", "checked_net", "--json", "--device", "cpu").stdout)
    states = {point["point"]: point["state"] for point in report["points"]}
    skipped = {point for point, state in states.items() if state == "skipped"}
    assert skipped == {"gpu", "lengths", "window"}  # it takes neither lengths nor other windows
    assert report["holds"] and {state for point, state in states.items() if point not in skipped} == {"ok"}, states


def test_a_new_dataset_a_new_reader_and_a_new_network_with_video_pass_their_own_tests(place: Place) -> None:
    kinds: dict[str, tuple[list[str], list[str]]] = {
        "my_voices": (["dataset"], []),
        "my_library": (["reader"], ["-k", "not TestMyLibraryNet"]),
        "face_net": (
            ["architecture", "--video"],
            ["-k", "loads or forward or save"],
        ),  # the others are the same for all
    }
    for name, (kind, words) in kinds.items():
        source = place.install(name, *kind)
        (source / f"emozoo_{name}").rename(source / "elsewhere")  # what is tested is the wheel
        pytest_words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(source), *words)
        done = place.run(str(place.python), *pytest_words)
        assert " passed" in done.stdout and "failed" not in done.stdout, done.stdout
    example = place.folder / "sources" / "my_voices" / "tests" / "example.py"
    place.run(str(place.python), str(example), "example")
    small = ("--set", "filters=4,4,4", "--set", "linear=8", "--epochs", 1, "--device", "cpu")
    place.emozoo("train", "cnn", "--dataset", "my_voices", "--data-dir", "example", "--output", "run", *small)
