"""Speech detection with Silero VAD (the extra `vad`; MIT licence).

Its ONNX model comes with the package: nothing is downloaded or unpickled, as its TorchScript model would be. webrtcvad is
smaller, but has had no release since 2017.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections import deque
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.window import SAMPLING_RATE

FRAME_SAMPLES = 512
"""Samples at 16 kHz in a frame of Silero VAD."""
THRESHOLD = 0.5
"""The probability from which a frame is speech. This and the next are Silero's defaults."""
LEAST_FRAMES = 8
"""Frames that make speech, 0.25 s. Fewer are a click or a cough."""


class SpeechDetector:
    """Finds speech in sound that comes block by block. Windows must be asked for in order."""

    def __init__(self) -> None:
        """Raises EmozooError if the extra is not installed."""
        self._model = _load()
        self._held = np.zeros(0, np.float32)
        self._count = 0
        """Frames so far."""
        self._speech: deque[int] = deque()
        """Numbers of the frames with speech, from the last window on."""

    def push(self, block: np.ndarray) -> None:
        """The next sound at 16 kHz, float32 [samples]."""
        import torch

        self._held = np.concatenate([self._held, block])
        frames = len(self._held) // FRAME_SAMPLES
        for frame in self._held[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES):
            if self._model(torch.from_numpy(frame), SAMPLING_RATE).item() >= THRESHOLD:
                self._speech.append(self._count)
            self._count += 1
        self._held = self._held[frames * FRAME_SAMPLES :]

    def has_speech(self, start: int, end: int) -> bool:
        """Whether somebody speaks between two samples. `start` must not decrease from call to call."""
        while self._speech and self._speech[0] * FRAME_SAMPLES < start:
            self._speech.popleft()
        inside = itertools.takewhile(lambda number: (number + 1) * FRAME_SAMPLES <= end, self._speech)
        return sum(1 for _ in inside) >= LEAST_FRAMES


def _load() -> Any:
    for module in ("silero_vad", "onnxruntime"):
        if importlib.util.find_spec(module) is None:
            raise EmozooError(f"finding pauses needs {module}: pip install 'emozoo[vad]'")
    import torch

    threads = torch.get_num_threads()
    try:
        import silero_vad  # sets the number to 1 for the whole process

        return silero_vad.load_silero_vad(onnx=True)
    finally:
        torch.set_num_threads(threads)
