"""The pictures of a file, with decord: part of `emozoo.media`, which is what the rest of emozoo imports.

decord is imported on first use. Cropping to a face is `emozoo.face`'s work.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from emozoo.errors import EmozooError
from emozoo.sound import SAMPLING_RATE, existing_file, open_container, picture_stream

if TYPE_CHECKING:
    from emozoo.face import FaceFrames

FRAME_HEIGHT = 60
FRAME_WIDTH = 100
SAMPLES_PER_FRAME = 2_400
"""One frame stands for 0.15 s of sound."""


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
            self.times = np.array(shown) * float(first.time_base) - zero
            """When each picture is shown: seconds, rising."""
            if len(shown) < len(stored):
                self.times = np.arange(len(stored)) / fps
            width = first.width * float(stream.sample_aspect_ratio or 1)
            # decord turns the pictures upright
            self._size = (first.height, width) if first.rotation % 180 else (width, first.height)
            # decord finds its way only where pictures are stored in the order in which they are shown, or are H.264 with
            # exact times; elsewhere (DivX or HEVC with B frames) its jumps land beside the picture asked for.
            self._jumps = shown == stored or (exact and stream.codec_context.name == "h264")
        self.seconds = float(self.times[-1]) + 1 / fps
        """When the last picture ends."""
        self._pictures: dict[tuple[int, int], Pictures] = {}
        self._faces: dict[Crop, FaceFrames] = {}
        self._expected: np.ndarray | None = None

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """Says that `frames` will be asked for these starts and samples, once: all other pictures need not be scaled, which
        is most of the work. What is asked for nevertheless is answered as well, but may cost another pass over the file."""
        self._expected = np.unique(np.concatenate([self.numbers(*span) for span in spans]))
        self._pictures, self._faces = {}, {}

    def numbers(self, start: float, samples: int) -> np.ndarray:
        """Which picture is shown beside each frame of a span: int64 [ceil(samples / 2400)]."""
        places = np.arange(math.ceil(samples / SAMPLES_PER_FRAME)) + 0.5
        return self.numbers_at(start + places * SAMPLES_PER_FRAME / SAMPLING_RATE)

    def numbers_at(self, moments: np.ndarray) -> np.ndarray:
        """Which picture is shown at each of the moments, in seconds: int64, as many."""
        return np.maximum(np.searchsorted(self.times, moments + 1e-6, side="right") - 1, 0)

    def pictures(self, rows: int, view: View, expected: np.ndarray | None = None) -> Pictures:
        """The pictures, undistorted and at most `rows` high, each as `view` sees it; `expected` as in `Pictures`."""
        scale = min(1.0, rows / self._size[1])
        width, height = (max(1, round(side * scale)) for side in self._size)
        return Pictures(self.path, width, height, self._jumps, expected, view)

    def frames(self, start: float, samples: int, crop: Crop | None = None, face: bool = False) -> np.ndarray:
        """The frames beside `samples` of 16 kHz sound from `start`: uint8 [ceil(samples / 2400), 60, 100, 3].

        Frame k is the picture at start + (k + 0.5) * 0.15 s, or the last one where the video is over by then; it is
        an error where the video is over at `start`. The picture, or the `crop` of it, is scaled to fit, undistorted, with
        black bars; with `face`, cropped to the face in it, where one is found (`emozoo.face`). Spans asked for in order of
        time, which may overlap, cost one pass over the file.
        """
        if not start < self.seconds:
            raise EmozooError(f"{self.path}: the video ends at {self.seconds:.2f} s, before {start:.2f} s")
        if face:
            return self._face_frames(crop or WHOLE_PICTURE).frames(start, samples)
        numbers = self.numbers(start, samples)
        frames = np.zeros((len(numbers), FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
        for frame, number in zip(frames, numbers, strict=True):
            picture = self._picture(int(number), crop or WHOLE_PICTURE)
            height, width = picture.shape[:2]
            top, left = (FRAME_HEIGHT - height) // 2, (FRAME_WIDTH - width) // 2
            frame[top : top + height, left : left + width] = picture
        return frames

    def _face_frames(self, within: Crop) -> FaceFrames:
        if within not in self._faces:
            from emozoo.face import FaceFrames

            self._faces[within] = FaceFrames(self, within, self._expected)
        return self._faces[within]

    def _picture(self, number: int, crop: Crop) -> np.ndarray:
        """The cropped picture, scaled so that it just fits: uint8 [60 or less, 100 or less, 3]."""
        down, across = crop.bottom - crop.top, crop.right - crop.left
        scale = min(FRAME_WIDTH / (across * self._size[0]), FRAME_HEIGHT / (down * self._size[1]))
        width, height = (max(1, round(side * scale)) for side in self._size)
        if (width, height) not in self._pictures:
            self._pictures[width, height] = Pictures(self.path, width, height, self._jumps, self._expected)
        top, left = min(round(crop.top * height), height - 1), min(round(crop.left * width), width - 1)
        picture = self._pictures[width, height].at(number)
        return picture[top:, left:][
            : min(FRAME_HEIGHT, max(1, round(down * height))), : min(FRAME_WIDTH, max(1, round(across * width)))
        ]


View: TypeAlias = Callable[[int, np.ndarray], Any]
"""What is kept of a picture, by its number and uint8 [height, width, 3]: no larger than a frame of 60 x 100."""


class Pictures:
    """The pictures of a file at one size, by number. The latest 32 MiB are kept: spans may overlap at no cost."""

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        jumps: bool,
        expected: np.ndarray | None = None,
        view: View | None = None,
    ) -> None:
        """`expected`: the numbers that will be asked for, in order; None: any may be. `view`: None keeps the pictures."""
        self._view = view or _whole
        self._path, self._width, self._height, self._jumps, self._expected = path, width, height, jumps, expected
        self._decord = _import_decord()
        self._latest: dict[int, Any] = {}
        self._most = 2**25 // (3 * (FRAME_WIDTH * FRAME_HEIGHT if view else width * height)) + 1
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

    def at(self, number: int) -> Any:
        """uint8 [height, width, 3], or what the view makes of it."""
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
                self._latest[self._next] = self._view(self._next, picture)
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


def _whole(number: int, picture: np.ndarray) -> np.ndarray:
    return picture


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
