"""The first point: whether a plugin can be imported."""

from __future__ import annotations

import subprocess
import tempfile

from emozoo.conformance.points import Broken, Point
from emozoo.conformance.trial import begin_import, import_answer
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, Plugin

IMPORT_SECONDS = 60
"""How long a plugin's import may take in a check, longer than in a list of all plugins."""
BESIDE = {ARCHITECTURES: ", beside torch", DATASETS: ", beside datasets"}
"""What was imported before the clock started, for plugins of its group need it anyway."""


def _loads(plugin: Plugin) -> str:
    """Imports the plugin in another process, so that it cannot harm this one."""
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
    return f"imported in {seconds:.2f} s{BESIDE.get(plugin.group, '')}"


LOADS: Point[Plugin] = Point(
    "loads",
    "the entry point names a plugin that keeps the contract, and its import ends without an error",
    "the entry point in pyproject.toml, and what its module does on import",
    _loads,
)
