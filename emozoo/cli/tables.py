"""How results look on the terminal: tables on standard output, notes on standard error.

Texts may come from strangers. So no text is read as markup, and control characters are shown, not obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from emozoo.cli import console
from emozoo.cli.console import line, say, styled, warn
from emozoo.cli.scores import SCORES
from emozoo.cli.segment_tables import (
    NONE,
    about_dimensions,
    adapted_segments,
    adapted_to_speakers,
    rating,
    score_cells,
    score_columns,
    turn_table,
)
from emozoo.text import listed, percent, printable

if TYPE_CHECKING:
    from emozoo.checkpoint.export import Export
    from emozoo.checkpoint.merge import Merged
    from emozoo.hub.search import HubModel
    from emozoo.inference.adaptation import SpeakerBias
    from emozoo.inference.answers import Prediction, WindowAnswer
    from emozoo.inference.options import PredictOptions
    from emozoo.inference.recordings import RecordingsBias
    from emozoo.publishing.push import Push
    from emozoo.target import Outputs

MOST_NAMED = 5
"""Files that a line names, at most."""


def adapted_with(bias: SpeakerBias | RecordingsBias) -> str:
    """The sentence that says that answers were adapted to a speaker."""
    return f"adapted to the speaker with {bias.recordings} recording{'' if bias.recordings == 1 else 's'}"


def show_predictions(answers: Sequence[Prediction], outputs: Outputs, timeline: bool, options: PredictOptions) -> None:
    """A row per file, per window, or per segment and speaker. Errors and warnings follow on standard error."""
    from emozoo.inference.answers import ONE_SIDED  # imports numpy, which `emozoo list` does not need

    if options.segments is not None:
        table = turn_table(answers, outputs, options)
    else:
        table = _prediction_table(answers, outputs, timeline, options)
    if table.row_count:
        console.out.print(table)
        if about := about_dimensions(outputs, options):
            console.out.print(about, soft_wrap=True)
        if options.bias:
            console.out.print(adapted_with(options.bias), soft_wrap=True)
        if options.adapt_speakers:
            console.out.print(adapted_to_speakers(answers), soft_wrap=True)
        if options.adapt_recordings and options.segments is not None:
            console.out.print(adapted_segments(answers), soft_wrap=True)
    for used, words in ONE_SIDED.items():
        names = [answer.file for answer in answers if answer.modalities == used]
        if names:
            console.out.print(f"{words}: {listed(names, MOST_NAMED)}", soft_wrap=True)
    _warn_once_each(answers)
    for answer in answers:
        if answer.error is not None:
            console.err.print(line(styled("error:", "red"), f" {answer.error}"), soft_wrap=True)


def _prediction_table(
    answers: Sequence[Prediction], outputs: Outputs, timeline: bool, options: PredictOptions
) -> Table:
    table = Table()
    table.add_column("file", overflow="fold")
    if timeline:
        table.add_column("seconds", justify="right")
    score_columns(table, outputs, options)
    for answer in answers:
        if answer.error is not None:
            continue
        parts: list[tuple[str, WindowAnswer | Prediction]] = [("all", answer)]
        if timeline:
            parts = [(_span(each), each) for each in answer.windows or ()] + parts
        for position, (span, part) in enumerate(parts):
            name = answer.file if position == 0 else ""
            table.add_row(name, *([span] if timeline else []), *score_cells(part, outputs, options))
    return table


def _warn_once_each(answers: Sequence[Prediction]) -> None:
    """A line for each warning, with the files that it is about."""
    files: dict[str, list[str]] = {}
    for answer in answers:
        for text in answer.warnings:
            files.setdefault(text, []).append(answer.file)
    for text, names in files.items():
        warn(f"{listed(names, MOST_NAMED)}: {text}")


def _span(window: WindowAnswer) -> str:
    return f"{window.start:.1f} to {window.end:.1f}"


def show_window(answer: WindowAnswer, outputs: Outputs) -> None:
    """One line for a window: its emotion and how probable it is, and its dimensions."""
    parts: list[Text | str] = [f"{_span(answer):>16}"]
    if outputs.labels or answer.reason is not None:
        width = max(len(printable(name)) for name in outputs.names)
        word = answer.emotion or answer.reason or NONE
        if answer.emotions:
            word = ", ".join(answer.emotions)
        parts.append(styled(f"{printable(word):<{width}}", "bold" if answer.reason is None else "italic"))
    if answer.probabilities is not None:
        parts.append(f"{percent(max(answer.probabilities.values())):>5} %")
    if answer.dimensions:
        told = ", ".join(f"{printable(name)} {rating(value, outputs)}" for name, value in answer.dimensions.items())
        parts.append(f"{told} of {outputs.scale}" if outputs.scale else told)
    spaced = [each for part in parts for each in ("  ", part)][1:]
    text = line(*spaced)
    text.rstrip()
    console.out.print(text, soft_wrap=True)


def show_export(done: Export) -> None:
    console.out.print(
        f"{done.file}: {done.bytes:,} bytes, opset {done.opset}; its probabilities differ from the network's by "
        f"{done.difference:.1g} at most"
        + ("" if done.same_answers is None else f", {done.same_answers:.1%} of its answers are the same")
        + (f"; embeddings of {done.features} features" if done.features else "; without embeddings"),
        soft_wrap=True,
    )


def show_merged(done: Merged) -> None:
    kind, others = ("a whole checkpoint", "the adapter's")
    if done.members:
        kind, others = f"an ensemble of {done.members} networks", "the mean of theirs"
    console.out.print(
        f"{done.file}: {done.bytes:,} bytes, {kind}; its probabilities differ from {others} by "
        f"{done.difference:.1g} at most",
        soft_wrap=True,
    )


def show_push(done: Push) -> None:
    """Before a push, the files and the card that would be sent; after it, the address."""
    if done.commit is None:
        what = f"Of {done.model}, would" if done.model else "Would"
        console.out.print(f"{what} be sent to {done.address}:", soft_wrap=True)
        table = Table("file", "bytes")
        table.columns[1].justify = "right"
        for name, size in done.files.items():
            table.add_row(name, f"{size:,}")
        for name in done.removed:
            table.add_row(name, "removed")
        console.out.print(table)
        console.out.print(Text(printable(done.card, lines=True)), soft_wrap=True)
        return
    sent = f"{len(done.files)} files" + (f", {len(done.removed)} removed" if done.removed else "")
    say(f"published {f'{done.model}: ' if done.model else ''}{sent} as commit {done.commit[:8]}")
    console.out.print(done.address, soft_wrap=True)


def show_hub(found: Sequence[HubModel]) -> None:
    if not found:
        say("no emozoo model on the Hub matches that")
        return
    table = Table(title="Models on the Hub", title_justify="left")
    for name in ("model", "architecture", "labels"):
        table.add_column(name, overflow="fold")
    for name in ("WA %", "UA %", "downloads"):
        table.add_column(name, justify="right")
    for model in found:
        labels = ", ".join(model.labels) or "-"
        scores = (percent(model.wa), percent(model.ua), f"{model.downloads:,}")
        table.add_row(f"hub:{model.name}", model.architecture or "-", labels, *scores)
    console.out.print(table)


def show_info(document: Mapping[str, Any]) -> None:
    """A heading, then each entry: text as lines, mappings and lists of mappings as tables."""
    console.out.print(line(styled(document["name"], "bold"), f" ({document['kind']})"))
    for name, value in document.items():
        title = name.replace("_", " ")
        if name in ("name", "kind") or value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            table = Table(title=title, title_justify="left", show_header=False)
            for key, item in value.items():
                table.add_row(*_named_value(key, item))
            console.out.print(table)
        elif isinstance(value, list) and isinstance(value[0], dict):
            table = Table(
                *(_named_value(key, item)[0] for key, item in value[0].items()), title=title, title_justify="left"
            )
            for row in value:
                table.add_row(*(_named_value(key, item)[1] for key, item in row.items()))
            console.out.print(table)
        else:
            console.out.print(line(styled(f"{title}:", "bold"), " ", _plain(value)), soft_wrap=True)


def _named_value(name: str, value: Any) -> tuple[str, Text]:
    """A name and its value; scores in %."""
    if name.removesuffix("_mean") in SCORES and isinstance(value, float):
        return f"{SCORES[name.removesuffix('_mean')]} %{', mean' if name.endswith('_mean') else ''}", Text(
            percent(value)
        )
    return name, _plain(value)


def _plain(value: Any) -> Text:
    """A value as text. Long items of a list, and the lines of a text, get indented lines of their own."""
    if isinstance(value, str) and "\n" in value:
        return Text("\n  ".join(map(printable, ["", *value.splitlines()])))
    if isinstance(value, list | tuple):
        separator = "\n  " if any(len(str(item)) > 30 for item in value) else ", "
        return Text(separator.join(map(printable, ["", *value] if separator != ", " else value)))
    if value is None:
        return Text("-")
    return styled(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value, "")
