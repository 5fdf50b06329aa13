"""Streams: how long `emozoo listen` works for a second of sound, and how much memory it takes.

python benchmarks/listen.py [--minutes 10] [--device auto]

Processes get raw noise on standard input as fast as they take it: one minute, and one and `--minutes`. The difference is
what the minutes cost, without the start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import heading, table

from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture


def cost(words: Sequence[str], rate: int, channels: int, minutes: int) -> tuple[float, float, float]:
    """Seconds of a process that takes so many minutes of sound, seconds of its cores, and its peak memory in MB."""
    noise = np.random.default_rng(0).normal(0, 3_000, (rate, channels)).astype("<i2").tobytes()
    command = [sys.executable, "-m", "emozoo", "listen", "--rate", str(rate), "--channels", str(channels), *words]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    with process.stdin:
        for _ in range(60 * minutes):
            process.stdin.write(noise)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    print(heading("Streams"))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        architecture = get_architecture("cnn_rnn")
        EmotionModel(architecture, architecture.config(), ("happy", "sad", "angry", "neutral")).save(Path(scratch))
        for name, rate, channels, words in (
            ("`speech`, the bundled model", 16_000, 1, ["--no-vad"]),
            ("the same", 48_000, 2, ["--no-vad"]),
            ("the same, `--vad`, all of it a pause", 16_000, 1, ["--vad"]),
            ("`cnn_rnn`", 16_000, 1, ["--no-vad", "--model", scratch]),
        ):
            words = [*words, "--device", asked.device]
            short, long = (cost(words, rate, channels, minutes) for minutes in (1, 1 + asked.minutes))
            wall, cpu = ((long[place] - short[place]) / (60 * asked.minutes) for place in (0, 1))
            rows.append(
                [name, f"{rate} Hz x {channels}", f"{wall:.4f}", f"{cpu:.4f}", f"{short[2]:,.0f}", f"{long[2]:,.0f}"]
            )
    columns = (
        "model",
        "stream",
        "real-time factor",
        "of one core",
        "peak MB, 1 minute",
        f"{1 + asked.minutes} minutes",
    )
    print(table(columns, rows))
    print("A second of sound has one window. The real-time factor is seconds of work for a second of sound.")


if __name__ == "__main__":
    main()
