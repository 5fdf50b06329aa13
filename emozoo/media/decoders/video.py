"""The pictures of a file as frames: part of `emozoo.media.reading`, which is what the rest of emozoo imports.

`emozoo.media.decoders.video_track` tells when each picture is shown, `emozoo.media.decoders.pictures` decodes.
`emozoo.media.decoders.face` crops to a face.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.pictures import Pictures, View
from emozoo.media.decoders.video_track import read_track
from emozoo.media.files import ignore
from emozoo.media.window import FRAME_HEIGHT, FRAME_WIDTH, SAMPLES_PER_FRAME, SAMPLING_RATE, WHOLE_PICTURE, Crop


class Video:
    """The pictures of one file, for any number of spans. Memory does not grow with the file. Not for two threads at a time.

    Raises EmozooError where the file has no pictures, or hardly any that can be decoded, or such as no recording has.
    """

    def __init__(self, path: str | Path, warn: Callable[[str], None] | None = None) -> None:
        """`warn` is told, in a sentence without the file's name and once each, what an answer should be read with."""
        self.path = path
        self._warn, self._said, self._damaged = warn or ignore, set[str](), False
        self._track = read_track(path, self._say)
        self.times = self._track.times
        """When each picture is shown: seconds, rising."""
        self.seconds = self._track.seconds
        """When the last picture ends."""
        self._size = self._track.size
        self._pictures: dict[tuple[int, int], Pictures] = {}
        self._open: list[Pictures] = []
        self.expected: np.ndarray | None = None
        """The pictures that `expect` was told of; None: any."""

    def expect(self, spans: Iterable[tuple[float, int]]) -> None:
        """Says that `frames` will be asked for these starts and samples, once: all other pictures need not be scaled, which
        is most of the work. What is asked for nevertheless is answered as well, but may cost another pass over the file."""
        self.expected = np.unique(np.concatenate([self.numbers(*span) for span in spans]))
        self._pictures, self._open = {}, []

    def numbers(self, start: float, samples: int) -> np.ndarray:
        """Which picture is shown beside each frame of a span: int64 [ceil(samples / 2400)]."""
        places = np.arange(math.ceil(samples / SAMPLES_PER_FRAME)) + 0.5
        return self.numbers_at(start + places * SAMPLES_PER_FRAME / SAMPLING_RATE)

    def numbers_at(self, moments: np.ndarray) -> np.ndarray:
        """Which picture is shown at each of the moments, in seconds: int64, as many."""
        return np.maximum(np.searchsorted(self.times, moments + 1e-6, side="right") - 1, 0)

    def pictures(self, rows: int, view: View, expected: np.ndarray | None = None) -> Pictures:
        """The pictures, undistorted, at most `rows` high and four times as wide, each as `view` sees it; `expected` as in
        `Pictures`."""
        scale = min(1.0, rows / self._size[1], 4 * rows / self._size[0])
        width, height = (max(1, round(side * scale)) for side in self._size)
        return self._opened(Pictures(self._track, width, height, expected, view))

    def frames(self, start: float, samples: int, crop: Crop | None = None) -> np.ndarray:
        """The frames beside `samples` of 16 kHz sound from `start`: uint8 [ceil(samples / 2400), 60, 100, 3].

        Frame k is the picture at start + (k + 0.5) * 0.15 s, or the last one where the video is over by then; it is
        an error where the video is over at `start`. The picture, or the `crop` of it, is scaled to fit, undistorted, with
        black bars. Spans asked for in order of time, which may overlap, cost one pass over the file.
        """
        self.check_start(start)
        frames = self._whole_frames(self.numbers(start, samples), crop or WHOLE_PICTURE)
        self.tell_of_damage()
        return frames

    def check_start(self, start: float) -> None:
        """Raises EmozooError for a span that begins when the video is over."""
        if not start < self.seconds:
            raise EmozooError(f"{self.path}: the video ends at {self.seconds:.2f} s, before {start:.2f} s")

    def _whole_frames(self, numbers: np.ndarray, crop: Crop) -> np.ndarray:
        frames = np.zeros((len(numbers), FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
        for frame, number in zip(frames, numbers, strict=True):
            picture = self._picture(int(number), crop)
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
            self._pictures[width, height] = self._opened(Pictures(self._track, width, height, self.expected))
        top, left = min(round(crop.top * height), height - 1), min(round(crop.left * width), width - 1)
        picture = self._pictures[width, height].at(number)
        return picture[top:, left:][
            : min(FRAME_HEIGHT, max(1, round(down * height))), : min(FRAME_WIDTH, max(1, round(across * width)))
        ]

    def _opened(self, pictures: Pictures) -> Pictures:
        self._open.append(pictures)
        return pictures

    def tell_of_damage(self) -> None:
        """Says, once, how many of the pictures that were decoded are damaged."""
        if not self._damaged:
            bad, seen = max((each.damage for each in self._open), default=(0, 0))
            if bad:
                self._damaged = True
                first = "" if seen >= len(self.times) else "first "
                self._say(f"{bad} of the {first}{seen} pictures are damaged: the one before stands for each")

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._warn(sentence)
