"""A small network and a small toy corpus, so that tests of the workflows take seconds."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import warm

TIMEOUT = 300
"""Seconds."""
NETWORK = {"filters": "4,6,6", "kernels": "[[5,5],[5,5],[3,3]]", "linear": "16"}
RECIPE = {"batch_size": "10", "learning_rate": "3e-3", "warmup": "0"}


def set_words(*more: str) -> list[str]:
    """`--set` options that make a built-in network small."""
    pairs = [f"{key}={value}" for key, value in {**NETWORK, **RECIPE}.items()] + list(more)
    return [word for pair in pairs for word in ("--set", pair)]


PEAK = "int(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))) // 1024"
"""Python for the most memory that a process has taken, in MiB. getrusage counts what its parent held when it forked."""


@functools.cache
def toy() -> Path:
    """A toy corpus of 55 utterances, made once."""
    from emozoo.data.corpora.toy import write_toy

    folder = Path(os.environ["EMOZOO_CACHE"]) / "small-toy"
    if not folder.exists():
        folder.mkdir(parents=True)
        write_toy(folder, utterances=55)
    return folder


def emozoo(
    *words: str, check: int | None = 0, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user does; `check` is the exit status it must have."""
    whole = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120", **environment}
    done = _done([str(word) for word in words], whole, environment, cwd)
    assert check is None or done.returncode == check, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def _done(
    words: list[str], whole: dict[str, str], changed: dict[str, str], cwd: Path | None
) -> subprocess.CompletedProcess[str]:
    if warm.takes(changed):
        return subprocess.CompletedProcess(words, *warm.run(words, whole, cwd, TIMEOUT))
    command = [sys.executable, "-m", "emozoo", *words]
    return subprocess.run(command, env=whole, capture_output=True, text=True, timeout=TIMEOUT, cwd=cwd)


def train_words(output: Path, *more: str, architecture: str = "cnn", epochs: int = 2) -> list[str]:
    """The words of `emozoo train` on the small toy corpus."""
    words = ["train", architecture, "--dataset", "toy", "--data-dir", str(toy()), "--output", str(output)]
    return [*words, "--epochs", str(epochs), "--device", "cpu", *set_words(), *more]


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    """The single line on standard error of a command that failed with status 2."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines and lines[-1].startswith("error: "), done.stderr
    return lines[-1]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
