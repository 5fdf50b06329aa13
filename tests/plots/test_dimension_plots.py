"""Pictures of dimensions: lines over time on the corpus' scale, and the plane of valence and arousal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from emozoo.inference.answers import WindowAnswer
from emozoo.plots import over_time
from emozoo.plots.over_time import MOST_POINTS, course, draw_timeline, timeline
from emozoo.plots.plane import plane_of
from emozoo.plots.style import new_figure, png
from emozoo.target import Scale

NAMES = ("valence", "arousal", "dominance")
LABELS = ("happy", "sad")


def window(start: float, values: dict[str, float] | None, words: bool = False) -> WindowAnswer:
    shares = {"happy": 0.3, "sad": 0.7} if words and values else None
    reason = None if values else "silent"
    return WindowAnswer(
        start, start + 3, emotion="sad" if shares else None, probabilities=shares, reason=reason, dimensions=values
    )


def windows(count: int, words: bool = False, silent: tuple[int, ...] = ()) -> list[WindowAnswer]:
    rng = np.random.default_rng(0)
    values = [dict(zip(NAMES, rng.random(3).tolist(), strict=True)) for _ in range(count)]
    return [window(float(at), None if at in silent else each, words) for at, each in enumerate(values)]


def drawn(given: list[WindowAnswer], labels: tuple[str, ...] = (), **more: Any) -> dict[str, Axes]:
    """The parts of the picture by their titles' first word."""
    figure = new_figure()
    draw_timeline(figure, given, labels, **more)
    png(figure)
    return {axes.get_title(loc="left").split()[0]: axes for axes in figure.axes}


@pytest.mark.parametrize("scale", [None, Scale(1, 5), Scale(-1, 1)])
def test_lines_are_ratings_over_time_with_a_gap_where_nobody_speaks(scale: Scale | None) -> None:
    given = windows(8, silent=(3, 4))
    panel = drawn(given, scale=scale)["Dimensions"]
    shown = scale or Scale(0, 1)
    assert panel.get_title(loc="left") == f"Dimensions ({shown})"
    assert [line.get_label() for line in panel.get_lines()] == list(NAMES)
    for line, name in zip(panel.get_lines(), NAMES, strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.arange(8) + 1.5)
        wanted = [np.nan if each.dimensions is None else shown.from_unit(each.dimensions[name]) for each in given]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), wanted)
    low, high = panel.get_ylim()
    assert low < shown.low < shown.high < high
    assert [text.get_text() for text in panel.get_yticklabels()][::2] == [f"{shown.low:g}", f"{shown.high:g}"]


def test_the_plane_has_the_windows_in_turn_and_the_clip(tmp_path: Path) -> None:
    given, whole = windows(6, words=True, silent=(2,)), {"valence": 0.25, "arousal": 0.75, "dominance": 0.5}
    parts = drawn(given, LABELS, scale=Scale(1, 5), whole=whole)
    assert list(parts) == ["Likeliest", "Probability", "Dimensions", "Valence"]
    plane = parts["Valence"]
    path, clip = (np.asarray(each.get_offsets()) for each in plane.collections)
    there = [each.dimensions for each in given if each.dimensions]
    np.testing.assert_allclose(path, [[1 + 4 * each[name] for name in ("valence", "arousal")] for each in there])
    np.testing.assert_allclose(clip, [[2.0, 4.0]])
    box = plane.get_window_extent()
    assert box.width == pytest.approx(box.height, rel=0.01)


def test_without_valence_or_arousal_there_is_no_plane() -> None:
    assert plane_of(("Valence", "activation")) == ("Valence", "activation")
    assert plane_of(("valence", "dominance")) is None and plane_of(()) is None
    given = [window(0.0, {"valence": 0.4, "dominance": 0.6})]
    assert list(drawn(given)) == ["Dimensions"]


@pytest.mark.parametrize("count", [1, 2, 40, 3000])
@pytest.mark.parametrize("words", [False, True])
def test_pictures_of_few_and_many_windows_are_whole(
    count: int, words: bool, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    target = tmp_path / "picture.png"
    timeline(windows(count, words), LABELS if words else (), target, None, Scale(1, 7), dict.fromkeys(NAMES, 0.5))
    with Image.open(target) as picture:
        found = np.asarray(picture.convert("RGB"))
    assert found.shape[1] == 1120
    assert all((edge > 249).all() for edge in (found[:3], found[-3:], found[:, :3], found[:, -3:]))
    assert not recwarn.list


def test_hours_are_drawn_as_means_of_several_windows() -> None:
    given = windows(3 * MOST_POINTS, silent=(0, 1, 2))
    answers = course(given, ())
    assert answers.values.shape == (MOST_POINTS, 3) and np.isnan(answers.values[0]).all()
    wanted = np.mean([list((each.dimensions or {}).values()) for each in given[3:6]], axis=0)
    np.testing.assert_allclose(answers.values[1], wanted)
    assert (answers.likeliest == over_time.NOBODY).all() and answers.probabilities.shape == (MOST_POINTS, 0)
