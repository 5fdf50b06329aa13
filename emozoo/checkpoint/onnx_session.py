"""A file of ONNX is read, and run by onnxruntime from memory, within bounds of memory and of time."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.paths import cores
from emozoo.text import one_line

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST = 2**31 - 1
"""Bytes of a file that protobuf reads."""
MEMORY = 2 * 2**30
"""Bytes that a graph may take, and once more on each core; at most half of the machine's."""
LONGEST = 60
"""Seconds that the trial window may take, for what ends at all takes less than one."""


def require_onnx(name: str) -> None:
    """Raises EmozooError, about the file `name`, where onnx or onnxruntime is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise EmozooError(f"{name} needs onnx and onnxruntime: pip install 'emozoo[onnx]'") from error


def read_graph(path: Path, name: str) -> tuple[bytes, ModelProto]:
    """The bytes of a file, and the graph in them. Raises EmozooError, about `name`, for what is no file of ONNX."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    try:
        if path.stat().st_size > LARGEST:
            raise EmozooError(f"{name} is larger than 2 GiB, more than such a file can hold")
        data = path.read_bytes()
        return data, ModelProto.FromString(data)
    except (OSError, DecodeError) as error:
        raise EmozooError(f"{name} is damaged: it is not a file of ONNX") from error


class OnnxSession:
    """Runs the graph of a file; in each process by a session of its own, for threads do not survive a fork."""

    def __init__(self, data: bytes, name: str) -> None:
        """`data` is the file, which was checked; errors call it `name`. Raises EmozooError where it cannot be run."""
        self._data, self._name = data, name
        self._sessions = (os.getpid(), _session(data, name))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the graph's outputs."""
        return tuple(output.name for output in self._session.get_outputs())

    @property
    def first_shape(self) -> list[int | str | None]:
        """The sizes of its first input; a name, or None, where any size will do."""
        return list(self._session.get_inputs()[0].shape)

    def run(self, output: str, feed: Mapping[str, np.ndarray], options: Any = None) -> np.ndarray:
        """One output for the inputs in `feed`. Raises EmozooError where it cannot be computed."""
        try:
            return np.asarray(self._session.run([output], dict(feed), options)[0])
        except Exception as error:  # noqa: BLE001 - onnxruntime has a dozen of its own, without a common one
            raise EmozooError(f"{self._name} is damaged: it cannot be run ({one_line(error)})") from error

    @contextlib.contextmanager
    def limited(self) -> Iterator[Any]:
        """Options for `run` that end it after `LONGEST` seconds. Raises EmozooError then."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        timer = threading.Timer(LONGEST, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield options
        except EmozooError:
            if options.terminate:
                raise EmozooError(f"{self._name} is refused: one window takes it more than {LONGEST} s") from None
            raise
        finally:
            timer.cancel()

    @property
    def _session(self) -> Any:
        """The onnxruntime.InferenceSession of this process."""
        process, session = self._sessions
        if process != os.getpid():
            session = _session(self._data, self._name)
            self._sessions = (os.getpid(), session)
        return session


def _session(data: bytes, name: str) -> Any:
    """An onnxruntime.InferenceSession, within a bound of memory."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # emozoo.inference.batches answers a batch on each core
    options.log_severity_level = 4
    if _bound_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        # From memory: what was checked is what runs, and a path to another file would lead nowhere. Nothing is computed
        # before it can be stopped.
        return onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
        )
    except Exception as error:  # noqa: BLE001 - onnxruntime has a dozen of its own, without a common one
        raise EmozooError(f"{name} is damaged: {one_line(error)}") from error


@functools.cache
def _bound_memory() -> bool:
    """Bounds what graphs may take of the machine's memory, in this process; whether that can be done here."""
    import onnxruntime as runtime

    most = MEMORY * (1 + cores())
    with contextlib.suppress(ValueError, OSError, AttributeError):  # not every system tells
        most = min(most, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    usual = dict.fromkeys(("arena_extend_strategy", "initial_chunk_size_bytes", "max_dead_bytes_per_chunk"), -1)
    kind = runtime.OrtMemoryInfo("Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT)
    try:
        runtime.create_and_register_allocator(kind, runtime.OrtArenaCfg({"max_mem": most, **usual}))
    except Exception:  # noqa: BLE001 - the program that emozoo is a part of has set a bound of its own
        return False
    return True
