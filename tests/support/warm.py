"""Runs the command line in a process of its own, forked from one that has imported torch and other libraries: as a fresh
interpreter would, but without the seconds that these imports take. Nothing of emozoo is imported before the fork.

What an interpreter reads when it starts, such as PYTHONIOENCODING, needs a fresh one: see `takes`. What a library reads when
it is imported, such as HF_HOME, needs a process that has not imported it: there are two to fork from.
"""

import gc
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path

PLAIN = (
    *("numpy", "torch", "torch._dynamo", "torchvision", "pyarrow", "safetensors", "soundfile", "soxr", "av"),
    *("PIL.Image", "matplotlib.figure", "matplotlib.style", "matplotlib.backends.backend_agg"),
)
"""What reads no variable of the environment that tests set, but those of `READ_AT_START`."""
HUGGING_FACE = ("datasets", "transformers", "accelerate")
"""What reads many variables: it is imported before the fork only for an environment that has the same ones."""
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "MKL_", "TORCH", "MPL", "MATPLOTLIB", "HOME", "XDG_", "TMPDIR")
READ_LATER = ("COLUMNS", "LINES", "EMOZOO_", "PYTEST_CURRENT_TEST", "PYTHONPATH", "KMP_", "DECORD_")
"""What `HUGGING_FACE` does not read; libraries that a test imports set KMP_ and DECORD_. The fork gets the path from the
test, which has put there what PYTHONPATH names."""

_context = multiprocessing.get_context("forkserver")
_starting = threading.Lock()
_usual = dict(os.environ)


class _Server:
    """A process to fork from. It starts with the first child."""

    def __init__(self, *preloaded: str) -> None:
        self._server = forkserver.ForkServer()  # type: ignore[attr-defined]
        self._server.set_forkserver_preload(list(preloaded))

    def start(self, child: multiprocessing.process.BaseProcess) -> None:
        """torch reads how many threads it may use when the server starts."""
        with _starting:
            before, common = os.environ.get("OMP_NUM_THREADS"), forkserver.connect_to_new_process
            os.environ["OMP_NUM_THREADS"] = "1"
            forkserver.connect_to_new_process = self._server.connect_to_new_process
            try:
                child.start()
            finally:
                forkserver.connect_to_new_process = common
                os.environ.pop("OMP_NUM_THREADS")
                if before is not None:
                    os.environ["OMP_NUM_THREADS"] = before


_plain, _full = _Server(*PLAIN), _Server(*PLAIN, *HUGGING_FACE)


def _server(environment: Mapping[str, str]) -> _Server:
    """The one whose libraries have read, or will read, what they would read in this environment."""
    usual = _read_by_libraries(_usual)
    return _full if usual == _read_by_libraries(environment) == _read_by_libraries(os.environ) else _plain


def _read_by_libraries(environment: Mapping[str, str]) -> dict[str, str]:
    """OMP_NUM_THREADS is 1 in every server."""
    others = (*READ_LATER, "OMP_NUM_THREADS")
    return {name: value for name, value in environment.items() if not name.startswith(others)}


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
        _server(environment).start(child)
        child.join(timeout)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise TimeoutError(f"emozoo {' '.join(words)} took more than {timeout} s")
        return child.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")


def _child(
    words: list[str], environment: dict[str, str], cwd: str | os.PathLike[str] | None, out: str, err: str
) -> None:
    gc.freeze()  # what was imported before the fork stays
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
