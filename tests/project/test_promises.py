"""docs/testing.md: each promise names tests that are there."""

import ast
import re

import pytest
from support.places import ROOT

PAGE = ROOT / "docs" / "testing.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| (?!Promise)\w", line)]


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_a_promise_names_tests_that_are_there(row: str) -> None:
    _, promise, tests, _ = row.split("|")
    named = re.findall(r"`([\w/.-]+)::(\w+)`", tests)
    assert promise.strip() and named and len(named) == tests.count("`") / 2
    for file, name in named:
        assert name.startswith("test_") and name in functions(file), f"{file} has no {name}"


def test_the_page_is_found() -> None:
    assert len(ROWS) > 40
    assert "(docs/testing.md)" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
