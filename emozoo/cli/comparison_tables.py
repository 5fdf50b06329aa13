"""A comparison of runs as a table: its columns, whatever they are written into, and how it looks on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from emozoo.cli import console
from emozoo.cli.console import line, styled
from emozoo.cli.scores import SCORES
from emozoo.text import percent, printable

if TYPE_CHECKING:
    from emozoo.checkpoint.results import DimensionMetrics
    from emozoo.evaluation.compare import Comparison, Row

NONE = "-"
FRAME = 3
"""Letters of a table's frame for each column."""
LONGEST_NAME = 18
"""Letters of a name that get a line of their own where there is little room."""


@dataclass(frozen=True)
class Cell:
    """A value, and its 95 % interval; "" where it has none."""

    value: str = NONE
    interval: str = ""


@dataclass(frozen=True)
class Column:
    """A column beside those of the names: a cell for each run."""

    title: str
    """In lines, as the terminal shows it."""
    cells: tuple[Cell, ...]

    @property
    def width(self) -> int:
        """In letters, of its longest line."""
        words = (self.title, *(text for cell in self.cells for text in (cell.value, cell.interval)))
        return max(cell_len(part) for text in words for part in text.split("\n"))


def columns(comparison: Comparison) -> list[Column]:
    """The columns in which at least one run has a value. Scores of pooled clips never stand in one with means over folds."""
    rows = comparison.rows
    found = [
        *(Column(f"{SCORES[name]} %", tuple(_score(row, name) for row in rows)) for name in ("ua", "wa")),
        Column("macro\nF1 %", tuple(_score(row, "macro_f1") for row in rows)),
        *(
            Column(f"CCC\n{name}", tuple(_ccc(row.metrics.dimensions, name) for row in rows))
            for name in comparison.dimensions
        ),
        *(
            Column(f"{SCORES[name]} %\nof folds,\nmean ± SD", tuple(_spread(row, name) for row in rows))
            for name in ("ua", "wa")
        ),
        *(
            Column(f"CCC\n{name}\nof folds,\nmean ± SD", tuple(_ccc_spread(row, name) for row in rows))
            for name in comparison.dimensions
        ),
        Column("parameters", tuple(_number(row.parameters) for row in rows)),
        Column("training,\nseconds", tuple(_number(row.seconds) for row in rows)),
    ]
    return [column for column in found if any(cell != Cell() for cell in column.cells)]


def notes(comparison: Comparison) -> tuple[list[str], list[str]]:
    """The mark behind each run's name, such as `[1]` or "", and the notes in the order of their numbers."""
    known = list(dict.fromkeys(row.note for row in comparison.rows if row.note))
    return [f"[{known.index(row.note) + 1}]" if row.note else "" for row in comparison.rows], known


def basis(comparison: Comparison) -> str:
    """What the numbers are of."""
    pooled = "pooled over folds; " if any(row.folds for row in comparison.rows) else ""
    return f"{comparison.clips} test clips, the same for each run; {pooled}95 % intervals over {comparison.over}"


def show_comparison(comparison: Comparison) -> None:
    """The table, in a narrow terminal as several; the notes; and what was found for each pair."""
    from emozoo.evaluation.verdicts import sentences

    _print(basis(comparison))
    marks, known = notes(comparison)
    names = [printable(f"{row.name} {mark}".strip()) for row, mark in zip(comparison.rows, marks, strict=True)]
    for part in _parts(names, columns(comparison)):
        console.out.print(_table(names, part))
    for number, note in enumerate(known, 1):
        _print(line(f"[{number}] ", styled(note, "bold yellow")))
    for note in comparison.notes:
        _print(styled(note, "bold yellow"))
    for pair in comparison.pairs:
        for sentence in sentences(pair):
            _print(f"- {sentence}")


def _print(text: str | Text) -> None:
    """On a terminal, lines break between words; a pipe gets them whole."""
    console.out.print(text, soft_wrap=not console.out.is_terminal)


def _parts(names: Sequence[str], every: Sequence[Column]) -> list[list[Column]]:
    """The columns in groups that are as narrow as the terminal, if each is printed beside the names."""
    beside = min(max(map(cell_len, names)), LONGEST_NAME) + FRAME + 1
    parts: list[list[Column]] = [[]]
    used = beside
    for column in every:
        if parts[-1] and used + column.width + FRAME > console.out.width:
            parts.append([])
            used = beside
        parts[-1].append(column)
        used += column.width + FRAME
    return parts


def _table(names: Sequence[str], shown: Sequence[Column]) -> Table:
    table = Table()
    table.add_column("run", overflow="fold")
    for column in shown:
        table.add_column(Text(printable(column.title, lines=True)), justify="right", no_wrap=True)
    for number, name in enumerate(names):
        cells = [column.cells[number] for column in shown]
        table.add_row(name, *(Text(f"{cell.value}\n{cell.interval}".strip()) for cell in cells))
    return table


def _score(row: Row, name: str) -> Cell:
    if not row.metrics.labels:
        return Cell()
    interval = getattr(row.metrics, f"{name}_interval", None)
    told = "" if interval is None else f"{percent(interval[0])} to {percent(interval[1])}"
    return Cell(percent(getattr(row.metrics, name)), told)


def _spread(row: Row, name: str) -> Cell:
    if row.folds is None or not row.metrics.labels:
        return Cell()
    return Cell(f"{percent(getattr(row.folds, f'{name}_mean'))} ± {percent(getattr(row.folds, f'{name}_std'))}")


def _ccc(dimensions: Sequence[DimensionMetrics], name: str) -> Cell:
    for each in dimensions:
        if each.name == name and each.ccc is not None:
            ends = each.ccc_interval
            return Cell(f"{each.ccc:.3f}", f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "")
    return Cell()


def _ccc_spread(row: Row, name: str) -> Cell:
    for each in row.folds.dimensions if row.folds else ():
        if each.name == name and each.ccc_mean is not None:
            return Cell(f"{each.ccc_mean:.3f} ± {each.ccc_std:.3f}")
    return Cell()


def _number(value: float | None) -> Cell:
    return Cell() if value is None else Cell(f"{value:,.0f}")
