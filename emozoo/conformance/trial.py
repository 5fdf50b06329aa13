"""Tries third parties' plugins: imports each once per installed version, in another process.

So a plugin that raises, hangs, prints or ends its process cannot harm this one. The verdicts are kept in the cache, with
what `emozoo list` tells of the plugins.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emozoo.registry import entry_points
from emozoo.registry.entry_points import Plugin
from emozoo.registry.facts import UNKNOWN, Facts, facts_from, own_facts
from emozoo.registry.verdicts import Verdict, key_of, remember, remembered

IMPORT_SECONDS = 8
BUSY_SECONDS = 12
IDLE_POLLS = 25
"""All imports together may take `IMPORT_SECONDS`: longer than torch takes, shorter than a user waits. A process that still
computes then gets `BUSY_SECONDS` more, for the machine may be busy. One that was idle for `IDLE_POLLS` polls does not."""
POLL_SECONDS = 0.02


def checked(*groups: str) -> list[Plugin]:
    """The plugins of the groups, with the problems found when those of third parties were tried."""
    return [plugin for plugin, _ in checked_with_facts(*groups)]


def checked_with_facts(*groups: str) -> list[tuple[Plugin, Facts]]:
    """The same, each with what it says of itself, which is nothing for one that is broken."""
    verdicts = remembered()
    listed = [plugin for group in groups for plugin in entry_points.plugins(group)]
    untried = [p for p in listed if not p.builtin and p.problem is None and key_of(p) not in verdicts]
    if untried:
        verdicts |= {key_of(plugin): verdict for plugin, verdict in try_elsewhere(untried).items()}
        remember(verdicts)
    return [_judged(plugin, verdicts) for plugin in listed]


def _judged(plugin: Plugin, verdicts: Mapping[str, Verdict]) -> tuple[Plugin, Facts]:
    if plugin.builtin or plugin.problem:
        known = own_facts().get(plugin.group, {}) if plugin.builtin else {}
        return plugin, known.get(plugin.name, UNKNOWN)
    verdict = verdicts.get(key_of(plugin), Verdict())
    return replace(plugin, problem=verdict.problem), verdict.facts


def try_elsewhere(untried: Iterable[Plugin]) -> dict[Plugin, Verdict]:
    """Each plugin's verdict. The plugins of one distribution share a process. Where it ends or hangs, the plugin
    that it was importing is to blame, and the rest get another process."""
    deadline = time.monotonic() + IMPORT_SECONDS
    verdicts: dict[Plugin, Verdict] = {}
    waiting: dict[str, list[Plugin]] = {}
    for plugin in untried:
        waiting.setdefault(plugin.distribution, []).append(plugin)
    while waiting:
        with contextlib.ExitStack() as stack:
            trials = [stack.enter_context(_Trial(plugins)) for plugins in waiting.values()]
            waiting = {}
            for trial in trials:
                verdicts |= trial.verdicts(deadline)
                if rest := [plugin for plugin in trial.plugins if plugin not in verdicts]:
                    waiting[rest[0].distribution] = rest
    return verdicts


def begin_import(
    folder: str | os.PathLike[str], plugins: Sequence[Plugin], *, timed: str = ""
) -> subprocess.Popen[bytes]:
    """Starts `emozoo.conformance.attempt` in a new session; with a group as `timed`, only the plugins' own imports count."""
    asked = json.dumps([list(vars(plugin).values()) for plugin in plugins])
    path = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "emozoo.conformance.attempt", os.fspath(folder), asked, timed],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def import_answer(folder: str | os.PathLike[str], number: int) -> tuple[str | None, float] | None:
    """The problem, or None, and the seconds of the import of the plugin at this position; None while there is no answer."""
    try:
        problem, seconds = json.loads(Path(folder, str(number)).read_text(encoding="utf-8"))
    except OSError:
        return None
    return problem, seconds


def _facts_told(folder: str, number: int) -> Facts:
    with contextlib.suppress(OSError, ValueError):
        return facts_from(json.loads(Path(folder, f"{number}.facts").read_text(encoding="utf-8")))
    return UNKNOWN


class _Trial:
    """A process that imports plugins one after the other. At the end it is killed, with all that it started."""

    def __init__(self, plugins: list[Plugin]) -> None:
        self.plugins = plugins
        self.folder = tempfile.TemporaryDirectory(prefix="emozoo-trial-", ignore_cleanup_errors=True)

    def __enter__(self) -> _Trial:
        self.process = begin_import(self.folder.name, self.plugins)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, AttributeError):  # it is gone, or the system has no process groups
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def verdicts(self, deadline: float) -> dict[Plugin, Verdict]:
        """Waits until all plugins have answered, the process has ended or time is over, and, as long as there is time, for
        what they say of themselves. Plugins after the one to blame are missing, unless time is over."""
        in_time = self._wait(lambda: len(self._answers()) == len(self.plugins), deadline)
        if in_time:
            self._wait(lambda: False, deadline)
        problems = self._answers()
        if len(problems) < len(self.plugins) and in_time:
            to_blame = self.plugins[len(problems)]
            problems[to_blame] = f"its import ended the process (exit status {self.process.returncode})"
        elif not in_time:
            late = f"its import did not end within {IMPORT_SECONDS} s"
            problems = {**{plugin: late for plugin in self.plugins}, **problems}
        numbers = {plugin: number for number, plugin in enumerate(self.plugins)}
        folder = self.folder.name
        return {plugin: Verdict(problem, _facts_told(folder, numbers[plugin])) for plugin, problem in problems.items()}

    def _wait(self, done: Callable[[], bool], deadline: float) -> bool:
        """Until `done`, or the process has ended. False where time is over before that."""
        idle = 0
        while not done() and self.process.poll() is None:
            idle = 0 if self._is_computing() else idle + 1
            over = time.monotonic() - deadline
            if over > BUSY_SECONDS or over > 0 and idle >= IDLE_POLLS:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _is_computing(self) -> bool:
        """Whether the process is running, ready to run or reading; False where the system does not tell."""
        try:
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return False
        return state in "RD"

    def _answers(self) -> dict[Plugin, str | None]:
        """The verdicts so far, in order."""
        found: dict[Plugin, str | None] = {}
        for number, plugin in enumerate(self.plugins):
            if (answer := import_answer(self.folder.name, number)) is None:
                break
            found[plugin] = answer[0]
        return found
