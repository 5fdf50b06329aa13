"""The system's default microphone, through sounddevice (the extra `microphone`) and PortAudio."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.resampling import check_rate
from emozoo.text import one_line

log = logging.getLogger("emozoo")

WAITING_SECONDS = 60
"""How much sound may wait for an answer."""
BLOCKS_PER_SECOND = 20


def open_microphone(rate: int | None = None, channels: int | None = None) -> tuple[int, Iterator[np.ndarray]]:
    """The sampling rate (by default the device's own), and endless chunks int16 [samples, channels].

    Recording begins when the first chunk is asked for. Raises EmozooError if sounddevice, PortAudio or a microphone is
    missing, if the microphone is disconnected, and if a minute of sound waits for an answer: the machine is too slow.
    """
    sounddevice = _import_sounddevice()
    try:
        rate = round(sounddevice.query_devices(kind="input")["default_samplerate"]) if rate is None else rate
        check_rate(rate)
        sounddevice.check_input_settings(samplerate=rate, channels=channels or 1, dtype="int16")
    except (sounddevice.PortAudioError, ValueError) as error:
        raise EmozooError(f"no microphone can be used ({one_line(error)}): connect one, or pipe sound in") from error
    return rate, _record(sounddevice, rate, channels or 1)


def _record(sounddevice: Any, rate: int, channels: int) -> Iterator[np.ndarray]:
    waiting: queue.SimpleQueue[np.ndarray | str] = queue.SimpleQueue()

    def record(block: np.ndarray, frames: int, time: Any, status: Any) -> None:  # in a thread of PortAudio
        if status.input_overflow:
            log.warning("the microphone's sound has a gap: the machine was too busy")
        if waiting.qsize() > WAITING_SECONDS * BLOCKS_PER_SECOND:
            waiting.put("this machine is too slow for the model: use a smaller model")
            raise sounddevice.CallbackStop
        waiting.put(block.copy())

    def stopped() -> None:
        waiting.put("the microphone was disconnected: connect it again")

    try:
        with sounddevice.InputStream(
            samplerate=rate,
            channels=channels,
            dtype="int16",
            blocksize=max(1, rate // BLOCKS_PER_SECOND),
            callback=record,
            finished_callback=stopped,
        ):
            log.info("listening; Ctrl-C ends it")
            while not isinstance(chunk := waiting.get(), str):
                yield chunk
            raise EmozooError(chunk)
    except sounddevice.PortAudioError as error:
        raise EmozooError(f"the microphone cannot be used ({' '.join(str(error).split())}): pipe sound in") from error


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise EmozooError(f"a microphone needs sounddevice ({error}): pip install 'emozoo[microphone]'") from error
    except OSError as error:
        raise EmozooError(
            f"a microphone needs PortAudio ({error}): install it, on Debian with apt-get install libportaudio2"
        ) from error
    return sounddevice
