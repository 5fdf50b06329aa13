"""Writes real media files for the tests: sounds with soundfile, videos with PyAV. Not a test itself."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

CONTAINERS = {  # extension -> (picture codec, sound codec)
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "pcm_s16le"),
    ".mkv": ("libx264", "flac"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".webm": ("libvpx-vp9", "libopus"),
}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def tone(seconds: float, rate: int, channels: int = 1, hertz: float = 440.0, level: float = 0.5) -> np.ndarray:
    """A sine, the same on every channel: float32 [samples, channels]."""
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def write_sound(path: Path, sound: np.ndarray, rate: int, subtype: str | None = None) -> Path:
    """A sound file; the extension says which kind (.wav, .flac, .ogg, .mp3; .opus is Ogg with Opus inside)."""
    if path.suffix == ".opus":
        soundfile.write(path, sound, rate, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, sound, rate, subtype=subtype)
    return path


def grey(width: int, height: int, value: int) -> np.ndarray:
    """A picture of one grey: uint8 [height, width, 3]."""
    return np.full((height, width, 3), value, np.uint8)


def write_png(path: Path, picture: np.ndarray) -> Path:
    """A picture file, uint8 [height, width, 3]."""
    height, width = picture.shape[:2]
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    )
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def write_video(
    path: Path,
    pictures: Sequence[np.ndarray] | Callable[[int], np.ndarray],
    *,
    count: int | None = None,
    fps: int = 25,
    times: Sequence[float] | None = None,
    sound: np.ndarray | None = None,
    rate: int = 16_000,
    codecs: tuple[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    sound_start: float = 0.0,
    b_frames: int = 0,
) -> Path:
    """A container with a picture track (none where `pictures` is empty) and, with `sound`, a sound track.

    `pictures` are uint8 [height, width, 3], or a function of the number with `count`. `times` gives each picture's time in
    seconds in place of `fps`. `sound` is float32 [samples, channels]; `sound_start` shifts it, in seconds.
    """
    video_codec, sound_codec = codecs or CONTAINERS.get(path.suffix, CONTAINERS[".mp4"])
    total = len(pictures) if count is None and not callable(pictures) else count or 0
    picture_at = pictures if callable(pictures) else pictures.__getitem__
    with av.open(str(path), "w") as container:
        video = audio = None
        if total:
            height, width = picture_at(0).shape[:2]
            video = container.add_stream(video_codec, rate=fps)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.gop_size = 12
            video.codec_context.max_b_frames = b_frames
            video.codec_context.bit_rate = 2_000_000
            if path.suffix == ".avi":
                video.codec_context.codec_tag = "DIVX"
            if video_codec == "libx264":
                video.options = {"crf": "12"}
            if pixel_aspect is not None:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            if times is not None:
                video.codec_context.time_base = Fraction(1, 1000)
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=rate, layout=LAYOUTS[sound.shape[1]])
        packets = []
        for number in range(total):
            assert video is not None
            frame = av.VideoFrame.from_ndarray(picture_at(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            packets += video.encode(frame)
        if video is not None:
            packets += video.encode()
        if audio is not None and sound is not None:
            block = np.ascontiguousarray((sound * 32767).astype(np.int16).reshape(1, -1))
            whole = av.AudioFrame.from_ndarray(block, format="s16", layout=LAYOUTS[sound.shape[1]])
            whole.sample_rate, whole.pts, whole.time_base = rate, round(sound_start * rate), Fraction(1, rate)
            resampler = av.AudioResampler(
                audio.codec_context.format, audio.codec_context.layout, audio.codec_context.rate
            )
            for piece in [*resampler.resample(whole), *resampler.resample(None)]:
                packets += audio.encode(piece)
            packets += audio.encode()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path
