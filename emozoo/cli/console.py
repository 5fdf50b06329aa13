"""The two streams of the command line, as rich consoles: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.text import Text

from emozoo.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

T = TypeVar("T")
PIPED_WIDTH = 120


class PlainConsole(Console):
    """A console that prints strings as plain lines, without markup. Use `styled` for a style."""

    def __init__(self, stream: Any) -> None:
        # A pipe has no width, so tables are not squeezed into 80 columns, unless COLUMNS asks for it.
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
    """Whether this process prints, of several that `accelerate launch` started."""
    return os.environ.get("RANK", "0") == "0"


def progress_bars() -> Bars:
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
    """Passes items on, and shows how many are done."""
    with progress_bars() as bars:
        task = bars.add_task(what, total=total)
        for item in items:
            yield item
            bars.advance(task)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows a spinner on a terminal, and nothing elsewhere."""
    if not err.is_terminal:
        yield
        return
    with err.status(styled(what, "")):
        yield
