"""The process behind `emozoo.media.decoder`: reads requests, decodes with FFmpeg and decord, and writes the results.

A request is a line of JSON. An answer is a line of JSON, then the bytes of the arrays that it names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.face import FaceFrames
from emozoo.media.decoders.probe import probe_container
from emozoo.media.decoders.soundtrack import container_sound
from emozoo.media.decoders.video import Video
from emozoo.media.window import WHOLE_FRAME, Crop
from emozoo.media.window_shape import FrameGrid

MEMORY = 2**31
"""Bytes that a process may take."""

Answer = tuple[Any, list[np.ndarray]]
"""A value that JSON can hold, and arrays."""


class Session:
    """What is open of a file."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._pieces: Iterator[tuple[int, np.ndarray]] = iter(())
        self._video: Video | None = None
        self._faces: dict[Crop, FaceFrames] = {}

    def answer(self, request: dict[str, Any]) -> Answer:
        """The value and arrays of a request, which names its file. Raises what the decoders raise."""
        path = request["path"]
        match request["do"]:
            case "probe":
                return asdict(probe_container(path)), []
            case "sound":
                self._pieces = container_sound(path, request["start"], request["end"], self.warnings.append)
                return self._next_piece()
            case "more sound":
                return self._next_piece()
            case "video":
                self._video = Video(path, self.warnings.append, FrameGrid(**request["grid"]))
                self._faces = {}
                return self._video.seconds, []
            case kind:
                assert self._video is not None
                return self._answer_on_video(self._video, kind, request)

    def _next_piece(self) -> Answer:
        rate, piece = next(self._pieces, (0, None))
        return rate, [] if piece is None else [piece]

    def _answer_on_video(self, video: Video, kind: str, request: dict[str, Any]) -> Answer:
        if kind == "expect":
            video.expect([(start, samples) for start, samples in request["spans"]])
            self._faces = {}
            return None, []
        crop = WHOLE_FRAME if request["crop"] is None else Crop(**request["crop"])
        span = request["start"], request["samples"]
        if kind == "face frames":
            return None, [self._cropped_to_face(video, crop).frames(*span)]
        return None, [video.frames(*span, crop)]

    def _cropped_to_face(self, video: Video, within: Crop) -> FaceFrames:
        if within not in self._faces:
            self._faces[within] = FaceFrames(video, within)
        return self._faces[within]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers until there are no more requests."""
    session = Session()
    for line in requests:
        request = json.loads(line)
        if request["do"] == "close":
            session = Session()
            continue
        value, error, arrays = None, None, list[np.ndarray]()
        try:
            value, arrays = session.answer(request)
        except Exception as problem:  # noqa: BLE001 - whatever a decoder raises, it is an error of that file
            error = _sentence(request["path"], problem)
        _write(answers, {"value": value, "error": error, "warnings": session.warnings}, arrays)
        session.warnings.clear()


def _sentence(path: str, problem: Exception) -> str:
    if isinstance(problem, EmozooError):
        return str(problem)
    if isinstance(problem, MemoryError):
        return f"{path} takes more memory to decode than any recording: it is damaged; leave it out"
    return f"{path} cannot be decoded ({type(problem).__name__}: {problem}): it is damaged"


def _write(answers: BinaryIO, head: dict[str, Any], arrays: list[np.ndarray]) -> None:
    shapes = [(str(array.dtype), array.shape) for array in arrays]
    answers.write(json.dumps({**head, "arrays": shapes}).encode() + b"\n")
    for array in arrays:
        answers.write(np.ascontiguousarray(array).data)
    answers.flush()


def _limit() -> None:
    """Keeps harm within this process, and ends it with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    parent = os.getppid()

    def follow() -> None:  # a parent that was killed cannot end this process
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not reach the parent
    _limit()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
