"""Answers for segments and speakers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from emozoo.cli.console import styled
from emozoo.target import UNIT
from emozoo.text import percent, printable

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction, WindowAnswer
    from emozoo.inference.options import PredictOptions
    from emozoo.inference.segment_answers import SegmentAnswer, SpeakerAnswer
    from emozoo.target import Outputs

    Answer = Prediction | WindowAnswer | SegmentAnswer | SpeakerAnswer

UNKNOWN = "unknown"
"""The speaker of a segment that names none."""
NONE = "none"
"""Where a model of several labels finds none of them."""
TEXT_WIDTH = 40


def turn_table(answers: Sequence[Prediction], outputs: Outputs, options: PredictOptions) -> Table:
    """A row per segment, and below those of a file a row per speaker."""
    has_text = any(segment.text for answer in answers for segment in answer.segments or ())
    table = Table()
    table.add_column("file", overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("speaker", overflow="fold")
    if has_text:
        table.add_column("text", overflow="fold", max_width=TEXT_WIDTH)
    score_columns(table, outputs, options)
    for answer in answers:
        for number, segment in enumerate(answer.segments or ()):
            head = [answer.file if number == 0 else "", f"{segment.start:.1f} to {segment.end:.1f}"]
            head += [segment.speaker or UNKNOWN, *([segment.text] if has_text else [])]
            table.add_row(*map(_cell, head), *score_cells(segment, outputs, options))
        table.add_section()
        for speaker in answer.speakers or ():
            segments = f"{speaker.seconds:.1f} in {speaker.segments}"
            head = ["", segments, speaker.speaker or UNKNOWN, *([""] if has_text else [])]
            table.add_row(*map(_cell, head), *score_cells(speaker, outputs, options), style="bold")
        table.add_section()
    return table


def _cell(text: str) -> Text:
    return Text(printable(text))


def score_columns(table: Table, outputs: Outputs, options: PredictOptions) -> None:
    """The columns of what a model answers: the emotion and the probabilities in %, then dimensions as ratings."""
    if outputs.labels:
        table.add_column("emotions" if outputs.multi else "emotion")
        if options.coverage is not None:
            table.add_column(f"set for {100 * options.coverage:g} %")
        for label in outputs.labels:
            table.add_column(f"{label} %", justify="right")
    for name in outputs.dimensions:
        table.add_column(name, justify="right")


def score_cells(part: Answer, outputs: Outputs, options: PredictOptions) -> list[Text | str]:
    """The cells of `score_columns`. Why there is no answer stands in the first."""
    cells: list[Text | str] = []
    if outputs.labels:
        named = ", ".join(part.emotions or ()) or part.emotion or NONE
        cells.append(styled(named, "bold") if part.reason is None else styled(part.reason, "italic"))
        if options.coverage is not None:
            cells.append(", ".join(part.prediction_set or ()))
        cells += [percent((part.probabilities or {}).get(label)) for label in outputs.labels]
    if part.dimensions is None:
        nothing: list[Text | str] = [""] * len(outputs.dimensions)
        return [*cells, *nothing] if cells else [styled(part.reason, "italic"), *nothing[1:]]
    return cells + [_dimension_cell(name, value, part, outputs) for name, value in part.dimensions.items()]


def _dimension_cell(name: str, value: float, part: Answer, outputs: Outputs) -> str:
    if not part.intervals:
        return rating(value, outputs)
    low, high = part.intervals[name]
    return f"{rating(value, outputs)} ({rating(low, outputs)} to {rating(high, outputs)})"


def about_dimensions(outputs: Outputs, options: PredictOptions) -> str:
    """The sentence that says what the numbers of dimensions are; "" where there is nothing to say."""
    of_scale = f" of {outputs.scale}" if outputs.scale else ""
    interval = ""
    if options.coverage is not None:
        interval = f" (in brackets: where people's rating lies in {100 * options.coverage:g} % of cases)"
    told = of_scale + interval
    return f"{', '.join(outputs.dimensions)}{told}" if outputs.dimensions and told else ""


def rating(value: float, outputs: Outputs) -> str:
    """The value of a dimension as a rating on its corpus' scale; as it is where that is not known."""
    return (outputs.scale or UNIT).written(value)


def adapted_to_speakers(answers: Sequence[Prediction]) -> str:
    """The sentence that says that segments were adapted to their speakers."""
    note = "each segment is adapted to its speaker with the other segments of the same speaker"
    return _with_the_others(note, answers, "there are no others or no name")


def adapted_segments(answers: Sequence[Prediction]) -> str:
    """The sentence that says that the segments of each speaker were adapted to one another."""
    note = "the segments of each speaker are adapted to one another"
    return _with_the_others(note, answers, "they may be of a single mood or have no name")


def _with_the_others(note: str, answers: Sequence[Prediction], why: str) -> str:
    """The note, and how many segments stay as they are, and why."""
    segments = [segment for answer in answers for segment in answer.segments or () if segment.scores]
    alone = sum(not segment.adapted_with for segment in segments)
    return f"{note}; {alone} of {len(segments)} stay as they are, because {why}" if alone else note
