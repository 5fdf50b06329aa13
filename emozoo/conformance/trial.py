"""Tries third parties' plugins: imports each once per installed version, in another process.

So a plugin that raises, hangs, prints or ends its process cannot harm this one. The verdicts are kept in the cache.
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
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from emozoo.registry import entry_points
from emozoo.registry.entry_points import Plugin
from emozoo.registry.verdicts import key_of, remember, remembered

IMPORT_SECONDS = 8
BUSY_SECONDS = 12
IDLE_POLLS = 25
"""All imports together may take `IMPORT_SECONDS`: longer than torch takes, shorter than a user waits. A process that still
computes then gets `BUSY_SECONDS` more, for the machine may be busy. One that was idle for `IDLE_POLLS` polls does not."""
POLL_SECONDS = 0.02


def checked(*groups: str) -> list[Plugin]:
    """The plugins of the groups, with the problems found when those of third parties were tried."""
    verdicts = remembered()
    listed = [plugin for group in groups for plugin in entry_points.plugins(group)]
    untried = [p for p in listed if not p.builtin and p.problem is None and key_of(p) not in verdicts]
    if untried:
        verdicts |= {key_of(plugin): problem for plugin, problem in try_elsewhere(untried).items()}
        remember(verdicts)
    return [replace(p, problem=p.problem or verdicts.get(key_of(p))) for p in listed]


def try_elsewhere(untried: Iterable[Plugin]) -> dict[Plugin, str | None]:
    """Each plugin's problem, or None. The plugins of one distribution share a process. Where it ends or hangs, the plugin
    that it was importing is to blame, and the rest get another process."""
    deadline = time.monotonic() + IMPORT_SECONDS
    verdicts: dict[Plugin, str | None] = {}
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

    def verdicts(self, deadline: float) -> dict[Plugin, str | None]:
        """Waits until all plugins have answered, the process has ended or time is over. Plugins after the one to blame are
        missing, unless time is over."""
        idle = 0
        while len(answers := self._answers()) < len(self.plugins) and self.process.poll() is None:
            idle = 0 if self._is_computing() else idle + 1
            over = time.monotonic() - deadline
            if over > BUSY_SECONDS or over > 0 and idle >= IDLE_POLLS:
                late = f"its import did not end within {IMPORT_SECONDS} s"
                return {**{plugin: late for plugin in self.plugins}, **answers}
            time.sleep(POLL_SECONDS)
        answers = self._answers()
        if len(answers) < len(self.plugins):
            to_blame = self.plugins[len(answers)]
            answers[to_blame] = f"its import ended the process (exit status {self.process.returncode})"
        return answers

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
