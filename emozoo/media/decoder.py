"""FFmpeg and decord in processes of their own: `Decoder`, and `Video` for frames.

Both are C code, and files come from strangers. A file that crashes them, hangs them or asks for all memory gets an error;
the next file gets another process. `emozoo.media.decoders.process` runs there; its answers are never unpickled.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.probe import ContainerFacts
from emozoo.media.files import Warn, existing_file, ignore
from emozoo.media.window import Crop
from emozoo.media.window_shape import DEFAULT_GRID, SAMPLING_RATE, FrameGrid
from emozoo.paths import cores

TIMEOUT = 20.0
"""Seconds that decoding a file may take beyond the length of what it gives."""
BYTES_A_SECOND = 2e7
"""That the slowest disk reads of a file. A video is read once before its first frame."""
FRAMES_AT_ONCE = 400
BYTES_AT_ONCE = 2**26
"""Of frames that are asked for at a time, at most."""
LARGEST_ARRAY = 2**28
"""Bytes that a process may answer with."""
DTYPES = ("float32", "float64", "uint8")
FILES_A_PROCESS = 500
"""After so many, it is replaced, and what a decoder leaks goes with it."""


class _Ended(Exception):
    """The process has ended; says why."""


class _Process:
    """A process that decodes, and its pipes."""

    def __init__(self) -> None:
        places = os.pathsep.join(place for place in sys.path if place)
        self._popen = subprocess.Popen(
            # -P: nothing is imported from the user's working folder.
            [sys.executable, "-P", "-m", "emozoo.media.decoders.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"},
        )
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._stdin, self._stdout = self._popen.stdin, cast(BufferedReader, self._popen.stdout)
        self.files = 0

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """Ends it at once; from any thread."""
        self._popen.kill()

    def end(self) -> None:
        """Ends it, and frees what it held."""
        self._popen.kill()
        for stream in (self._stdin, self._stdout):
            with suppress(OSError):
                stream.close()
        self._popen.wait()

    def tell(self, message: dict[str, Any]) -> None:
        """Raises _Ended where the process has ended."""
        try:
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()
        except (OSError, ValueError):  # the pipe is broken, or closed at exit
            raise self._ended() from None

    def ask(self, message: dict[str, Any], seconds: float) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The answer, and its arrays. Raises _Ended where the process dies, TimeoutError where it had to be ended."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.kill()

        watch = threading.Timer(seconds, stop)
        watch.daemon = True
        watch.start()
        try:
            self.tell(message)
            return self._answer()
        except _Ended:
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            watch.cancel()

    def _answer(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        line = self._stdout.readline(2**20)
        if not line.endswith(b"\n"):
            raise self._ended()
        try:
            answer = json.loads(line)
            shapes = [(dtype, tuple(map(int, shape))) for dtype, shape in answer["arrays"]]
        except (ValueError, KeyError, TypeError):
            raise self._ended() from None
        arrays = []
        for dtype, shape in shapes:
            if dtype not in DTYPES or min(shape) < 0 or math.prod(shape) * np.dtype(dtype).itemsize > LARGEST_ARRAY:
                raise self._ended()
            array = np.empty(shape, dtype)
            if array.size and self._stdout.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
                raise self._ended()
            arrays.append(array)
        return answer, arrays

    def _ended(self) -> _Ended:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(1)
        self.end()
        code = self._popen.returncode
        return _Ended(f"signal {-code}" if code < 0 else f"exit status {code}")


_idle: list[_Process] = []
_lock = threading.Lock()


def _take() -> _Process:
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.alive:
                return process
            process.end()
    return _Process()


def _give_back(process: _Process) -> None:
    with _lock:
        if process.files < FILES_A_PROCESS and len(_idle) < cores():
            _idle.append(process)
            return
    process.end()


def prepare() -> None:
    """Starts a process that will soon be needed, and does not wait for it."""
    if not _idle:
        with suppress(OSError):
            _give_back(_Process())


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


def _forget() -> None:
    """In a forked process: the decoding processes belong to its parent."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Decoder:
    """Decodes the sound and the frames of one file. A context manager; not for two threads at a time.

    Each method raises EmozooError, naming the file, where it cannot be decoded, takes longer than `timeout` seconds beyond
    the length of what it gives, or ends its process.
    """

    def __init__(self, warn: Warn = ignore, timeout: float | None = None) -> None:
        """`warn` is told what is wrong with a file that can be decoded all the same."""
        self.warn = warn
        self._timeout = TIMEOUT if timeout is None else timeout
        self._process: _Process | None = None
        self._owner = os.getpid()
        self._spent = 0.0
        """Seconds that the process has worked for the file."""
        self._reached = 0.0
        """Seconds of the file that were decoded."""

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            with suppress(_Ended):
                process.tell({"do": "close"})
                _give_back(process)

    @property
    def is_used(self) -> bool:
        """Whether the file needed the process: soundfile reads others."""
        return self._process is not None

    def kill(self) -> None:
        """Ends the process: a call that waits for it raises EmozooError. From any thread."""
        if process := self._process:
            process.kill()

    def probe(self, path: str | Path) -> ContainerFacts:
        """The tracks and the length of a file that soundfile does not read."""
        facts, _ = self._ask(path, {"do": "probe"})
        return ContainerFacts(**facts)

    def sound(
        self, path: str | Path, start: float | None, end: float | None, warn: Warn | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """As `emozoo.media.decoders.soundtrack.container_sound`: sampling rate and mono sound float32 [samples], piece
        by piece."""
        request: dict[str, Any] = {"do": "sound", "start": start, "end": end}
        while True:
            rate, pieces = self._ask(path, request, warn=warn)
            if not pieces:
                return
            self._reached += len(pieces[0]) / rate
            yield rate, pieces[0]
            request = {"do": "more sound"}

    def video(self, path: str | Path, grid: FrameGrid = DEFAULT_GRID) -> Video:
        """The frames of the file."""
        return Video(path, self, grid)

    def _ask(
        self, path: str | Path, request: dict[str, Any], reach: float = 0.0, warn: Warn | None = None
    ) -> tuple[Any, list[np.ndarray]]:
        """The value and the arrays that a request gives, for which the file is gone through up to second `reach`."""
        self._reached = max(self._reached, reach)
        place = existing_file(path)
        size = os.path.getsize(place)
        if self._process is None:
            self._process = self._begin(path)
        begun = time.monotonic()
        left = self._timeout + self._reached + size / BYTES_A_SECOND - self._spent
        try:
            answer, arrays = self._process.ask({**request, "path": place}, max(left, 0.1))
        except TimeoutError:
            self._process = None
            raise EmozooError(
                f"{path} takes {self._timeout:g} s longer to decode than it lasts: leave it out, or allow more time "
                "(--timeout)"
            ) from None
        except _Ended as error:
            self._process = None
            raise EmozooError(
                f"{path} ends the process that decodes it ({error}): it is damaged, or made to do harm; leave it out"
            ) from None
        finally:
            self._spent += time.monotonic() - begun
        for text in answer["warnings"]:
            (warn or self.warn)(str(text))
        if answer["error"] is not None:
            raise EmozooError(str(answer["error"]).replace(place, os.fspath(path)))
        return answer["value"], arrays

    @staticmethod
    def _begin(path: str | Path) -> _Process:
        try:
            process = _take()
        except OSError as error:
            raise EmozooError(f"{path}: no process can be started to decode it ({error.strerror or error})") from error
        process.files += 1
        return process


class Video:
    """`emozoo.media.decoders.video.Video` in a `Decoder`'s process: the frames of one file, for any number of spans."""

    def __init__(self, path: str | Path, decoder: Decoder | None = None, grid: FrameGrid = DEFAULT_GRID) -> None:
        self.path, self._decoder, self.grid = path, decoder or Decoder(), grid
        self.seconds: float = self._decoder._ask(path, {"do": "video", "grid": asdict(grid)})[0]
        """When the last frame ends."""

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """Says for which starts and samples `frames` will be asked, once each. Other frames are passed over."""
        self._decoder._ask(self.path, {"do": "expect", "spans": [(float(start), int(count)) for start, count in spans]})

    def frames(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray:
        """The frames beside `samples` of 16 kHz sound from `start`: uint8 [grid.count(samples), height, width, 3]."""
        return self._frames(start, samples, crop, "frames")

    def face_frames(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray:
        """As `frames`, each cropped to the face that is found within `crop`: see `emozoo.media.decoders.face.FaceFrames`."""
        return self._frames(start, samples, crop, "face frames")

    def _frames(self, start: float, samples: int, crop: Crop | None, kind: str) -> np.ndarray:
        given = []
        step, size = self.grid.step, (self.grid.height, self.grid.width, 3)
        count = self.grid.count(samples)
        at_once = max(1, min(FRAMES_AT_ONCE, BYTES_AT_ONCE // math.prod(size)))
        for first in range(0, count, at_once):
            number = min(at_once, count - first)
            begin = start + first * step / SAMPLING_RATE
            request = {
                "do": kind,
                "start": begin if first == 0 else min(begin, self.seconds - 1e-3),
                "samples": number * step,
                "crop": None if crop is None else asdict(crop),
            }
            reach = begin + number * step / SAMPLING_RATE
            _, (frames,) = self._decoder._ask(self.path, request, reach)
            given.append(frames.reshape(number, *size))
        return np.concatenate(given)
