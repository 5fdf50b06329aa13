"""`emozoo new`: a whole distribution or nothing, under a name that can be one."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import ROOT
from support.small import emozoo, one_error

from emozoo import EmozooError
from emozoo.scaffold.write import check_name, write_plugin

KINDS = ("architecture", "video", "dataset", "reader")
COMMON = {"pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/test.yml"}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", [["architecture"], ["architecture", "--video"], ["dataset"], ["reader"]])
def test_the_command_writes_a_distribution_and_says_what_to_do_next(words: list[str], tmp_path: Path) -> None:
    done = emozoo("new", *words, "my_own", cwd=tmp_path)
    folder = tmp_path / "emozoo-my-own"
    assert done.stdout.strip() == str(folder)
    assert "emozoo check my_own" in done.stderr and "pytest" in done.stderr
    example = {"tests/example.py"}
    own = {"dataset": example, "reader": example | {"emozoo_my_own/network.py"}}.get(
        words[0], {"emozoo_my_own/card.md"}
    )
    assert files(folder) == COMMON | own | {"emozoo_my_own/__init__.py", "tests/test_my_own.py"}
    again = emozoo("new", *words, "my_own", cwd=tmp_path, check=2)
    assert "exists already and is left as it is" in one_error(again)
    assert [path.name for path in tmp_path.iterdir()] == ["emozoo-my-own"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a", "mean_pool", "recipe", "wide_net_" + "9" * 31])
def test_what_is_written_is_in_good_style_and_complete(kind: str, name: str, tmp_path: Path) -> None:
    folder = write_plugin(kind, name, tmp_path / "Ordner mit Ümlaut")
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "."], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())
    assert "$" not in text and name in text


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_imports_doors_only(kind: str, tmp_path: Path) -> None:
    doors = {"emozoo", "emozoo.architecture", "emozoo.data", "emozoo.data.corpus", "emozoo.features", "emozoo.testing"}
    doors |= {"emozoo.reader"}
    for path in write_plugin(kind, "my_own", tmp_path / "out").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert {name for name in names if name.partition(".")[0] == "emozoo"} <= doors, path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-net", "write my_net"),
        ("MyNet", "write my_net"),
        ("my net", "write my_net"),
        ("3d", "write net_3d"),
        ("Grüße", "write grusse"),
        ("a__b", "write a_b"),
        ("_a", "write a"),
        ("../x", "write x"),
        ("", "letters"),
        ("日本", "letters"),
        ("a\n", "write a"),
        ("class", "word of Python; write class_net"),
        ("none", "word of Python"),
        ("emozoo", "means something else"),
        ("emozoo_fine", "write fine, which makes the distribution emozoo-fine"),
        ("all", "means something else"),
        ("a" * 41, "has 40 at most"),
        ("cnn", "taken by the architecture of emozoo"),
        ("toy", "taken by the dataset of emozoo"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_another_offered(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match=words) as caught:
        write_plugin("architecture", name, tmp_path / "out")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_name_whose_module_or_distribution_is_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "emozoo_lying_about.py").write_text("")
    with pytest.raises(EmozooError, match="there is a module emozoo_lying_about already"):
        check_name("lying_about")
    info = tmp_path / "emozoo_some_tool-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: emozoo-some-tool\nVersion: 2.1\n")
    with pytest.raises(EmozooError, match="the distribution emozoo-some-tool 2.1 is installed already"):
        check_name("some_tool")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_typed_a_suggestion_is_a_name_that_can_be(name: str) -> None:
    try:
        check_name(name)
    except EmozooError as error:
        line = str(error)
        assert line.isprintable()
        if "; write " in line and "Python" not in line:
            better = line.rpartition("; write ")[2]
            try:
                check_name(better)
            except EmozooError as second:
                assert "cannot be a plugin's name: small letters" not in str(second)


def test_nothing_that_exists_is_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    for name in ("file", "empty", "gone"):
        with pytest.raises(EmozooError, match="exists already"):
            write_plugin("dataset", "mine", tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine" and not list((tmp_path / "empty").iterdir())
    with pytest.raises(EmozooError, match="cannot write"):
        write_plugin("dataset", "mine", tmp_path / "file" / "below")


def test_a_crash_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(*_: object) -> list[tuple[str, str]]:
        return [("good", "text"), ("bad\0name", "text")]

    monkeypatch.setattr("emozoo.scaffold.write._files", half)
    with pytest.raises(ValueError):
        write_plugin("dataset", "mine", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_folder_is_as_readable_as_any(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    assert os.stat(write_plugin("dataset", "mine", tmp_path / "out")).st_mode == os.stat(tmp_path / "usual").st_mode


def test_the_licence_is_that_of_emozoo() -> None:
    root = ROOT / "emozoo" / "scaffold"
    written = (root / "templates" / "common" / "LICENSE.template").read_text(encoding="utf-8")
    assert written == (ROOT / "LICENSE").read_text(encoding="utf-8")
