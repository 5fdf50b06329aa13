"""How metrics look on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.text import number, percent

if TYPE_CHECKING:
    from emozoo.checkpoint.results import (
        Confidence,
        DimensionMetrics,
        Metrics,
        SetMetrics,
        SeveralMetrics,
        Spread,
        VoteMetrics,
    )
    from emozoo.evaluation.calibrate import Calibrated
    from emozoo.evaluation.evaluate import Evaluation
    from emozoo.training.history import DevScores


SCORES = {"wa": "WA", "ua": "UA", "macro_f1": "macro F1"}


def _interval(interval: Sequence[float]) -> str:
    return f"{percent(interval[0])} to {percent(interval[1])}"


def deviation(mean: float | None, spread: float | None) -> str:
    return "-" if mean is None else f"{number(mean)} ± {number(spread)}"


def spread_words(spread: Spread) -> str:
    """A mean and its deviation: shares in per cent, without the sign."""
    return f"{percent(spread.mean)} ± {percent(spread.std)}" if spread.share else deviation(spread.mean, spread.std)


def spread_heading(spread: Spread) -> str:
    """The heading of a column of them."""
    return f"{spread.name} %" if spread.share else spread.name.replace("CCC of", "CCC")


def dev_words(dev: DevScores) -> list[str]:
    """What a line about an epoch says of the dev split."""
    shares = {"UA": dev.ua, "macro F1": dev.macro_f1}
    found = [f"{name} {percent(share)}" for name, share in shares.items() if share is not None]
    numbers = {"divergence": dev.divergence, "CCC": dev.ccc}
    return found + [f"{name} {number(value)}" for name, value in numbers.items() if value is not None]


def in_short(metrics: Metrics) -> list[str]:
    """What a line about a fold says."""
    found = [f"UA {percent(metrics.ua)}", f"WA {percent(metrics.wa)}"] if metrics.labels else []
    found += [f"divergence {number(metrics.votes.divergence)}"] if metrics.votes else []
    found += [f"macro F1 {percent(metrics.several.macro_f1)}"] if metrics.several else []
    return found + [f"CCC of {each.name} {number(each.ccc)}" for each in metrics.dimensions]


def show_metrics(metrics: Metrics, *, per_speaker: bool = True) -> None:
    """Scores with their interval: of words, with scores per class beside the confusion matrix, and per speaker; of votes,
    several labels, and dimensions."""
    over = metrics.interval_over
    if metrics.labels:
        _show_words(metrics, per_speaker)
    if metrics.votes:
        _show_votes(metrics.votes, over)
    if metrics.several:
        _show_several(metrics.several, over)
    if metrics.dimensions:
        _show_dimensions(metrics.dimensions, over)


def _show_votes(votes: VoteMetrics, over: str) -> None:
    divergence = f"Jensen-Shannon divergence from the votes {number(votes.divergence)} bits"
    console.out.print(f"{divergence}{_beside(votes.divergence_interval, over, number)}", soft_wrap=True)
    said = f"{percent(votes.any_rater)} %{_beside(votes.any_rater_interval, over)}"
    console.out.print(f"most probable word is one that a rater said: {said}", soft_wrap=True)
    if votes.human_accuracy is not None:
        ceiling = f"{percent(votes.human_accuracy)} % say the majority's word"
        again = f"{percent(votes.human_any_rater)} % a word that another says"
        console.out.print(f"raters among themselves, each against the others: {ceiling}, {again}", soft_wrap=True)


def _show_several(several: SeveralMetrics, over: str) -> None:
    for name, share, interval in (
        ("macro F1", several.macro_f1, several.macro_f1_interval),
        ("micro F1", several.micro_f1, several.micro_f1_interval),
        ("all labels right", several.exact, several.exact_interval),
    ):
        console.out.print(f"{name} {percent(share)} %{_beside(interval, over)}", soft_wrap=True)
    table = Table(title="F1 of each label, %", title_justify="left")
    for label in several.labels:
        table.add_column(label, justify="right")
    table.add_row(*map(percent, several.f1))
    console.out.print(table)


def _show_dimensions(dimensions: Sequence[DimensionMetrics], over: str) -> None:
    table = Table(title=f"Dimensions, with 95 % intervals over {over}", title_justify="left")
    for name in ("", "clips", "CCC", "Pearson", "mean absolute error"):
        table.add_column(name, justify="left" if not name else "right")
    for each in dimensions:
        scores = ((each.ccc, each.ccc_interval), (each.pearson, each.pearson_interval), (each.mae, each.mae_interval))
        cells = [f"{number(score)}{_between(interval)}" for score, interval in scores]
        table.add_row(each.name, str(each.count), *cells)
    console.out.print(table)
    _show_intervals(dimensions)


def _between(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f" ({number(interval[0])} to {number(interval[1])})"


def _beside(interval: Sequence[float] | None, over: str, form: Callable[[float], str] = percent) -> str:
    return "" if interval is None else f"  (95 % interval over {over}: {form(interval[0])} to {form(interval[1])})"


def _show_words(metrics: Metrics, per_speaker: bool) -> None:
    over = metrics.interval_over
    console.out.print(
        f"WA {percent(metrics.wa)} %  (95 % interval over {over}: {_interval(metrics.wa_interval)})", soft_wrap=True
    )
    console.out.print(
        f"UA {percent(metrics.ua)} %  (95 % interval over {over}: {_interval(metrics.ua_interval)})", soft_wrap=True
    )
    console.out.print(f"macro F1 {percent(metrics.macro_f1)} %  on {metrics.count} clips", soft_wrap=True)
    table = Table(title="Rows: true emotion; columns: predicted, in clips", title_justify="left")
    table.add_column("")
    for label in metrics.labels:
        table.add_column(label, justify="right")
    for name in ("recall %", "precision %", "F1 %"):
        table.add_column(name, justify="right")
    for place, label in enumerate(metrics.labels):
        cells = [
            styled(count, "bold" if column == place else "") for column, count in enumerate(metrics.confusion[place])
        ]
        scores = (metrics.recall[place], metrics.precision[place], metrics.f1[place])
        table.add_row(label, *cells, *map(percent, scores))
    console.out.print(table)
    if metrics.confidence:
        _show_confidence(metrics.confidence, over)
    _show_sets(metrics.sets, metrics.labels)
    if per_speaker and metrics.per_speaker:
        speakers = Table(title="Speakers", title_justify="left")
        for name in ("speaker", "clips", "WA %", "UA %"):
            speakers.add_column(name, justify="left" if name == "speaker" else "right")
        for row in metrics.per_speaker:
            speakers.add_row(row.speaker, str(row.count), percent(row.wa), percent(row.ua))
        console.out.print(speakers)


def _show_confidence(confidence: Confidence, over: str) -> None:
    error = f"{percent(confidence.calibration_error)} %"
    interval = _interval(confidence.calibration_error_interval)
    console.out.print(f"calibration error {error}  (95 % interval over {over}: {interval})", soft_wrap=True)
    surest = ", ".join(
        f"{share} %: {percent(confidence.risks[share // 10 - 1])}" for share in (20, 50, 80) if confidence.risks
    )
    console.out.print(
        f"area under the risk-coverage curve {percent(confidence.aurc)} %  (% wrong of the surest {surest})",
        soft_wrap=True,
    )


def _show_sets(sets: Sequence[SetMetrics], labels: Sequence[str]) -> None:
    if not sets:
        return
    asked = f"{100 * sets[0].asked:g}"
    table = Table(
        title=f"Sets that are to hold the true emotion in {asked} % of cases: % that do, and their size",
        title_justify="left",
    )
    table.add_column("sets")
    for name in ("all %", "95 % interval", "size", *(f"{label} %" for label in labels)):
        table.add_column(name, justify="right")
    for each in sets:
        shares = [
            percent(share) if size is None else f"{percent(share)} ({size:.2f})"
            for share, size in zip(each.class_coverage, each.class_size, strict=True)
        ]
        interval = _interval(each.coverage_interval)
        table.add_row(each.method.upper(), percent(each.coverage), interval, f"{each.size:.2f}", *shares)
    console.out.print(table)


def show_calibrated(found: Sequence[Calibrated]) -> None:
    """What was fitted, on what, and the calibration error before and after."""
    for each in found:
        own = each.calibration
        temperature = f"temperature {own.temperature:.3f}, " if own.has_labels else ""
        console.out.print(
            f"{each.model}: {temperature}coverage up to {own.highest:g}; fitted on {own.clips} clips"
            f" of {own.speakers or 'unknown'} speaker{'' if own.speakers == 1 else 's'} ({own.dataset}, {own.part})",
            soft_wrap=True,
        )
        if each.error_before is not None:
            errors = f"{percent(each.error_before)} % before, {percent(each.error_after)} % after"
            told = f"calibration error on them {errors} (each speaker by the temperature of the others)"
            console.out.print(told, soft_wrap=True)
        if each.test and each.test.confidence:
            console.out.print(styled(f"On the {each.test.count} test clips of this run:", "bold"))
            _show_confidence(each.test.confidence, each.test.interval_over)
            _show_sets(each.test.sets, each.test.labels)
        if each.test:
            _show_intervals(each.test.dimensions)
    for note in dict.fromkeys(note for each in found for note in each.notes):
        console.out.print(styled(note, "bold yellow"), soft_wrap=True)


def _show_intervals(dimensions: Sequence[DimensionMetrics]) -> None:
    """How often the intervals of a calibrated model hold the rating."""
    known = [each for each in dimensions if each.asked is not None]
    if not known:
        return
    asked = f"{100 * (known[0].asked or 0):g}"
    console.out.print(f"Intervals that are to hold people's rating in {asked} % of cases", soft_wrap=True)
    table = Table()
    for name in ("", "% that do", "mean width"):
        table.add_column(name, justify="left" if not name else "right")
    for each in known:
        table.add_row(each.name, percent(each.covered), number(each.width))
    console.out.print(table)


def show_evaluation(result: Evaluation) -> None:
    console.out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    if result.adapted:
        console.out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    show_metrics(result.metrics)
    if result.note:
        console.out.print(styled(result.note, "bold yellow"))
