"""The look that pictures share: an emotion's colour, letters that can be drawn, matplotlib left as it was."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from emozoo.plots import fonts as plots_fonts
from emozoo.plots.colours import COLOURS, DARK, emotion_colours, emotion_hatches, ink_on, on_dark
from emozoo.plots.fonts import FONT, _installed, written
from emozoo.plots.style import ACCENT, INK, SHADES, STYLE, styled
from emozoo.tables.emotions import emotions

EIGHT = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
WORDS = st.lists(st.text(st.characters(), max_size=12) | st.sampled_from([*COLOURS, *emotions()]), max_size=12)


def test_an_emotion_has_one_colour_whatever_stands_beside_it() -> None:
    assert emotion_colours(("sad", "happy"))["sad"] == emotion_colours(EIGHT)["sad"] == COLOURS["sad"]
    for word in ("Anger", " ANGRY"):
        assert emotion_colours((word,)) == {word: COLOURS["angry"]}


def test_another_word_has_one_colour_whatever_stands_beside_it_on_every_machine() -> None:
    assert emotion_colours(["wistful"]) == {"wistful": "#8C3D0E"}
    assert emotion_colours([*EIGHT, "jealous", "wistful", "高兴"])["wistful"] == "#8C3D0E"


@settings(max_examples=40, deadline=None)
@given(WORDS)
def test_no_two_labels_share_a_colour_or_a_hatch_whatever_their_order(labels: list[str]) -> None:
    for look in (emotion_colours, emotion_hatches):
        looks = look(labels)
        assert list(looks) == list(dict.fromkeys(labels))
        assert len(set(looks.values())) == len(looks)
    assert emotion_colours(labels) == emotion_colours(labels[::-1])


def test_hundreds_of_labels_have_colours_and_hatches_of_their_own() -> None:
    labels = [f"word {number}" for number in range(300)]
    assert len(set(emotion_colours(labels).values())) == len(set(emotion_hatches(labels).values())) == 300


def linear(colour: str) -> np.ndarray:
    """Linear light, red, green, blue (IEC 61966-2-1)."""
    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """As grey print shows it, 0 to 1 (WCAG 2)."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def lab(light: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear light."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(light, 0, 1) / [0.9505, 1, 1.0888]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# What a person without one kind of cone sees: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHT = {
    "three cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_emotions_colours_are_told_apart(sight: str) -> None:
    seen = {word: lab(np.array(SIGHT[sight]) @ linear(colour)) for word, colour in COLOURS.items()}
    for one, other in itertools.combinations(seen, 2):
        # 2.3 is a just noticeable difference of neighbours; lines and ribbons stand apart.
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


def test_text_reads_on_every_colour_that_it_may_stand_on() -> None:
    shades = [colormaps[SHADES](share) for share in np.linspace(0, 1, 101)]
    drawn = emotion_colours([f"word {number}" for number in range(50)]).values()
    for colour in (*COLOURS.values(), *shades, *drawn):
        light, dark = sorted((luminance(colour), luminance(ink_on(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5, colour


def test_every_colour_is_seen_on_a_dark_page() -> None:
    drawn = emotion_colours([f"word {number}" for number in range(50)]).values()
    for colour in (*COLOURS.values(), *drawn):
        shown = on_dark(colour)
        assert (luminance(shown) + 0.05) / (luminance(DARK) + 0.05) > 2.98, colour  # of 3, but for rounding
        assert (shown == colour) is ((luminance(colour) + 0.05) / (luminance(DARK) + 0.05) >= 3)


def test_more_is_darker_in_grey_too() -> None:
    greys = [luminance(colormaps[SHADES](share)) for share in np.linspace(0, 1, 256)]
    assert greys[0] > 0.9 and greys[-1] < 0.05
    assert all(one > other for one, other in itertools.pairwise(greys))


def test_the_two_lines_of_a_chart_differ_in_grey_and_are_no_emotions_colours() -> None:
    assert luminance(ACCENT) - luminance(INK) > 0.1
    assert not {ACCENT, INK} & set(COLOURS.values())


def test_labels_are_written_on_one_line_not_too_long_and_each_differently() -> None:
    labels = (
        "sad",
        "a\nb\tc",
        "",
        "positively overwhelmed by joy",
        "positively overwhelmed by woe",
        "x" * 99,
        "x" * 98,
    )
    names = written(labels)
    assert names[:4] == ["sad", "a b c", "(no name)", "positivel…d by joy"]
    assert len(set(names)) == len(names) and max(map(len, names)) <= 18


def test_letters_that_no_font_has_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    only_matplotlibs = {FONT: _installed()[FONT]}
    monkeypatch.setattr(plots_fonts, "_installed", lambda: only_matplotlibs)
    assert written(["高兴", "悲伤", "größer"]) == ["\\u9ad8\\u5174", "\\u60b2\\u4f24", "größer"]


def test_a_font_that_has_them_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plots_fonts, "_letters_of", lambda file: frozenset("abc" if "DejaVuSans." in file else "abc高兴")
    )
    fonts = {FONT: "DejaVuSans.ttf", "Some Han": "han.ttf"}
    monkeypatch.setattr(plots_fonts, "_installed", lambda: fonts)
    assert written(["高兴", "bał"]) == ["高兴", "ba\\u0142"]
    with styled(["高兴"]):
        assert matplotlib.rcParams["font.family"] == [FONT, "Some Han"]
    with styled(["abc"]):
        assert matplotlib.rcParams["font.family"] == [FONT]


def test_the_callers_matplotlib_stays_as_it_was_also_after_errors_and_in_threads() -> None:
    before = dict(matplotlib.rcParams)
    seen = []

    def draw() -> None:
        for _ in range(20):
            with styled():
                seen.append(matplotlib.rcParams["font.size"])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(ZeroDivisionError), styled():
        1 / 0  # noqa: B018
    assert set(seen) == {STYLE["font.size"]}
    assert dict(matplotlib.rcParams) == before


def test_pictures_need_no_screen_and_look_the_same_whatever_the_users_settings_are(tmp_path: Path) -> None:
    code = (
        "import sys; from emozoo import plots; plots.training_curves([{'epoch': 1, 'pretraining': False, 'loss': 1,"
        "'dev_loss': 1, 'dev_ua': 0.5, 'dev_wa': 0.5, 'learning_rate': 1e-3}], sys.argv[1], 1);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: black\nfont.size: 30\nbackend: tkagg\ntext.usetex: true\n")
    plain = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    settings = ({}, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}, {"MPLBACKEND": "qtagg"})
    for number, more in enumerate(settings):
        command = [sys.executable, "-c", code, str(tmp_path / f"{number}.png")]
        subprocess.run(command, env=plain | more, check=True, timeout=300)
    assert len({path.read_bytes() for path in tmp_path.glob("*.png")}) == 1
