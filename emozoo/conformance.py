"""Whether a plugin keeps its contract, point by point: `check` goes through them, `Report` says what came of each.

Here is what a point is and what all plugins share. The points of an architecture are in `emozoo.conformance_network`, those
of a dataset in `emozoo.conformance_corpus`. `emozoo check` and `emozoo.testing` both go through these.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from emozoo import registry
from emozoo.errors import EmozooError
from emozoo.registry import Plugin
from emozoo.trial import begin_import, import_answer
from emozoo.trouble import told

S = TypeVar("S")
IMPORT_SECONDS = 60
"""How long a plugin's import may take here, where somebody waits for just that."""
HELD, BROKEN, LEFT_OUT = "ok", "broken", "skipped"


class Broken(Exception):
    """A point does not hold; the text says what was found instead."""


class LeftOut(Exception):
    """A point cannot be looked at here; the text says why."""


@dataclass(frozen=True)
class Point(Generic[S]):
    """One thing that a plugin promises."""

    name: str
    promise: str
    """What is expected, as a sentence without its full stop."""
    look: str
    """Where to look when it does not hold."""
    test: Callable[[S], str]
    """Returns what was found, in a few words. Raises Broken, LeftOut, or whatever the plugin's code raises."""
    required: bool = True
    """False: a plugin may do without; it is reported."""


@dataclass(frozen=True)
class Finding:
    """What came of a point."""

    point: Point[Any]
    state: str
    """`ok`, `broken` or `skipped`."""
    found: str

    @property
    def fails(self) -> bool:
        return self.state == BROKEN and self.point.required

    def __str__(self) -> str:
        """What was expected, what was found, and where to look."""
        return f"{self.point.name}: expected: {self.point.promise}; found: {self.found}; look at: {self.point.look}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "point": self.point.name,
            "state": self.state,
            "required": self.point.required,
            "expected": self.point.promise,
            "found": self.found,
            "look": self.point.look,
        }


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
    plugin = registry.find(group, name)
    if group == registry.DATASETS and settings:
        raise EmozooError(f"{name} is a dataset and has no settings: leave --set out")
    if group == registry.ARCHITECTURES and data_dir is not None:
        raise EmozooError(f"{name} is an architecture and is trained on the toy corpus: leave --data-dir out")
    report = Report(name, registry.KINDS[group], plugin.origin)
    first = find(LOADS, plugin)
    report.findings.append(first)
    heard(first)
    if first.fails:
        return report
    points: Sequence[Point[Any]]
    subject: Any
    with registry.output_to_stderr:  # a network or a builder may print, and the report is the result
        if group == registry.ARCHITECTURES:
            from emozoo import conformance_network as network
            from emozoo.conformance_subject import NetworkSubject

            points, subject = network.POINTS, NetworkSubject(name, settings, device)
        else:
            from emozoo import conformance_corpus as corpus

            points, subject = corpus.POINTS, corpus.CorpusSubject(name, data_dir)
        for point in points:
            finding = find(point, subject)
            report.findings.append(finding)
            heard(finding)
    return report


def group_of(name: str) -> str:
    """The group in which a name is found, architectures first. Raises EmozooError, with near names, for none."""
    for group in registry.KINDS:
        if any(plugin.name == name for plugin in registry.installed(group)):
            return group
    try:
        registry.find(registry.ARCHITECTURES, name)
    except EmozooError as error:
        raise EmozooError(f"{error}; nor is it a dataset") from None
    raise AssertionError(name)


def find(point: Point[S], subject: S) -> Finding:
    """Tries a point. Whatever the plugin's code raises breaks it."""
    try:
        return Finding(point, HELD, point.test(subject))
    except Broken as problem:
        return Finding(point, BROKEN, str(problem))
    except LeftOut as reason:
        return Finding(point, LEFT_OUT, str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return Finding(point, BROKEN, told(error))


def _loads(plugin: Plugin) -> str:
    """Imports the plugin in a process of its own, so that it cannot harm this one."""
    with tempfile.TemporaryDirectory(prefix="emozoo-check-") as folder:
        process = begin_import(folder, [plugin], timed=plugin.group)
        try:
            status = process.wait(IMPORT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Broken(f"its import did not end within {IMPORT_SECONDS} s") from None
        finally:
            process.kill()
            process.wait()
        if (answer := import_answer(folder, 0)) is None:
            raise Broken(f"its import ended the process (exit status {status})")
    problem, seconds = answer
    if problem:
        raise Broken(problem)
    beside = "torch" if plugin.group == registry.ARCHITECTURES else "datasets"
    return f"imported in {seconds:.2f} s, beside {beside}"


LOADS: Point[Plugin] = Point(
    "loads",
    "the entry point names a plugin that keeps the contract, and importing it ends without an error",
    "the entry point in pyproject.toml, and what its module does when it is imported",
    _loads,
)


def listed(words: Sequence[str], most: int = 5) -> str:
    """The first few of many, and how many more."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
