"""How `emozoo list` looks: a table with columns where the terminal is wide enough, else an entry's facts below each other.

Texts may come from strangers: no text is read as markup, and control characters are shown, not obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.hub.public import READ
from emozoo.text import percent, printable

if TYPE_CHECKING:
    from emozoo.hub.public import PublicModel
    from emozoo.inspection.listing import Entry
    from emozoo.registry.facts import Measured

WIDE = 90
"""Columns of a terminal from which on facts stand side by side."""
WIDEST = {"takes": 6, "best UA %": 22, "state": 24}
"""Characters of columns that need no more, so that the others have room."""
Row = Mapping[str, str | Text]
"""What is told of an entry, by the titles of columns; the first is its name."""


def show_plugins(listed: Mapping[str, Sequence[Entry]]) -> None:
    for kind, entries in listed.items():
        if kind == "diarizers" and not entries:  # emozoo has none of its own
            continue
        _show(kind.capitalize(), [_row(entry) for entry in entries])


def show_models(entries: Sequence[Entry]) -> None:
    _show("Models", [_row(entry, what=_of_model(entry)) for entry in entries])


def show_public(models: Sequence[PublicModel]) -> None:
    """Each under its reference, which is never broken into lines: it is there to be copied."""
    console.out.print("Public models, by what their authors say; emozoo has measured none of them", style="italic")
    for model in models:
        state = styled(model.state, "green" if model.verdict == READ else "yellow")
        about = [model.summary, ", ".join(model.labels), _several("trained on", model.corpora), model.licence]
        score = f"; its authors report {model.score}" if model.score else ""
        console.out.print(styled(model.reference, "bold"), soft_wrap=True)
        told = Text.assemble(printable("; ".join(filter(None, about))), "\n", state, printable(score))
        console.out.print(Padding(told, (0, 0, 0, 2), expand=False))


def _row(entry: Entry, what: str | None = None) -> Row:
    facts = entry.facts
    own = entry.distribution == "emozoo"
    origin = "" if own else f"{entry.distribution} {entry.version}: "
    state = styled(f"broken: {entry.problem}", "red") if entry.problem else styled("ok", "green")
    row: dict[str, str | Text] = {"name": entry.name, "what it is": facts.summary if what is None else what}
    if facts.modalities:
        row["takes"] = ", ".join(facts.modalities)
    if facts.parameters:
        row["parameters"] = _short(facts.parameters)
    if entry.best:
        row["best UA %"] = f"{percent(entry.best.ua)} {_measured(entry.best, entry)}"
    row["state"] = Text.assemble(printable(origin), state)
    return row


def _of_model(entry: Entry) -> str:
    facts = entry.facts
    about = [facts.summary, ", ".join(facts.labels), ", ".join(facts.languages), facts.licence, facts.reference]
    return "; ".join(filter(None, about))


def _measured(best: Measured, entry: Entry) -> str:
    """On which data, by which network, and where a score stands that is no result of this repository."""
    by_other = best.architecture not in ("", entry.name, entry.facts.architecture)
    parts = [f"by {best.architecture}" if by_other else f"on {best.dataset}"]
    parts += [f"{best.labels} emotions" if best.labels else "", best.protocol]
    if not best.source.startswith("emozoo "):  # no command: a card or a page
        parts.append(best.source)
    return ", ".join(filter(None, parts))


def _several(words: str, items: Sequence[str]) -> str:
    return f"{words} {', '.join(items)}" if items else ""


def _short(count: int) -> str:
    """A number of parameters: `364 k`, `94.4 M`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def _show(title: str, rows: Sequence[Row]) -> None:
    columns = sorted(dict.fromkeys(column for row in rows for column in row), key=lambda column: column == "state")
    columns = columns or ["name"]
    table = Table(title=title, title_justify="left")
    first, *rest = columns
    widest = max((len(printable(str(row[first]))) for row in rows), default=0)
    table.add_column(first, no_wrap=True, overflow="fold", min_width=widest)
    if console.out.width >= WIDE:
        for column in rest:
            justify: Any = "right" if column == "parameters" else "left"
            table.add_column(column, overflow="fold", justify=justify, max_width=WIDEST.get(column))
        for row in rows:
            table.add_row(*(row.get(column, "") for column in columns))
    else:
        table.add_column("what it is", overflow="fold", ratio=1)
        for row in rows:
            table.add_row(row[first], _below_each_other(row, rest))
    console.out.print(table)


def _below_each_other(row: Row, columns: Sequence[str]) -> Text:
    lines = []
    for column in columns:
        if value := row.get(column):
            told = value if isinstance(value, Text) else Text(printable(value))
            lines.append(told if column in ("what it is", "state") else Text.assemble(f"{column}: ", told))
    return Text("\n").join(lines)
