"""How results look on the terminal, with rich: tables on standard output; progress and warnings on standard error.

Any text in them may be a stranger's. So the consoles here take no text for markup, and show what a terminal would obey.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emozoo.progress import Progress
from emozoo.text import csv_cell, printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from emozoo.adaptation import SpeakerLean
    from emozoo.data.protocols import Fold
    from emozoo.evaluate import Evaluation
    from emozoo.export import Export
    from emozoo.hub import HubModel, Push
    from emozoo.metrics import Metrics, Summary
    from emozoo.predict import Prediction, Stretch
    from emozoo.registry import Plugin

T = TypeVar("T")
PIPED_WIDTH = 120
ONE_SIDED: dict[tuple[str, ...], str] = {
    ("audio",): "only heard, as there is no picture",
    ("video",): "only seen, as there is no sound",
}
NAMED = 5
"""Files that a line names at most."""


class PlainConsole(Console):
    """A console on which a string is one line of text and nothing else, wherever it stands; `styled` gives it a style."""

    def __init__(self, stream: Any) -> None:
        # A pipe has no width: tables there are not squeezed into 80 columns, unless COLUMNS asks for it.
        width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
        super().__init__(file=stream, width=width, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:  # type: ignore[override]
        return super().render_str(printable(text), **options)


out = PlainConsole(sys.stdout)
err = PlainConsole(sys.stderr)


def styled(text: object, style: str) -> Text:
    """One line in bold, or in a colour."""
    return Text(printable(text), style)


def line(*parts: str | Text) -> Text:
    """One line of several parts."""
    return Text.assemble(*(part if isinstance(part, Text) else printable(part) for part in parts))


def warn(text: str) -> None:
    """One line on standard error."""
    err.print(line(styled("warning:", "yellow"), f" {text}"), soft_wrap=True)


def say(text: str) -> None:
    """One line on standard error."""
    err.print(text, soft_wrap=True)


def is_main_process() -> bool:
    """Whether this is the one of several `accelerate launch` processes that prints."""
    return os.environ.get("RANK", "0") == "0"


SCORES = {"wa": "WA", "ua": "UA", "macro_f1": "macro F1"}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _interval(interval: Sequence[float]) -> str:
    return f"{_percent(interval[0])} to {_percent(interval[1])}"


def _bars() -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Passes items on and shows how many are done."""
    with _bars() as bars:
        task = bars.add_task(what, total=total)
        for item in items:
            yield item
            bars.advance(task)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows that something takes its time; nothing where there is no terminal."""
    if not err.is_terminal:
        yield
        return
    with err.status(styled(what, "")):
        yield


class TrainingProgress(Progress):
    """A bar for the steps of an epoch, a line for each epoch; only the lines where there is no terminal."""

    def __init__(self) -> None:
        self.folds: list[tuple[Fold, Metrics]] = []
        self.bars = _bars()
        self.task = self.bars.add_task("", total=1, visible=False)

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def _line(self, text: str | Text) -> None:
        if is_main_process():
            err.print(text, soft_wrap=True)

    def message(self, text: str) -> None:
        self._line(text)

    def fold(self, fold: Fold, of: int) -> None:
        parts = f"{len(fold.train)} clips to train, {len(fold.dev) or 'no'} dev, {len(fold.test)} test"
        self._line(line(styled(f"fold {fold.number} of {of}", "bold"), f": test on {fold.name}; {parts}"))

    def step(self, epoch: int, done: int, total: int) -> None:
        self.bars.update(
            self.task, description=f"epoch {epoch}", completed=done, total=total, visible=is_main_process()
        )

    def epoch(self, record: dict[str, Any], total: int, is_best: bool) -> None:
        self.bars.update(self.task, visible=False)
        told = f"epoch {record['epoch']:>3}/{total}  loss {record['loss']:.3f}"
        if record["pretraining"]:
            told += "  (pretraining)"
        elif "dev_loss" in record:
            told += f"  dev loss {record['dev_loss']:.3f}  dev UA {_percent(record['dev_ua'])}"
        self._line(f"{told}  {record['seconds']:.1f} s{'  best so far' if is_best and 'dev_loss' in record else ''}")

    def result(self, fold: Fold, metrics: Metrics) -> None:
        from emozoo.data.protocols import speaker_note

        self.folds.append((fold, metrics))
        note = speaker_note(fold)
        told = f"fold {fold.number}: test UA {_percent(metrics.ua)}, WA {_percent(metrics.wa)}"
        self._line(line(f"{told}; ", styled(note, "bold yellow")) if note else told)


def show_training(folder: str, summary: Summary, folds: Sequence[tuple[Fold, Metrics]]) -> None:
    """The test results of a run: each fold, mean and deviation, and the pooled confusion matrix."""
    table = Table(title="Test results, %")
    for name in ("fold", "test on", "clips", "WA", "UA", "macro F1"):
        table.add_column(name, justify="left" if name == "test on" else "right")
    for fold, metrics in folds:
        scores = map(_percent, (metrics.wa, metrics.ua, metrics.macro_f1))
        table.add_row(str(fold.number), fold.name, str(metrics.count), *scores)
    if len(folds) > 1:
        table.add_section()
        spread = [
            f"{_percent(getattr(summary, f'{name}_mean'))} ± {_percent(getattr(summary, f'{name}_std'))}"
            for name in ("wa", "ua", "macro_f1")
        ]
        table.add_row("all", "mean ± deviation over folds", str(summary.pooled.count), *spread)
    out.print(table)
    if len(folds) > 1:
        out.print(f"pooled: the test clips of all {len(folds)} folds together", soft_wrap=True)
    show_metrics(summary.pooled, per_speaker=False)
    if summary.note:
        out.print(styled(summary.note, "bold yellow"))
    fold_one = f"{folder}/fold{folds[0][0].number}" if len(folds) > 1 else folder
    out.print(f"try it: emozoo predict clip.wav --model {fold_one}", soft_wrap=True)


def show_metrics(metrics: Metrics, *, per_speaker: bool = True) -> None:
    """Scores with their interval, scores per class beside the confusion matrix, and scores per speaker."""
    over = metrics.interval_over
    out.print(
        f"WA {_percent(metrics.wa)} %  (95 % interval over {over}: {_interval(metrics.wa_interval)})", soft_wrap=True
    )
    out.print(
        f"UA {_percent(metrics.ua)} %  (95 % interval over {over}: {_interval(metrics.ua_interval)})", soft_wrap=True
    )
    out.print(f"macro F1 {_percent(metrics.macro_f1)} %  on {metrics.count} clips", soft_wrap=True)
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
        table.add_row(label, *cells, *map(_percent, scores))
    out.print(table)
    if per_speaker and metrics.per_speaker:
        speakers = Table(title="Speakers", title_justify="left")
        for name in ("speaker", "clips", "WA %", "UA %"):
            speakers.add_column(name, justify="left" if name == "speaker" else "right")
        for row in metrics.per_speaker:
            speakers.add_row(row.speaker, str(row.count), _percent(row.wa), _percent(row.ua))
        out.print(speakers)


def show_evaluation(result: Evaluation) -> None:
    out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    if result.adapted:
        out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    show_metrics(result.metrics)
    if result.note:
        out.print(styled(result.note, "bold yellow"))


def adapted_with(lean: SpeakerLean) -> str:
    """The sentence that tells how answers were adapted to a speaker."""
    return f"adapted to the speaker with {lean.recordings} recording{'' if lean.recordings == 1 else 's'}"


def show_predictions(
    answers: Sequence[Prediction], labels: Sequence[str], timeline: bool, lean: SpeakerLean | None = None
) -> None:
    """A row per file, or per window; how many recordings the speaker's `lean` is from stands below. Files that could not be
    answered follow on standard error."""
    table = Table()
    table.add_column("file", overflow="fold")
    if timeline:
        table.add_column("seconds", justify="right")
    table.add_column("emotion")
    for label in labels:
        table.add_column(f"{label} %", justify="right")
    for answer in answers:
        if answer.error is not None:
            continue
        rows: list[tuple[str, str | None, Mapping[str, float]]] = [("all", answer.emotion, answer.probabilities or {})]
        if timeline:
            rows = [(f"{w.start:.1f} to {w.end:.1f}", w.emotion, w.probabilities) for w in answer.windows or ()] + rows
        for position, (span, emotion, odds) in enumerate(rows):
            name = answer.file if position == 0 else ""
            table.add_row(name, *([span] if timeline else []), styled(emotion, "bold"), *map(_percent, odds.values()))
    if table.row_count:
        out.print(table)
        if lean:
            out.print(adapted_with(lean), soft_wrap=True)
    for there, words in ONE_SIDED.items():
        names = [answer.file for answer in answers if answer.modalities == there]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        if names:
            out.print(f"{words}: {', '.join(names[:NAMED])}{more}", soft_wrap=True)
    told: dict[str, list[str]] = {}
    for answer in answers:
        for text in answer.warnings:
            told.setdefault(text, []).append(answer.file)
    for text, names in told.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        warn(f"{', '.join(names[:NAMED])}{more}: {text}")
    for answer in answers:
        if answer.error is not None:
            err.print(line(styled("error:", "red"), f" {answer.error}"), soft_wrap=True)


def show_stretch(stretch: Stretch, labels: Sequence[str]) -> None:
    """A line for a window, at once."""
    span = f"{stretch.start:.1f} to {stretch.end:.1f}"
    emotion = f"{printable(stretch.emotion):<{max(len(printable(label)) for label in labels)}}"
    share = _percent(stretch.probabilities[stretch.emotion])
    out.print(line(f"{span:>16}  ", styled(emotion, "bold"), f"  {share:>5} %"), soft_wrap=True)


def write_csv(answers: Sequence[Prediction], labels: Sequence[str], timeline: bool, to: TextIO | None = None) -> None:
    """The same as CSV, on standard output unless `to` says otherwise: shares from 0 to 1, and the error of a file that could
    not be answered. Words are made printable, and harmless in a spreadsheet (`emozoo.text.csv_cell`)."""
    writer = csv.writer(sys.stdout if to is None else to, lineterminator="\n")
    named = any(answer.modalities is not None for answer in answers)
    warned = any(answer.warnings for answer in answers)
    span = ["start", "end"] if timeline else []

    def row(
        file: str, span: Sequence[str], emotion: str, shares: Sequence[str], remarks: tuple[str, str], error: str
    ) -> None:
        file, emotion, warnings, error = (csv_cell(printable(word)) for word in (file, emotion, remarks[1], error))
        some = [*([remarks[0]] if named else []), *([warnings] if warned else [])]
        writer.writerow([file, *span, emotion, *shares, *some, error])

    row("file", span, "emotion", [csv_cell(printable(label)) for label in labels], ("modalities", "warnings"), "error")
    for answer in answers:
        rest_on = " ".join(answer.modalities or ()), "; ".join(answer.warnings)
        if answer.error is not None:
            row(answer.file, [""] * len(span), "", [""] * len(labels), rest_on, answer.error)
        elif timeline:
            for w in answer.windows or ():
                times = [f"{w.start:.3f}", f"{w.end:.3f}"]
                row(answer.file, times, w.emotion, _shares(w.probabilities, labels), rest_on, "")
        else:
            row(answer.file, [], str(answer.emotion), _shares(answer.probabilities or {}, labels), rest_on, "")


def _shares(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[str]:
    return [f"{probabilities[label]:.6f}" for label in labels]


def show_plugins(listed: Mapping[str, Sequence[Plugin]]) -> None:
    for kind, plugins in listed.items():
        table = Table(title=kind.capitalize(), title_justify="left")
        table.add_column(
            "name", no_wrap=True, overflow="fold", min_width=max(len(printable(plugin.name)) for plugin in plugins)
        )
        for name in ("distribution", "version", "state"):
            table.add_column(name, overflow="fold")
        for plugin in plugins:
            state = styled(f"broken: {plugin.problem}", "red") if plugin.problem else styled("ok", "green")
            table.add_row(plugin.name, plugin.distribution, plugin.version, state)
        out.print(table)


def show_bundled(models: Sequence[Mapping[str, Any]]) -> None:
    table = Table("name", "architecture", "labels", title="Models in the box", title_justify="left")
    for model in models:
        table.add_row(model["name"], model["architecture"], ", ".join(model["labels"]))
    out.print(table)


def show_export(done: Export) -> None:
    out.print(
        f"{done.file}: {done.bytes:,} bytes, opset {done.opset}; its probabilities differ from the network's by "
        f"{done.difference:.1g} at most",
        soft_wrap=True,
    )


def show_push(done: Push) -> None:
    """Before a push, what would go and the card; after it, the address."""
    if done.commit is None:
        out.print(f"Would go to {done.address}:", soft_wrap=True)
        table = Table("file", "bytes")
        table.columns[1].justify = "right"
        for name, size in done.files.items():
            table.add_row(name, f"{size:,}")
        for name in done.removed:
            table.add_row(name, "removed")
        out.print(table)
        out.print(Text(printable(done.card, lines=True)), soft_wrap=True)
        return
    sent = f"{len(done.files)} files" + (f", {len(done.removed)} removed" if done.removed else "")
    say(f"published {sent} as commit {done.commit[:8]}")
    out.print(done.address, soft_wrap=True)


def show_hub(found: Sequence[HubModel]) -> None:
    if not found:
        say("no model of emozoo on the Hub answers to that")
        return
    table = Table(title="Models on the Hub", title_justify="left")
    for name in ("model", "architecture", "labels"):
        table.add_column(name, overflow="fold")
    for name in ("WA %", "UA %", "downloads"):
        table.add_column(name, justify="right")
    for model in found:
        labels = ", ".join(model.labels) or "-"
        scores = (_percent(model.wa), _percent(model.ua), f"{model.downloads:,}")
        table.add_row(f"hub:{model.name}", model.architecture or "-", labels, *scores)
    out.print(table)


def show_info(document: Mapping[str, Any]) -> None:
    """A heading, then each entry: texts as lines, mappings and lists of mappings as tables."""
    out.print(line(styled(document["name"], "bold"), f" ({document['kind']})"))
    for name, value in document.items():
        title = name.replace("_", " ")
        if name in ("name", "kind") or value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            table = Table(title=title, title_justify="left", show_header=False)
            for key, item in value.items():
                table.add_row(*_told(key, item))
            out.print(table)
        elif isinstance(value, list) and isinstance(value[0], dict):
            table = Table(*(_told(key, item)[0] for key, item in value[0].items()), title=title, title_justify="left")
            for row in value:
                table.add_row(*(_told(key, item)[1] for key, item in row.items()))
            out.print(table)
        else:
            out.print(line(styled(f"{title}:", "bold"), " ", _plain(value)), soft_wrap=True)


def _told(name: str, value: Any) -> tuple[str, Text]:
    """A value and its name; scores in %, as everywhere."""
    if name.removesuffix("_mean") in SCORES and isinstance(value, float):
        return f"{SCORES[name.removesuffix('_mean')]} %{', mean' if name.endswith('_mean') else ''}", Text(
            _percent(value)
        )
    return name, _plain(value)


def _plain(value: Any) -> Text:
    """A value in words; those of a list that are long, and a text's lines, stand on lines of their own, indented."""
    if isinstance(value, str) and "\n" in value:
        return Text("\n  ".join(map(printable, ["", *value.splitlines()])))
    if isinstance(value, list | tuple):
        separator = "\n  " if any(len(str(item)) > 30 for item in value) else ", "
        return Text(separator.join(map(printable, ["", *value] if separator != ", " else value)))
    return styled(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value, "")
