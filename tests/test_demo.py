"""The demo page, in a real browser: what it shows is what `emozoo predict` answers, whatever it is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Server, browsing, needs_browser, open_page, serving
from make_media import tone, write_sound
from small import emozoo, one_error, toy

pytestmark = needs_browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), "-m", "emozoo", "demo", "--port", "0") as served:
        yield served


@pytest.fixture(scope="module")
def clip() -> Path:
    return next(toy().rglob("sentences/**/*.wav"))


def give(page: Any, *files: Path) -> None:
    for file in files:
        page.set_input_files("input[type=file]", str(file))


def shown(page: Any, name: str, number: int = 0) -> dict[str, float]:
    """The probabilities that the page shows for a clip, once they are there, by the model of that number."""
    answer = page.locator(".emz-answer", has_text=name).nth(number)
    answer.wait_for()
    labels = answer.locator(".emz-bars > li > span:first-child").all_text_contents()
    values = answer.locator("[data-probability]").evaluate_all("all => all.map(e => +e.dataset.probability)")
    return dict(zip(labels, values, strict=True))


def predicted(*words: Any) -> dict[str, float]:
    document = json.loads(emozoo("predict", *map(str, words), "--json").stdout)
    return document["predictions"][0]["probabilities"]


def test_a_sound_file_gets_the_answer_of_predict(server: Server, visitor: Any, clip: Path) -> None:
    page = open_page(visitor, server.address)
    give(page, clip)
    assert shown(page, clip.name) == pytest.approx(predicted(clip), abs=1e-5)
