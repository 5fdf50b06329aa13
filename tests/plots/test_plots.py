"""Pictures: they are PNG files of a sensible size, show what they should, and appear complete or not at all."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from emozoo.errors import EmozooError
from emozoo.evaluation.confidence import risk_coverage
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.inference.answers import WindowAnswer
from emozoo.plots.colours import COLOURS, emotion_colours
from emozoo.plots.confidence import risk_coverage_curve
from emozoo.plots.outline import Outline
from emozoo.plots.over_time import draw_timeline, timeline
from emozoo.plots.results import confusion_matrix
from emozoo.plots.style import ACCENT, DPI, INK, SHADES, WIDTH, new_figure, png
from emozoo.plots.training import training_curves

EIGHT = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


TWENTY = (*EIGHT, *(f"shade of grey no. {number}" for number in range(8)), "高兴", "悲伤", "a_b^c", "cost $5 or $6")
LABELS = (
    ("sad",),
    ("sad", "happy"),
    EIGHT,
    ("positively overwhelmed", "not at all impressed", "cost $5 or $6"),
    TWENTY,
)


def answer(start: float, end: float, probabilities: dict[str, float]) -> WindowAnswer:
    return WindowAnswer(
        start, end, emotion=max(probabilities, key=probabilities.__getitem__), probabilities=probabilities
    )


def pixels(path: Path) -> np.ndarray:
    """RGB, uint8 [height, width, 3]."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def where(picture: np.ndarray, colour: str) -> np.ndarray:
    """Which pixels have the colour, bool [height, width]."""
    return np.all(np.abs(picture - np.rint(255 * np.array(to_rgb(colour)))) <= 2, axis=-1)


def has_colour(picture: np.ndarray, colour: str) -> bool:
    return bool(where(picture, colour).any())


def anything_is_cut_off(picture: np.ndarray) -> bool:
    """Whether something other than white paper touches the picture's edge."""
    return any((edge < 250).any() for edge in (picture[:3], picture[-3:], picture[:, :3], picture[:, -3:]))


@pytest.mark.parametrize("labels", LABELS)
def test_confusion_matrix_of_one_few_many_long_and_odd_labels(
    labels: tuple[str, ...], tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    true = [label for label in range(len(labels)) for _ in range(10)]
    confusion_matrix(evaluate_predictions(labels, true, sorted(true, reverse=True)), tmp_path / "matrix.png")
    picture = pixels(tmp_path / "matrix.png")
    height, width, _ = picture.shape
    assert 1120 <= width <= 1120 * len(labels) / 8 + 1120
    assert 0.6 < width / height < 2.4
    assert not anything_is_cut_off(picture)
    assert not recwarn.list and not caplog.records


def test_confusion_matrix_shades_shares_of_the_row_not_counts(tmp_path: Path) -> None:
    few = evaluate_predictions(("a", "b"), [0, 1], [0, 1])
    many = evaluate_predictions(("a", "b"), [0] * 1 + [1] * 90, [0] * 1 + [1] * 90)
    pictures = []
    for metrics in (few, many):
        confusion_matrix(metrics, tmp_path / "matrix.png")
        pictures.append(pixels(tmp_path / "matrix.png"))
    darkest = [picture[picture.shape[0] // 4, picture.shape[1] // 2 - 60] for picture in pictures]
    assert darkest[0].tolist() == darkest[1].tolist()
    assert darkest[0][0] < 120, "a row whose clips are all right is dark on the diagonal"


def test_a_row_without_clips_is_drawn_without_warnings(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    confusion_matrix(evaluate_predictions(("a", "b", "c"), [0, 1], [0, 2]), tmp_path / "matrix.png")
    assert not recwarn.list


def epoch(number: int, **values: float) -> dict[str, float]:
    return {
        "epoch": number,
        "pretraining": False,
        "loss": 1.0,
        "dev_loss": 1.1,
        "dev_ua": 0.5,
        "dev_wa": 0.6,
        "learning_rate": 1e-4,
        **values,
    }


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_training_curves_of_one_and_many_epochs(epochs: int, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    training_curves([epoch(number) for number in range(1, epochs + 1)], tmp_path / "curves.png", 1)
    picture = pixels(tmp_path / "curves.png")
    assert 800 <= picture.shape[1] <= 1600
    assert has_colour(picture, INK)
    assert has_colour(picture, ACCENT)
    assert not recwarn.list


def test_epochs_of_pretraining_alone_have_no_curves(tmp_path: Path) -> None:
    pretraining = {"epoch": 1, "pretraining": True, "loss": 50.0, "learning_rate": 1e-3}
    with pytest.raises(ValueError, match="no epoch"):
        training_curves([pretraining], tmp_path / "none.png", 1)


def test_training_without_a_dev_split_has_a_curve_of_its_loss_only(tmp_path: Path) -> None:
    history = [{name: value for name, value in epoch(n).items() if not name.startswith("dev_")} for n in (1, 2, 3)]
    training_curves(history, tmp_path / "curves.png", 3)
    picture = pixels(tmp_path / "curves.png")
    assert has_colour(picture, INK) and not has_colour(picture, ACCENT)


def windows_of(probabilities: np.ndarray, labels: tuple[str, ...]) -> list[WindowAnswer]:
    """One a second."""
    return [
        answer(float(second), second + 3.0, dict(zip(labels, each.tolist(), strict=True)))
        for second, each in enumerate(probabilities)
    ]


@pytest.mark.parametrize(("count", "labels"), [(1, EIGHT), (2, EIGHT), (300, EIGHT), *((20, each) for each in LABELS)])
def test_timeline_of_one_and_many_windows_and_labels(
    count: int,
    labels: tuple[str, ...],
    tmp_path: Path,
    recwarn: pytest.WarningsRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    windows = windows_of(np.random.default_rng(0).dirichlet(np.ones(len(labels)), count), labels)
    timeline(windows, labels, tmp_path / "timeline.png")
    picture = pixels(tmp_path / "timeline.png")
    assert picture.shape[1] == 1120
    assert not anything_is_cut_off(picture)
    for label, colour in emotion_colours(labels).items():
        assert has_colour(picture, colour), label
    assert not recwarn.list and not caplog.records


def test_a_timeline_needs_a_window(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no window"):
        timeline([], EIGHT, tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


def ribbon_of(picture: np.ndarray, label: str) -> np.ndarray:
    """The first row of pixels that shows a good deal of the label's colour."""
    return picture[np.flatnonzero(where(picture, COLOURS[label]).sum(axis=1) > 200)[2]][None]


@pytest.mark.parametrize("seconds", [0.2, 8.0, 600.0, 10_800.0])
def test_emotions_wave_and_spectrogram_stand_under_each_other(seconds: float, tmp_path: Path) -> None:
    """Of a recording that is sad and silent for its first half, angry and loud in the second."""
    loud = np.repeat([0.0, 1.0], 600)
    step, decibels = seconds / 1200, np.full((201, 1200), -80, np.float32)
    decibels[90:110] += 80 * loud
    outline = Outline(seconds, step, -loud / 2, loud / 2, step, decibels)
    count = max(4, round(seconds))
    windows = [
        answer(
            start, start + seconds / count, {"sad": float(start < seconds / 2), "angry": float(start >= seconds / 2)}
        )
        for start in (np.arange(count) * seconds / count).tolist()
    ]
    timeline(windows, ("sad", "angry"), tmp_path / "timeline.png", outline)
    picture = pixels(tmp_path / "timeline.png")
    assert picture.shape[1] == 1120 and not anything_is_cut_off(picture)
    sad, angry = (np.flatnonzero(where(ribbon_of(picture, "sad"), COLOURS[word])) for word in ("sad", "angry"))
    ink = where(picture, INK)
    ink = ink[ink.sum(axis=1) > 300]  # the rows of the wave: of letters there is less in a row
    wave = np.flatnonzero(ink.mean(axis=0) > 0.5)
    loudest = np.flatnonzero(where(picture, to_hex(colormaps[SHADES](1.0))).sum(axis=0) > 5)
    assert 0 < angry.min() - sad.max() <= 8  # a white seam
    for found in (wave, loudest):
        assert abs(found.min() - angry.min()) <= 6 and abs(found.max() - angry.max()) <= 6


def test_a_demo_may_draw_the_timeline_onto_a_figure_of_its_own_width() -> None:
    figure = Figure(figsize=(9, 1), layout="constrained")
    draw_timeline(figure, windows_of(np.full((5, 8), 0.125), EIGHT), EIGHT)
    with Image.open(io.BytesIO(png(figure))) as picture:
        assert picture.width == 9 * DPI and picture.height > 3 * DPI


def test_no_text_is_too_small_for_half_the_width_of_a_card() -> None:
    figure = new_figure()
    outline = Outline(30.0, 0.1, np.zeros(300), np.zeros(300), 0.1, np.zeros((201, 300)))
    draw_timeline(figure, windows_of(np.full((28, 8), 0.125), EIGHT), EIGHT, outline)
    png(figure)
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert len(sizes) > 20 and min(sizes) / 72 * 350 / WIDTH > 8


def test_the_ribbon_shows_only_the_likeliest(tmp_path: Path) -> None:
    windows = [
        answer(0.0, 3.0, {"sad": 0.9, "angry": 0.1}),
        answer(1.0, 4.0, {"sad": 0.8, "angry": 0.2}),
        answer(2.0, 5.0, {"sad": 0.2, "angry": 0.8}),
    ]
    timeline(windows, ("sad", "angry"), tmp_path / "timeline.png")
    row = ribbon_of(pixels(tmp_path / "timeline.png"), "sad")
    sad, angry = (where(row, COLOURS[word])[0] for word in ("sad", "angry"))
    assert np.flatnonzero(sad).max() < np.flatnonzero(angry).min(), "first sad, then angry"
    # Middles at 1.5, 2.5, 3.5 s: the change is halfway between the last two, at 3 of 5 s.
    sad_width, angry_width = np.ptp(np.flatnonzero(sad)), np.ptp(np.flatnonzero(angry))
    assert sad_width / (sad_width + angry_width) == pytest.approx(0.6, abs=0.02)


def test_a_picture_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "curves.png"
    target.write_text("old")
    training_curves([epoch(1)], target, 1)
    pixels(target)
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "curves.png"
    with pytest.raises(EmozooError, match="cannot write .*curves.png"):
        training_curves([epoch(1)], target, 1)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(EmozooError, match=r"folder\.png"):
        training_curves([epoch(1)], tmp_path / "folder.png", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_the_same_run_gives_the_same_bytes_which_hold_a_picture_and_nothing_else(tmp_path: Path) -> None:
    windows = windows_of(np.random.default_rng(0).dirichlet(np.ones(8), 20), EIGHT)
    metrics = evaluate_predictions(EIGHT, list(range(8)), [0, *range(7)])
    for folder in ("one", "other"):
        confusion_matrix(metrics, tmp_path / folder / "matrix.png")
        training_curves([epoch(1), epoch(2)], tmp_path / folder / "curves.png", 2)
        timeline(windows, EIGHT, tmp_path / folder / "timeline.png")
    for name in ("matrix.png", "curves.png", "timeline.png"):
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "other" / name).read_bytes()
        place, kinds = 8, set()
        while place < len(content):
            kinds.add(content[place + 4 : place + 8])
            place += 12 + int.from_bytes(content[place : place + 4], "big")
        assert kinds == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


@pytest.mark.parametrize("count", [1, 2, 40, 3000])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_risk_coverage_curve_of_few_and_many_clips(
    count: int, share: float, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """`share`: of wrong answers."""
    rng = np.random.default_rng(count)
    probabilities = rng.dirichlet((1, 1, 1), count)
    true = np.where(rng.random(count) < share, probabilities.argmin(1), probabilities.argmax(1))
    risk_coverage_curve(*risk_coverage(true, probabilities), probabilities.max(1), tmp_path / "curve.png")
    picture = pixels(tmp_path / "curve.png")
    assert picture.shape[1] == 1120 and 1.2 < picture.shape[1] / picture.shape[0] < 1.6
    assert has_colour(picture, INK) and (count < 40 or has_colour(picture, ACCENT))
    assert not anything_is_cut_off(picture)
    assert not recwarn.list
