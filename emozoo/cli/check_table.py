"""How the findings of `emozoo check` look on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import line, say, styled

if TYPE_CHECKING:
    from emozoo.conformance.check import Report
    from emozoo.conformance.points import Finding

STYLES = {"ok": "green", "broken": "red", "skipped": ""}


def say_finding(finding: Finding) -> None:
    """A line on standard error, as soon as a point is checked."""
    say(f"{finding.point.name}: {finding.state}")


def show_check(report: Report) -> None:
    """The state of each point. For points that do not hold: what was expected, and where to look."""
    table = Table(
        "point", "state", "found", title=f"{report.name}, {report.kind} of {report.origin}", title_justify="left"
    )
    for finding in report.findings:
        optional = "" if finding.point.required or finding.state != "broken" else " (not required)"
        table.add_row(
            finding.point.name,
            line(styled(finding.state, STYLES[finding.state]), optional),
            finding.found,
        )
    console.out.print(table)
    for finding in report.findings:
        if finding.state == "broken":
            needed = "is required" if finding.point.required else "is not required"
            console.out.print(line(styled(finding.point.name, "bold"), f" {needed}"))
            for title, text in (
                ("expected", finding.point.promise),
                ("found", finding.found),
                ("look at", finding.point.look),
            ):
                console.out.print(f"  {title}: {text}", soft_wrap=True)
    broken = sum(finding.fails for finding in report.findings)
    verdict = "keeps the contract" if report.holds else f"breaks the contract in {broken} point{'s'[: broken > 1]}"
    skipped = [finding.point.name for finding in report.findings if finding.state == "skipped"]
    if report.holds and skipped not in ([], ["gpu"]):  # few machines have one
        verdict += f", as far as it was looked at: not {', '.join(skipped)}"
    console.out.print(f"{report.name} {verdict}", soft_wrap=True)
