"""The documentation is true: its Python runs, its commands parse, and nothing public is missing from it."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from support.distributions import distribution
from support.hub_server import running
from support.models import small_model
from support.places import ROOT
from support.publishing import environment, publish
from support.small import emozoo, toy

from emozoo.architecture import Architecture, Recipe
from emozoo.cli.app import app
from emozoo.conformance import corpus, network
from emozoo.conformance.corpus import CorpusSubject
from emozoo.conformance.loads import LOADS
from emozoo.conformance.network_subject import NetworkSubject
from emozoo.conformance.points import find
from emozoo.data.corpus import FEATURES, Corpus
from emozoo.diarizer import Diarizer, diarizer_problem
from emozoo.hub.public import public_models
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, KINDS
from emozoo.registry.loading import get_architecture
from emozoo.shipped import Score, ShippedModel, shipped_problem
from emozoo.testing import ArchitectureConformance, DatasetConformance

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCS = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


PYTHON = {f"{page.stem} {number}": text for page in PAGES for number, text in enumerate(blocks(page, "python"), 1)}


# --- Python


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: a trained model, clips, RAVDESS."""
    folder = tmp_path_factory.mktemp("stage")
    small_model("cnn_rnn").save(folder / "runs" / "cnn_rnn-toy")
    architecture = get_architecture("cnn_rnn")
    torch.save(architecture.build(architecture.config(), 4).state_dict(), folder / "weights.pt")
    films = sorted(toy().rglob("*.avi"))
    shutil.copy(films[0], folder / "clip.mp4")  # what a file is is found from its content
    shutil.copy(next(toy().rglob("sentences/**/*.wav")), folder / "clip.wav")
    (folder / "calls").mkdir()
    shutil.copy(folder / "clip.wav", folder / "calls")
    emozoo("predict", folder / "calls", "--model", folder / "runs" / "cnn_rnn-toy", "--output", folder / "answers")
    (folder / "ravdess").mkdir()
    for number, film in enumerate(films):
        shutil.copy(film, folder / "ravdess" / f"01-01-{3 + number % 2:02d}-01-01-01-{1 + number // 2:02d}.avi")
    return folder


@pytest.mark.parametrize("block", [name for name in PYTHON if not name.startswith("plugins")])
def test_the_python_of_a_page_runs(block: str, stage: Path) -> None:
    code = PYTHON[block].replace("/data/ravdess", "ravdess")
    with running() as hub:
        repo = publish(hub, stage / "runs" / "cnn_rnn-toy", "anna/emo-toy")
        repo.tags["v1"] = repo.refs["main"]
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment(hub, stage / "home"), "OMP_NUM_THREADS": "1"},
            cwd=stage,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The two plugins of docs/plugins.md, as their own pages declare them."""
    for block, group in (("plugins 1", ARCHITECTURES), ("plugins 3", DATASETS)):
        name, target = re.findall(rf'^\[project.entry-points."{group}"\]\n(\w+) = "(.*)"', DOCS, re.MULTILINE)[0]
        module = target.partition(":")[0]
        distribution(tmp_path / "site", module.replace("_", "-"), {name: target}, PYTHON[block], group)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield
    for module in ("emozoo_mean_pool", "emozoo_my_corpus"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize("point", [point for point in network.POINTS if point.name != "trains"])
def test_the_worked_example_keeps_the_contract(point: Any, installed: None) -> None:
    assert not find(point, NetworkSubject("mean_pool", device="cpu")).fails


def test_the_worked_example_is_short() -> None:
    assert len(PYTHON["plugins 1"].splitlines()) <= 50


def test_the_dataset_of_the_page_keeps_the_contract(installed: None, tmp_path: Path) -> None:
    sounds = sorted(toy().rglob("sentences/**/*.wav"))
    (tmp_path / "data").mkdir()
    for number, sound in enumerate(sounds[:20]):
        shutil.copy(sound, tmp_path / "data" / f"{'abcde'[number % 5]}_{('happy', 'sad')[number // 10]}_{number}.wav")
    subject = CorpusSubject("my_corpus", tmp_path / "data")
    findings = [find(point, subject) for point in corpus.POINTS]
    assert [finding.point.name for finding in findings if finding.fails] == [
        "metadata"
    ]  # it is shown without a summary


def test_the_test_class_of_the_page_is_one(installed: None) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON["plugins 4"], names)
    assert (
        issubclass(names["TestMeanPool"], ArchitectureConformance) and names["TestMeanPool"].architecture == "mean_pool"
    )


def test_the_diarizer_of_the_page_keeps_the_contract() -> None:
    names: dict[str, Any] = {}
    exec(PYTHON["plugins 5"], names)
    assert diarizer_problem(names["diarizer"], "my_turns") is None
    assert names["diarize"]([0.0] * 32_000) == [(0.0, 1.5, "anna"), (1.5, 2.0, "bob")]


def test_the_trained_model_of_the_page_keeps_the_contract() -> None:
    names: dict[str, Any] = {}
    (block,) = (text for name, text in PYTHON.items() if "ShippedModel" in text)
    exec(block, names)
    assert shipped_problem(names["speech"], "my_speech") is None


def test_the_page_of_models_is_the_table() -> None:
    """With each score beside its source; nothing else there looks like one."""
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `hub:")}
    assert set(rows) == {model.reference for model in public_models()}
    for model in public_models():
        line = rows[model.reference]
        assert model.state in line and model.licence in line and model.source.split()[0].rstrip(",") in line
        assert all(word in line for word in (*model.labels, *model.corpora))
        assert model.score in line and model.score_source.split(" ")[0] in line
        assert not model.score or re.search(rf"{re.escape(model.score)} \(\[.+?\]\(http", line)


# --- commands


def commands(page: Path) -> Iterator[str]:
    """Each `emozoo ...` of the page's shell blocks, and of what is shown behind a `$`."""
    shown = [line[2:] for text in blocks(page, "") for line in text.splitlines() if line.startswith("$ ")]
    written = [line for text in blocks(page, "sh") for line in text.replace("\\\n", " ").splitlines()]
    for line in shown + written:
        for part in re.split(r"&&|\|\||[;|]", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"\w+=.*", words[0]):  # an environment variable before a command
                words.pop(0)
            if words[:1] == ["emozoo"]:
                yield shlex.join(itertools.takewhile(lambda word: word not in ("<", ">"), words[1:]))


LINES = sorted({line for page in PAGES for line in commands(page)})


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_documentation_parses(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)
    if words == ["--version"]:
        return
    while hasattr(command, "commands"):
        assert words and words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)  # raises for an option or an argument that does not fit


def test_the_documentation_shows_each_command() -> None:
    shown = {" ".join(line.split()[:1]) for line in LINES}
    assert shown >= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


# --- nothing is missing


def options(command: Any, name: str = "emozoo") -> Iterator[str]:
    for parameter in command.params:
        for word in parameter.opts if parameter.param_type_name == "option" else ():
            if word.startswith("--") and word != "--help":
                yield f"{name} {word}"
    for word, inner in getattr(command, "commands", {}).items():
        yield from options(inner, f"{name} {word}")


def in_code(word: str) -> bool:
    """Whether the pages of docs/ have a word in code, on its own."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", CODE) is not None


CODE = "\n".join([*re.findall(r"`([^`\n]+)`", DOCS), *re.findall(r"^```.*?^```", DOCS, re.DOTALL | re.MULTILINE)])
ENVIRONMENT = {
    name
    for path in (ROOT / "emozoo").rglob("*.py")
    for name in re.findall(r"\bEMOZOO_[A-Z]+\b", path.read_text(encoding="utf-8"))
}
PUBLIC = {
    **{name: name.rpartition(" ")[2] for name in options(typer.main.get_command(app))},
    **{
        f"{kind.__name__}.{field.name}": field.name
        for kind in (Recipe, Architecture, Corpus, Diarizer, ShippedModel, Score)
        for field in dataclasses.fields(kind)
    },
    **{f"column {name}": name for name in FEATURES},
    **{f"group {group}": group for group in KINDS},
    **{f"variable {name}": name for name in ENVIRONMENT},
    **{f"point {point.name}": point.name for point in (LOADS, *network.POINTS, *corpus.POINTS)},
    **{
        f"{kind.__name__}.{name}": name
        for kind in (ArchitectureConformance, DatasetConformance)
        for name in [*kind.__annotations__, *vars(kind)]
        if not name.startswith(("_", "test_"))
    },
    "hook pretrain_loss": "pretrain_loss",
}


@pytest.mark.parametrize("what", sorted(PUBLIC))
def test_nothing_public_is_undocumented(what: str) -> None:
    assert in_code(PUBLIC[what]), f"docs/ does not mention {PUBLIC[what]} ({what})"


def test_the_search_finds_words_only() -> None:
    assert in_code("--data-dir") and not in_code("--data") and not in_code("--no-such-option")
    assert {"EMOZOO_CACHE", "EMOZOO_PLUGINS", "EMOZOO_IEMOCAP"} <= ENVIRONMENT
