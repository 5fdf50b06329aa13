"""Crops a film's pictures to the face, with OpenCV (the extra `face`): `FaceFrames`. Opening films is
`emozoo.media.reading`'s work.

OpenCV's cascade for frontal faces (Viola and Jones 2001) ships with it, so nothing is fetched.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.video import Video
from emozoo.media.window import FRAME_HEIGHT, FRAME_WIDTH, Crop

CASCADE = "haarcascade_frontalface_alt2.xml"
STRETCH_SECONDS = 10
"""Of a film that are cropped alike: the box keeps still, and follows who moves on."""
ROWS = 480
SEARCHED_ROWS = 240
"""At most, of the pictures that are cropped and of those in which faces are searched."""
SMALLEST = 0.12
"""Of a picture's height: the side of a face that is looked for."""
BORDER = 0.1
"""Of a picture's height, added around it: a face that touches the edge is found as well."""
SHARE = 1 / 3
"""Of the pictures looked at, one a second, that must show a face: less is a mistake of the detector's."""
ROOM = 1.5
"""Height of the crop, in sides of the detector's square, which reaches from the brows to the chin."""

Box = tuple[float, float, float]
"""The middle across and down, and the side of a square, in heights of the picture."""


class FaceFrames:
    """The frames of a film, each cropped to the face: the largest one, and where none is found the whole picture.

    One box holds for 10 seconds of the film, the median of those found in a picture a second; it is as wide and high as a
    frame, 100 to 60, as far as the picture reaches. So a stretch gets the same frames whether the film is opened for it or
    for all. Spans asked for in order of time cost one pass over the film, and one for the search.
    """

    def __init__(self, video: Video, within: Crop) -> None:
        """`within`: the part of the picture in which the face is looked for."""
        self._cv2 = _import_cv2()
        self._cascade = self._cv2.CascadeClassifier(_cascade_file(self._cv2))
        self._video, self._within = video, within
        self._seconds = np.arange(max(1, math.ceil(video.seconds)))
        moments = video.numbers_at(self._seconds + 0.5)
        self._moments = set(moments.tolist())
        self._searched = video.pictures(SEARCHED_ROWS, self._search, np.unique(moments))
        self._cropped = video.pictures(ROWS, self._crop, video.expected)
        self._boxes: dict[int, Box | None] = {}

    def frames(self, start: float, samples: int) -> np.ndarray:
        """As `Video.frames`: uint8 [ceil(samples / 2400), 60, 100, 3]."""
        self._video.check_start(start)
        frames = np.stack([self._cropped.at(int(number)) for number in self._video.numbers(start, samples)])
        self._video.tell_of_damage()
        return frames

    def box(self, seconds: float) -> Box | None:
        """Of the stretch in which a moment lies; None where no face is found."""
        stretch = int(seconds // STRETCH_SECONDS)
        if stretch not in self._boxes:
            own = self._seconds[self._seconds // STRETCH_SECONDS == stretch]
            looked = self._video.numbers_at(own + 0.5)
            found = [box for number in looked if (box := self._searched.at(int(number))) is not None]
            enough = bool(found) and len(found) >= SHARE * len(looked)
            self._boxes[stretch] = tuple(np.median(found, axis=0)) if enough else None
        return self._boxes[stretch]

    def _search(self, number: int, picture: np.ndarray) -> Box | None:
        """The largest face of a picture, where it is one that is to be looked at."""
        if number not in self._moments:
            return None
        rows, columns = picture.shape[:2]
        top, left, part = self._part(picture)
        border = round(BORDER * rows)
        grey = self._cv2.cvtColor(np.ascontiguousarray(part), self._cv2.COLOR_RGB2GRAY)
        grey = self._cv2.copyMakeBorder(grey, *[border] * 4, self._cv2.BORDER_REPLICATE)
        least = max(20, round(SMALLEST * rows))
        faces = self._cascade.detectMultiScale(grey, 1.1, 5, minSize=(least, least))
        if not len(faces):
            return None
        x, y, side, _ = max(faces.tolist(), key=lambda face: face[2])
        return (left - border + x + side / 2) / rows, (top - border + y + side / 2) / rows, side / rows

    def _crop(self, number: int, picture: np.ndarray) -> np.ndarray:
        """The frame: uint8 [60, 100, 3]."""
        top, left, part = self._part(picture)
        if box := self.box(float(self._video.times[min(number, len(self._video.times) - 1)])):
            rows = picture.shape[0]
            across, down, side = (value * rows for value in box)
            height = min(ROOM * side, part.shape[0])
            width = min(ROOM * side * FRAME_WIDTH / FRAME_HEIGHT, part.shape[1])
            y = round(min(max(down - top - height / 2, 0), part.shape[0] - height))
            x = round(min(max(across - left - width / 2, 0), part.shape[1] - width))
            part = part[y : y + max(1, round(height)), x : x + max(1, round(width))]
        scale = min(FRAME_WIDTH / part.shape[1], FRAME_HEIGHT / part.shape[0])
        height = max(1, min(FRAME_HEIGHT, round(scale * part.shape[0])))
        width = max(1, min(FRAME_WIDTH, round(scale * part.shape[1])))
        frame = np.zeros((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
        top, left = (FRAME_HEIGHT - height) // 2, (FRAME_WIDTH - width) // 2
        kind = self._cv2.INTER_AREA if scale < 1 else self._cv2.INTER_LINEAR
        frame[top : top + height, left : left + width] = self._cv2.resize(part, (width, height), interpolation=kind)
        return frame

    def _part(self, picture: np.ndarray) -> tuple[int, int, np.ndarray]:
        """Where the part within which is looked begins, and the part."""
        rows, columns = picture.shape[:2]
        top, bottom = round(self._within.top * rows), round(self._within.bottom * rows)
        left, right = round(self._within.left * columns), round(self._within.right * columns)
        return top, left, picture[top : max(bottom, top + 1), left : max(right, left + 1)]


def _import_cv2() -> Any:
    try:
        import cv2
    except Exception as error:  # not installed, or its libraries do not load
        raise EmozooError(f"cropping to the face needs OpenCV ({error}): pip install 'emozoo[face]'") from error
    cv2.setNumThreads(1)  # other films are read on the other cores
    return cv2


def _cascade_file(cv2: Any) -> str:
    path = Path(cv2.data.haarcascades, CASCADE)
    if not path.is_file():  # OpenCV 5 has none
        raise EmozooError(f"this OpenCV ({cv2.__version__}) lacks {CASCADE}: pip install 'emozoo[face]'")
    return str(path)
