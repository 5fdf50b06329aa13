"""Metrics as HTML, for notebooks. Labels are escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from emozoo.text import percent

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Metrics


def metrics_html(metrics: Metrics) -> str:
    """The scores with their intervals, and the confusion matrix with the recall of each class."""
    scores = "".join(
        f"<li>{name} {percent(share)} % (95 % interval over {escape(metrics.interval_over)}: {percent(low)} to "
        f"{percent(high)})</li>"
        for name, share, (low, high) in (
            ("WA", metrics.wa, metrics.wa_interval),
            ("UA", metrics.ua, metrics.ua_interval),
        )
    )
    scores += f"<li>macro F1 {percent(metrics.macro_f1)} % on {metrics.count} clips</li>"
    head = "".join(f"<th>{escape(label)}</th>" for label in (*metrics.labels, "recall %"))
    rows = "".join(
        f"<tr><th>{escape(label)}</th>{''.join(f'<td>{count}</td>' for count in metrics.confusion[number])}"
        f"<td>{percent(metrics.recall[number])}</td></tr>"
        for number, label in enumerate(metrics.labels)
    )
    caption = "<caption>Rows: true emotion; columns: predicted, in clips</caption>"
    return f"<div><ul>{scores}</ul><table>{caption}<tr><th></th>{head}</tr>{rows}</table></div>"
