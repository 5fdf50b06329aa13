"""Segments on the demo page: who speaks when, from a file that a visitor gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.browser import Server, browsing, needs_browser, open_page, serving
from support.make_media import write_sound
from support.models import small_model
from support.voices import LOW, QUICK

from emozoo.demo import html
from emozoo.demo.answer import Limits, answer
from emozoo.demo.charts import MOST_SPEAKERS
from emozoo.demo.segments import summary, uploaded_segments
from emozoo.demo.visits import Visits
from emozoo.errors import EmozooError
from emozoo.media.reading import read_audio

TURNS = "start,end,speaker,text\n0,2,Anna,Look\n2.5,4.5,<b>Ben</b>,There\n5,6,Anna,\n"


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Two computed voices, one after the other, then a silence."""
    sound = np.concatenate([read_audio(QUICK)[:32_000], read_audio(LOW)[:40_000], np.zeros(32_000, np.float32)])
    return write_sound(tmp_path / "call.wav", sound[:, None], 16_000)


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    path = tmp_path / "turns.csv"
    path.write_text(TURNS)
    return path


def upload(visits: Visits, content: bytes = b"abc", name: str = "a.wav") -> Path:
    with visits.receiving("", len(content)) as folder:
        (folder / name).write_bytes(content)
    return folder / name


def test_each_speaker_has_a_lane_and_a_row_and_a_segment_without_a_voice_is_grey(call: Path, turns: Path) -> None:
    source = uploaded_segments(turns, "mine.csv", Limits())
    given = answer(small_model("cnn"), call, "call.wav", Limits(), source)
    text = html.answer(given, small_model("cnn").outputs)
    lanes = re.findall(r'<div class="emz-lane emz-segments"><span>([^<]*)</span>(.*?)</div>', text)
    assert [name for name, _ in lanes] == ["Anna", "&lt;b&gt;Ben&lt;/b&gt;"]
    assert lanes[0][1].count("<i") == 2 and "emz-nobody" in lanes[0][1] and "emz-nobody" not in lanes[1][1]
    assert "2 segments, 3.0 s" in text and "data-probability" in text and "<b>" not in text
    assert summary(source, "mine.csv").startswith("mine.csv: 3 segments of 2 speakers.")


def test_more_speakers_than_a_screen_holds_are_counted(call: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("start,end,speaker\n" + "".join(f"0,1,speaker {number}\n" for number in range(20)))
    given = answer(small_model("cnn"), call, "call.wav", Limits(), uploaded_segments(path, path.name, Limits()))
    text = html.answer(given, small_model("cnn").outputs)
    assert text.count('"emz-lane emz-segments"') == MOST_SPEAKERS and f"{20 - MOST_SPEAKERS} more speakers" in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("start,end\n2,1\n", "mine.csv, line 2: the end (1 s) is before the start (2 s)"),
        ("start,end\n" + "0,1\n" * 1001, "mine.csv has 1,001 segments"),
        ("start,end\n" + "0,15\n" * 9, "mine.csv has 9 segments of 135 s in all, and this page takes"),
        ("start,end\n" + "0,1\n" * 300_000, "mine.csv does not say who speaks when in at most 1 MB"),
        ("PAR1" + "x" * 100 + "PAR1", "mine.csv does not say who speaks when"),
        ("", "mine.csv"),
    ],
)
def test_what_is_no_file_of_segments_or_too_much_costs_a_sentence(content: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "upload.csv"
    path.write_text(content)
    with pytest.raises(EmozooError) as caught:
        uploaded_segments(path, "mine.csv", Limits(seconds=60))
    assert sentence in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_segments_beyond_the_clip_name_the_visitors_file(call: Path, tmp_path: Path) -> None:
    path = tmp_path / "upload.csv"
    path.write_text("start,end\n0,50\n")
    given = answer(small_model("cnn"), call, "call.wav", Limits(), uploaded_segments(path, "mine.csv", Limits()))
    assert given.prediction.error is not None
    assert given.prediction.error.startswith("mine.csv, line 2: 0 to 50 s is not within call.wav")


def test_segments_hold_for_the_last_clip_and_the_next_ones_until_they_are_removed(tmp_path: Path, turns: Path) -> None:
    visits, source = Visits(tmp_path / "visits", 1, Limits()), uploaded_segments(turns, "mine.csv", Limits())
    clip = visits.take("s", upload(visits), "a.wav")
    visits.next("s", 0)[0].clips[0][0] = object()  # type: ignore[index,assignment]  # answered
    file = upload(visits, TURNS.encode(), "t.csv")
    visits.take_segments("s", file, source)
    visit, number = visits.next("s", 0)  # type: ignore[misc]
    assert visit.files[number] == clip and clip.exists() and visit.segments[number] is source
    other = visits.take("s", upload(visits), "b.wav")
    assert clip.exists()  # it waits for its second answer
    assert visit.segments[-1] is source and visit.files[-1] == other
    visits.drop_segments("s")
    assert not file.exists()
    visits.take("s", upload(visits), "c.wav")
    assert visit.segments[-1] is None
    with pytest.raises(EmozooError, match="not given to this page"):
        visits.take_segments("s", turns, source)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), "-m", "emozoo", "demo", "--port", "0") as served:
        yield served


def give_segments(page: Any, file: Path) -> None:
    page.locator(".emz-who input[type=file]").set_input_files(str(file))


@needs_browser
def test_a_visitor_gives_a_call_and_who_speaks_in_it(server: Server, call: Path, turns: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("start,end\n2,1\n")
    with browsing() as browser:
        page = open_page(browser.new_context(), server.address)
        page.set_input_files("input[type=file]", str(call))
        page.locator(".emz-course").wait_for()
        page.get_by_role("button", name="Who speaks when").click()
        give_segments(page, wrong)
        page.get_by_text("the end (1 s) is before the start (2 s)").wait_for()
        give_segments(page, turns)
        page.locator(".emz-speakers").wait_for()
        assert page.locator(".emz-segments > span").all_text_contents() == ["Anna", "<b>Ben</b>"]
        assert page.locator(".emz-course").count() == 0
        page.locator(".emz-who").get_by_role("button", name="Clear").click()
        page.get_by_role("button", name="quick voice", exact=True).click()
        page.locator(".emz-answer").filter(has_text=QUICK.name).locator(".emz-course").wait_for()
