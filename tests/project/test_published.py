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

from emozoo.checkpoint.bundled import FOLDER, names

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
    cards = [(FOLDER / name / "README.md").read_text(encoding="utf-8") for name in names()]
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


WORKFLOWS = {path.stem: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}


def test_github_tests_each_python_that_the_classifiers_name() -> None:
    jobs = yaml.safe_load(WORKFLOWS["test"].read_text(encoding="utf-8"))["jobs"]
    named = {match[1] for name in PROJECT["classifiers"] if (match := re.fullmatch(r".* :: Python :: (3\.\d+)", name))}
    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == named
    commands = "\n".join(step.get("run", "") for step in jobs["test"]["steps"])
    for command in ("pip install -e '.[test]'", "ruff check", "ruff format --check", "mypy", "pytest"):
        assert command in commands


def test_a_tag_publishes_without_a_password() -> None:
    workflow = yaml.safe_load(WORKFLOWS["release"].read_text(encoding="utf-8"))
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML takes `on` for a truth value
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"} and "secrets." not in WORKFLOWS["release"].read_text()
    assert "twine check --strict dist/*" in str(workflow["jobs"]["build"])


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_pins_its_actions_and_may_only_read_by_default(name: str) -> None:
    text = WORKFLOWS[name].read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"[\w/-]+@(v\d+|release/v1)", action) for action in used)
    for line in re.findall(r"run: pip install .*mkdocs.*", text):
        packages = set(re.findall(r"[a-z]+(?:-[a-z]+)*(?:\[\w+\])?(?:>=[\d.]+)?", line.partition("install ")[2]))
        assert packages == set(PROJECT["optional-dependencies"]["docs"]), "those of the extra"


def test_the_forms_for_issues_can_be_filled_in() -> None:
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert form["name"] and form["description"]
        assert any(field.get("validations", {}).get("required") for field in form["body"])
        for field in form["body"]:
            assert field["type"] == "markdown" or (field["id"] and field["attributes"]["label"])
