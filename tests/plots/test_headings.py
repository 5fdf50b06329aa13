"""Pictures say what they show: the network, the data and their split, the file and the model; nothing is cut off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from support.small import NETWORK as NETWORK_SETTINGS
from support.small import RECIPE, toy

from emozoo.checkpoint.run import RunOptions
from emozoo.evaluation.evaluate import evaluate
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.inference.answers import WindowAnswer
from emozoo.plots import confidence, over_time, results, training
from emozoo.plots.style import DPI
from emozoo.training.train import train

NETWORK, SPLIT = "cnn_rnn on toy", "session, fold 2 of 5, seed 0"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, in place of files."""
    drawn: list[Figure] = []
    for module in (results, confidence, training, over_time):
        monkeypatch.setattr(module, "save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def matrix(figures: list[Figure], *heading: str, pooled: int = 1) -> Figure:
    results.confusion_matrix(evaluate_predictions(("sad", "happy"), [0, 1], [0, 1]), "x.png", pooled, heading)
    return figures[-1]


def test_a_confusion_matrix_names_network_dataset_split_and_clips(figures: list[Figure]) -> None:
    lines = matrix(figures, NETWORK, SPLIT).get_suptitle().splitlines()
    assert lines == [NETWORK, SPLIT, "2 clips: UA 100.0 %, WA 100.0 %"]
    pooled = matrix(figures, NETWORK, "session, seeds 0, 1", pooled=10).get_suptitle().splitlines()
    assert pooled[2:] == ["2 clips of 10 folds, pooled", "UA 100.0 %, WA 100.0 %"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "W" * 200,
        "/home/müller/Läufe/" + 20 * "ein langer Ordnername ",
        "سعيد " * 12,
        "高兴" * 40,
        "a$b^c_d $5 $6",
        "a\nb",
    ],
)
def test_a_heading_lies_within_its_picture_whatever_the_name(
    figures: list[Figure], name: str, recwarn: pytest.WarningsRecorder
) -> None:
    figure = matrix(figures, name, SPLIT)
    figure.draw_without_rendering()
    (title,) = (text for text in figure.findobj(Text) if text.get_text() == figure.get_suptitle())
    box = title.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.get_figwidth() * DPI
    assert box.y1 <= figure.get_figheight() * DPI and box.y0 > figure.axes[0].get_window_extent().y1
    assert SPLIT in figure.get_suptitle() and not recwarn.list


def epoch(number: int, **values: Any) -> dict[str, Any]:
    same = {"loss": 1.0 / number, "dev_loss": 1.5 / number, "dev_ua": 0.5, "dev_wa": 0.6, "learning_rate": 1e-4}
    return {"epoch": number, "pretraining": False, **same, **values}


def curves(figures: list[Figure], history: list[dict[str, Any]], kept: int, **recipe: float) -> Figure:
    training.training_curves(history, "x.png", kept, (NETWORK, SPLIT), recipe)
    figures[-1].draw_without_rendering()
    return figures[-1]


def names(figure: Figure) -> list[list[str]]:
    """The names in the legends of each panel, from above."""
    return [[str(line.get_label()) for line in axes.get_legend_handles_labels()[0]] for axes in figure.axes]


@pytest.mark.parametrize("kept", [1, 3])
def test_the_epoch_that_was_kept_is_marked_also_where_its_ua_is_that_of_others(
    figures: list[Figure], kept: int
) -> None:
    figure = curves(figures, [epoch(1), epoch(2, dev_ua=0.4), epoch(3)], kept)
    stars = [line for axes in figure.axes for line in axes.get_lines() if line.get_marker() == "*"]
    assert [np.asarray(star.get_xdata()).tolist() for star in stars] == [[kept]]
    assert stars[0].get_label() == f"kept: epoch {kept}, UA 50.0 %, least loss of equals"
    for axes in figure.axes:  # a line through every panel
        assert any(np.asarray(line.get_xdata()).tolist() == [kept, kept] for line in axes.get_lines())
    assert figure.get_suptitle() == f"{NETWORK}\n{SPLIT}"


def test_without_a_dev_split_the_kept_epoch_is_marked_too(figures: list[Figure]) -> None:
    history = [{name: value for name, value in epoch(n).items() if not name.startswith("dev_")} for n in (1, 2)]
    assert names(curves(figures, history, 2)) == [["train", "kept: epoch 2"], []]


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ({"dev_divergence": 0.25}, "divergence 0.250"),
        ({"dev_ccc": 0.75}, "UA 0.500 and CCC 0.750"),
        ({"dev_macro_f1": 0.125}, "macro F1 12.5 %"),
    ],
)
def test_the_star_stands_on_the_scores_that_the_epoch_was_chosen_by(
    figures: list[Figure], scores: dict[str, float], word: str
) -> None:
    figure = curves(figures, [epoch(1, **dict.fromkeys(scores, 0.9)), epoch(2, **scores, dev_ua=0.5)], 2)
    (star,) = (line for line in figure.axes[1].get_lines() if line.get_marker() == "*")
    assert str(star.get_label()).startswith(f"kept: epoch 2, {word}")


@pytest.mark.parametrize(
    ("recipe", "train", "dev"),
    [
        ({}, "train", "dev"),
        ({"label_smoothing": 0.1}, "train, raised by label smoothing 0.1", "dev, without"),
        ({"label_smoothing": 0.1, "mixup": 0.3}, "train, raised by label smoothing 0.1 and mixup 0.3", "dev, without"),
    ],
)
def test_what_raises_the_loss_of_training_is_told(
    figures: list[Figure], recipe: dict[str, float], train: str, dev: str
) -> None:
    assert names(curves(figures, [epoch(1), epoch(2)], 2, **recipe))[0] == [train, dev]


def test_lines_that_coincide_are_one_with_both_names(figures: list[Figure]) -> None:
    figure = curves(figures, [epoch(n, dev_wa=0.5, dev_loss=1.0 / n) for n in (1, 2)], 1)
    assert names(figure)[0] == ["train and dev: the same"]
    assert names(figure)[1][0] == "UA and WA: the same"


@pytest.mark.parametrize("epochs", [2, 60])
def test_lines_can_be_told_apart_without_colour_where_they_run_together(figures: list[Figure], epochs: int) -> None:
    extra = {"dev_ccc": 0.4, "dev_divergence": 0.3}
    figure = curves(figures, [epoch(n, **extra) for n in range(1, epochs + 1)], 1)
    lines = [
        line
        for line in figure.axes[1].get_lines()
        if len(np.asarray(line.get_xdata())) == epochs and line.get_marker() != "*"
    ]
    lines = [line for line in lines if not str(line.get_label()).startswith("_")]
    assert len(lines) == 4 and len({line.get_linestyle() for line in lines}) == 4
    assert lines[0].get_linewidth() > max(line.get_linewidth() for line in lines[1:])


def test_legends_hide_no_line_and_lie_within_the_picture(figures: list[Figure]) -> None:
    figure = curves(
        figures, [epoch(n, dev_ccc=0.4, dev_divergence=0.3) for n in range(1, 61)], 1, label_smoothing=0.1, mixup=0.3
    )
    legends = [
        (axes, child) for axes in figure.axes for child in axes.get_children() if type(child).__name__ == "Legend"
    ]
    assert len(legends) >= 4
    for axes, legend in legends:
        box = legend.get_window_extent()
        assert box.y0 >= axes.get_window_extent().y1 - 1 and box.x1 <= figure.get_figwidth() * DPI


def test_epochs_of_pretraining_are_left_out_and_said_to_be_missing(figures: list[Figure]) -> None:
    pretraining = {"epoch": 1, "pretraining": True, "loss": 50.0, "learning_rate": 1e-3}
    figure = curves(figures, [pretraining, epoch(2), epoch(3)], 3)
    assert figure.axes[-1].get_xlabel() == "Epoch (the first 1, pretraining, is not drawn)"
    assert np.asarray(figure.axes[0].get_lines()[0].get_xdata()).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("seconds", "unit"), [(3, "Time (s)"), (30, "Time (min:s)"), (500, "Time (min:s)"), (9000, "Time (h:min)")]
)
def test_a_timeline_names_file_and_model_and_has_scales(figures: list[Figure], seconds: int, unit: str) -> None:
    labels = ("größer Ärger", "سعيد")
    shares = dict.fromkeys(labels, 0.5)
    starts = map(float, range(max(1, seconds - 2)))
    windows = [WindowAnswer(at, at + 3.0, emotion=labels[0], probabilities=shares) for at in starts]
    over_time.timeline(windows, labels, "x.png", heading=("Gespräch.wav", "model: speech"))
    (figure,) = figures
    figure.draw_without_rendering()
    assert figure.get_suptitle() == "Gespräch.wav\nmodel: speech"
    ribbon, lanes = figure.axes
    assert lanes.get_title(loc="left").startswith("Probability (0 to 1")
    assert [text.get_text() for text in lanes.texts] == ["0", "1"] * len(labels)
    assert lanes.get_xlabel() == unit
    ticks = [text.get_text() for text in lanes.get_xticklabels() if text.get_text()]
    assert 2 <= len(ticks) <= 9 and (unit == "Time (s)" or all(":" in tick for tick in ticks))


def test_a_run_and_its_evaluation_head_their_pictures(tmp_path: Path, figures: list[Figure]) -> None:
    settings = {**NETWORK_SETTINGS, **RECIPE, "epochs": "1"}
    options = RunOptions("cnn", "toy", str(toy()), fold=2, seed=3, protocol="random", settings=settings)
    train(options, tmp_path / "run", device="cpu")
    matrix, risks, curves = figures
    split = "random, fold 2 of 5, seed 3, speaker-dependent"
    assert matrix.get_suptitle().splitlines()[:2] == ["cnn on toy", split]
    assert risks.get_suptitle() == f"cnn on toy\n{split}"
    assert "10 clips: UA" in matrix.get_suptitle() and curves.get_suptitle() == f"cnn on toy\n{split}"
    evaluate(tmp_path / "run", dataset="toy", data_dir=str(toy()), output=tmp_path / "measured", device="cpu")
    assert "all 50 clips, leaked" in figures[-1].get_suptitle() and "run on toy" in figures[-1].get_suptitle()
