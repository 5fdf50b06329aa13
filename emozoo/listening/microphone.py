"""The microphone that the system has chosen, through sounddevice (the extra `microphone`) and PortAudio."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.resampling import check_rate

log = logging.getLogger("emozoo")

WAITING_SECONDS = 60
BLOCKS_A_SECOND = 20
"""Sound that may wait to be answered, and how many blocks a second of it comes in."""


def open_microphone(rate: int | None = None, channels: int | None = None) -> tuple[int, Iterator[np.ndarray]]:
    """The sampling rate (None: the device's own) and chunks int16 [samples, channels] without end; recording begins when the
    first is asked for. Raises EmozooError where there is no sounddevice, PortAudio or microphone, where the microphone goes
    away, and where a minute of sound waits: rather than to lose some, or to take ever more memory."""
    sounddevice = _import_sounddevice()
    try:
        rate = round(sounddevice.query_devices(kind="input")["default_samplerate"]) if rate is None else rate
        check_rate(rate)
        sounddevice.check_input_settings(samplerate=rate, channels=channels or 1, dtype="int16")
    except (sounddevice.PortAudioError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise EmozooError(f"no microphone can be used ({reason}): connect one, or pipe sound in") from error
    return rate, _record(sounddevice, rate, channels or 1)


def _record(sounddevice: Any, rate: int, channels: int) -> Iterator[np.ndarray]:
    waiting: queue.SimpleQueue[np.ndarray | str] = queue.SimpleQueue()

    def heard(block: np.ndarray, frames: int, time: Any, status: Any) -> None:  # in a thread of PortAudio's
        if status.input_overflow:
            log.warning("the microphone's sound has a gap: the machine was too busy to take it")
        if waiting.qsize() > WAITING_SECONDS * BLOCKS_A_SECOND:
            waiting.put("this machine is too slow for the model: take a smaller one")
            raise sounddevice.CallbackStop
        waiting.put(block.copy())

    def stopped() -> None:
        waiting.put("the microphone has gone: connect it again")

    try:
        with sounddevice.InputStream(
            samplerate=rate,
            channels=channels,
            dtype="int16",
            blocksize=max(1, rate // BLOCKS_A_SECOND),
            callback=heard,
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
