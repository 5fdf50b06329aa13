"""Which emozoo a plugin and a Space ask for: the installed one, or what `--emozoo-from` names; pip can read it."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.browser import needs_gradio
from support.places import ROOT
from support.small import emozoo, one_error

from emozoo import EmozooError, requirement
from emozoo.requirement import is_local

GIT = "git+https://github.com/emozoo/emozoo@main"


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--ignore-installed", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "Would install emozoo-" in done.stdout, done.stdout + done.stderr


def installed(folder: Path, version: str, direct_url: object = None) -> str:
    """A PYTHONPATH on which that version of emozoo counts as installed, from there."""
    info = folder / f"emozoo-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: emozoo\nVersion: {version}\n")
    if direct_url is not None:
        (info / "direct_url.json").write_text(direct_url if isinstance(direct_url, str) else json.dumps(direct_url))
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an emozoo that does nothing."""
    folder = tmp_path_factory.mktemp("tiny") / "an emozoo"
    (folder / "emozoo").mkdir(parents=True)
    (folder / "emozoo" / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "emozoo"\nversion = "9.8"\n[project.optional-dependencies]\ndemo = []\n'
    )
    return folder


# --- a plugin


@pytest.mark.parametrize("kind", ["architecture", "dataset"])
@pytest.mark.parametrize(
    ("source", "line"), [("0.2.0", "emozoo==0.2.0"), ("1.0rc1", "emozoo==1.0rc1"), (GIT, f"emozoo @ {GIT}")]
)
def test_a_plugin_depends_on_the_emozoo_that_is_named(kind: str, source: str, line: str, tmp_path: Path) -> None:
    done = emozoo("new", kind, "mine", "--emozoo-from", source, cwd=tmp_path)
    assert "warning" not in done.stderr
    folder = tmp_path / "emozoo-mine"
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"][0] == line
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (wheel,) = (zipfile.ZipFile(path) for path in tmp_path.glob("*.whl"))
    (metadata,) = (wheel.read(name) for name in wheel.namelist() if name.endswith("METADATA"))
    needs = email.message_from_bytes(metadata).get_all("Requires-Dist") or []
    assert line.replace(" ", "") in [need.replace(" ", "") for need in needs]


def test_pip_takes_a_folder_and_an_archive(tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=tiny, check=True, capture_output=True)
    archives = sorted((tmp_path / "dist").iterdir())
    assert len(archives) == 2
    for source in (str(tiny), tiny.as_uri(), *map(str, archives)):
        assert is_local(line := requirement.line(source, extras=["demo"]))
        assert line.startswith("emozoo[demo] @ ")
        pip(line)


def test_a_path_is_for_this_machine_only_and_that_is_said(tiny: Path, tmp_path: Path) -> None:
    done = emozoo("new", "dataset", "mine", "--emozoo-from", os.path.relpath(tiny, tmp_path), cwd=tmp_path)
    project = tomllib.loads((tmp_path / "emozoo-mine" / "pyproject.toml").read_text())["project"]
    assert project["dependencies"][0] == f"emozoo @ {tiny.as_uri()}"
    assert "only this machine has" in done.stderr and "git+https://" in done.stderr


# --- a Space


@needs_gradio
def test_a_space_asks_for_the_emozoo_that_is_named(tiny: Path, tmp_path: Path) -> None:
    for source, line in ((GIT, f"emozoo[demo] @ {GIT}"), ("0.2.0", "emozoo[demo]==0.2.0")):
        emozoo("space", "anna/x", "--output", str(tmp_path / "space"), "--emozoo-from", source)
        assert (tmp_path / "space" / "requirements.txt").read_text() == f"{line}\n"
    done = emozoo("space", "anna/x", "--output", str(tmp_path / "space"), "--emozoo-from", str(tiny), "--json")
    assert "only this machine has" in done.stderr and json.loads(done.stdout)["files"]
    pip("-r", str(tmp_path / "space" / "requirements.txt"))
    done = emozoo("space", "anna/x", "--dry-run", "--emozoo-from", str(tiny), check=2)
    assert "where a Space cannot reach it" in one_error(done) and "git+https://" in done.stderr


# --- the default


def test_what_is_installed_is_asked_for_and_said_where_the_index_may_not_have_it(tmp_path: Path) -> None:
    def new(version: str, direct_url: object = None) -> tuple[str, str]:
        name = f"n{len(list(tmp_path.iterdir()))}"
        path = installed(tmp_path / f"site-{name}", version, direct_url)
        done = emozoo("new", "dataset", name, cwd=tmp_path, PYTHONPATH=path)
        project = tomllib.loads((tmp_path / f"emozoo-{name}" / "pyproject.toml").read_text())["project"]
        return project["dependencies"][0], done.stderr

    line, said = new("1.2")
    assert line == "emozoo>=1.2" and "warning" not in said
    vcs = {"url": "https://example.org/emozoo.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
    line, said = new("1.3.dev4+g123", vcs)
    assert line == "emozoo>=1.3.dev4"
    assert "--emozoo-from git+https://example.org/emozoo.git@abc123 asks for this one" in " ".join(said.split())
    line, said = new("1.4", {"url": "file:///home/anna/an%20emozoo", "dir_info": {"editable": True}})
    assert line == "emozoo>=1.4" and "--emozoo-from '/home/anna/an emozoo' works on this machine" in " ".join(
        said.split()
    )
    line, said = new("1.5", "{damaged")
    assert line == "emozoo>=1.5" and "warning" not in said


# --- words that name nothing


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("latest", "is no version, no URL, and no folder"),
        ("emozoo==0.2", "is no version"),
        ("", "an empty path"),
        (str(ROOT / "tests"), "no folder or archive of emozoo"),
        ("https://github.com/emozoo/emozoo", r"write git\+https://github.com/emozoo/emozoo"),
        ("http://example.org/emozoo-1.0.tar.gz", "no URL that pip takes here"),
        ("ftp://example.org/emozoo.zip", "no URL that pip takes here"),
        ("git+file:///srv/emozoo", "no URL that pip takes here"),  # older pips cannot read it
        ('git+https://example.org/"\n$x', "no URL that pip takes here"),
        ("git+https://secret@example.org/emozoo", "holds a name or password"),
        ("git+ssh://git:secret@example.org/emozoo", "holds a name or password"),
        ("file:///no/such/emozoo", "no folder or archive of emozoo"),
    ],
)
def test_what_names_no_emozoo_is_refused_in_one_line(source: str, words: str) -> None:
    with pytest.raises(EmozooError, match=words) as caught:
        requirement.line(source)
    assert str(caught.value).isprintable() and "secret" not in str(caught.value)


def test_nothing_is_written_for_them(tmp_path: Path) -> None:
    done = emozoo("new", "dataset", "mine", "--emozoo-from", "latest", cwd=tmp_path, check=2)
    assert "--emozoo-from latest" in one_error(done) and not list(tmp_path.iterdir())
    done = emozoo("space", "anna/x", "--output", "x", "--emozoo-from", "latest", cwd=tmp_path, check=2)
    assert "--emozoo-from latest" in one_error(done) and not list(tmp_path.iterdir())
    line = requirement.line("git+ssh://git@github.com/emozoo/emozoo.git@v0.2.0#subdirectory=x")
    assert line == "emozoo @ git+ssh://git@github.com/emozoo/emozoo.git@v0.2.0#subdirectory=x"
