"""Answers as HTML, for notebooks. What comes from a file or a model is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction

BAR = "background:#8884;border-radius:3px;width:12em;height:0.8em"
FILL = "background:#4a7bd0;border-radius:3px;height:0.8em"


def prediction_html(prediction: Prediction) -> str:
    """The emotion or the reason, a bar for each probability, and what is to be said of the clip."""
    head = f"<b>{escape(prediction.file)}</b>: {escape(prediction.emotion or prediction.reason or 'no answer')}"
    if prediction.prediction_set is not None:
        head += f" (one of {escape(', '.join(prediction.prediction_set))})"
    rows = "".join(
        f'<tr><td style="text-align:left">{escape(label)}</td>'
        f'<td><div style="{BAR}"><div style="{FILL};width:{100 * share:.1f}%"></div></div></td>'
        f"<td>{100 * share:.1f} %</td></tr>"
        for label, share in (prediction.probabilities or {}).items()
    )
    remarks = [prediction.error, *prediction.warnings]
    if prediction.speech is not None:
        remarks.append(f"{100 * prediction.speech:.0f} % of it is speech")
    said = "".join(f"<br><small>{escape(remark)}</small>" for remark in remarks if remark)
    return f"<div>{head}{said}{f'<table>{rows}</table>' if rows else ''}</div>"
