"""Whether a file is cut off: the length and the size that it states, and its last packet."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emozoo.media.decoders.container import INDEXED, is_one_of, video_stream
from emozoo.media.files import unknown_size
from emozoo.paths import user_path

if TYPE_CHECKING:
    import av.container

_STATING_LENGTH = (*INDEXED, "flv", "flac", "wav", "w64", "aiff", "caf", "nistsphere")
"""Formats whose header states the length."""
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""The first bytes of the part of an ASF header that states the file's size."""
_ASF_BROADCAST = 1
"""A flag there: the recording goes on, and the size is not known."""
_MP3_KILOBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
"""Bit rates of layer III by their number in a frame's header: of MPEG-1 (ISO 11172-3), and of later ones (ISO 13818-3)."""
_MP3_RATES = (44_100, 48_000, 32_000)
"""Sampling rates of MPEG-1 by their number in a frame's header."""


def promised_end(path: str | Path, container: av.container.InputContainer) -> float:
    """Where the file ends by its header, in seconds on its own clock; 0 where the header does not say."""
    path = user_path(path)
    seconds = (container.duration or 0) / 1e6
    video = video_stream(container)
    if is_one_of(container, ["avi"]) and video and video.average_rate:
        return float(video.frames / video.average_rate)
    if is_one_of(container, ["mp3"]):
        return seconds if _counts_frames(path) else 0.0
    if not is_one_of(container, _STATING_LENGTH):
        return 0.0
    if is_one_of(container, ["asf", "avi", "caf"]):  # ffmpeg gives the length that is left
        size = os.path.getsize(path)
        return seconds * max(1.0, _stated_size(path, size) / size)
    stated_bytes = seconds * (container.bit_rate or 0) / 8
    # A program that writes into a pipe does not know the size, and states about 2 or 4 GiB.
    unknown = stated_bytes >= 0xFE000000 or 0x7F000000 <= stated_bytes <= 0x81000000
    return 0.0 if unknown and is_one_of(container, ["wav"]) else seconds


def _stated_size(path: str | Path, size: int) -> int:
    """The bytes that an ASF, AVI or CAF file has by its header, or `size` where it does not say."""
    with open(path, "rb") as file:
        begin = file.read(65_536)
        place = begin.find(_ASF_PROPERTIES)
        if 0 <= place <= len(begin) - 92:
            return _stated_asf_size(begin, place, size)
        if begin.startswith(b"RIFF"):
            stated = struct.unpack_from("<I", begin, 4)[0]
            return size if unknown_size(stated) else stated + 8
        return _stated_caf_size(file, size) if begin.startswith(b"caff") else size


def _stated_asf_size(begin: bytes, place: int, size: int) -> int:
    (flags,) = struct.unpack_from("<I", begin, place + 88)
    (stated,) = struct.unpack_from("<Q", begin, place + 40)
    return size if flags & _ASF_BROADCAST else stated


def _stated_caf_size(file: BinaryIO, size: int) -> int:
    """The end of the sound's chunk."""
    place = 8
    while place < size:
        file.seek(place)
        chunk = file.read(12)
        if len(chunk) < 12 or chunk[4:] == b"\xff" * 8:
            break
        place += 12 + struct.unpack(">Q", chunk[4:])[0]
        if chunk.startswith(b"data"):
            return place
    return size


def ends_within_a_packet(container: av.container.InputContainer, path: str | Path, last: bytes) -> bool:
    """Whether an MP3 or MPEG-TS is cut off in its `last` packet. Decoders do not complain of it."""
    if is_one_of(container, ["mpegts"]):
        return all(os.path.getsize(path) % size for size in (188, 192, 204))
    return is_one_of(container, ["mp3"]) and len(last) < _mp3_frame_bytes(last)


def _mp3_frame_bytes(frame: bytes) -> int:
    """The size of a frame by its header; 0 where it is none of layer III."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version = frame[1] >> 3 & 3
    kilobits = frame[2] >> 4
    rate = frame[2] >> 2 & 3
    if version == 1 or kilobits in (0, 15) or rate == 3:
        return 0
    later = version != 3
    halves = {3: 1, 2: 2, 0: 4}[version]
    size = (72_000 if later else 144_000) * _MP3_KILOBITS[later][kilobits] * halves // _MP3_RATES[rate]
    return size + (frame[2] >> 1 & 1)


def _counts_frames(path: str | Path) -> bool:
    """Whether an MP3 has a header that states the number of frames."""
    with open(path, "rb") as file:
        head = file.read(10)
        tag_size = 0
        if head.startswith(b"ID3"):
            for byte in head[6:10]:
                tag_size = tag_size << 7 | byte & 0x7F
        file.seek(tag_size)
        begin = file.read(4096)
    return any(mark in begin for mark in (b"Xing", b"Info", b"VBRI"))
