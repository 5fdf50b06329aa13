"""Speech detection with Silero VAD (the extra `vad`; MIT licence).

Its ONNX network comes with the package and is run by onnxruntime: nothing is downloaded or unpickled, and torch is not
imported. webrtcvad is smaller, but has had no release since 2017.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError

FRAME_SAMPLES = 512
"""Samples at 16 kHz in a frame of Silero VAD."""
CONTEXT_SAMPLES = 64
"""Samples before a frame that the network takes with it."""
STATE = (1, 1, 128)
"""The shape of each of its two states."""
THRESHOLD = 0.5
"""The probability from which a frame is speech. This and the next are Silero's defaults."""
LEAST_FRAMES = 8
"""Frames that make speech, 0.25 s, or half of a shorter clip. Fewer are a click or a cough."""
NETWORK = "silero_vad_16k_sequence.onnx"


def is_installed() -> bool:
    """Whether the extra `vad` is."""
    return all(importlib.util.find_spec(module) is not None for module in ("silero_vad", "onnxruntime"))


class SpeechDetector:
    """Finds speech in sound that comes block by block. Spans must be asked for in order."""

    def __init__(self) -> None:
        """Raises EmozooError if the extra is not installed."""
        _session(os.getpid())
        self._held = np.zeros(0, np.float32)
        """What is not yet a frame, behind the context of the next one."""
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._states = (np.zeros(STATE, np.float32), np.zeros(STATE, np.float32))
        self._frames = 0
        self._speech_frames = 0
        self._recent: deque[int] = deque()
        """Numbers of the frames with speech, from the last span on."""

    @property
    def share(self) -> float:
        """Of all sound so far, how much is speech, from 0 to 1."""
        return self._speech_frames / self._frames if self._frames else 0.0

    def push(self, block: np.ndarray) -> None:
        """The next sound at 16 kHz, float32 [samples]."""
        held = np.concatenate([self._held, block])
        count = len(held) // FRAME_SAMPLES
        self._held = held[count * FRAME_SAMPLES :]
        if not count:
            return
        sound = np.concatenate([self._context, held[: count * FRAME_SAMPLES]])
        self._context = sound[-CONTEXT_SAMPLES:]
        frames = np.lib.stride_tricks.sliding_window_view(sound, CONTEXT_SAMPLES + FRAME_SAMPLES)[::FRAME_SAMPLES]
        feed = {"input": np.ascontiguousarray(frames), "h": self._states[0], "c": self._states[1]}
        probabilities, *states = _session(os.getpid()).run(None, feed)
        self._states = (states[0], states[1])
        found = np.flatnonzero(probabilities >= THRESHOLD)
        self._recent.extend((found + self._frames).tolist())
        self._speech_frames += len(found)
        self._frames += count

    def share_of(self, start: int, end: int) -> float:
        """Of the sound between two samples, how much is speech, from 0 to 1: 0 for less than makes speech. `start` must not
        decrease from call to call."""
        while self._recent and self._recent[0] * FRAME_SAMPLES < start:
            self._recent.popleft()
        frames = max(1, (end - start) // FRAME_SAMPLES)
        inside = sum((number + 1) * FRAME_SAMPLES <= end for number in self._recent)
        return min(1.0, inside / frames) if inside >= max(1, min(LEAST_FRAMES, frames // 2)) else 0.0


@functools.lru_cache(maxsize=1)  # a session does not survive a fork
def _session(process: int) -> Any:
    """The network, for one process and all of its threads."""
    if not is_installed():
        missing = "silero-vad" if importlib.util.find_spec("silero_vad") is None else "onnxruntime"
        raise EmozooError(f"telling speech from other sound needs {missing}: pip install 'emozoo[vad]'")
    import onnxruntime

    spec = importlib.util.find_spec("silero_vad")
    path = Path(str(spec and spec.origin)).parent / "data" / NETWORK
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime has a dozen of its own, without a common one
        raise EmozooError(
            "telling speech from other sound needs another silero-vad: pip install -U 'emozoo[vad]'"
        ) from error
