"""Pictures of every kind of video file, beside those that ffmpeg gives; and files that are broken or made to harm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from emozoo.film import Video

CASES = Path(__file__).parent / "cases"


def ffmpeg(*words: object) -> bytes:
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *map(str, words)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def make(path: Path, options: str, size: str = "320x180", rate: str = "25") -> Path:
    """A video of ffmpeg's moving test picture."""
    shape = f"scale={size.replace('x', ':')},setsar=1"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={rate}:duration=2.4,{shape}", *options.split(), path)
    return path


def by_ffmpeg(path: Path, aspect: float) -> np.ndarray:
    """Frame k is the picture at (k + 0.5) * 0.15 s, scaled undistorted: uint8 [frames, 60, 100, 3]. `aspect`: width to
    height as shown."""
    scale = min(100 / aspect, 60)
    width, height = max(1, round(aspect * scale)), max(1, round(scale))
    held = "settb=1/1000000,tpad=stop_mode=clone:stop_duration=1"
    picked = f"{held},setpts=PTS-75000,fps=20/3:round=up:start_time=0"
    shown = f"scale={width}:{height}:flags=bilinear,format=rgb24,pad=100:60:{(100 - width) // 2}:{(60 - height) // 2}"
    data = ffmpeg("-i", path, "-map", "0:v:0", "-vf", f"{picked},{shown}", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(data, np.uint8).reshape(-1, 60, 100, 3)


def assert_as_ffmpeg(path: Path, aspect: float, warnings: tuple[str, ...] = ()) -> Video:
    said: list[str] = []
    video = Video(path, said.append)
    samples = round(video.seconds * 16_000)
    frames, expected = video.frames(0.0, samples), by_ffmpeg(path, aspect)
    off = np.abs(frames.astype(int) - expected[: len(frames)]).mean(axis=(1, 2, 3))
    assert off.max() <= 1, np.round(off, 1).tolist()
    assert len(said) == len(warnings) and all(word in each for word, each in zip(warnings, said, strict=True)), said
    video.expect([(0.0, samples)])
    np.testing.assert_array_equal(video.frames(0.0, samples), frames)
    for start in (1.3, 0.2, 0.0):  # also back in time
        if start < video.seconds:
            np.testing.assert_array_equal(video.frames(start, 8_000), Video(path).frames(start, 8_000))
    return video


UNEVEN = "select='not(mod(n\\,7))+not(mod(n\\,5))'"
KINDS = {
    "h264.mp4": "-g 10 -c:v libx264 -bf 3 -pix_fmt yuv420p",
    "h264 open GOP.mkv": "-g 10 -c:v libx264 -bf 3 -x264-params open-gop=1 -pix_fmt yuv420p",
    "h264 intra refresh.mkv": "-g 10 -c:v libx264 -x264-params intra-refresh=1 -pix_fmt yuv420p",
    "h264 in pieces.mp4": "-g 10 -c:v libx264 -bf 2 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov",
    "h264 interlaced.mp4": "-g 10 -c:v libx264 -flags +ilme+ildct -pix_fmt yuv420p",
    "h264.webm": "-g 10 -c:v libx264 -bf 2 -pix_fmt yuv420p -f matroska -live 1",
    "h264.avi": "-g 10 -c:v libx264 -bf 2 -pix_fmt yuv420p",
    "mpeg4.avi": "-g 10 -c:v mpeg4 -bf 2 -q:v 3",
    "mpeg4.mov": "-g 10 -c:v mpeg4 -bf 2 -q:v 3",
    "xvid packed.avi": "-g 10 -c:v libxvid -bf 2 -q:v 3",
    "hevc.mp4": "-g 10 -c:v libx265 -bf 3 -x265-params log-level=none",
    "vp8.webm": "-g 10 -c:v libvpx -b:v 1M -auto-alt-ref 1 -lag-in-frames 10",
    "vp8 live.webm": "-g 10 -c:v libvpx -b:v 1M -live 1 -f webm",
    "vp9.webm": "-g 10 -c:v libvpx-vp9 -b:v 1M -auto-alt-ref 1 -lag-in-frames 10",
    "vp9 live.mkv": "-g 10 -c:v libvpx-vp9 -b:v 1M -live 1",
    "av1.mp4": "-g 10 -c:v libsvtav1 -preset 12",
    "av1.webm": "-g 10 -c:v libsvtav1 -preset 12",
    "mjpeg.avi": "-g 10 -c:v mjpeg -q:v 2",
    "mjpeg.mov": "-g 10 -c:v mjpeg -q:v 2",
    "10 bit.mp4": "-g 10 -c:v libx264 -pix_fmt yuv420p10le",
    "hevc 10 bit.mkv": "-g 10 -c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none",
    "yuv444.mp4": "-g 10 -c:v libx264 -pix_fmt yuv444p",
    "yuv422.mkv": "-g 10 -c:v libx264 -pix_fmt yuv422p",
    "rgb.mkv": "-g 10 -c:v libx264rgb -pix_fmt rgb24",
    "grey.mkv": "-g 10 -c:v ffv1 -pix_fmt gray",
    "alpha.mov": "-g 10 -c:v qtrle -pix_fmt argb",
    "raw.avi": "-g 10 -c:v rawvideo -pix_fmt bgr24",
    "full range.mp4": "-vf scale=out_range=full -g 10 -c:v libx264 -pix_fmt yuv420p -color_range pc",
    "bt709.mp4": "-vf scale=out_color_matrix=bt709 -g 10 -c:v libx264 -pix_fmt yuv420p -colorspace bt709",
    "bt709 full range.mkv": "-vf scale=out_range=full:out_color_matrix=bt709 -g 10 -c:v libx265 -pix_fmt yuv420p "
    "-color_range pc -colorspace bt709 -x265-params log-level=none",
    "bt2020.mp4": "-vf scale=out_color_matrix=bt2020 -g 10 -c:v libx264 -pix_fmt yuv420p10le -colorspace bt2020nc "
    "-color_primaries bt2020 -color_trc smpte2084",
    "uneven.mp4": f"-vf {UNEVEN} -fps_mode vfr -g 10 -c:v libx264 -bf 2 -pix_fmt yuv420p",
    "uneven.mkv": f"-vf {UNEVEN} -fps_mode vfr -g 10 -c:v libx265 -x265-params log-level=none",
    "uneven.webm": "-vf select='gt(n\\,20)' -fps_mode vfr -g 10 -c:v libvpx-vp9 -b:v 1M",
    "one picture.mp4": "-frames:v 1 -g 10 -c:v libx264 -pix_fmt yuv420p",
    "one picture.webm": "-frames:v 1 -g 10 -c:v libvpx-vp9",
    "wmv.asf": "-g 10 -c:v wmv2 -q:v 3",
}


@pytest.mark.parametrize("name", list(KINDS))
def test_frames_are_those_of_ffmpeg(tmp_path: Path, name: str) -> None:
    assert_as_ffmpeg(make(tmp_path / name, KINDS[name]), 320 / 180)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
@pytest.mark.parametrize("size", ["99x57", "57x99", "2x2", "400x16", "641x361"])
def test_any_size(tmp_path: Path, size: str, suffix: str) -> None:
    codec = {".mp4": "libx264 -pix_fmt yuv444p", ".avi": "ffv1", ".webm": "libvpx-vp9 -b:v 2M"}[suffix]
    width, height = map(int, size.split("x"))
    assert_as_ffmpeg(make(tmp_path / f"v{suffix}", f"-c:v {codec}", size), width / height)
