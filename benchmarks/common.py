"""What the benchmarks share: times measured in pairs, tables, and the heading that names the machine."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from emozoo.paths import cores


def heading(title: str) -> str:
    """The title, the command, the machine and the versions, for above a table."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{package} {version(package)}" for package in ("emozoo", "torch", "numpy"))
    words = " ".join([f"python benchmarks/{os.path.basename(sys.argv[0])}", *sys.argv[1:]])
    return (
        f"## {title}\n\n`{words}`\n\n{cores()} cores of {name}{load}; Python {platform.python_version()}, {packages}.\n"
    )


def seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def process(*words: str) -> Callable[[], object]:
    """Runs a process, discards its output, and raises an error where it fails."""
    return lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pairs(run: Callable[[], object], other: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Medians of the seconds of both, measured in turn, and of the ratios of each pair. The first pair does not count."""
    found = [(seconds(run), seconds(other)) for _ in range(times + 1)][1:]
    return (
        statistics.median(first for first, _ in found),
        statistics.median(second for _, second in found),
        statistics.median(first / second for first, second in found),
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; all columns but the first are numbers."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
