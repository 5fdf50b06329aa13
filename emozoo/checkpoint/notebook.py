"""Metrics as HTML, for notebooks. Labels are escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from emozoo.text import percent

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Metrics, Score


def metrics_html(metrics: Metrics) -> str:
    """The scores with their intervals, and of words the confusion matrix with the recall of each class."""
    over = escape(metrics.interval_over)
    scores = "".join(f"<li>{escape(_score_line(score, over))}</li>" for score in metrics.scores)
    scores += f"<li>{metrics.count} clips</li>"
    if not metrics.labels:
        return f"<div><ul>{scores}</ul></div>"
    head = "".join(f"<th>{escape(label)}</th>" for label in (*metrics.labels, "recall %"))
    rows = "".join(
        f"<tr><th>{escape(label)}</th>{''.join(f'<td>{count}</td>' for count in metrics.confusion[number])}"
        f"<td>{percent(metrics.recall[number])}</td></tr>"
        for number, label in enumerate(metrics.labels)
    )
    caption = "<caption>Rows: true emotion; columns: predicted, in clips</caption>"
    return f"<div><ul>{scores}</ul><table>{caption}<tr><th></th>{head}</tr>{rows}</table></div>"


def _score_line(score: Score, over: str) -> str:
    def form(value: float | None) -> str:
        return "-" if value is None else f"{percent(value)} %" if score.share else f"{value:.3f}"

    interval = f" (95 % interval over {over}: {' to '.join(map(form, score.interval))})" if score.interval else ""
    return f"{score.name} {form(score.value)}{interval}"
