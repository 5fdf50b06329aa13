"""A video's frames at the size that networks take: `Video`.

`emozoo.media.decoders.video_track` tells when each frame of the file is shown, `emozoo.media.decoders.video_frames`
decodes them, `emozoo.media.decoders.face` crops them to a face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.video_frames import VideoFrames, View
from emozoo.media.decoders.video_track import read_track
from emozoo.media.files import ignore
from emozoo.media.window import WHOLE_FRAME, Crop
from emozoo.media.window_shape import DEFAULT_GRID, SAMPLING_RATE, FrameGrid


class Video:
    """The frames of one file, for any number of spans, in constant memory. Not for two threads at a time.

    Raises EmozooError where the file has no video track, hardly any frame that can be decoded, or frames that no recording
    has.
    """

    def __init__(
        self, path: str | Path, warn: Callable[[str], None] | None = None, grid: FrameGrid = DEFAULT_GRID
    ) -> None:
        """`warn` is told what is wrong with a video that is used all the same: once each, without the file's name."""
        self.path = path
        self.grid = grid
        self._warn = warn or ignore
        self._warned_of = set[str]()
        self._told_of_damage = False
        self._track = read_track(path, self._warn_once)
        self.times = self._track.times
        """When each of the file's frames is shown: seconds, rising."""
        self.seconds = self._track.seconds
        """When the last frame ends."""
        self._size = self._track.size
        self._by_size: dict[tuple[int, int], VideoFrames] = {}
        self._open: list[VideoFrames] = []
        self.expected: np.ndarray | None = None
        """The numbers of the frames that `expect` was told of; None: any."""

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """Says for which starts and samples `frames` will be asked, once each.

        Other frames need not be scaled, which is most of the work. They can still be asked for, but that may cost another
        pass over the file.
        """
        self.expected = np.unique(np.concatenate([self.numbers(*span) for span in spans]))
        self._by_size.clear()
        self._open.clear()

    def numbers(self, start: float, samples: int) -> np.ndarray:
        """The number of the file's frame that is shown at each frame of a span: int64 [grid.count(samples)]."""
        places = np.arange(self.grid.count(samples)) + 0.5
        return self.numbers_at(start + places * self.grid.step / SAMPLING_RATE)

    def numbers_at(self, moments: np.ndarray) -> np.ndarray:
        """The number of the file's frame that is shown at each of the moments, in seconds: int64, as many."""
        return np.maximum(np.searchsorted(self.times, moments + 1e-6, side="right") - 1, 0)

    def stored_frames(self, rows: int, view: View, expected: np.ndarray | None = None) -> VideoFrames:
        """The file's frames, undistorted, at most `rows` high and four times as wide; `view` and `expected` as in
        `VideoFrames`."""
        scale = min(1.0, rows / self._size[1], 4 * rows / self._size[0])
        width, height = (max(1, round(side * scale)) for side in self._size)
        return self._opened(VideoFrames(self._track, width, height, expected, view))

    def frames(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray:
        """The frames beside `samples` of 16 kHz sound from `start`: uint8 [grid.count(samples), height, width, 3].

        Frame k is what the video shows at start + (k + 0.5) * the grid's step, or its last frame where it is over by then.
        The frame, or the `crop` of it, is scaled to fit, undistorted, with black bars. Spans in order of time, which may
        overlap, cost one pass over the file. Raises EmozooError where the video is over at `start`.
        """
        self.check_start(start)
        frames = self._with_bars(self.numbers(start, samples), crop or WHOLE_FRAME)
        self.tell_of_damage()
        return frames

    def check_start(self, start: float) -> None:
        """Raises EmozooError for a span that begins when the video is over."""
        if not start < self.seconds:
            raise EmozooError(f"{self.path}: the video ends at {self.seconds:.2f} s, before {start:.2f} s")

    def _with_bars(self, numbers: np.ndarray, crop: Crop) -> np.ndarray:
        frames = np.zeros((len(numbers), self.grid.height, self.grid.width, 3), np.uint8)
        for frame, number in zip(frames, numbers, strict=True):
            part = self._cropped(int(number), crop)
            height, width = part.shape[:2]
            top, left = (self.grid.height - height) // 2, (self.grid.width - width) // 2
            frame[top : top + height, left : left + width] = part
        return frames

    def _cropped(self, number: int, crop: Crop) -> np.ndarray:
        """A cropped frame, scaled so that it just fits: uint8 [rows, columns, 3], no more than the grid's."""
        down, across = crop.bottom - crop.top, crop.right - crop.left
        scale = min(self.grid.width / (across * self._size[0]), self.grid.height / (down * self._size[1]))
        width, height = (max(1, round(side * scale)) for side in self._size)
        if (width, height) not in self._by_size:
            self._by_size[width, height] = self._opened(VideoFrames(self._track, width, height, self.expected))
        top, left = min(round(crop.top * height), height - 1), min(round(crop.left * width), width - 1)
        rows = min(self.grid.height, max(1, round(down * height)))
        columns = min(self.grid.width, max(1, round(across * width)))
        return self._by_size[width, height].at(number)[top:, left:][:rows, :columns]

    def _opened(self, frames: VideoFrames) -> VideoFrames:
        self._open.append(frames)
        return frames

    def tell_of_damage(self) -> None:
        """Warns, once, of how many of the frames that were decoded are damaged."""
        if self._told_of_damage:
            return
        bad, seen = max((each.damage for each in self._open), default=(0, 0))
        if bad:
            self._told_of_damage = True
            first = "" if seen >= len(self.times) else "first "
            self._warn_once(f"{bad} of the {first}{seen} frames are damaged: the one before stands for each")

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned_of:
            self._warned_of.add(sentence)
            self._warn(sentence)
