"""Goes through the points of a plugin, and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emozoo.conformance.loads import LOADS
from emozoo.conformance.points import Finding, Point, find
from emozoo.errors import EmozooError
from emozoo.registry import entry_points
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, KINDS, group_of
from emozoo.registry.loading import output_to_stderr


@dataclass
class Report:
    """The findings on one plugin, in the order of the points."""

    name: str
    kind: str
    """`architecture` or `dataset`."""
    origin: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every required point does."""
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
    heard: Callable[[Finding], None] = lambda finding: None,
) -> Report:
    """Goes through all points of an architecture, else of a dataset; `heard` is told each as it is found.

    `settings` are an architecture's, as `--set` takes them; `data_dir` is where a dataset's data are. Raises EmozooError for
    a name that nothing has, and for settings or data that do not fit.
    """
    group = group_of(name)
    plugin = entry_points.find(group, name)
    if group == DATASETS and settings:
        raise EmozooError(f"{name} is a dataset and has no settings: leave --set out")
    if group == ARCHITECTURES and data_dir is not None:
        raise EmozooError(f"{name} is an architecture and is trained on the toy corpus: leave --data-dir out")
    report = Report(name, KINDS[group], plugin.origin)
    first = find(LOADS, plugin)
    report.findings.append(first)
    heard(first)
    if first.fails:
        return report
    points: Sequence[Point[Any]]
    subject: Any
    with output_to_stderr:  # a network or a builder may print, and the report is the result
        if group == ARCHITECTURES:
            from emozoo.conformance import network
            from emozoo.conformance.network_subject import NetworkSubject

            points, subject = network.POINTS, NetworkSubject(name, settings, device)
        else:
            from emozoo.conformance import corpus
            from emozoo.conformance.corpus import CorpusSubject

            points, subject = corpus.POINTS, CorpusSubject(name, data_dir)
        for point in points:
            finding = find(point, subject)
            report.findings.append(finding)
            heard(finding)
    return report
