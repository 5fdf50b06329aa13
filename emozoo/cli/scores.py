"""How metrics look on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Confidence, SetMetrics
    from emozoo.evaluation.calibrate import Calibrated
    from emozoo.evaluation.evaluate import Evaluation
    from emozoo.evaluation.metrics import Metrics


SCORES = {"wa": "WA", "ua": "UA", "macro_f1": "macro F1"}


def percentage(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _interval(interval: Sequence[float]) -> str:
    return f"{percentage(interval[0])} to {percentage(interval[1])}"


def show_metrics(metrics: Metrics, *, per_speaker: bool = True) -> None:
    """Scores with their interval, scores per class beside the confusion matrix, and scores per speaker."""
    over = metrics.interval_over
    console.out.print(
        f"WA {percentage(metrics.wa)} %  (95 % interval over {over}: {_interval(metrics.wa_interval)})", soft_wrap=True
    )
    console.out.print(
        f"UA {percentage(metrics.ua)} %  (95 % interval over {over}: {_interval(metrics.ua_interval)})", soft_wrap=True
    )
    console.out.print(f"macro F1 {percentage(metrics.macro_f1)} %  on {metrics.count} clips", soft_wrap=True)
    table = Table(title="Rows: true emotion; columns: predicted, in clips", title_justify="left")
    table.add_column("")
    for label in metrics.labels:
        table.add_column(label, justify="right")
    for name in ("recall %", "precision %", "F1 %"):
        table.add_column(name, justify="right")
    for number, label in enumerate(metrics.labels):
        cells = [
            styled(count, "bold" if column == number else "") for column, count in enumerate(metrics.confusion[number])
        ]
        scores = (metrics.recall[number], metrics.precision[number], metrics.f1[number])
        table.add_row(label, *cells, *map(percentage, scores))
    console.out.print(table)
    if metrics.confidence:
        _show_confidence(metrics.confidence, over)
    _show_sets(metrics.sets, metrics.labels)
    if per_speaker and metrics.per_speaker:
        speakers = Table(title="Speakers", title_justify="left")
        for name in ("speaker", "clips", "WA %", "UA %"):
            speakers.add_column(name, justify="left" if name == "speaker" else "right")
        for row in metrics.per_speaker:
            speakers.add_row(row.speaker, str(row.count), percentage(row.wa), percentage(row.ua))
        console.out.print(speakers)


def _show_confidence(confidence: Confidence, over: str) -> None:
    error = f"{percentage(confidence.calibration_error)} %"
    interval = _interval(confidence.calibration_error_interval)
    console.out.print(f"calibration error {error}  (95 % interval over {over}: {interval})", soft_wrap=True)
    surest = ", ".join(
        f"{share} %: {percentage(confidence.risks[share // 10 - 1])}" for share in (20, 50, 80) if confidence.risks
    )
    console.out.print(
        f"area under the risk-coverage curve {percentage(confidence.aurc)} %  (% wrong of the surest {surest})",
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
            percentage(share) if size is None else f"{percentage(share)} ({size:.2f})"
            for share, size in zip(each.class_coverage, each.class_size, strict=True)
        ]
        interval = _interval(each.coverage_interval)
        table.add_row(each.method.upper(), percentage(each.coverage), interval, f"{each.size:.2f}", *shares)
    console.out.print(table)


def show_calibrated(found: Sequence[Calibrated]) -> None:
    """What was fitted, on what, and the calibration error before and after."""
    for each in found:
        own = each.calibration
        console.out.print(
            f"{each.model}: temperature {own.temperature:.3f}, coverage up to {own.highest:g}; fitted on {own.clips} clips"
            f" of {own.speakers or 'unknown'} speaker{'' if own.speakers == 1 else 's'} ({own.dataset}, {own.part})",
            soft_wrap=True,
        )
        console.out.print(
            f"calibration error on them {percentage(each.error_before)} % before, {percentage(each.error_after)} % after "
            "(each speaker by the temperature of the others)",
            soft_wrap=True,
        )
        if each.test and each.test.confidence:
            console.out.print(styled(f"On the {each.test.count} test clips of this run:", "bold"))
            _show_confidence(each.test.confidence, each.test.interval_over)
            _show_sets(each.test.sets, each.test.labels)
    for note in dict.fromkeys(note for each in found for note in each.notes):
        console.out.print(styled(note, "bold yellow"), soft_wrap=True)


def show_evaluation(result: Evaluation) -> None:
    console.out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    if result.adapted:
        console.out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    show_metrics(result.metrics)
    if result.note:
        console.out.print(styled(result.note, "bold yellow"))
