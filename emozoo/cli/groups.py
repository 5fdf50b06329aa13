"""How the scores of groups of clips look on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import line, styled
from emozoo.text import number, percent

if TYPE_CHECKING:
    from emozoo.checkpoint.groups import Gap, Grouping


def show_groups(groupings: Sequence[Grouping]) -> None:
    """A table for each column, with the largest gap below."""
    for each in groupings:
        if each.groups:
            _show(each)
        if each.note:
            console.out.print(styled(f"{each.by}: {each.note}", "bold yellow"))


def _show(grouping: Grouping) -> None:
    words = grouping.measure == "ua"
    form: Callable[[float | None], str] = percent if words else number
    score = "UA %" if words else "CCC"
    of = f" of {grouping.dimension}" if grouping.dimension else ""
    table = Table(title=f"{score.removesuffix(' %')}{of} by {grouping.by}", title_justify="left")
    for name in (grouping.by, "clips", "speakers", score, "95 % interval"):
        table.add_column(name, justify="left" if name == grouping.by else "right")
    for group in grouping.groups:
        speakers = "?" if group.speakers is None else str(group.speakers)
        ends = "-" if group.interval is None else f"{form(group.interval[0])} to {form(group.interval[1])}"
        table.add_row(styled(group.name or "unknown", ""), str(group.clips), speakers, form(group.score), ends)
    console.out.print(table)
    if grouping.gap:
        console.out.print(line(_gap_line(grouping.gap, form)))


def _gap_line(gap: Gap, form: Callable[[float | None], str]) -> str:
    ends = gap.interval
    interval = "" if ends is None else f"  (95 % interval over speakers: {form(ends[0])} to {form(ends[1])})"
    return f"largest gap: {gap.highest} {form(gap.value)} above {gap.lowest}{interval}"
