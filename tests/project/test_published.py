"""What the package index, GitHub and those who cite are told is true of what is published."""

from __future__ import annotations

import email
import email.message
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.places import ROOT

from emozoo import bundled

PROJECT: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_the_licence_expression_says_what_is_in_the_wheel(
    wheel: zipfile.ZipFile, metadata: email.message.Message
) -> None:
    cards = [(bundled.FOLDER / name / "README.md").read_text(encoding="utf-8") for name in bundled.names()]
    of_weights = {match[1].upper() for card in cards if (match := re.search(r"^license: (\S+)$", card, re.MULTILINE))}
    assert len(cards) and of_weights
    assert set(metadata["License-Expression"].split(" AND ")) == {"Apache-2.0", *of_weights}
    texts = {Path(name).name: wheel.read(name).decode() for name in wheel.namelist() if "/licenses/" in name}
    assert set(texts) == {"LICENSE", *(f"{name}.txt" for name in of_weights)}
    assert "Apache License" in texts["LICENSE"]
    assert "Attribution-NonCommercial-ShareAlike 4.0 International Public License" in texts["CC-BY-NC-SA-4.0.txt"]


def test_the_package_index_is_told_who_where_and_for_what(metadata: email.message.Message) -> None:
    assert metadata["Author"] == "The emozoo authors"
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL") or ())
    assert {"Homepage", "Documentation", "Repository", "Issues", "Changelog"} <= set(urls)
    assert all(url.startswith("https://") for url in urls.values())
    classifiers = metadata.get_all("Classifier") or []
    assert "Programming Language :: Python :: 3.13" in classifiers
    assert not [name for name in classifiers if name.startswith("License ::")]  # the expression says it
    trove = pytest.importorskip("trove_classifiers")
    assert set(classifiers) <= trove.classifiers


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def test_the_readme_works_on_the_package_index() -> None:
    found = links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found and not [link for link in found if not link.startswith(("https://", "#"))]
    for link in found:
        if match := re.match(rf"{re.escape(REPOSITORY)}/(?:blob|tree|raw)/main/([^#?]+)", link):
            assert (ROOT / match[1]).exists(), link


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["message"]
    assert (citation["title"], citation["version"]) == (PROJECT["name"], PROJECT["version"])
    assert citation["repository-code"] == REPOSITORY and citation["url"] == PROJECT["urls"]["Documentation"]
    assert "2006.08129" in str(citation["references"])
