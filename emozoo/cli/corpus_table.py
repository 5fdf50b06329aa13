"""How a corpus that `emozoo check --dataset` looked over is shown on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import line, styled
from emozoo.text import listed

if TYPE_CHECKING:
    from emozoo.inspection.corpus import Look
    from emozoo.inspection.findings import Finding
    from emozoo.inspection.second_opinion import SecondOpinion

NAMED = 3
"""Clips of a finding that are named; --json names all."""


def show_look(look: Look) -> None:
    """What there is, what the model answers, and each finding in a line, the worst first."""
    speakers = f"{look.speakers} speaker{'s' if look.speakers != 1 else ''}" if look.speakers else "speakers unknown"
    console.out.print(
        line(styled(look.dataset, "bold"), f": {look.clips} clips, {_duration(look.seconds)}, {speakers}")
    )
    console.out.print(f"{look.shortest:.1f} to {look.longest:.1f} s long, half of them below {look.median:.1f} s")
    console.out.print(listed([f"{name} ({count} file{'s'[: count != 1]})" for name, count in look.formats.items()], 4))
    if look.labels:
        table = Table()
        for name in ("label", "clips", "speakers", "median s"):
            table.add_column(name, justify="left" if name == "label" else "right")
        for each in look.labels:
            table.add_row(styled(each.label, ""), str(each.clips), str(each.speakers or "?"), f"{each.seconds:.1f}")
        console.out.print(table)
    if look.opinion:
        _show_opinion(look.opinion)
    for finding in look.findings:
        _show_finding(finding)
    problems = sum(finding.problem for finding in look.findings)
    verdict = f"{problems} problem{'s' if problems != 1 else ''} found" if problems else "no problem found"
    console.out.print(f"{look.dataset}: {verdict}", soft_wrap=True)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _show_opinion(opinion: SecondOpinion) -> None:
    if opinion.answers:
        table = Table(title=f"clips by label, and what the model {opinion.model} answers", title_justify="left")
        table.add_column("label")
        for label in opinion.labels:
            table.add_column(styled(label, ""), justify="right")
        for label, counts in opinion.answers.items():
            table.add_row(styled(label, ""), *(str(counts[answer]) for answer in opinion.labels))
        console.out.print(table)
    if opinion.note:
        console.out.print(opinion.note, soft_wrap=True)


def _show_finding(finding: Finding) -> None:
    mark = styled("problem: ", "bold red") if finding.problem else styled("note: ", "bold")
    console.out.print(line(mark, finding.text), soft_wrap=True)
    for name in finding.clips[:NAMED]:
        console.out.print(f"  {name}", soft_wrap=True)
    if more := len(finding.clips) - NAMED:
        if more > 0:
            console.out.print(f"  and {more} more; --json names all", soft_wrap=True)
