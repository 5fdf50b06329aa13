"""What the demo page says of an answer, as HTML: no server, no browser."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import tone, write_sound
from support.models import small_model
from support.voices import FACE, QUICK, VOICES

from emozoo.demo import html
from emozoo.demo.answer import Answer, Limits, answer, clip_outline
from emozoo.demo.charts import MOST_TICKS, axis, course_chart, sound_chart
from emozoo.demo.examples import write_examples
from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.plots.outline import outline
from emozoo.plots.over_time import MOST_POINTS
from emozoo.target import Outputs

LABELS = ("happy", "sad", "angry")
OUTPUTS = Outputs.of(LABELS)
SHARES = {"happy": 0.2, "sad": 0.7, "angry": 0.1}


def window(start: float, shares: dict[str, float] | None = SHARES, reason: str | None = None) -> WindowAnswer:
    emotion = max(shares, key=shares.__getitem__) if shares else None
    return WindowAnswer(start, start + 3, emotion=emotion, probabilities=shares, reason=reason)


def prediction(**changes: Any) -> Prediction:
    known: dict[str, Any] = {
        "file": "clip.wav",
        "emotion": "sad",
        "probabilities": SHARES,
        "windows": (window(0), window(1)),
    }
    return Prediction(**(known | changes))


def told(**changes: Any) -> str:
    """The words of an answer."""
    text = html.answer(Answer(prediction(**changes)), OUTPUTS)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def bars(text: str) -> list[str]:
    return re.findall(r"<li[^>]*><span>([^<]*)</span>", text)


def test_the_labels_of_all_models_stand_in_one_order_and_those_that_one_lacks_say_so() -> None:
    order = ("angry", "calm", "sad", "happy")
    text = html.answer(Answer(prediction()), OUTPUTS, order)
    assert bars(text) == list(order)
    assert text.count("data-probability") == 3 and text.count('title="not a label of this model"') == 1
    lanes = re.findall(r'<div class="emz-lane "><span>([^<]+)</span>', text)
    assert lanes == ["angry", "sad", "happy"]


def test_every_answer_has_as_many_rows_so_that_those_side_by_side_align() -> None:
    answers = [prediction(), prediction(emotion=None, probabilities=None, error="bad", windows=None)]
    texts = [html.waiting(), *(html.answer(Answer(each), OUTPUTS) for each in answers)]
    for text in texts:
        inner = text.partition(">")[2].rpartition("</div>")[0]
        depths = np.cumsum([1 if tag == "<div" else -1 for tag in re.findall(r"<div|</div", inner)])
        assert list(depths).count(0) == html.SLOT_ROWS


def test_all_warnings_are_told_and_how_much_is_speech() -> None:
    warnings = ("cut off: 1.6 s are there", "only the sound of the video was used")
    text = told(warnings=warnings, speech=0.456)
    assert all(warning in text for warning in warnings) and "46 % of it is speech" in text
    assert "is speech" not in told() and "emz-note" not in html.answer(Answer(prediction()), OUTPUTS)


@pytest.mark.parametrize("reason", ["silent", "no speech", "too short"])
def test_a_clip_without_a_voice_gets_its_reason_and_no_bars(reason: str) -> None:
    error = f"clip.wav has nothing; switch the search for speech off (--no-vad) ({reason})"
    given = prediction(emotion=None, probabilities=None, windows=None, reason=reason, error=error, speech=0.0)
    text = html.answer(Answer(given), OUTPUTS)
    assert f">{reason}</p>" in text and "data-probability" not in text and "clip.wav" in text
    assert ("--no-vad" in text) is (reason != "no speech")  # a visitor has no command line


def test_an_answer_below_the_confidence_is_unsure_and_has_its_bars() -> None:
    text = told(emotion=None, reason="unsure")
    assert "unsure" in text and "70.0 %" in text


def test_windows_without_a_voice_are_grey_in_the_course() -> None:
    windows = (window(0), window(3, None, "silent"), window(6, None, "no speech"), window(9, {**SHARES, "happy": 0.9}))
    text = course_chart(windows, LABELS)
    boxes = re.findall(r'<i class="emz-ink ([^"]*)" style="left:([\d.]+)%;width:([\d.]+)%', text)
    assert [look for look, _, _ in boxes] == ["", "emz-nobody", ""]
    assert sum(float(width) for _, _, width in boxes) == pytest.approx(100, abs=0.01)
    assert "0 to 3 s sad; 3 to 9 s no voice; 9 to 12 s happy" in text


def test_the_course_of_hours_is_drawn_in_no_more_steps_than_a_screen_has() -> None:
    text = course_chart([window(at) for at in range(7200)], LABELS)
    assert len(text) < 60_000 and "means of 30 s" in text
    assert max(len(re.findall("V", path)) for path in re.findall(r' d="([^"]*)"', text)) <= MOST_POINTS + 1


@given(st.floats(0.1, 1e6))
def test_an_axis_has_a_few_numbers_within_the_clip(seconds: float) -> None:
    places = [float(place) for place in re.findall(r"left:([\d.]+)%", axis(seconds))]
    assert places[0] == 0 and places == sorted(places) and max(places) < 100
    assert len(places) <= MOST_TICKS + 1 or seconds > 7 * 86_400


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=3000))
def test_any_sound_has_a_wave_within_its_lane(samples: list[float]) -> None:
    text = sound_chart(outline([np.array(samples, np.float32)]))
    heights = [float(y) for y in re.findall(r"[\d.]+,(-?[\d.]+)", re.search(r' d="M([^"]*)"', text)[1])]  # type: ignore[index]
    assert heights and all(abs(height) <= 1.011 for height in heights)


class Tags(HTMLParser):
    """The texts and the names of attributes in HTML, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.attributes: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}


HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def test_what_a_visitor_a_file_or_a_model_says_is_escaped() -> None:
    shares = {HOSTILE: 0.6, "sad": 0.4}
    windows = (window(0, shares), window(1, None, HOSTILE))
    answered = prediction(
        file=HOSTILE, emotion=HOSTILE, probabilities=shares, windows=windows, warnings=(HOSTILE,), speech=0.5
    )
    failed = prediction(file=HOSTILE, emotion=None, probabilities=None, windows=None, error=HOSTILE, reason=HOSTILE)
    facts = {"architecture": HOSTILE, "distribution": HOSTILE, "labels": [HOSTILE], "preparation": []}
    pieces = [
        html.answer(Answer(answered), Outputs.of((HOSTILE, "sad")), ("sad", HOSTILE, HOSTILE * 2)),
        html.answer(Answer(failed), OUTPUTS),
        html.model(HOSTILE, True),
        html.facts(facts),
        html.player(Path("clip.mp3"), HOSTILE),
        html.refusal(HOSTILE),
        html.small(HOSTILE),
        html.past([(HOSTILE, Outputs.of(("sad", HOSTILE)))], [[failed], [None]]),
    ]
    for piece in pieces:
        found = Tags()
        found.feed(piece)
        assert HOSTILE in "".join(found.words) and "onerror" not in found.attributes, piece


def test_a_model_of_the_toy_corpus_says_that_it_knows_no_real_voices() -> None:
    assert "knows nothing of real ones" in html.model("runs/toy", True)
    assert "real" not in html.model("speech", False)


def test_a_video_that_is_answered_by_its_sound_says_so() -> None:
    given = answer(small_model("cnn"), FACE, "film.mp4", Limits())
    assert "only the sound of the video was used" in html.answer(given, small_model("cnn").outputs)


def test_a_file_is_called_as_its_visitor_calls_it() -> None:
    def asked(path: Path) -> str:
        return html.answer(answer(small_model("cnn"), path, "mine.wav", Limits()), OUTPUTS)

    assert "mine.wav" in asked(QUICK) and str(QUICK) not in asked(QUICK)


def test_silence_keeps_its_reason_on_the_way_to_the_page(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "upload.wav", np.zeros((16_000, 1), np.float32), 16_000)
    given = answer(small_model("cnn"), path, "mine.wav", Limits()).prediction
    assert given.reason == "silent" and given.error == "mine.wav is silent: there is no voice in it to answer for"


def test_a_clip_that_cannot_be_read_or_is_too_long_has_no_wave(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "clip.wav", tone(3, 16_000), 16_000)
    found = clip_outline(path, "clip.wav", Limits(seconds=3))
    assert found is not None and found.seconds == pytest.approx(3)
    assert clip_outline(path, "clip.wav", Limits(seconds=2)) is None
    assert clip_outline(tmp_path / "gone.wav", "gone.wav", Limits()) is None
    assert html.sound(None) == ""


@pytest.mark.parametrize(("known", "real", "toy"), [((False,), 3, 0), ((True,), 0, 4), ((False, True), 3, 4)])
def test_models_are_offered_clips_of_their_kind(known: tuple[bool, ...], real: int, toy: int, tmp_path: Path) -> None:
    models = []
    for synthetic in known:
        model = small_model("cnn")
        model.synthetic = synthetic
        models.append(model)
    clips = [path for kind in write_examples(tmp_path / "clips", models) for _, path in kind.clips]
    assert [path.suffix for path in clips].count(".mp3") == real
    assert [path.suffix for path in clips].count(".wav") == toy
    assert all(path.parent == tmp_path / "clips" and path.stat().st_size for path in clips)


def test_the_voices_in_the_package_are_small_and_say_where_they_are_from() -> None:
    clips = [path for path in VOICES.iterdir() if path.suffix != ".md"]
    assert len(clips) == 4 and all(path.stat().st_size < 60_000 for path in clips)
    assert "espeak-ng" in (VOICES / "README.md").read_text(encoding="utf-8")
