"""Dimensions and several labels on the demo page: what is shown, and the point that moves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.browser import Server, browsing, needs_browser, open_page, serving
from support.models import JOINT, SEVERAL, VALUES, small_model
from support.service import write_voice

from emozoo.checkpoint.loading import load
from emozoo.demo import html
from emozoo.demo.answer import Answer, Limits, answer
from emozoo.demo.dimensions import SIDE, dimensions_chart, plane_chart
from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.inference.segment_sources import segment_source
from emozoo.target import Outputs

PAIR = Outputs((), ("arousal", "valence"), "dimensions")
"""In another order, and on a scale that is not known."""
values = st.fixed_dictionaries({"arousal": st.floats(-0.2, 1.2), "valence": st.floats(-0.2, 1.2)})


def window(start: int, of: dict[str, float] | None) -> WindowAnswer:
    return WindowAnswer(start, start + 3, reason=None if of else "silent", dimensions=of)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voice(tmp_path_factory.mktemp("clips") / "clip.wav", 9)


@given(st.lists(st.none() | values, min_size=1, max_size=30), values)
def test_points_stand_where_valence_and_arousal_are_and_within_the_plane(
    given: list[dict[str, float] | None], whole: dict[str, float]
) -> None:
    text = plane_chart([window(at, each) for at, each in enumerate(given)], whole, PAIR, moves=True)
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', text)]
    wanted = [(each["valence"], each["arousal"]) for each in given if each]
    moving = wanted[:1] if len(wanted) > 1 else []
    for (x, y), (valence, arousal) in zip(
        places, [*wanted, *moving, (whole["valence"], whole["arousal"])], strict=True
    ):
        assert x == pytest.approx(SIDE * min(max(valence, 0), 1), abs=0.006)
        assert y == pytest.approx(SIDE * (1 - min(max(arousal, 0), 1)), abs=0.006)
    ways = re.findall(r'attributeName="(c[xy])".*?values="([^"]*)"', text)
    assert [name for name, _ in ways] == ["cx", "cy"] * bool(moving)
    assert all(len(way.split(";")) == len(wanted) for _, way in ways)


def test_lines_over_time_have_a_gap_where_nobody_speaks() -> None:
    given = [window(at, None if at in (2, 3) else {"arousal": 0.2, "valence": 0.8}) for at in range(6)]
    text = dimensions_chart(given, PAIR)
    paths = re.findall(r' d="([^"]*)"', text)
    assert len(paths) == 2 and all(path.count("M") == 2 for path in paths)
    assert paths[0].startswith("M0.000,0.800H") and "0 to 1" in text


def test_each_answer_tells_the_values_with_their_scale_and_the_words_beside_them(clip: Path) -> None:
    for outputs in (JOINT, VALUES, SEVERAL):
        found = answer(small_model("cnn", outputs), clip, "mine.wav", Limits())
        text = html.answer(found, outputs)
        assert text.count("data-probability") == len(outputs.labels)
        assert text.count("data-value") == len(outputs.dimensions) == (text.count('class="emz-line"'))
        assert ("emz-plane" in text) is bool(outputs.dimensions)
        if outputs.scale:
            told = outputs.scale.written((found.prediction.dimensions or {})["valence"])
            assert f">{told}</span>" in text and f"({outputs.scale})" in text
            assert f"valence {told}" in html.past([("m", outputs)], [[found.prediction]])
        for emotion in found.prediction.emotions or ():
            assert f"</span>{emotion}" in text.partition("emz-bars")[0]
    nothing = Prediction("a.wav", probabilities=dict.fromkeys(SEVERAL.labels, 0.1), emotions=())
    assert ">none</p>" in html.answer(Answer(nothing), SEVERAL)


def test_segments_have_points_without_a_way(clip: Path) -> None:
    source = segment_source([(0, 3, "ann"), (3, 6, "bob"), (6, 9, "ann")], False, 1)
    text = html.answer(answer(small_model("cnn", VALUES), clip, "mine.wav", Limits(), source), VALUES)
    assert text.count('r="1.1"') == 3 and "emz-way" not in text and "<animate" not in text
    assert text.count('"emz-lane emz-segments"') == 2 and "emz-spoken" in text and "emz-nobody" not in text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("dimensions")
    small_model("cnn", JOINT).save(place / "joint")
    small_model("cnn", VALUES).save(place / "values")
    words = ["demo", "--port", "0", "--model", str(place / "joint"), "--model", str(place / "values")]
    with serving(place / "home", "-m", "emozoo", *words) as served:
        yield served


@needs_browser
def test_a_point_moves_through_the_plane_beside_the_words_unless_motion_is_not_wanted(
    server: Server, clip: Path
) -> None:
    with browsing() as browser:
        page = open_page(browser.new_context(viewport={"width": 1200, "height": 1000}), server.address)
        page.set_input_files("input[type=file]", str(clip))
        page.locator(".emz-plane").nth(1).wait_for()
        joint, values = page.locator(".emz-model").all()
        assert joint.locator(".emz-emotion").count() == 1 and values.locator(".emz-emotion").count() == 0
        for number, name in enumerate(("joint", "values")):
            wanted = load(server.home.parent / name, "cpu").predict(clip).dimensions or {}
            shown = page.locator(".emz-model").nth(number).locator("[data-value]")
            assert shown.evaluate_all("all => all.map(e => +e.dataset.value)") == pytest.approx(
                list(wanted.values()), abs=1e-5
            )
        box = joint.locator(".emz-square svg").bounding_box()
        assert box["width"] > 150 and box["width"] == pytest.approx(box["height"], abs=2)
        where = "e => e.cx.animVal.value"
        point = values.locator(".emz-moving")
        seen = {point.evaluate(where)}
        page.wait_for_function(
            "from => Math.abs(document.querySelectorAll('.emz-moving')[1].cx.animVal.value - from) > 0.3",
            arg=next(iter(seen)),
        )
        page.emulate_media(reduced_motion="reduce")
        assert not point.is_visible() and values.locator(".emz-whole").is_visible()
