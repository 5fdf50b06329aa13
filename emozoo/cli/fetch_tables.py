"""How downloads look on the terminal: what can be fetched, the terms of a corpus, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from emozoo.cli import console
from emozoo.cli.console import line, say, styled
from emozoo.text import printable

if TYPE_CHECKING:
    from emozoo.data.corpus import Corpus
    from emozoo.data.download import Download
    from emozoo.data.fetching.record import Tally

COMMERCIAL = {True: "allowed", False: "not allowed", None: "not stated: see the terms"}


def show_offers(offers: Sequence[Mapping[str, Any]]) -> None:
    """Each under its name, with the terms; addresses are not broken into lines."""
    for each in offers:
        console.out.print(styled(each["name"], "bold"))
        size = f", {_bytes(each['size'])}" if each["size"] else ""
        lines = (f"{each['summary']} ({each['language']}{size})", each["licence"], each["page"])
        told = Text("\n".join(map(printable, lines)), overflow="fold")
        console.out.print(Padding(told, (0, 0, 0, 2), expand=False))
    say("emozoo fetch NAME downloads one of them")


def show_terms(corpus: Corpus, download: Download) -> None:
    """On standard error, where the question is asked."""
    told = {
        corpus.name: corpus.summary,
        "page": download.page,
        "licence": download.licence,
        "terms": download.terms,
        "commercial use": COMMERCIAL[download.commercial],
        "to be cited": corpus.citation,
        "size": f"about {_bytes(download.size)}" if download.size else "",
    }
    for name, value in told.items():
        if value:
            console.err.print(line(styled(f"{name}:", "bold"), f" {value}"), soft_wrap=True)


@contextmanager
def downloading(name: str) -> Iterator[Callable[[Tally], None]]:
    """A bar on a terminal; elsewhere one line says what begins."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    said = False
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=12), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console.err, transient=True, disable=not console.err.is_terminal) as bars:
        task = bars.add_task(name, total=None)

        def report(tally: Tally) -> None:
            nonlocal said
            if not said and not console.err.is_terminal:
                size = f", {_bytes(tally.total)}" if tally.total else ""
                say(f"downloading {name}: {tally.files:,} file{'s' * (tally.files > 1)}{size}")
            said = True
            many = f", {tally.done:,} of {tally.files:,} files" if tally.files > 1 else ""
            unpacking = ", unpacking" if tally.done == tally.files else ""
            bars.update(task, description=f"{name}{many}{unpacking}", completed=tally.bytes, total=tally.total)

        yield report


def _bytes(number: int) -> str:
    return f"{number / 10**9:.1f} GB" if number >= 10**9 else f"{max(number, 10**5) / 10**6:.1f} MB"
