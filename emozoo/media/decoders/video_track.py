"""A video track before it is decoded: when each frame is shown, how it is turned upright, which decoder reads it.

One pass over the packets tells. It also refuses videos that are too large or too long.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.decoders.container import end_of, open_container, start_of, video_stream

if TYPE_CHECKING:
    import av.container

LONGEST_SIDE = 16_384
MOST_PIXELS = 36_000_000
"""Of a stored frame. 8K video has 35.4 million. A decoder keeps up to 16 frames."""
WIDEST_PIXEL = 16
"""Its longer side by its shorter one, at most."""
LONGEST_SECONDS = 24 * 3600
MOST_FRAMES = 6_000_000
SHORTEST_GAP = 1e-4
"""Seconds from one frame to the next, on average. A camera for slow motion takes 1,000 frames a second."""
MOST_FAILURES = 25
"""Reads in a row that may fail before the rest of a file is given up."""


@dataclass(frozen=True)
class Turn:
    """How a decoded frame is turned upright: its axes are swapped, then rows or columns are reversed."""

    swaps: bool = False
    reverses_rows: bool = False
    reverses_columns: bool = False

    def filters(self) -> list[tuple[str, str]]:
        """Names and arguments of ffmpeg's filters that do it."""
        if self.swaps:
            return [("transpose", f"dir={self.reverses_columns + 2 * self.reverses_rows}")]
        return [("vflip", "")] * self.reverses_rows + [("hflip", "")] * self.reverses_columns


@dataclass(frozen=True)
class VideoTrack:
    """The video track of a file, with no frame decoded."""

    path: str | Path
    width: int
    height: int
    """As stored."""
    pixel_aspect: float
    """Width to height of a stored pixel."""
    turn: Turn
    stamps: np.ndarray
    """When each frame is shown, int64, rising, in units of the file; `clock` says where that is from."""
    clock: str
    """`pts`; `dts`, where the file knows only when frames are decoded (AVI); `order`, where it knows neither."""
    times: np.ndarray
    """The same in seconds, float64, from where sound and video begin."""
    seconds: float
    """When the last frame ends."""
    keys: np.ndarray
    """The stamps of the frames at which decoding may begin, rising; none where a seek may land beside them."""
    plain: bool
    """Whether decord decodes it as ffmpeg does: H.264 at an even rate, upright, with square pixels, whole."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as shown, in units of a stored pixel's height (of its width where the frame is turned)."""
        width = self.width * self.pixel_aspect
        return (self.height, width) if self.turn.swaps else (width, self.height)


@dataclass
class _Packets:
    """What the packets of the video track say, in the order in which they are stored."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("b"))
    count: int = 0
    """Of all packets that hold anything, shown or not."""
    without_pts: int = 0
    without_dts: int = 0
    last: tuple[int, int] = (-(2**62), 0)
    """The latest stamp and how long its frame is shown, 0 where that is not known."""
    reach: float = 0.0
    """Where the last packet of any track ends, in seconds of the file's clock."""
    parameters: set[bytes] = field(default_factory=set)
    failed: bool = False
    first: Any = None
    """The first frame that decodes."""

    def add(self, packet: Any) -> None:
        """A packet whose frame is shown."""
        pts, dts = packet.pts, packet.dts
        self.without_pts += pts is None
        self.without_dts += dts is None
        self.pts.append(pts or 0)
        self.dts.append(dts or 0)
        self.keys.append(packet.is_keyframe)
        self.last = max(self.last, (pts or 0, packet.duration or 0))


def read_track(path: str | Path, warn: Callable[[str], None]) -> VideoTrack:
    """Raises EmozooError where the file has no video, no frame that decodes, or frames that no recording has."""
    with damage_as_error(path), open_container(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise EmozooError(f"{path} has no video track: give a video, or use a model that needs sound only")
        aspect = float(stream.sample_aspect_ratio or 1)
        _check_size(path, stream.codec_context.width, stream.codec_context.height, aspect)
        prepare_decoder(stream, threads=1)
        packets = _read_packets(path, container, stream)
        first = packets.first
        if first is None:
            raise damaged(path)
        _check_size(path, first.width, first.height, aspect)
        clock, stamps, keys = _stamps(container, packets, first)
        times, seconds = _times(container, stream, packets, clock, stamps)
        _check_times(path, times, seconds)
        whole = _tell_of_a_cut(container, stream, packets, seconds, warn)
        turn = _turn(first, warn)
        plain = (
            whole
            and clock == "pts"
            and turn == Turn()
            and aspect == 1
            and len(keys) > 0
            and keys[0] == stamps[0]
            and _is_even(times)
            and _is_plain_h264(stream, packets, len(stamps))
        )
        return VideoTrack(path, first.width, first.height, aspect, turn, stamps, clock, times, seconds, keys, plain)


def _times(
    container: av.container.InputContainer, stream: av.VideoStream, packets: _Packets, clock: str, stamps: np.ndarray
) -> tuple[np.ndarray, float]:
    """When each frame is shown, in seconds, and when the last one ends."""
    rate = float(stream.average_rate or 0)
    if clock == "order":
        times = stamps * (1 / (rate or 25))
        length = 0.0
    else:
        unit = float(stream.time_base or 1)
        times = stamps * unit - start_of(container)
        length = packets.last[1] * unit
    if length <= 0:
        length = 1 / rate if rate else float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    return times, float(times[-1]) + length


def _check_times(path: str | Path, times: np.ndarray, seconds: float) -> None:
    if not (-LONGEST_SECONDS <= times[0] and seconds <= LONGEST_SECONDS):
        raise EmozooError(
            f"{path}: its frames are shown from {times[0]:.0f} s to {seconds:.0f} s, and a video may have 24 hours: "
            "its timestamps are damaged, or it must be cut"
        )
    if len(times) > 1 and times[-1] - times[0] < SHORTEST_GAP * (len(times) - 1):
        raise EmozooError(f"{path}: its {len(times)} frames last {seconds:.2g} s: its timestamps are damaged")


def _is_plain_h264(stream: av.VideoStream, packets: _Packets, frames: int) -> bool:
    """Whether each packet is an H.264 frame that is shown, all of one size."""
    return (
        stream.codec_context.name == "h264"
        and len(packets.parameters) <= 1
        and packets.count == frames
        and stream.frames in (0, packets.count)
    )


def prepare_decoder(stream: av.VideoStream, threads: int) -> None:
    """Sets up a decoder that refuses frames larger than a video's, before the first one is decoded."""
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    stream.codec_context.thread_count = threads
    if threads > 1:
        stream.codec_context.thread_type = "AUTO"


def packets_of(container: av.container.InputContainer, *streams: av.VideoStream) -> Iterator[Any]:
    """The packets of a container or of some of its streams. The last ones are empty: they flush the decoders.

    None is given, once, where too many reads in a row fail and the rest is given up.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
            return
        except Exception:  # a bad piece is stepped over
            failures += 1
            if failures > MOST_FAILURES:
                yield None
                return


def damaged(path: str | Path) -> EmozooError:
    return EmozooError(f"{path}: the video is damaged or cut off: copy or convert it again")


@contextmanager
def damage_as_error(path: str | Path) -> Iterator[None]:
    """What decoders raise (their own errors, ValueError, MemoryError, OverflowError, ...) becomes the file's EmozooError."""
    try:
        yield
    except EmozooError:
        raise
    except Exception as error:
        raise damaged(path) from error


def _check_size(path: str | Path, width: int, height: int, aspect: float) -> None:
    if width > LONGEST_SIDE or height > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise EmozooError(
            f"{path} has frames of {width} x {height}, larger than a video's (at most {LONGEST_SIDE} a side and "
            f"{MOST_PIXELS // 1_000_000} million pixels): scale it down"
        )
    if not 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL:
        raise EmozooError(
            f"{path} has pixels {aspect:.3g} times as wide as high (at most {WIDEST_PIXEL} to 1): its header is damaged, "
            "convert it again"
        )


def _read_packets(path: str | Path, container: av.container.InputContainer, stream: av.VideoStream) -> _Packets:
    found = _Packets()
    h264 = stream.codec_context.name == "h264"
    matroska = container.format.name.startswith("matroska")  # its length is that of the longest track
    for packet in packets_of(container, *(() if matroska else (stream,))):
        if packet is None:
            found.failed = True
            break
        if packet.size:
            found.reach = max(found.reach, end_of(packet))
        if packet.stream is not stream:
            continue
        if found.first is None:
            found.first = next(iter(decoded(packet) or ()), None)
        if not packet.size:
            continue
        found.count += 1
        if found.count > MOST_FRAMES:
            raise EmozooError(f"{path} has more than {MOST_FRAMES} frames: cut it")
        if not packet.is_discard:  # what an edit list leaves out is decoded, but not shown
            found.add(packet)
            if h264 and packet.is_keyframe and len(found.parameters) < 2:
                found.parameters |= _h264_parameters(bytes(packet))
    return found


def decoded(packet: Any) -> list[Any] | None:
    """The frames of a packet, None where it is damaged."""
    try:
        return list(packet.decode())
    except Exception:
        return None


def flushed(stream: av.VideoStream) -> list[Any] | None:
    """The frames that a decoder still holds, where no packet flushes it; None where they are damaged."""
    try:
        return list(stream.codec_context.decode(None))
    except Exception:
        return None


def _h264_parameters(packet: bytes) -> set[bytes]:
    """The sequence parameter sets in a packet of MP4 or Matroska, before its frame. A second one is another size."""
    found, place = set(), 0
    while place + 5 <= len(packet):
        size, kind = int.from_bytes(packet[place : place + 4], "big"), packet[place + 4] & 31
        if kind == 7:
            found.add(packet[place + 4 : place + 4 + size])
        if kind in (1, 5):
            break
        place += 4 + size
    return found


def _stamps(
    container: av.container.InputContainer, packets: _Packets, first: Any
) -> tuple[str, np.ndarray, np.ndarray]:
    """The clock, the stamps of all frames and those of the key frames."""
    none = np.zeros(0, np.int64)
    if container.format.name == "avi" and not packets.without_dts:
        # ffmpeg takes the decoding time, which is known. The decoder gives frames some packets later.
        stored = np.unique(np.frombuffer(packets.dts, np.int64))
        late = int(np.searchsorted(stored, stored[0] if first.dts is None else first.dts))
        if late < len(stored):
            return "dts", np.concatenate([stored[late:], stored[-1] + 1 + np.arange(late)]), none
    if packets.without_pts or not len(packets.pts):
        return "order", np.arange(max(1, len(packets.pts))), none
    pts = np.frombuffer(packets.pts, np.int64)
    exact = container.format.name[:3] in ("mov", "mat")  # MP4, MOV, Matroska, WebM
    keys = np.unique(pts[np.frombuffer(packets.keys, np.int8) != 0]) if exact else none
    return "pts", np.unique(pts), keys


def _is_even(times: np.ndarray) -> bool:
    """Whether all frames are shown about equally long. Timestamps may be rounded to milliseconds."""
    gaps = np.diff(times)
    return len(gaps) == 0 or bool(gaps.max() - gaps.min() <= max(0.0021, 0.1 * float(np.median(gaps))))


def _tell_of_a_cut(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: _Packets,
    seconds: float,
    warn: Callable[[str], None],
) -> bool:
    """Whether all frames are there that the header promises, as far as is known. Warns where they are not."""
    zero = start_of(container)
    promised, reach, slack = 0.0, seconds, 0.5
    if stream.frames > packets.count and container.format.name == "avi" and stream.average_rate:
        promised = float(stream.frames / stream.average_rate)
        slack = 0.1 + 2 * seconds / max(1, packets.count)
    elif stream.frames > packets.count and stream.duration and stream.time_base:
        promised = float(((stream.start_time or 0) + stream.duration) * stream.time_base) - zero
        slack = 0.1 + 2 * seconds / max(1, packets.count)
    elif container.format.name[:3] == "mat" and _states_length(container):
        promised, reach = (container.duration or 0) / 1e6 - zero, packets.reach - zero
    if promised > LONGEST_SECONDS:
        warn(f"the header promises {stream.frames} frames: {packets.count} are there")
        return False
    if promised and reach < promised - slack:
        warn(f"the video is cut off: its last frame is at {seconds:.1f} s of {promised:.1f} s")
        return False
    if packets.failed:
        warn(f"the video is damaged: what comes after {seconds:.1f} s cannot be read")
    return not packets.failed


def _states_length(container: av.container.InputContainer) -> bool:
    """Whether a Matroska file has the element Duration. Without it, ffmpeg guesses the length from bit rates."""
    with open(container.name, "rb") as file:
        head = file.read(4096)
    return b"\x44\x89\x88" in head or b"\x44\x89\x84" in head


def _turn(first: Any, warn: Callable[[str], None]) -> Turn:
    """From the display matrix: the pixel at (x, y) is shown at (a x + c y, b x + d y).

    ISO/IEC 14496-12, 8.3.2. A turn by another angle is taken for the nearest quarter of a circle.
    """
    try:
        side = next((each for each in first.side_data if each.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # there is other side data that this PyAV does not know
        half = Turn(False, True, True)
        turns = {90: Turn(True, True), -90: Turn(True, False, True), 180: half, -180: half}
        return turns.get(first.rotation, Turn())
    if side is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(side), np.int32)[:5].astype(float).tolist()
    straight, swapped = abs(a) + abs(d), abs(b) + abs(c)
    if min(straight, swapped) > 0.02 * max(straight, swapped):
        warn("the video is to be shown aslant: it is turned to the nearest quarter of a circle")
    if straight >= swapped:
        return Turn(False, d < 0, a < 0)
    return Turn(True, b < 0, c < 0)
