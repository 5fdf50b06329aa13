"""Pictures of every kind of video file, beside those that ffmpeg gives; and files that are broken or made to harm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from support.make_media import grey, write_video
from support.places import CASES
from support.small import PEAK

from emozoo.errors import EmozooError
from emozoo.media import read_audio
from emozoo.media.decoders import video_frames
from emozoo.media.decoders.video import Video
from emozoo.media.decoders.video_frames import DecordReader
from emozoo.media.decoders.video_track import VideoTrack
from emozoo.media.window import Crop


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


@pytest.mark.parametrize(
    ("options", "aspect"),
    [
        ("-vf scale=160:180,setsar=2 -c:v libx264 -pix_fmt yuv420p v.mp4", 320 / 180),
        ("-vf scale=320:60,setsar=1/3 -c:v mpeg4 -q:v 2 v.mov", 320 / 180),
        ("-vf scale=240:180,setsar=4/3 -c:v libvpx-vp9 -b:v 1M v.webm", 320 / 180),
    ],
)
def test_pixels_that_are_not_square(tmp_path: Path, options: str, aspect: float) -> None:
    *words, name = options.split()
    assert_as_ffmpeg(make(tmp_path / name, " ".join(words)), aspect)


@pytest.mark.parametrize("codec", ["libx264 -bf 2", "mpeg4"])
@pytest.mark.parametrize("flips", ["", "-display_hflip", "-display_vflip", "-display_hflip -display_vflip"])
@pytest.mark.parametrize("angle", [0, 90, 180, -90])
def test_pictures_that_are_turned_or_mirrored(tmp_path: Path, angle: int, flips: str, codec: str) -> None:
    plain = make(tmp_path / "plain.mp4", f"-c:v {codec} -pix_fmt yuv420p")
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", angle, *flips.split(), "-i", plain, "-c", "copy", path)
    assert_as_ffmpeg(path, 180 / 320 if angle % 180 else 320 / 180)


def test_a_mirrored_picture_that_is_cropped(tmp_path: Path) -> None:
    picture = grey(200, 120, 30)
    picture[:60, :100] = 220  # bright at the top left
    plain = write_video(tmp_path / "plain.mp4", [picture] * 5)
    path = tmp_path / "mirrored.mp4"
    ffmpeg("-display_hflip", "-i", plain, "-c", "copy", path)
    bright = Video(path).frames(0.0, 2_400, Crop(0.0, 0.5, 0.5, 1.0))[0]
    dark = Video(path).frames(0.0, 2_400, Crop(0.0, 0.5, 0.0, 0.5))[0]
    assert bright.min() > 200 and dark.max() < 50


def test_pictures_aslant_are_turned_to_the_nearest_quarter(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", "-c:v libx264 -pix_fmt yuv420p")
    ffmpeg("-display_rotation", 70, "-i", plain, "-c", "copy", tmp_path / "aslant.mp4")
    ffmpeg("-display_rotation", 90, "-i", plain, "-c", "copy", tmp_path / "upright.mp4")
    said: list[str] = []
    aslant = Video(tmp_path / "aslant.mp4", said.append).frames(0.0, 8_000)
    np.testing.assert_array_equal(aslant, Video(tmp_path / "upright.mp4").frames(0.0, 8_000))
    assert len(said) == 1 and "aslant" in said[0]


# Pictures beside sound


def flash(path: Path, *options: object, before: tuple[object, ...] = (), moment: float = 1.2) -> Path:
    """Black, white from `moment` on, when a tone begins; `before` stands before the pictures' input."""
    light = f"color=black:size=160x96:rate=25:duration=3,drawbox=c=white:t=fill:enable='gte(t,{moment})'"
    sound = f"sine=frequency=800:duration=3:sample_rate=48000,volume=0:enable='lt(t,{moment})'"
    ffmpeg(*before, "-f", "lavfi", "-i", light, "-f", "lavfi", "-i", sound, *options, path)
    return path


def seconds_apart(path: Path) -> float:
    """How much later the flash is seen than the tone is heard."""
    sound, video = np.abs(read_audio(path)), Video(path)
    heard = float(np.flatnonzero(sound > 0.05)[0]) / 16_000
    moments = np.arange(0.08, min(len(sound) / 16_000, video.seconds), 0.01)
    seen = next(moment for moment in moments if video.frames(moment - 0.075, 1).mean() > 128)
    return float(seen) - heard


STEPS = {
    "plain": ("a.mp4", "-c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p -c:a aac", None),
    "matroska": ("a.mkv", "-c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p -c:a flac", None),
    "webm": ("a.webm", "-c:v libvpx-vp9 -b:v 300k -c:a libopus", None),
    "avi": ("a.avi", "-c:v mpeg4 -c:a pcm_s16le", None),
    "trimmed": ("a.mp4", "-c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p -c:a aac", "-ss 0.7 -i a.mp4 -c copy b.mp4"),
    "trimmed twice": ("a.mov", "-c:v libx264 -g 75 -pix_fmt yuv420p -c:a pcm_s16le", "-ss 0.5 -i a.mov -t 2 -c copy b.mov"),
    "pictures late": ("a.mp4", "-c:v libx264 -bf 2 -pix_fmt yuv420p -c:a aac", "-i a.mp4 -itsoffset 0.4 -i a.mp4 "
     "-map 0:a -map 1:v -c copy b.mp4"),
    "sound late": ("a.mkv", "-c:v libx264 -bf 2 -pix_fmt yuv420p -c:a flac", "-i a.mkv -itsoffset 0.4 -i a.mkv "
     "-map 1:a -map 0:v -c copy b.mkv"),
    "from 100 s": ("a.mkv", "-c:v libx264 -bf 2 -pix_fmt yuv420p -c:a flac", "-i a.mkv -c copy -output_ts_offset 100 b.mkv"),
    "transport stream": ("a.ts", "-c:v libx264 -bf 2 -pix_fmt yuv420p -c:a aac", None),
}  # fmt: skip
SHIFTS = {"pictures late": 0.4, "sound late": -0.4}


@pytest.mark.parametrize("name", list(STEPS))
def test_pictures_and_sound_are_in_step(tmp_path: Path, name: str) -> None:
    first, made, cut = STEPS[name]
    path = flash(tmp_path / first, *made.split())
    if cut:
        words = [str(tmp_path / word) if word.startswith(("a.", "b.")) else word for word in cut.split()]
        ffmpeg(*words)
        path = Path(words[-1])
    assert abs(seconds_apart(path) - SHIFTS.get(name, 0.0)) <= 0.041


def test_an_edit_list_is_in_step() -> None:
    path = CASES / "media" / "trimmed_edit_list.mp4"
    video = Video(path)
    told = (video.frames(0.0, 24_000).mean(axis=(1, 2, 3)) - 16) / 2  # picture N is grey 16 + 2 N
    # 1.4 s were cut off: 96 pictures at 30 a second, of which 50 are left
    np.testing.assert_allclose(told, np.floor(46 + (np.arange(10) + 0.5) * 0.15 * 30 + 1e-6), atol=1.0)


@pytest.mark.parametrize(
    "name", ["chrome_mediarecorder_vp8.webm", "av1.mp4", "mirrored_matrix.mp4", "trimmed_edit_list.mp4"]
)
def test_the_cases(name: str) -> None:
    assert_as_ffmpeg(CASES / "media" / name, 200 / 120 if "trimmed" in name else 4 / 3)


# Which decoder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that decord was asked for."""
    names: list[str] = []

    class Noted(DecordReader):
        def __init__(self, decord: Any, track: VideoTrack, *rest: int) -> None:
            names.append(Path(track.path).name)
            super().__init__(decord, track, *rest)

    monkeypatch.setattr(video_frames, "DecordReader", Noted)
    return names


@pytest.mark.parametrize("name", [*KINDS, "trimmed_edit_list.mp4", "mirrored_matrix.mp4"])
def test_decord_decodes_what_is_plain(tmp_path: Path, name: str, asked: list[str]) -> None:
    path = make(tmp_path / name, KINDS[name]) if name in KINDS else CASES / "media" / name
    Video(path).frames(0.0, 8_000)
    decord = (
        name.startswith(("h264", "10 bit", "yuv4", "full", "bt709.", "bt2020", "one picture.mp4")) or name == "rgb.mkv"
    )
    assert asked == ([name] if decord and not name.endswith(".avi") else [])


def test_without_decord_pyav_gives_the_same(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mp4", KINDS["h264.mp4"])
    program = (
        "import hashlib, sys\nif sys.argv[2] == 'without':\n    sys.modules['decord'] = None\n"
        "from emozoo.media.decoders.video import Video\n"
        "print(hashlib.sha256(Video(sys.argv[1]).frames(0.0, 38400).tobytes()).hexdigest())"
    )
    told = [
        subprocess.run([sys.executable, "-c", program, path, how], capture_output=True, text=True, check=True).stdout
        for how in ("with", "without")
    ]
    assert told[0] == told[1] != ""


@pytest.mark.parametrize("error", [ValueError, MemoryError, OverflowError, RuntimeError])
def test_where_decord_fails_pyav_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type) -> None:
    path = make(tmp_path / "v.mp4", KINDS["h264.mp4"])
    expected, real = Video(path).frames(0.0, 38_400), DecordReader.frame

    def failing(self: DecordReader, number: int) -> np.ndarray:
        if number > 20:
            raise error("broken")
        return real(self, number)

    monkeypatch.setattr(DecordReader, "frame", failing)
    np.testing.assert_array_equal(Video(path).frames(0.0, 38_400), expected)


@pytest.mark.parametrize("error", [ValueError, MemoryError, OverflowError, RuntimeError, av.error.InvalidDataError])
def test_whatever_a_decoder_raises_is_the_files_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type
) -> None:
    path = make(tmp_path / "v.webm", KINDS["vp8.webm"])

    def failing(*_: Any) -> None:
        raise error(1, "broken")

    monkeypatch.setattr(video_frames, "_filter_graph", failing)
    with pytest.raises(EmozooError, match="damaged") as caught:
        Video(path).frames(0.0, 8_000)
    assert str(path) in str(caught.value)


# Damage


def packets(path: Path) -> list[tuple[int, int]]:
    """Where each packet of the pictures lies, and its bytes."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def spoil(path: Path, numbers: Iterable[int]) -> Path:
    """Overwrites whole packets, but for their beginnings where a container puts a head of its own there."""
    data = bytearray(path.read_bytes())
    places = packets(path)
    for number in numbers:
        place, size = places[number]
        head = 16 if path.suffix in (".avi", ".mkv", ".webm") else 0
        data[place + head : place + size] = b"\xff" * (size - head)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name", ["h264.mp4", "h264 in pieces.mp4", "mpeg4.mov", "hevc.mp4", "av1.mp4", "mpeg4.avi", "vp8.webm"]
)
@pytest.mark.parametrize("number", [0, 25])
def test_one_bad_packet_costs_no_file(tmp_path: Path, name: str, number: int) -> None:
    path = make(tmp_path / name, KINDS[name])
    whole = Video(path).frames(0.0, 38_400).astype(int)
    said: list[str] = []
    frames = Video(spoil(path, [number]), said.append).frames(0.0, 38_400).astype(int)
    off = np.abs(frames - whole).mean(axis=(1, 2, 3))
    if number:
        assert off[:5].max() < 1  # before the damage
    assert off[-6:].max() < 1 or number == 0  # and from the next key picture on
    assert len(said) <= 1 and all("damaged" in each for each in said)


def test_damaged_pictures_are_counted_and_the_one_before_stands_for_each(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mkv", "-c:v ffv1 -level 3 -g 1 -slicecrc 1")
    whole, moments = Video(path), [number / 25 - 0.07 for number in range(60)]
    expected = [whole.frames(moment, 1) for moment in moments]
    said: list[str] = []
    video = Video(spoil(path, [20, 21, 40]), said.append)
    for number in (5, 19, 20, 21, 22, 39, 40, 41, 59):
        shown = {20: 19, 21: 19, 40: 39}.get(number, number)
        np.testing.assert_array_equal(video.frames(moments[number], 1), expected[shown])
    assert len(said) == 1 and "damaged" in said[0]
    counted: list[str] = []
    Video(path, counted.append).frames(0.0, 38_400)
    assert counted == ["3 of the 60 frames are damaged: the one before stands for each"]


@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.mov", "mpeg4.avi", "hevc.mp4"])
def test_a_video_of_which_almost_nothing_decodes_is_an_error(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, KINDS[name])
    spoil(path, range(1, len(packets(path))))
    with pytest.raises(EmozooError, match="damaged") as caught:
        Video(path).frames(0.0, 38_400)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mp4", "-c:v libx264 -g 10 -bf 2 -pix_fmt yuv420p -movflags faststart"),
        ("v.avi", "-c:v mjpeg -q:v 3"),
        ("v.mkv", "-c:v libx264 -g 10 -pix_fmt yuv420p"),
        ("v.webm", "-c:v libvpx -b:v 1M"),
    ],
)
@pytest.mark.parametrize("share", [0.45, 0.7])
def test_a_video_that_is_cut_off_is_answered_from_what_is_there(
    tmp_path: Path, name: str, options: str, share: float
) -> None:
    path = make(tmp_path / name, options)
    whole, data = Video(path).frames(0.0, 38_400), path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    said: list[str] = []
    video = Video(path, said.append)
    there = int(max(0, video.seconds - 0.2) / 0.15)
    frames = video.frames(0.0, 38_400)
    assert 0.2 < video.seconds < 2.2 and there >= 1
    off = np.abs(frames[:there].astype(int) - whole[:there]).mean(axis=(1, 2, 3))
    assert off.max() < 1
    assert said[0] == f"the video is cut off: its last frame is at {video.seconds:.1f} s of 2.4 s"
    assert len(said) == len(set(said)) <= 2


def test_pictures_whose_size_changes_are_scaled(tmp_path: Path) -> None:
    for part, size in (("a", "320x180"), ("b", "160x180"), ("c", "640x360")):
        make(tmp_path / f"{part}.ts", "-c:v libx264 -g 10 -pix_fmt yuv420p", size)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join((tmp_path / f"{part}.ts").read_bytes() for part in "abc"))
    path = tmp_path / "v.mkv"
    ffmpeg("-fflags", "+genpts", "-i", joined, "-c", "copy", path)
    video = Video(path)
    frames = video.frames(0.0, round(video.seconds * 16_000))
    places = [round(place * len(frames)) for place in (0.1, 0.5, 0.9)]
    assert all(frames[place][30, 26:74].max() > 0 for place in places)
    assert [bool(frames[place][5:55, 4:20].max() > 0) for place in places] == [True, False, True]


# Limits


@pytest.mark.parametrize(
    ("name", "options", "size", "says"),
    [
        ("v.mkv", "-frames:v 2 -c:v ffv1", "16400x16", "16400 x 16, larger"),
        ("v.mkv", "-frames:v 1 -c:v png", "6400x6400", "6400 x 6400, larger"),
        ("v.mp4", "-vf setsar=20 -frames:v 2 -c:v libx264", "64x64", "pixels 20 times"),
        ("v.mkv", "-vf setsar=1/20 -frames:v 2 -c:v libx264", "64x64", r"pixels 0\.05 times"),
        ("v.mkv", "-vf setpts='N*90000/TB' -fps_mode passthrough -frames:v 3 -c:v ffv1", "64x64", "24 hours"),
    ],
)  # fmt: skip
def test_what_no_recording_has_is_refused(tmp_path: Path, name: str, options: str, size: str, says: str) -> None:
    path = make(tmp_path / name, options, size)
    with pytest.raises(EmozooError, match=says) as caught:
        Video(path).frames(0.0, 2_400)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from emozoo.errors import EmozooError
from emozoo.media.decoders.video import Video
try:
    video = Video(sys.argv[1], print)
    print("answered", video.frames(0.0, round(min(video.seconds, 60) * 16000)).shape[1:])
except EmozooError as error:
    print(error)
print(PEAK)
"""
HOSTILE = {
    "avi_frames_abort.avi": "the header promises 4278190125 frames: 45 are there\nanswered",
    "avi_frames_fast.avi": "its timestamps are damaged",
    "sar600.mp4": "pixels 382 times as wide",
    "fuzz13707.bin": "a video may have 24 hours",
    "fuzz14493.bin": "a video may have 24 hours",
    "fuzz7226.bin": "no video track",
    "fuzz10077.bin": "the header promises 4278190125 frames: 45 are there\nanswered",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_files_made_to_harm_cost_neither_time_nor_memory(name: str) -> None:
    command = [sys.executable, "-c", LIMITED.replace("PEAK", PEAK), CASES / "hostile" / name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == "" and HOSTILE[name] in done.stdout
    assert int(done.stdout.split()[-1]) < 1024  # MiB
