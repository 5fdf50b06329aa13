"""Tells speech from pauses, with Silero VAD (the extra `vad`; MIT licence).

Of its models the ONNX file is taken, which its package holds and onnxruntime runs: nothing is fetched, unpickled or run as
code, as its TorchScript file would be. webrtcvad needs less, but has seen no release since 2017.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections import deque
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window import SAMPLING_RATE

FRAME = 512
"""Samples at 16 kHz that Silero VAD hears at a time."""
THRESHOLD = 0.5
LEAST_FRAMES = 8
"""Silero's own: from which probability a frame is speech, and how many make speech, 0.25 s. Fewer are a click or a cough."""


class SpeechDetector:
    """Where somebody speaks, in sound that comes block by block, of which windows are asked for in order."""

    def __init__(self) -> None:
        """Raises EmozooError where the extra is not installed."""
        self._model = _load()
        self._held = np.zeros(0, np.float32)
        self._count = 0
        """Frames that were heard."""
        self._speech: deque[int] = deque()
        """Numbers of the frames of speech, without those before the window that was asked for last."""

    def push(self, block: np.ndarray) -> None:
        """The next sound at 16 kHz, float32 [samples]."""
        import torch

        self._held = np.concatenate([self._held, block])
        frames = len(self._held) // FRAME
        for frame in self._held[: frames * FRAME].reshape(frames, FRAME):
            if self._model(torch.from_numpy(frame), SAMPLING_RATE).item() >= THRESHOLD:
                self._speech.append(self._count)
            self._count += 1
        self._held = self._held[frames * FRAME :]

    def heard(self, start: int, end: int) -> bool:
        """Whether somebody speaks between two samples; later questions may not start earlier."""
        while self._speech and self._speech[0] * FRAME < start:
            self._speech.popleft()
        inside = itertools.takewhile(lambda number: (number + 1) * FRAME <= end, self._speech)
        return sum(1 for _ in inside) >= LEAST_FRAMES


def _load() -> Any:
    for module in ("silero_vad", "onnxruntime"):
        if importlib.util.find_spec(module) is None:
            raise EmozooError(f"finding pauses needs {module}: pip install 'emozoo[vad]'")
    import torch

    threads = torch.get_num_threads()
    try:
        import silero_vad  # which sets them to 1, for all of the process

        return silero_vad.load_silero_vad(onnx=True)
    finally:
        torch.set_num_threads(threads)
