"""Answers for segments and speakers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from emozoo.cli.console import styled
from emozoo.cli.scores import percentage
from emozoo.text import printable

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction, WindowAnswer
    from emozoo.inference.options import PredictOptions
    from emozoo.inference.turn_answers import SegmentAnswer, SpeakerAnswer

    Answer = Prediction | WindowAnswer | SegmentAnswer | SpeakerAnswer

UNKNOWN = "unknown"
"""The speaker of a segment that names none."""
TEXT_WIDTH = 40


def turn_table(
    answers: Sequence[Prediction], labels: Sequence[str], options: PredictOptions, dimensions: bool = False
) -> Table:
    """A row per segment, and below those of a file a row per speaker."""
    has_text = any(segment.text for answer in answers for segment in answer.segments or ())
    table = Table()
    table.add_column("file", overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("speaker", overflow="fold")
    if has_text:
        table.add_column("text", overflow="fold", max_width=TEXT_WIDTH)
    score_columns(table, labels, options, dimensions)
    for answer in answers:
        for number, segment in enumerate(answer.segments or ()):
            head = [answer.file if number == 0 else "", f"{segment.start:.1f} to {segment.end:.1f}"]
            head += [segment.speaker or UNKNOWN, *([segment.text] if has_text else [])]
            table.add_row(*map(_cell, head), *score_cells(segment, labels, options, dimensions))
        table.add_section()
        for speaker in answer.speakers or ():
            segments = f"{speaker.seconds:.1f} in {speaker.segments}"
            head = ["", segments, speaker.speaker or UNKNOWN, *([""] if has_text else [])]
            table.add_row(*map(_cell, head), *score_cells(speaker, labels, options, dimensions), style="bold")
        table.add_section()
    return table


def _cell(text: str) -> Text:
    return Text(printable(text))


def score_columns(table: Table, labels: Sequence[str], options: PredictOptions, dimensions: bool) -> None:
    """The columns of what a model answers: the emotion and the probabilities in %, or dimensions."""
    if dimensions:
        for label in labels:
            table.add_column(label, justify="right")
        return
    table.add_column("emotion")
    if options.coverage is not None:
        table.add_column(f"set for {100 * options.coverage:g} %")
    for label in labels:
        table.add_column(f"{label} %", justify="right")


def score_cells(part: Answer, labels: Sequence[str], options: PredictOptions, dimensions: bool) -> list[Text | str]:
    """The cells of `score_columns`. Why there is no answer stands in the first."""
    if dimensions:
        values = part.dimensions
        if values is None:
            return [styled(part.reason, "italic"), *[""] * (len(labels) - 1)]
        return [f"{values[label]:.2f}" for label in labels]
    emotion = styled(part.emotion, "bold") if part.reason is None else styled(part.reason, "italic")
    found = [] if options.coverage is None else [", ".join(part.prediction_set or ())]
    return [emotion, *found, *(percentage((part.probabilities or {}).get(label)) for label in labels)]


def adapted_to_speakers(answers: Sequence[Prediction]) -> str:
    """The sentence that says that segments were adapted to their speakers."""
    segments = [segment for answer in answers for segment in answer.segments or () if segment.probabilities]
    alone = sum(not segment.adapted_with for segment in segments)
    note = "each segment is adapted to its speaker with the other segments of the same speaker"
    if not alone:
        return note
    return f"{note}; {alone} of {len(segments)} stay as they are, because there are no others or no name"
