"""How the demo page looks in a real browser: side by side, in the dark, on a phone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.browser import Server, browsing, needs_browser, open_page, serving
from support.make_media import write_sound
from support.models import small_model
from support.voices import FACE

pytestmark = needs_browser
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page with the bundled model and one that was not trained: it takes video, and has its labels in another order."""
    place = tmp_path_factory.mktemp("pair")
    small_model("cnn_rnn_3dcnn").save(place / "toy")
    words = ["demo", "--port", "0", "--model", "speech", "--model", str(place / "toy")]
    with serving(place / "home", "-m", "emozoo", *words) as served:
        yield served


def shown(browser: Any, server: Server, size: dict[str, int], scheme: str = "light", clip: Path | str = FACE) -> Any:
    """The page in a window of its own, with both models' answers for a clip: a file, or the text of an example's button."""
    page = open_page(browser.new_context(viewport=size, color_scheme=scheme), server.address)
    if isinstance(clip, Path):
        page.set_input_files("input[type=file]", str(clip))
    else:
        page.get_by_role("button", name=clip, exact=True).click()
    page.locator(".emz-slot .emz-file").nth(1).wait_for()
    page.wait_for_function("document.querySelector('.emz-table')?.textContent.includes('...') === false")
    return page


def tops(page: Any, selector: str) -> list[float]:
    return [round(each.bounding_box()["y"]) for each in page.locator(selector).all()]


def test_models_side_by_side_have_their_labels_in_one_order_and_their_parts_in_one_line(
    pair: Server, chromium: Any
) -> None:
    with closing(shown(chromium, pair, DESK)) as page:
        for part in (
            "h2",
            ".emz-emotion",
            ".emz-bars",
            ".emz-bars li:nth-child(3) > span:first-child",
            ".emz-course",
            ".emz-about",
        ):
            one, *others = tops(page, f".emz-model {part}")
            assert others and all(other == one for other in others), part
        lists = [each.locator("li > span:first-child").all_text_contents() for each in page.locator(".emz-bars").all()]
        assert lists[0] == lists[1] == ["angry", "happy", "neutral", "sad"]
        page.locator(".emz-sound").wait_for()
        assert page.locator(".emz-spectrogram").count() == page.locator(".emz-wave").count() == 1


def test_what_is_to_be_said_of_model_and_clip_is_said_beside_the_answer(pair: Server, chromium: Any) -> None:
    with closing(shown(chromium, pair, DESK)) as page:
        speech, toy = page.locator(".emz-model").all()
        assert "only the sound of the video was used" in speech.inner_text()
        assert "% of it is speech" in speech.inner_text()
        assert "knows nothing of real ones" in toy.inner_text()
        assert "knows nothing" not in speech.inner_text()
        assert page.locator(".emz-frames img").count() > 0


def test_how_good_a_model_is_is_told_to_those_who_ask(pair: Server, chromium: Any) -> None:
    page = open_page(chromium.new_context(viewport=DESK), pair.address)
    with closing(page):
        page.get_by_role("button", name="How good it is").first.wait_for()
        assert not page.get_by_text("RAVDESS").locator("visible=true").count()
        page.get_by_role("button", name="How good it is").first.click()
        page.get_by_role("cell", name="RAVDESS, English").wait_for()


def test_on_a_phone_the_answer_is_seen_without_scrolling(pair: Server, chromium: Any) -> None:
    with closing(shown(chromium, pair, PHONE, clip="quick voice")) as page:
        assert page.evaluate("[scrollX, scrollY]") == [0, 0]
        button = page.get_by_role("button", name="quick voice", exact=True).bounding_box()
        emotion = page.locator(".emz-emotion").first.bounding_box()
        bars = page.locator(".emz-bars").first.bounding_box()
        assert button["y"] < emotion["y"] and bars["y"] + bars["height"] <= PHONE["height"]
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        for below in (".emz-sound", ".emz-clip audio"):
            assert page.locator(below).bounding_box()["y"] > bars["y"]


def test_a_dark_page_has_dark_charts_whose_lines_are_seen(pair: Server, chromium: Any) -> None:
    with closing(shown(chromium, pair, DESK, "dark")) as page:
        page.locator(".emz-sound").wait_for()
        for part in (".emz-course", ".emz-sound", ".emz-bars"):
            image = Image.open(io.BytesIO(page.locator(part).first.screenshot())).convert("L")
            light = np.asarray(image) / 255
            assert np.median(light) < 0.2, part  # the ground
            assert np.quantile(light, 0.99) > 0.4, part  # what stands on it


def test_a_clip_without_a_voice_says_why_in_place_of_an_emotion(pair: Server, chromium: Any, tmp_path: Path) -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal((48_000, 1)).astype(np.float32)
    clips = {"silent": np.zeros((32_000, 1), np.float32), "no speech": noise}
    for reason, sound in clips.items():
        clip = write_sound(tmp_path / f"{reason}.wav", sound, 16_000)
        with closing(shown(chromium, pair, DESK, clip=clip)) as page:
            speech, toy = page.locator(".emz-model").all()
            assert speech.locator(".emz-emotion").inner_text() == reason
            assert "there is no voice in it to answer for" in speech.inner_text()
            assert "has no video track" in toy.inner_text()
            assert reason in page.locator(".emz-table td").nth(1).inner_text()
