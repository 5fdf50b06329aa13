"""How metrics look on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled

if TYPE_CHECKING:
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
    if per_speaker and metrics.per_speaker:
        speakers = Table(title="Speakers", title_justify="left")
        for name in ("speaker", "clips", "WA %", "UA %"):
            speakers.add_column(name, justify="left" if name == "speaker" else "right")
        for row in metrics.per_speaker:
            speakers.add_row(row.speaker, str(row.count), percentage(row.wa), percentage(row.ua))
        console.out.print(speakers)


def show_evaluation(result: Evaluation) -> None:
    console.out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    if result.adapted:
        console.out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    show_metrics(result.metrics)
    if result.note:
        console.out.print(styled(result.note, "bold yellow"))
