"""A file becomes a `Clip`: sound as 16 kHz mono, pictures as small frames, cut into the windows a network sees.

Pictures are decoded here, with decord; sound in `emozoo.sound`, whose functions this module passes on. Importing it
costs no more than numpy: decoders are imported on first use. What a sound or a picture means to a network is
`emozoo.features`' business.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.sound import (
    SAMPLING_RATE,
    existing_file,
    open_container,
    open_soundfile,
    picture_stream,
    read_audio,
    stream_audio,
)

__all__ = [
    "FRAMES_PER_WINDOW",
    "FRAME_HEIGHT",
    "FRAME_WIDTH",
    "HOP_SAMPLES",
    "SAMPLES_PER_FRAME",
    "SAMPLING_RATE",
    "WINDOW_SAMPLES",
    "WINDOW_SECONDS",
    "Clip",
    "Crop",
    "Video",
    "cut_window",
    "duration",
    "has_video",
    "read_audio",
    "read_clip",
    "stream_audio",
    "window_starts",
]

WINDOW_SECONDS = 3.0
WINDOW_SAMPLES = 48_000
HOP_SAMPLES = 16_000
FRAMES_PER_WINDOW = 20
FRAME_HEIGHT = 60
FRAME_WIDTH = 100
SAMPLES_PER_FRAME = 2_400
"""One frame stands for 0.15 s of sound."""


@dataclass(frozen=True)
class Clip:
    """What a file, or a span of it, sounds and looks like."""

    waveform: np.ndarray
    """float32 [samples], 16 kHz mono."""
    frames: np.ndarray | None = None
    """uint8 [ceil(samples / 2400), 60, 100, 3], RGB; frame k is the picture at (k + 0.5) * 0.15 s. None: not asked for."""


@dataclass(frozen=True)
class Crop:
    """A part of the picture; edges are fractions of its height and width, from 0 (top, left) to 1 (bottom, right)."""

    top: float
    bottom: float
    left: float
    right: float

    def __post_init__(self) -> None:
        for low, high in ((self.top, self.bottom), (self.left, self.right)):
            if not (0 <= low and high <= 1 and high - low >= 0.04):  # also where one is NaN
                raise EmozooError(f"{self} is no part of a picture: edges lie in 0 to 1, at least 0.04 apart")


SHORTEST_SKIP = 3
"""Pictures."""
WHOLE_PICTURE = Crop(0.0, 1.0, 0.0, 1.0)


def read_clip(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    *,
    video: bool = False,
    crop: Crop | None = None,
) -> Clip:
    """The sound from `start` to `end` (seconds; None: the file's own) and, with `video`, the frames beside it.

    Raises EmozooError where the file cannot give them.
    """
    waveform = read_audio(path, start, end)
    return Clip(waveform, Video(path).frames(start or 0.0, len(waveform), crop) if video else None)


def has_video(path: str | Path) -> bool:
    """Whether the file has moving pictures; a cover picture is none. Raises EmozooError where it is no media file."""
    sound = open_soundfile(path)
    if sound is not None:
        sound.close()
        return False
    with open_container(path) as container:
        return picture_stream(container) is not None


def duration(path: str | Path) -> float:
    """Seconds from the file's first sound or picture to its last. Raises EmozooError where it is no media file."""
    sound = open_soundfile(path)
    if sound is not None:
        with sound:
            return sound.frames / sound.samplerate
    with open_container(path) as container:
        if container.duration:
            return container.duration / 1e6
        # A recording that was streamed to disk, as browsers do, does not say.
        import av

        end = 0.0
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except av.FFmpegError as error:
            raise EmozooError(f"{path} is damaged or cut off: copy or convert it again") from error
        return end - (container.start_time or 0) / 1e6


def window_starts(samples: int) -> list[int]:
    """The first sample of every window of a clip: one a second while it fits, and a last one that ends with the clip.

    A clip shorter than a window has one, at 0.
    """
    last = max(samples - WINDOW_SAMPLES, 0)
    starts = list(range(0, last + 1, HOP_SAMPLES))
    return starts if starts[-1] == last else [*starts, last]


def cut_window(waveform: np.ndarray, frames: np.ndarray | None, start: int) -> tuple[np.ndarray, np.ndarray | None]:
    """One window of a clip: sound [48000] of the same dtype and, where there are frames, uint8 [20, 60, 100, 3].

    Behind the clip's end lie silence and its last frame. `start` is a sample of the clip; the frames are those nearest
    to the window's own moments, so at most 0.075 s off.
    """
    sound = np.zeros(WINDOW_SAMPLES, waveform.dtype)
    piece = waveform[start : start + WINDOW_SAMPLES]
    sound[: len(piece)] = piece
    if frames is None:
        return sound, None
    numbers = (start + SAMPLES_PER_FRAME // 2) // SAMPLES_PER_FRAME + np.arange(FRAMES_PER_WINDOW)
    return sound, frames[np.minimum(numbers, len(frames) - 1)]


class Video:
    """The pictures of one file, for any number of spans. Memory does not grow with the file. Not for two threads at a time.

    Raises EmozooError where the file has no pictures, or they cannot be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        with open_container(path) as container:
            stream = picture_stream(container)
            if stream is None:
                raise EmozooError(f"{path} has no video track: give a video, or use a model that needs sound only")
            import av

            first: Any = None
            stored: list[int | None] = []  # when each picture is shown, in the order in which they are stored
            try:
                for packet in container.demux(stream):
                    first = first or next(iter(packet.decode()), None)
                    stored += [packet.pts] if packet.size else []
            except av.FFmpegError as error:
                raise _damaged(path) from error
            if first is None:
                raise _damaged(path)
            zero = (container.start_time or 0) / 1e6
            fps = float(stream.average_rate or stream.guessed_rate or 25)
            exact = container.format.name[:3] in ("mov", "mat")  # MP4, MOV, Matroska, WebM
            shown = sorted(pts for pts in stored if pts is not None)
            self._times = np.array(shown) * float(first.time_base) - zero
            if len(shown) < len(stored):
                self._times = np.arange(len(stored)) / fps
            width = first.width * float(stream.sample_aspect_ratio or 1)
            # decord turns the pictures upright
            self._size = (first.height, width) if first.rotation % 180 else (width, first.height)
            # decord finds its way only where pictures are stored in the order in which they are shown, or are H.264 with
            # exact times; elsewhere (DivX or HEVC with B frames) its jumps land beside the picture asked for.
            self._jumps = shown == stored or (exact and stream.codec_context.name == "h264")
        self.seconds = float(self._times[-1]) + 1 / fps
        """When the last picture ends."""
        self._pictures: dict[tuple[int, int], _Pictures] = {}
        self._expected: np.ndarray | None = None

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """Says that `frames` will be asked for these starts and samples, once: all other pictures need not be scaled, which
        is most of the work. What is asked for nevertheless is answered as well, but may cost another pass over the file."""
        self._expected = np.unique(np.concatenate([self._numbers(*span) for span in spans]))
        self._pictures = {}

    def _numbers(self, start: float, samples: int) -> np.ndarray:
        """Which picture is shown beside each frame of a span: int64 [ceil(samples / 2400)]."""
        places = np.arange(math.ceil(samples / SAMPLES_PER_FRAME)) + 0.5
        moments = start + places * SAMPLES_PER_FRAME / SAMPLING_RATE
        return np.maximum(np.searchsorted(self._times, moments + 1e-6, side="right") - 1, 0)

    def frames(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray:
        """The frames beside `samples` of 16 kHz sound from `start`: uint8 [ceil(samples / 2400), 60, 100, 3].

        Frame k is the picture at start + (k + 0.5) * 0.15 s, or the last one where the video is over by then; it is
        an error where the video is over at `start`. The picture, or the `crop` of it, is scaled to fit, undistorted, with
        black bars. Spans asked for in order of time, which may overlap, cost one pass over the file.
        """
        if not start < self.seconds:
            raise EmozooError(f"{self.path}: the video ends at {self.seconds:.2f} s, before {start:.2f} s")
        numbers = self._numbers(start, samples)
        frames = np.zeros((len(numbers), FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
        for frame, number in zip(frames, numbers, strict=True):
            picture = self._picture(int(number), crop or WHOLE_PICTURE)
            height, width = picture.shape[:2]
            top, left = (FRAME_HEIGHT - height) // 2, (FRAME_WIDTH - width) // 2
            frame[top : top + height, left : left + width] = picture
        return frames

    def _picture(self, number: int, crop: Crop) -> np.ndarray:
        """The cropped picture, scaled so that it just fits: uint8 [60 or less, 100 or less, 3]."""
        down, across = crop.bottom - crop.top, crop.right - crop.left
        scale = min(FRAME_WIDTH / (across * self._size[0]), FRAME_HEIGHT / (down * self._size[1]))
        width, height = (max(1, round(side * scale)) for side in self._size)
        if (width, height) not in self._pictures:
            self._pictures[width, height] = _Pictures(self.path, width, height, self._jumps, self._expected)
        top, left = min(round(crop.top * height), height - 1), min(round(crop.left * width), width - 1)
        picture = self._pictures[width, height].at(number)
        return picture[top:, left:][
            : min(FRAME_HEIGHT, max(1, round(down * height))), : min(FRAME_WIDTH, max(1, round(across * width)))
        ]


class _Pictures:
    """The pictures of a file at one size, by number. The latest 32 MiB are kept: spans may overlap at no cost."""

    def __init__(
        self, path: str | Path, width: int, height: int, jumps: bool, expected: np.ndarray | None = None
    ) -> None:
        """`expected`: the numbers that will be asked for, in order; None: any may be."""
        self._path, self._width, self._height, self._jumps, self._expected = path, width, height, jumps, expected
        self._decord = _import_decord()
        self._latest: dict[int, np.ndarray] = {}
        self._most = 2**25 // (width * height * 3) + 1
        self._open()

    def _open(self) -> None:
        name = existing_file(self._path)
        try:
            # Where pictures are expected, other processes decode other files: a second thread would only cost.
            threads = 2 if self._expected is None else 1
            self._reader = self._decord.VideoReader(name, width=self._width, height=self._height, num_threads=threads)
        except Exception as error:
            raise EmozooError(
                f"{self._path}: the video cannot be decoded, or is cut off: convert it to MP4 with H.264"
            ) from error
        self._next = 0
        self._latest.clear()

    def at(self, number: int) -> np.ndarray:
        """uint8 [height, width, 3]."""
        number = min(number, len(self._reader) - 1)
        if number in self._latest:
            return self._latest[number]
        back = self._next - number
        try:
            if self._jumps and (back > 0 or back < -256):
                self._reader.seek_accurate(number)
                self._next = number
                self._latest.clear()
            elif back > 0:
                self._open()
            while self._next <= number:
                if unneeded := self._unneeded(number):
                    self._reader.skip_frames(unneeded)
                    self._next += unneeded
                picture = self._reader.next().asnumpy()
                if picture.shape != (self._height, self._width, 3):  # its size changes on the way, or it is slanted
                    raise _damaged(self._path)
                self._latest[self._next] = picture
                if len(self._latest) > self._most:
                    del self._latest[next(iter(self._latest))]
                self._next += 1
        except StopIteration:
            # A few stored pictures may be no pictures (DivX' place holders); many more are a file that is cut off.
            if not self._latest or len(self._reader) - self._next > 25:
                raise _damaged(self._path) from None
        except self._decord.DECORDError as error:
            raise _damaged(self._path) from error
        return self._latest[next(reversed(self._latest))]

    def _unneeded(self, number: int) -> int:
        """How many pictures from the next one to `number` to skip, as nobody will ask for them: none where decord does not
        find its way, nor a few, which are scaled in less time than decord takes to skip, nor near the end, where the last
        one that can be decoded stands for those that cannot."""
        if self._expected is None or not self._jumps or number >= len(self._reader) - 32:
            return 0
        following = np.searchsorted(self._expected, self._next)
        count = int(min([number, *self._expected[following : following + 1]])) - self._next
        return count if count >= SHORTEST_SKIP else 0


def _import_decord() -> Any:
    os.environ.setdefault("DECORD_DUPLICATE_WARNING_THRESHOLD", "1.0")  # says on standard error what it then raises
    try:
        import decord
    except Exception as error:  # no wheel for this machine, or one whose libraries do not load
        raise EmozooError(
            f"Video needs decord, which does not load here ({error}); there is none for Macs with Apple processors. "
            "Everything that needs sound only still works"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def _damaged(path: str | Path) -> EmozooError:
    return EmozooError(f"{path}: the video is damaged or cut off: copy or convert it again")
