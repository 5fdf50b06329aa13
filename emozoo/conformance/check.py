"""Checks a plugin against the points of its contract, and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emozoo.conformance.loads import LOADS
from emozoo.conformance.points import Finding, Point, find
from emozoo.errors import EmozooError
from emozoo.registry import entry_points
from emozoo.registry.entry_points import ARCHITECTURES, KINDS, READERS, group_of
from emozoo.registry.loading import output_to_stderr


@dataclass
class Report:
    """The findings on one plugin, in the order of the points."""

    name: str
    kind: str
    """`architecture`, `dataset` or `reader`."""
    origin: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether all required points hold."""
        return not any(finding.fails for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo check --json` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "distribution": self.origin,
            "holds": self.holds,
            "points": [finding.to_dict() for finding in self.findings],
        }


def check(
    name: str,
    *,
    settings: Mapping[str, str] | None = None,
    data_dir: str | None = None,
    device: str = "auto",
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Report:
    """Checks all points of an architecture, else of a dataset or a reader; `on_finding` gets each finding at once.

    `settings` are an architecture's, as `--set` takes them; `data_dir` is where a dataset's data are, or a checkpoint that
    a reader opens. Raises EmozooError for an unknown name, and for settings or data that do not fit.
    """
    group = group_of(name)
    plugin = entry_points.find(group, name)
    if group != ARCHITECTURES and settings:
        raise EmozooError(f"{name} is a {KINDS[group]} and has no settings: leave --set out")
    if group == ARCHITECTURES and data_dir is not None:
        raise EmozooError(f"{name} is an architecture and is trained on the toy corpus: leave --data-dir out")
    report = Report(name, KINDS[group], plugin.origin)

    def note(finding: Finding) -> None:
        report.findings.append(finding)
        on_finding(finding)

    note(find(LOADS, plugin))
    if not report.holds:
        return report
    with output_to_stderr:  # a network or a builder may print, and standard output is for the report
        if group == ARCHITECTURES:
            points, subject = _network(name, settings, device)
        else:
            points, subject = _reader(name, data_dir) if group == READERS else _corpus(name, data_dir)
        for point in points:
            note(find(point, subject))
    return report


def _network(name: str, settings: Mapping[str, str] | None, device: str) -> tuple[Sequence[Point[Any]], Any]:
    """An architecture's points and what they look at; torch is imported here."""
    from emozoo.conformance import network
    from emozoo.conformance.network_subject import NetworkSubject

    return network.POINTS, NetworkSubject(name, settings, device)


def _corpus(name: str, data_dir: str | None) -> tuple[Sequence[Point[Any]], Any]:
    """A dataset's points and what they look at."""
    from emozoo.conformance import corpus
    from emozoo.conformance.corpus import CorpusSubject

    return corpus.POINTS, CorpusSubject(name, data_dir)


def _reader(name: str, data_dir: str | None) -> tuple[Sequence[Point[Any]], Any]:
    """A reader's points and what they look at."""
    from emozoo.conformance import reader
    from emozoo.conformance.reader_subject import ReaderSubject

    return reader.POINTS, ReaderSubject(name, data_dir)
