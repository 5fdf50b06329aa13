"""Answers as HTML, for notebooks. What comes from a file or a model is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction

BAR = "background:#8884;border-radius:3px;width:12em;height:0.8em"
FILL = "background:#4a7bd0;border-radius:3px;height:0.8em"


def prediction_html(prediction: Prediction) -> str:
    """The emotion or the reason, a bar for each probability and each dimension, and what is to be said of the clip."""
    word = ", ".join(prediction.emotions or ()) or prediction.emotion or prediction.reason
    if word is None:
        word = "no answer" if prediction.scores is None else "none" if prediction.probabilities else ""
    head = f"<b>{escape(prediction.file)}</b>{f': {escape(word)}' if word else ''}"
    if prediction.prediction_set is not None:
        head += f" (one of {escape(', '.join(prediction.prediction_set))})"
    rows = "".join(
        _row(label, share, f"{100 * share:.1f} %") for label, share in (prediction.probabilities or {}).items()
    )
    ratings, intervals = prediction.ratings or {}, prediction.intervals or {}
    for name, value in (prediction.dimensions or {}).items():
        told = f"{ratings[name]:.2f}" if name in ratings else f"{value:.2f}"
        if name in intervals:
            told += " (of 0 to 1: {:.2f}, with {:.2f} to {:.2f})".format(value, *intervals[name])
        rows += _row(name, value, told)
    remarks = [prediction.error, *prediction.warnings]
    if prediction.speech is not None:
        remarks.append(f"{100 * prediction.speech:.0f} % of it is speech")
    said = "".join(f"<br><small>{escape(remark)}</small>" for remark in remarks if remark)
    return f"<div>{head}{said}{f'<table>{rows}</table>' if rows else ''}</div>"


def _row(name: str, share: float, told: str) -> str:
    return (
        f'<tr><td style="text-align:left">{escape(name)}</td>'
        f'<td><div style="{BAR}"><div style="{FILL};width:{100 * min(max(share, 0), 1):.1f}%"></div></div></td>'
        f"<td>{told}</td></tr>"
    )
