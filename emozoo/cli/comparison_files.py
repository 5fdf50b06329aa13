"""A comparison of runs as a file: Markdown, CSV, LaTeX, or a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.cli.comparison_tables import Cell, basis, columns, notes
from emozoo.errors import EmozooError
from emozoo.paths import user_path, write_text
from emozoo.text import csv_cell, printable

if TYPE_CHECKING:
    from emozoo.evaluation.compare import Comparison, Row
    from emozoo.evaluation.comparison import Estimate, Pair

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "]": "{]}", "*": "{*}", "±": r"$\pm$", "≥": r"$\geq$",
}  # fmt: skip
MARKDOWN = "\\`*_{}[]<>|#~&"
PICTURES = (".png", ".svg")


def check_suffix(output: str) -> None:
    """Raises EmozooError for a file whose name does not say what to write."""
    known = [*WRITERS, *PICTURES]
    if user_path(output).suffix.lower() not in known:
        raise EmozooError(f"--output {output}: its name must end in {', '.join(known[:-1])} or {known[-1]}")


def write_comparison(comparison: Comparison, output: str) -> None:
    """Writes what the name of the file ends in."""
    path = user_path(output)
    suffix = path.suffix.lower()
    if suffix in WRITERS:
        write_text(path, WRITERS[suffix](comparison))
    else:
        _picture(comparison, path)


def markdown(comparison: Comparison) -> str:
    """The table, its notes, and a sentence for each pair."""
    from emozoo.evaluation.verdicts import sentences

    marks, known = notes(comparison)
    found = columns(comparison)
    heading = ["run", *(markdown_text(_one_line(column.title)) for column in found)]
    lines = [_row(heading, "|"), _row(["---", *["---:"] * len(found)], "|")]
    for number, row in enumerate(comparison.rows):
        name = " ".join(filter(None, (markdown_text(row.name), markdown_text(marks[number]))))
        lines.append(_row([name, *(_inline(column.cells[number]) for column in found)], "|"))
    below = [f"{markdown_text(f'[{number}]')} {markdown_text(note)}" for number, note in enumerate(known, 1)]
    below += [markdown_text(note) for note in (f"{basis(comparison)}.", *comparison.notes)]
    verdicts = [f"- {markdown_text(sentence)}" for pair in comparison.pairs for sentence in sentences(pair)]
    return "\n\n".join(["\n".join(lines), *below, "\n".join(verdicts)]) + "\n"


def csv_table(comparison: Comparison) -> str:
    """A line for each run, with shares from 0 to 1; empty where there is no value."""
    scores = ("ua", "ua_low", "ua_high", "wa", "wa_low", "wa_high", "macro_f1")
    spread = ("ua_mean", "ua_std", "wa_mean", "wa_std")
    dimensions = [
        f"ccc_{name}{end}" for name in comparison.dimensions for end in ("", "_low", "_high", "_mean", "_std")
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heading = [
        "name",
        "clips",
        "interval_over",
        *scores,
        "folds",
        *spread,
        *dimensions,
        "parameters",
        "seconds",
        "note",
    ]
    writer.writerow(map(_cell, heading))
    for row in comparison.rows:
        own, folds = row.metrics, row.folds
        words = bool(own.labels)
        scored = [own.ua, *own.ua_interval, own.wa, *own.wa_interval, own.macro_f1] if words else [""] * len(scores)
        spreads = [getattr(folds, name) for name in spread] if folds and words else [""] * len(spread)
        ccc = [part for name in comparison.dimensions for part in _ccc(row, name)]
        writer.writerow(
            [_cell(row.name), comparison.clips, comparison.over, *scored, folds and folds.folds, *spreads, *ccc]
            + [row.parameters, row.seconds, _cell(row.note)]
        )
    return text.getvalue()


def latex(comparison: Comparison) -> str:
    """A tabular of the runs, with their notes below, and one of the differences, for the package booktabs."""
    marks, known = notes(comparison)
    found = columns(comparison)
    rows = [
        [
            latex_text(" ".join(filter(None, (row.name, marks[number])))),
            *(_tex(column.cells[number]) for column in found),
        ]
        for number, row in enumerate(comparison.rows)
    ]
    head = ["Run", *(latex_text(_one_line(column.title)) for column in found)]
    below = [f"[{number}] {note}" for number, note in enumerate(known, 1)]
    below += [f"{basis(comparison)}.", *comparison.notes]
    parts = ["% needs \\usepackage{booktabs}", _tabular(head, rows), *(latex_text(text) for text in below)]
    differences = ["Runs", *(["UA \\%", "WA \\%", "McNemar $p$"] if comparison.labels else [])]
    differences += [latex_text(f"CCC {name}") for name in comparison.dimensions]
    parts.append(_tabular(differences, [_pair_row(pair, comparison) for pair in comparison.pairs]))
    parts.append(latex_text("Differences, the first run minus the second; p after Holm."))
    return "\n\n".join(parts) + "\n"


def markdown_text(text: str) -> str:
    """A text of anyone as Markdown that shows it."""
    return "".join(f"\\{sign}" if sign in MARKDOWN else sign for sign in printable(text))


def latex_text(text: str) -> str:
    """A text of anyone as LaTeX that shows it."""
    return "".join(LATEX.get(sign, sign) for sign in printable(text))


def _row(cells: Sequence[str], edge: str) -> str:
    return f"{edge} {f' {edge} '.join(cells)} {edge}"


def _cell(text: str) -> str:
    return csv_cell(printable(text))


def _one_line(title: str) -> str:
    return title.replace("\n", " ")


def _inline(cell: Cell) -> str:
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value


def _tex(cell: Cell) -> str:
    return latex_text(cell.value if not cell.interval else f"{cell.value} ({cell.interval.replace(' to ', ', ')})")


def _tabular(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [" & ".join(cells) + r" \\" for cells in (head, *rows)]
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", body[0], r"\midrule", *body[1:]]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _pair_row(pair: Pair, comparison: Comparison) -> list[str]:
    from emozoo.evaluation.verdicts import difference, p_value

    def interval(estimate: Estimate | None, *more: int) -> str:
        return (
            "-"
            if estimate is None
            else f"${difference(estimate, *more).replace(' to ', '$ to $').replace(', ', '$, $')}$"
        )

    cells = [latex_text(f"{pair.first} - {pair.second}")]
    if pair.mcnemar:
        cells += [interval(pair.ua), interval(pair.wa), f"${p_value(pair.mcnemar.p_holm).removeprefix('= ')}$"]
    known = {each.dimension: each.ccc for each in pair.ccc}
    return cells + [interval(known.get(name), 1, 3) for name in comparison.dimensions]


def _ccc(row: Row, name: str) -> list[float | None]:
    """Value, interval, and mean and deviation over folds."""
    own = [each for each in row.metrics.dimensions if each.name == name]
    spread = [each for each in (row.folds.dimensions if row.folds else ()) if each.name == name]
    value = [own[0].ccc, *(own[0].ccc_interval or (None, None))] if own else [None, None, None]
    return value + ([spread[0].ccc_mean, spread[0].ccc_std] if spread else [None, None])


def _picture(comparison: Comparison, path: Path) -> None:
    from emozoo.plots.comparison import Panel, Point, comparison_picture

    scored = [(row.name, row.metrics) for row in comparison.rows if row.metrics.labels]
    gaps = [(f"{pair.first} − {pair.second}", pair) for pair in comparison.pairs]
    panels = []
    for name, title in (("ua", "UA (%)"), ("wa", "WA (%)")):
        points = [
            Point(run, 100 * getattr(own, name), *(100 * end for end in getattr(own, f"{name}_interval")))
            for run, own in scored
        ]
        panels.append(Panel(title, points))
    for dimension in comparison.dimensions:
        ccc = [(row.name, each) for row in comparison.rows for each in row.metrics.dimensions if each.name == dimension]
        points = [
            Point(run, each.ccc, *(each.ccc_interval or (each.ccc, each.ccc)))
            for run, each in ccc
            if each.ccc is not None
        ]
        panels.append(Panel(f"CCC, {dimension}", points))
    points = [
        Point(name, 100 * pair.ua.value, 100 * pair.ua.low, 100 * pair.ua.high, pair.found)
        for name, pair in gaps
        if pair.ua
    ]
    panels.append(Panel("Difference in UA (points)", points, True))
    for dimension in comparison.dimensions:
        points = [
            Point(name, each.ccc.value, each.ccc.low, each.ccc.high, each.found and not pair.too_few)
            for name, pair in gaps
            for each in pair.ccc
            if each.dimension == dimension
        ]
        panels.append(Panel(f"Difference in CCC, {dimension}", points, True))
    comparison_picture([panel for panel in panels if panel.points], path)


WRITERS: dict[str, Callable[[Comparison], str]] = {".md": markdown, ".csv": csv_table, ".tex": latex}
