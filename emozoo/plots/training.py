"""The course of a training as a PNG file: losses, scores on the dev split, and learning rate over the epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emozoo.plots.style import ACCENT, FAINT, INK, WIDTH, head, headed, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MARKED_EPOCHS = 15
"""With more, points would hide the lines."""
DEV_SCORES = {
    "dev_ua": "UA", "dev_macro_f1": "macro F1", "dev_ccc": "CCC", "dev_wa": "WA", "dev_divergence": "divergence",
}  # fmt: skip
"""What is drawn of the dev split, where it was measured, in the order of its weight."""
SHARES = frozenset(("dev_ua", "dev_wa", "dev_macro_f1"))
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": INK, "linestyle": "-", "linewidth": 2.6, "marker": "o", "markersize": 7},
    {"color": ACCENT, "linestyle": "--", "linewidth": 1.5, "marker": "s", "markersize": 4},
    {"color": FAINT, "linestyle": ":", "linewidth": 1.5, "marker": "^", "markersize": 5},
    {"color": INK, "linestyle": "-.", "linewidth": 1.2, "marker": "D", "markersize": 4, "markerfacecolor": "white"},
)
"""Each line is narrower than the one before it, and is drawn over it: both are seen where they run together."""
LEGEND_POINTS = 9.5
LEGEND_ROW = 15
HANDLE_POINTS = 48
"""The size of a legend's letters, the height of a row of it, and the width of what stands before a name."""
Epochs = Sequence[Mapping[str, Any]]


def training_curves(
    history: Epochs,
    path: str | os.PathLike[str],
    kept: int,
    heading: Sequence[str] = (),
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Losses, scores on the dev split, and learning rate over epochs; each entry of `history` is an epoch's numbers. `kept`
    is the number of the epoch whose weights were kept; it is marked.

    Keys: `epoch`, `pretraining`, `loss`, `learning_rate`, and where a dev split was kept `dev_loss` and some of
    `DEV_SCORES`, 0..1. Epochs of pretraining are left out: their loss is another. Of the `recipe`, `label_smoothing` and
    `mixup` are told where they raise the loss of training above that of dev. `heading`: lines that name the network, the
    dataset and its split.
    """
    drawn = [entry for entry in history if not entry["pretraining"]]
    if not drawn:
        raise ValueError("no epoch to draw")
    scores = [name for name in DEV_SCORES if all(name in entry for entry in drawn)]
    lines, above = headed(heading)
    with styled(lines):
        heights = [3.0, 3.0, 1.4] if scores else [3.0, 1.4]
        figure = new_figure(height=(7.0 if scores else 4.1) + above)
        loss, *accuracies, rate = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        _draw_losses(loss, drawn, recipe or {})
        for accuracy in accuracies:
            _draw_scores(accuracy, drawn, kept, scores)
        rate.plot(_column(drawn, "epoch"), _column(drawn, "learning_rate"), **_look(0, drawn))
        _label_epochs(rate, drawn, len(history) - len(drawn))
        for axes in (loss, *accuracies, rate):
            label = f"kept: epoch {kept}" if axes is loss and not scores else None
            axes.axvline(kept, color=FAINT, linewidth=1, linestyle="-.", zorder=0, label=label)
        for axes in (loss, *accuracies):
            _explain(axes)
        head(figure, lines)
        save_figure(figure, path)


def _column(history: Epochs, name: str, factor: int = 1) -> list[float]:
    return [factor * float(entry[name]) for entry in history]


def _look(number: int, history: Epochs) -> dict[str, Any]:
    look = LOOKS[number % len(LOOKS)]
    return look if len(history) <= MOST_MARKED_EPOCHS else {**look, "marker": ""}


def _draw_lines(axes: Axes, history: Epochs, lines: Mapping[str, Sequence[float]]) -> None:
    """A line for each name; those that coincide everywhere are one, which has the names of all."""
    joined: dict[tuple[float, ...], list[str]] = {}
    for name, values in lines.items():
        joined.setdefault(tuple(round(value, 6) for value in values), []).append(name)
    for number, names in enumerate(joined.values()):
        label = " and ".join(names) + (": the same" if len(names) > 1 else "")
        axes.plot(_column(history, "epoch"), lines[names[0]], **_look(number, history), label=label)


def _draw_losses(axes: Axes, history: Epochs, recipe: Mapping[str, Any]) -> None:
    raised = [
        f"{word} {recipe[name]:g}"
        for name, word in (("label_smoothing", "label smoothing"), ("mixup", "mixup"))
        if recipe.get(name)
    ]
    measured = "dev_loss" in history[0]
    train = f"train, raised by {' and '.join(raised)}" if raised else "train"
    lines = {train: _column(history, "loss")}
    if measured:
        lines["dev, without" if raised else "dev"] = _column(history, "dev_loss")
    _draw_lines(axes, history, lines)
    axes.set_title("Loss" if any("dev_ccc" in entry for entry in history) else "Loss (cross entropy, nats)")


def _draw_scores(axes: Axes, history: Epochs, kept: int, scores: Sequence[str]) -> None:
    factor = 100 if SHARES.issuperset(scores) else 1
    _draw_lines(axes, history, {DEV_SCORES[name]: _column(history, name, factor) for name in scores})
    deciding = _deciding(scores)
    at = next(entry for entry in history if entry["epoch"] == kept)
    values = [factor * float(at[name]) for name in deciding]
    written = " and ".join(
        f"{DEV_SCORES[name]} {value:.1f} %" if factor == 100 else f"{DEV_SCORES[name]} {value:.3f}"
        for name, value in zip(deciding, values, strict=True)
    )
    alike = sum(all(entry[name] == at[name] for name in deciding) for entry in history)
    tie = ", least loss of equals" if alike > 1 else ""
    star: dict[str, Any] = {"marker": "*", "color": INK, "markersize": 14, "linestyle": "", "zorder": 4}
    axes.plot(
        [kept] * len(values), values, **star, markeredgecolor="white", label=f"kept: epoch {kept}, {written}{tie}"
    )
    axes.set_title("Accuracy on the dev split (%)" if factor == 100 else "Scores on the dev split")


def _deciding(scores: Sequence[str]) -> list[str]:
    """The scores that the best epoch is chosen by, as `emozoo.training.history.DevScores.score` does."""
    words = next((name for name in ("dev_macro_f1", "dev_divergence", "dev_ua") if name in scores), None)
    return [name for name in (words, "dev_ccc") if name and name in scores]


def _explain(axes: Axes) -> None:
    """The legend, between the title and the lines, where it hides none of them: in as many rows as it needs."""
    from matplotlib.transforms import offset_copy

    rows: list[list[Any]] = [[]]
    room = width = 72 * (WIDTH - 0.9)
    for handle in axes.get_legend_handles_labels()[0]:
        needed = HANDLE_POINTS + 0.58 * LEGEND_POINTS * len(str(handle.get_label()))
        if needed > room and rows[-1]:
            rows.append([])
            room = width
        rows[-1].append(handle)
        room -= needed
    figure = axes.get_figure()
    for number, row in enumerate(reversed(rows)):
        above = offset_copy(axes.transAxes, figure, y=number * LEGEND_ROW, units="points")  # type: ignore[arg-type]
        legend = axes.legend(
            handles=row, loc="lower left", bbox_to_anchor=(-0.01, 1), bbox_transform=above, ncols=len(row),
            borderaxespad=0.1, fontsize=LEGEND_POINTS, handlelength=2.4, columnspacing=1.2,
        )  # fmt: skip
        legend.set_in_layout(False)
        axes.add_artist(legend)
    axes.set_title(axes.get_title(loc="left"), pad=8 + LEGEND_ROW * len(rows))


def _label_epochs(axes: Axes, history: Epochs, pretraining: int) -> None:
    """The learning rate's axes, and below them those of the epochs."""
    from matplotlib.ticker import MaxNLocator

    before = f" (the first {pretraining}, pretraining, {'is' if pretraining == 1 else 'are'} not drawn)"
    axes.set(title="Learning rate", xlabel=f"Epoch{before if pretraining else ''}")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_ylim(0, 1.12 * max(_column(history, "learning_rate")) or 1)
    axes.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
