"""Crops a video's frames to the face, with OpenCV (the extra `face`): `FaceFrames`.

OpenCV's cascade for frontal faces (Viola and Jones 2001) ships with it, so nothing is fetched.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.video import Video
from emozoo.media.window import Crop

CASCADE = "haarcascade_frontalface_alt2.xml"
SEGMENT_SECONDS = 10
"""Of a video are cropped alike: the box keeps still, and follows a face that moves on."""
CROPPED_ROWS = 480
"""The height of frames that are cropped, at most."""
SEARCHED_ROWS = 240
"""The height of frames in which faces are searched, at most."""
SMALLEST_FACE = 0.12
"""Its side, as a share of the frame's height."""
BORDER = 0.1
"""Added around a frame, as a share of its height: so a face that touches the edge is found as well."""
LEAST_SHARE = 1 / 3
"""Of the searched frames, one a second, that must show a face. Fewer are mistakes of the detector."""
CROP_HEIGHT = 1.5
"""In sides of the detector's square, which reaches from the brows to the chin."""

Box = tuple[float, float, float]
"""A square: its middle across and down, and its side, in heights of the frame."""


class FaceFrames:
    """The frames of a video, each cropped to the largest face; whole where no face is found.

    One box holds for 10 seconds of the video. It is the median of the boxes found in one frame a second, and as wide to
    high as a frame of the grid, as far as the video's frame reaches. So a span gets the same frames whether the video is
    opened for it or for all. Spans in order of time cost one pass over the video, and one for the search.
    """

    def __init__(self, video: Video, within: Crop) -> None:
        """`within`: the part of the frame in which the face is searched."""
        self._cv2 = _import_cv2()
        self._cascade = self._cv2.CascadeClassifier(_cascade_file(self._cv2))
        self._video = video
        self._size = video.grid.height, video.grid.width
        self._within = within
        self._seconds = np.arange(max(1, math.ceil(video.seconds)))
        moments = video.numbers_at(self._seconds + 0.5)
        self._moments = set(moments.tolist())
        self._searched = video.stored_frames(SEARCHED_ROWS, self._search, np.unique(moments))
        self._cropped = video.stored_frames(CROPPED_ROWS, self._crop, video.expected)
        self._boxes: dict[int, Box | None] = {}

    def frames(self, start: float, samples: int) -> np.ndarray:
        """As `Video.frames`: uint8 [grid.count(samples), height, width, 3]."""
        self._video.check_start(start)
        frames = np.stack([self._cropped.at(int(number)) for number in self._video.numbers(start, samples)])
        self._video.tell_of_damage()
        return frames

    def box(self, seconds: float) -> Box | None:
        """Of the segment in which a moment lies; None where no face is found."""
        segment = int(seconds // SEGMENT_SECONDS)
        if segment not in self._boxes:
            own = self._seconds[self._seconds // SEGMENT_SECONDS == segment]
            numbers = self._video.numbers_at(own + 0.5)
            found = [box for number in numbers if (box := self._searched.at(int(number))) is not None]
            enough = bool(found) and len(found) >= LEAST_SHARE * len(numbers)
            self._boxes[segment] = tuple(np.median(found, axis=0)) if enough else None
        return self._boxes[segment]

    def _search(self, number: int, frame: np.ndarray) -> Box | None:
        """The largest face of a frame, where it is one that is to be searched."""
        if number not in self._moments:
            return None
        rows = frame.shape[0]
        top, left, part = self._part(frame)
        border = round(BORDER * rows)
        grey = self._cv2.cvtColor(np.ascontiguousarray(part), self._cv2.COLOR_RGB2GRAY)
        grey = self._cv2.copyMakeBorder(grey, *[border] * 4, self._cv2.BORDER_REPLICATE)
        least = max(20, round(SMALLEST_FACE * rows))
        faces = self._cascade.detectMultiScale(grey, 1.1, 5, minSize=(least, least))
        if not len(faces):
            return None
        x, y, side, _ = max(faces.tolist(), key=lambda face: face[2])
        return (left - border + x + side / 2) / rows, (top - border + y + side / 2) / rows, side / rows

    def _crop(self, number: int, frame: np.ndarray) -> np.ndarray:
        """The frame around the face: uint8 [height, width, 3]."""
        top, left, part = self._part(frame)
        if box := self.box(float(self._video.times[min(number, len(self._video.times) - 1)])):
            across, down, side = (value * frame.shape[0] for value in box)
            height = min(CROP_HEIGHT * side, part.shape[0])
            width = min(CROP_HEIGHT * side * self._size[1] / self._size[0], part.shape[1])
            y = round(min(max(down - top - height / 2, 0), part.shape[0] - height))
            x = round(min(max(across - left - width / 2, 0), part.shape[1] - width))
            part = part[y : y + max(1, round(height)), x : x + max(1, round(width))]
        return self._with_bars(part)

    def _with_bars(self, part: np.ndarray) -> np.ndarray:
        """A part of a frame, scaled to fit: uint8 [height, width, 3]."""
        rows, columns = self._size
        scale = min(columns / part.shape[1], rows / part.shape[0])
        height = max(1, min(rows, round(scale * part.shape[0])))
        width = max(1, min(columns, round(scale * part.shape[1])))
        top, left = (rows - height) // 2, (columns - width) // 2
        kind = self._cv2.INTER_AREA if scale < 1 else self._cv2.INTER_LINEAR
        whole = np.zeros((rows, columns, 3), np.uint8)
        whole[top : top + height, left : left + width] = self._cv2.resize(part, (width, height), interpolation=kind)
        return whole

    def _part(self, frame: np.ndarray) -> tuple[int, int, np.ndarray]:
        """Where the searched part begins, down and across, and the part."""
        rows, columns = frame.shape[:2]
        top, bottom = round(self._within.top * rows), round(self._within.bottom * rows)
        left, right = round(self._within.left * columns), round(self._within.right * columns)
        return top, left, frame[top : max(bottom, top + 1), left : max(right, left + 1)]


def _import_cv2() -> Any:
    try:
        import cv2
    except Exception as error:  # not installed, or its libraries do not load
        raise EmozooError(f"cropping to the face needs OpenCV ({error}): pip install 'emozoo[face]'") from error
    cv2.setNumThreads(1)  # other videos are read on the other cores
    return cv2


def _cascade_file(cv2: Any) -> str:
    path = Path(cv2.data.haarcascades, CASCADE)
    if not path.is_file():  # OpenCV 5 has none
        raise EmozooError(f"this OpenCV ({cv2.__version__}) lacks {CASCADE}: pip install 'emozoo[face]'")
    return str(path)
