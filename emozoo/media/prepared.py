"""The sound and the frames of a file as a `Preparation` wants them.

Training and prediction both read clips through this module, so their clips cannot be prepared differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoder import Decoder, Video
from emozoo.media.denoise import denoised
from emozoo.media.files import Warn
from emozoo.media.mixing import Mixer, checked_mono
from emozoo.media.preparation import Preparation
from emozoo.media.reading import has_sound, has_video, read_audio, silence_beside, stream_audio
from emozoo.media.resampling import check_rate
from emozoo.media.sound import at_sampling_rate, below_rate
from emozoo.media.window import Crop
from emozoo.media.window_shape import DEFAULT_GRID, SAMPLING_RATE, FrameGrid

LAST_MOMENT = 1e-3
"""Seconds before the end of a video at which its last frame is still shown."""
LOUDEST = 10.0
"""Of full scale, which no mix exceeds so far: such samples are integers that were made floats."""
SILENT_BLOCK = 10 * SAMPLING_RATE
"""Samples of silence that are handed on at a time."""


def read_prepared_audio(
    path: str | Path,
    start: float | None,
    end: float | None,
    preparation: Preparation,
    decoder: Decoder,
    *,
    optional: bool = False,
) -> np.ndarray:
    """The sound from `start` to `end` (seconds; None: the file's own): float32 [samples], 16 kHz.

    `optional`: a video without a sound track gives silence. Raises EmozooError where the file cannot give the sound.
    """
    if optional and not has_sound(path, decoder):
        return silence_beside(path, start, end, decoder)
    sound = read_audio(path, start, end, decoder=decoder)
    return np.concatenate(list(denoised([sound]))) if preparation.denoise else sound


def stream_prepared_audio(
    path: str | Path, preparation: Preparation, decoder: Decoder, *, silent_seconds: float = 0.0
) -> Iterator[np.ndarray]:
    """The sound of a whole file in blocks, in constant memory: float32 [samples] each, 16 kHz.

    A file without a sound track gives `silent_seconds` of silence, if that is above 0. Raises EmozooError where the file
    cannot give the sound.
    """
    if silent_seconds and not has_sound(path, decoder):
        return _silence(silent_seconds)
    blocks = stream_audio(path, decoder=decoder)
    return denoised(blocks) if preparation.denoise else blocks


def prepare_samples(
    samples: np.ndarray, rate: int, what: str, preparation: Preparation, warn: Warn
) -> Iterator[np.ndarray]:
    """Sound in memory in blocks: float32 [samples] each, 16 kHz, as a file of the same samples gives them.

    `samples` are [samples] or [samples, channels], as in `emozoo.media.mixing.checked_mono`, `rate` a second; errors call
    them `what`. Raises EmozooError for samples of another kind and for a rate that no sound has.
    """
    check_rate(rate)
    mixer = Mixer()
    mono = checked_mono(samples, what, mixer)
    if not len(mono):
        raise EmozooError(f"{what} holds no sound, its length is zero: record or export it again")
    if mixer.remark:
        warn(mixer.remark)
    if (peak := float(np.abs(mono).max())) > LOUDEST:
        warn(f"its samples reach {peak:.3g} times full scale: samples that are floats lie between -1 and 1")
    if rate < SAMPLING_RATE:
        warn(below_rate(rate))
    blocks = at_sampling_rate([(rate, mono)], 10.0, warn)
    return denoised(blocks) if preparation.denoise else blocks


class PreparedFrames:
    """The frames of one file, whole or cropped to the face, for any number of spans."""

    def __init__(
        self,
        path: str | Path,
        preparation: Preparation,
        decoder: Decoder,
        *,
        optional: bool = False,
        grid: FrameGrid = DEFAULT_GRID,
    ) -> None:
        """`optional`: the file may lack a video track. Raises EmozooError where it lacks one otherwise, or where the video
        cannot be decoded."""
        self._crops_to_face = preparation.crop == "face"
        self._video: Video | None = None if optional and not has_video(path, decoder) else decoder.video(path, grid)

    @property
    def seconds(self) -> float:
        """When the last frame ends; 0 where there is no video."""
        return self._video.seconds if self._video else 0.0

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """As `emozoo.media.decoder.Video.expect`."""
        if self._video:
            self._video.expect(spans)

    def read(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray | None:
        """The frames beside `samples` of 16 kHz sound from second `start`: uint8 [grid.count(samples), height, width, 3].

        None where there is no video. A face is searched within `crop`. Raises EmozooError where the video ends before
        `start`, or cannot be decoded.
        """
        if self._video is None:
            return None
        return (self._video.face_frames if self._crops_to_face else self._video.frames)(start, samples, crop)

    def read_or_hold(self, start: float, samples: int) -> np.ndarray | None:
        """As `read`, but a video that ends before `start` holds its last frame."""
        return self.read(min(start, self.seconds - LAST_MOMENT), samples)


def _silence(seconds: float) -> Iterator[np.ndarray]:
    """Silence in blocks, float32 [samples] each."""
    left = max(1, round(seconds * SAMPLING_RATE))
    while left > 0:
        yield np.zeros(min(left, SILENT_BLOCK), np.float32)
        left -= SILENT_BLOCK
