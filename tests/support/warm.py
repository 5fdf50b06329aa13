"""Runs the command line in a process of its own, forked from one that has imported torch: as a fresh interpreter would, but
without the seconds that this import takes.

What an interpreter reads when it starts, such as PYTHONIOENCODING, needs a fresh one: see `takes`.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PRELOADED = ("numpy", "torch", "pyarrow", "safetensors")
"""What reads no variable of the environment that tests set, and nothing of emozoo."""
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "MKL_", "TORCH", "HOME", "XDG_", "TMPDIR")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(PRELOADED))


def takes(environment: Mapping[str, str]) -> bool:
    """Whether a forked process behaves with these variables as a fresh interpreter would."""
    return not any(name.startswith(READ_AT_START) for name in environment)


def run(
    words: Sequence[str], environment: Mapping[str, str], cwd: str | os.PathLike[str] | None, timeout: float
) -> tuple[int, str, str]:
    """The exit status, the standard output and the standard error of `python -m emozoo` with these words, in an
    `environment` that is all there is. Raises TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="emozoo-warm-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = _context.Process(target=_child, args=(list(words), dict(environment), cwd, str(out), str(err)))
        _start(child)
        child.join(timeout)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise TimeoutError(f"emozoo {' '.join(words)} took more than {timeout} s")
        return child.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")


def _start(child: multiprocessing.process.BaseProcess) -> None:
    """The server starts with the first child, and torch reads there how many threads it may use."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        child.start()
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _child(
    words: list[str], environment: dict[str, str], cwd: str | os.PathLike[str] | None, out: str, err: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if cwd is not None:
        os.chdir(cwd)
    for descriptor, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["emozoo", *words]
    sys.path.insert(0, os.getcwd())  # as `python -m`
    _end(_status())


def _status() -> int:
    try:
        runpy.run_module("emozoo", run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    return 0


def _end(status: int) -> None:
    """Ends as an interpreter does, with what runs at exit."""
    sys.exit(status)
