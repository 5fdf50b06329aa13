"""Pictures: they are PNG files of a sensible size, show what they should, and appear complete or not at all."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from emozoo import plots, style
from emozoo.errors import EmozooError
from emozoo.metrics import evaluate_predictions

EIGHT = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


@dataclass(frozen=True)
class Window:
    start: float
    end: float
    probabilities: dict[str, float]


def pixels(path: Path) -> np.ndarray:
    """RGB, uint8 [height, width, 3]."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def has_colour(picture: np.ndarray, colour: str) -> bool:
    wanted = np.rint(255 * np.array(to_rgb(colour)))
    return bool(np.any(np.all(np.abs(picture - wanted) <= 2, axis=-1)))


@pytest.mark.parametrize(
    "labels", [("sad", "happy"), EIGHT, ("positively overwhelmed", "not at all impressed", "cost $5 or $6")]
)
def test_confusion_matrix_of_few_many_and_long_labels(labels: tuple[str, ...], tmp_path: Path) -> None:
    true = [label for label in range(len(labels)) for _ in range(10)]
    plots.confusion_matrix(evaluate_predictions(labels, true, true), tmp_path / "matrix.png")
    height, width, _ = pixels(tmp_path / "matrix.png").shape
    assert 600 <= width <= 2000
    assert 0.6 < width / height < 1.7


def test_confusion_matrix_shades_shares_of_the_row_not_counts(tmp_path: Path) -> None:
    few = evaluate_predictions(("a", "b"), [0, 1], [0, 1])
    many = evaluate_predictions(("a", "b"), [0] * 1 + [1] * 90, [0] * 1 + [1] * 90)
    pictures = []
    for metrics in (few, many):
        plots.confusion_matrix(metrics, tmp_path / "matrix.png")
        pictures.append(pixels(tmp_path / "matrix.png"))
    darkest = [picture[picture.shape[0] // 4, picture.shape[1] // 2 - 60] for picture in pictures]
    assert darkest[0].tolist() == darkest[1].tolist()
    assert darkest[0][0] < 120, "a row whose clips are all right is dark on the diagonal"


def test_a_row_without_clips_is_drawn_without_warnings(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    plots.confusion_matrix(evaluate_predictions(("a", "b", "c"), [0, 1], [0, 2]), tmp_path / "matrix.png")
    assert not recwarn.list


def epoch(number: int, **values: float) -> dict[str, float]:
    return {
        "epoch": number,
        "loss": 1.0,
        "dev_loss": 1.1,
        "dev_ua": 0.5,
        "dev_wa": 0.6,
        "learning_rate": 1e-4,
        **values,
    }


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_training_curves_of_one_and_many_epochs(epochs: int, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    plots.training_curves([epoch(number) for number in range(1, epochs + 1)], tmp_path / "curves.png")
    picture = pixels(tmp_path / "curves.png")
    assert 800 <= picture.shape[1] <= 1600
    assert has_colour(picture, style.INK)
    assert has_colour(picture, style.ACCENT)
    assert not recwarn.list


def test_pretraining_epochs_are_left_out_of_the_curves(tmp_path: Path) -> None:
    pretraining = {"epoch": 1, "pretraining": True, "loss": 50.0, "learning_rate": 1e-3}
    plots.training_curves([pretraining, epoch(2), epoch(3)], tmp_path / "with.png")
    plots.training_curves([epoch(2), epoch(3)], tmp_path / "without.png")
    assert (tmp_path / "with.png").read_bytes() == (tmp_path / "without.png").read_bytes()
    with pytest.raises(ValueError, match="no epoch"):
        plots.training_curves([pretraining], tmp_path / "none.png")


@pytest.mark.parametrize("count", [1, 2, 300])
def test_timeline_of_one_and_many_windows(count: int, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    odds = np.random.default_rng(0).dirichlet(np.ones(8), count)
    windows = [
        Window(float(second), second + 3.0, dict(zip(EIGHT, each.tolist(), strict=True)))
        for second, each in enumerate(odds)
    ]
    plots.timeline(windows, EIGHT, tmp_path / "timeline.png")
    picture = pixels(tmp_path / "timeline.png")
    assert 800 <= picture.shape[1] <= 1600
    for label in EIGHT:
        assert has_colour(picture, style.COLOURS[label]), label
    assert not recwarn.list
    with pytest.raises(ValueError, match="no window"):
        plots.timeline([], EIGHT, tmp_path / "none.png")


def test_the_ribbon_shows_only_the_likeliest(tmp_path: Path) -> None:
    windows = [
        Window(0.0, 3.0, {"sad": 0.9, "angry": 0.1}),
        Window(1.0, 4.0, {"sad": 0.8, "angry": 0.2}),
        Window(2.0, 5.0, {"sad": 0.2, "angry": 0.8}),
    ]
    plots.timeline(windows, ("sad", "angry"), tmp_path / "timeline.png")
    row = pixels(tmp_path / "timeline.png")[75]
    sad, angry = (
        np.all(np.abs(row - np.rint(255 * np.array(to_rgb(style.COLOURS[word])))) <= 2, axis=-1)
        for word in ("sad", "angry")
    )
    assert np.flatnonzero(sad).max() < np.flatnonzero(angry).min(), "first sad, then angry"
    # Middles at 1.5, 2.5, 3.5 s: the change is halfway between the last two, at 3 of 5 s.
    sad_width, angry_width = np.ptp(np.flatnonzero(sad)), np.ptp(np.flatnonzero(angry))
    assert sad_width / (sad_width + angry_width) == pytest.approx(0.6, abs=0.02)


def test_an_emotion_has_one_colour_whatever_stands_beside_it() -> None:
    assert style.emotion_colours(("sad", "happy"))["sad"] == style.emotion_colours(EIGHT)["sad"] == style.COLOURS["sad"]
    assert style.emotion_colours(("Anger",)) == {"Anger": style.COLOURS["angry"]}


def test_other_words_get_colours_that_are_left_in_an_order_of_their_own() -> None:
    labels = ("happy", "wistful", "jealous", "happiness")
    colours = style.emotion_colours(labels)
    assert list(colours) == list(labels)
    assert len(set(colours.values())) == 4
    assert colours == style.emotion_colours(("happy", "jealous", "happiness", "wistful"))
    many = style.emotion_colours([f"word{number}" for number in range(30)])
    assert len(set(many.values())) == 30


def linear(colour: str) -> np.ndarray:
    """Linear light, red, green, blue (IEC 61966-2-1)."""
    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


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
    seen = {word: lab(np.array(SIGHT[sight]) @ linear(colour)) for word, colour in style.COLOURS.items()}
    for one, other in itertools.combinations(seen, 2):
        # 2.3 is a just noticeable difference of neighbours; lines and ribbons stand apart.
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


def test_text_reads_on_every_emotions_colour() -> None:
    def luminance(colour: str) -> float:
        return float(linear(colour) @ [0.2126, 0.7152, 0.0722])

    for colour in style.COLOURS.values():
        light, dark = sorted((luminance(colour), luminance(style.ink_on(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 3.5, colour


def test_a_picture_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "curves.png"
    target.write_text("old")
    plots.training_curves([epoch(1)], target)
    pixels(target)
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "curves.png"
    with pytest.raises(EmozooError, match="cannot write .*curves.png"):
        plots.training_curves([epoch(1)], target)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(EmozooError, match=r"folder\.png"):
        plots.training_curves([epoch(1)], tmp_path / "folder.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_the_callers_matplotlib_stays_as_it_was(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.training_curves([epoch(1)], tmp_path / "curves.png")
    assert dict(matplotlib.rcParams) == before
