"""Answers as a CSV table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.inference.segment_answers import SegmentAnswer
from emozoo.target import Outputs
from emozoo.text import csv_cell, printable

REMARKS = ("reason", "speech", "prediction_set", "modalities", "warnings", "error")
"""The columns of a CSV table behind the probabilities; empty where there is nothing to say."""


@dataclass(frozen=True)
class CsvTable:
    """Writes answers as CSV, each line at once: probabilities, and dimensions from 0 to 1; then remarks, such as the error
    of a file without an answer; then, where there are such, all labels of a clip, ratings and intervals.

    Words are made printable, and harmless in a spreadsheet (`emozoo.text.csv_cell`).
    """

    outputs: Outputs
    timeline: bool
    to: TextIO
    segments: bool = False
    """Whether a file has a row for each segment."""
    intervals: bool = False
    """Whether dimensions have intervals."""

    def begin(self) -> None:
        """Writes the names of the columns."""
        span = ["start", "end"] if self.timeline or self.segments else []
        span += ["speaker", "text"] if self.segments else []
        names = [csv_cell(printable(name)) for name in self.outputs.names]
        more = ["emotions"] if self.outputs.multi else []
        if self.outputs.scale:
            more += [f"{name}_rating" for name in self.outputs.dimensions]
        if self.intervals:
            more += [f"{name}_{end}" for name in self.outputs.dimensions for end in ("low", "high")]
        self._write(["file", *span, "emotion", *names, *REMARKS, *(csv_cell(printable(name)) for name in more)])

    def add(self, answer: Prediction) -> None:
        """Writes an answer: one row, or one per window or segment."""
        if self.segments:
            for segment in answer.segments or ():
                times = [f"{segment.start:.3f}", f"{segment.end:.3f}"]
                named = [csv_cell(printable(word)) for word in (segment.speaker, segment.text)]
                self._row(answer, [*times, *named], segment)
            if not answer.segments:
                self._row(answer, [""] * 4, answer)
        elif not self.timeline:
            self._row(answer, [], answer)
        elif answer.windows:
            for window in answer.windows:
                self._row(answer, [f"{window.start:.3f}", f"{window.end:.3f}"], window)
        else:
            self._row(answer, ["", ""], answer)

    def _row(self, answer: Prediction, span: list[str], part: WindowAnswer | SegmentAnswer | Prediction) -> None:
        scores = part.scores or {}
        remarks = [
            part.reason or "",
            "" if part.speech is None else f"{part.speech:.3f}",
            " ".join(part.prediction_set or ()),
            " ".join(answer.modalities or ()),
            "; ".join(answer.warnings),
            answer.error or "",
        ]
        words = [csv_cell(printable(word)) for word in (answer.file, part.emotion or "", *remarks)]
        values = [_number(scores.get(name)) for name in self.outputs.names]
        self._write([words[0], *span, words[1], *values, *words[2:], *self._more(part)])

    def _more(self, part: WindowAnswer | SegmentAnswer | Prediction) -> list[str]:
        cells = [csv_cell(printable(" ".join(part.emotions or ())))] if self.outputs.multi else []
        if self.outputs.scale:
            cells += [_number((part.ratings or {}).get(name)) for name in self.outputs.dimensions]
        if self.intervals:
            none = (None, None)
            cells += [
                _number(end) for name in self.outputs.dimensions for end in (part.intervals or {}).get(name, none)
            ]
        return cells

    def _write(self, cells: Sequence[str]) -> None:
        csv.writer(self.to, lineterminator="\n").writerow(cells)
        self.to.flush()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def write_csv(answers: Iterable[Prediction], outputs: Outputs, timeline: bool, to: TextIO) -> None:
    """A whole `CsvTable`."""
    table = CsvTable(outputs, timeline, to)
    table.begin()
    for answer in answers:
        table.add(answer)
