"""The frames of a video, decoded, at one size: `VideoFrames`.

decord decodes plain videos (`VideoTrack.plain`), PyAV all others and those at which decord fails. ffmpeg's filter scales
the frames of both, so both give the same numbers. Both are imported on first use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from emozoo.media.decoders.container import open_container, video_stream
from emozoo.media.decoders.video_track import (
    VideoTrack,
    damage_as_error,
    damaged,
    decoded,
    flushed,
    packets_of,
    prepare_decoder,
)
from emozoo.media.files import existing_file

if TYPE_CHECKING:
    import av

SHORTEST_SKIP = 3
"""Frames that decord skips. To scale fewer takes less time."""
LONGEST_WALK = 256
"""Frames that are decoded on the way to one that is asked for. What lies further ahead is jumped to."""
LEAST_SHARE = 0.1
"""Of the frames, that must decode."""
CACHE_BYTES = 2**25
VIEW_BYTES = 18_000
"""What a view may keep of a frame: 60 x 100 pixels."""

View: TypeAlias = Callable[[int, np.ndarray], Any]
"""What is kept of a frame, given its number and uint8 [height, width, 3]. It takes `VIEW_BYTES` at most."""


class Reader(Protocol):
    """Decodes the frames of a file at one size. Numbers in rising order cost one pass."""

    def frame(self, number: int) -> np.ndarray:
        """uint8 [height, width, 3], upright."""


class VideoFrames:
    """The frames of a file at one size, by number. The latest 32 MiB are kept: spans may overlap at no cost."""

    def __init__(
        self,
        track: VideoTrack,
        width: int,
        height: int,
        expected: np.ndarray | None = None,
        view: View | None = None,
    ) -> None:
        """`expected`: the numbers that will be asked for, in order; None: any may be. `view`: None keeps whole frames."""
        self._track = track
        self._width = width
        self._height = height
        self._expected = expected
        self._view = view
        self._latest: dict[int, Any] = {}
        self._most = CACHE_BYTES // (VIEW_BYTES if view else 3 * width * height) + 1
        self._next = 0
        # Where frames are expected, other processes decode other files: a second thread would only cost.
        self._threads = 2 if expected is None else 1
        self._reader = self._open()

    @property
    def damage(self) -> tuple[int, int]:
        """How many frames were damaged, and of how many, as far as is known."""
        return self._reader.damage if isinstance(self._reader, AvReader) else (0, 0)

    def at(self, number: int) -> Any:
        """uint8 [height, width, 3], or what the view keeps of it. For a damaged frame, the one before stands."""
        number = min(number, len(self._track.stamps) - 1)
        if number not in self._latest:
            for each in self._on_the_way(number):
                frame = self._read(each)
                self._latest[each] = self._view(each, frame) if self._view else frame
                if len(self._latest) > self._most:
                    del self._latest[next(iter(self._latest))]
            self._next = number + 1
        return self._latest[number]

    def _on_the_way(self, number: int) -> list[int]:
        """The frames to keep on the way to `number`, and that one."""
        first = self._next
        if self._expected is not None:
            between = self._expected[np.searchsorted(self._expected, first) : np.searchsorted(self._expected, number)]
            return [*between.tolist(), number]
        return list(range(first, number + 1)) if first <= number <= first + LONGEST_WALK else [number]

    def _open(self) -> Reader:
        arguments = self._track, self._width, self._height, self._threads
        if self._track.plain and (decord := _import_decord()) is not None:
            try:
                return DecordReader(decord, *arguments)
            except Exception:
                pass  # PyAV may decode it
        with damage_as_error(self._track.path):
            return AvReader(*arguments)

    def _read(self, number: int) -> np.ndarray:
        if not isinstance(self._reader, AvReader):
            try:
                return self._reader.frame(number)
            except Exception:
                with damage_as_error(self._track.path):
                    self._reader = AvReader(self._track, self._width, self._height, self._threads)
        with damage_as_error(self._track.path):
            return self._reader.frame(number)


class DecordReader:
    """A plain video, by decord, in one pass: where decord jumps, it may land beside the frame that was asked for.

    Any exception means that decord fails at the video.
    """

    def __init__(self, decord: Any, track: VideoTrack, width: int, height: int, threads: int) -> None:
        self._shape = height, width, 3
        name = existing_file(track.path)
        self._reader = decord.VideoReader(name, width=width, height=height, num_threads=threads)
        if len(self._reader) != len(track.stamps):
            raise ValueError("decord counts other frames")
        self._keys = np.array(self._reader.get_key_indices())
        self._next = 0

    def frame(self, number: int) -> np.ndarray:
        if not 0 <= number - self._next <= LONGEST_WALK:
            raise ValueError("a jump")
        while self._next < number:
            # Beyond a key frame, decord would jump there.
            key = int(np.searchsorted(self._keys, self._next, side="right"))
            free = min([number, *(self._keys[key : key + 1] - 1)]) - self._next
            if free >= SHORTEST_SKIP:
                self._reader.skip_frames(free)
                self._next += free
            else:
                self._reader.next()
                self._next += 1
        found: np.ndarray = self._reader.next().asnumpy()
        self._next = number + 1
        if found.shape != self._shape:
            raise ValueError("decord gives another size")
        return found


class AvReader:
    """Any video, by PyAV. A frame is known by its own timestamp, so damage elsewhere does not move it."""

    def __init__(self, track: VideoTrack, width: int, height: int, threads: int) -> None:
        self._track = track
        self._threads = threads
        self._scale = _Scaler(track, width, height)
        self._jumps = bool(len(track.keys))
        self._open()

    def _open(self, key: int | None = None) -> None:
        """At the beginning, or at a key frame."""
        self._tally = _Tally()
        self._frames = _decode(self._track, self._threads, key, self._tally)
        self._current: tuple[int, Any] | None = None
        self._upcoming = next(self._frames, None)
        if key is not None and (self._upcoming is None or self._upcoming[0] > key or self._tally.bad):
            self._jumps = False  # it landed elsewhere
            self._open()

    @property
    def damage(self) -> tuple[int, int]:
        """How many frames were damaged, and of how many that were decoded."""
        return self._tally.bad, self._tally.seen

    def frame(self, number: int) -> np.ndarray:
        stamp = int(self._track.stamps[number])
        self._jump(number, stamp)
        while self._upcoming is not None and self._upcoming[0] <= stamp:
            self._current, self._upcoming = self._upcoming, next(self._frames, None)
        shown = self._current or self._upcoming  # the first that decodes stands for those before
        if shown is None or (self._upcoming is None and self._tally.good < LEAST_SHARE * self._tally.seen):
            raise damaged(self._track.path)
        return self._scale(shown[1])

    def _jump(self, number: int, stamp: int) -> None:
        """Opens the video elsewhere where the frame lies behind, or far ahead."""
        here = self._current or self._upcoming
        if here is None:
            return
        far = self._track.stamps[min(number, max(0, number - LONGEST_WALK))] > here[0]
        if not far and stamp >= here[0]:
            return
        place = int(np.searchsorted(self._track.keys, stamp, side="right")) - 1
        key = int(self._track.keys[place]) if place >= 0 and self._jumps else None
        if stamp < here[0] and self._current is not None:
            self._open(key)
        elif far and key is not None and key > here[0]:
            self._open(key)


@dataclass
class _Tally:
    """What came of a video's packets."""

    seen: int = 0
    """Packets that were decoded."""
    bad: int = 0
    """Packets and frames that were damaged."""
    good: int = 0
    """Frames that were not."""


def _decode(track: VideoTrack, threads: int, key: int | None, tally: _Tally) -> Iterator[tuple[int, Any]]:
    """Stamp and frame, in the order in which they are shown, from a key frame or the beginning. What is damaged is counted
    and left out."""
    with open_container(track.path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        prepare_decoder(stream, threads)
        if key is not None:
            try:
                container.seek(key, stream=stream)
            except Exception:
                return
        clock = _Clock(track.clock)
        for packet in packets_of(container, stream):
            frames = decoded(packet) if packet is not None else flushed(stream)
            tally.seen += packet is not None and packet.size > 0
            tally.bad += frames is None
            for frame in frames or ():
                stamp = clock.stamp(frame)
                tally.bad += frame.is_corrupt
                if not frame.is_corrupt:
                    tally.good += 1
                    yield stamp, frame


class _Clock:
    """When a decoded frame is shown, in the units of its track."""

    def __init__(self, clock: str) -> None:
        self._clock = clock
        self._last = -1
        self._pts = self._dts = -(2**62)
        self._faulty_pts = self._faulty_dts = 0

    def stamp(self, frame: Any) -> int:
        own = {"pts": self._best, "dts": lambda frame: frame.dts, "order": lambda frame: None}[self._clock](frame)
        self._last = self._last + 1 if own is None else own
        return self._last

    def _best(self, frame: Any) -> int | None:
        """The timestamp, or where timestamps do not rise the time of decoding: as libavcodec's guess_correct_pts has it."""
        pts, dts = frame.pts, frame.dts
        if dts is not None:
            self._faulty_dts += dts <= self._dts
            self._dts = dts
        if pts is not None:
            self._faulty_pts += pts <= self._pts
            self._pts = pts
        chosen = pts if pts is not None and (self._faulty_pts <= self._faulty_dts or dts is None) else dts
        return None if chosen is None else int(chosen)


class _Scaler:
    """ffmpeg's filters: those that turn a frame upright, and `scale` as decord uses it, bilinear."""

    def __init__(self, track: VideoTrack, width: int, height: int) -> None:
        """`width` and `height` are those of the upright frame."""
        self._track = track
        self._width = width
        self._height = height
        self._kind: tuple[Any, ...] = ()
        self._graph: tuple[Any, Any, Any] = (None, None, None)
        self._latest: tuple[Any, np.ndarray] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """uint8 [height, width, 3]."""
        if self._latest is None or self._latest[0] is not frame:
            self._latest = frame, self._scaled(frame)
        return self._latest[1]

    def _scaled(self, frame: av.VideoFrame) -> np.ndarray:
        kind = frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range
        width, height = self._fit(frame)
        if kind != self._kind:
            self._kind, self._graph = kind, _filter_graph(frame, self._track, width, height)
        _, source, sink = self._graph
        source.push(frame)
        scaled: np.ndarray = sink.pull().to_ndarray()
        if (width, height) == (self._width, self._height):
            return scaled
        whole = np.zeros((self._height, self._width, 3), np.uint8)
        top, left = (self._height - height) // 2, (self._width - width) // 2
        whole[top : top + height, left : left + width] = scaled
        return whole

    def _fit(self, frame: av.VideoFrame) -> tuple[int, int]:
        """The whole width and height. A frame whose shape has changed on the way is put between bars."""
        shape = (frame.width * self._track.height) / (frame.height * self._track.width)
        if 0.98 < shape < 1.02:
            return self._width, self._height
        shape = 1 / shape if self._track.turn.swaps else shape
        return max(1, round(self._width * min(1, shape))), max(1, round(self._height * min(1, 1 / shape)))


def _filter_graph(frame: av.VideoFrame, track: VideoTrack, width: int, height: int) -> tuple[Any, Any, Any]:
    """The graph, which must live as long as its ends are used, and its two ends."""
    import av.filter

    graph = av.filter.Graph()
    if hasattr(graph, "threads"):  # PyAV's older versions lack it
        graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    filters = [*track.turn.filters(), ("scale", f"{width}:{height}:flags=bilinear"), ("format", "rgb24")]
    sink = graph.add("buffersink")
    graph.link_nodes(source, *(graph.add(name, arguments) for name, arguments in filters), sink)
    graph.configure()
    return graph, source, sink


def _import_decord() -> Any:
    """None where it is not installed, as on ARM Macs, or does not load."""
    # decord prints on standard error what it then raises.
    os.environ.setdefault("DECORD_DUPLICATE_WARNING_THRESHOLD", "1.0")
    try:
        import decord
    except Exception:
        return None
    decord.logging.set_level(decord.logging.QUIET)
    return decord
