"""`emozoo.media.reading` and `emozoo.media.sound`: real files of every kind, whole and damaged."""

import itertools
import multiprocessing
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import CONTAINERS, grey, tone, write_png, write_sound, write_video
from support.places import SHARED_DATA, needs_shared
from support.windows import SHAPES

from emozoo.errors import EmozooError
from emozoo.media import read_audio
from emozoo.media.decoder import Video
from emozoo.media.reading import duration, has_video, read_clip, stream_audio
from emozoo.media.window import SAMPLING_RATE, Crop, WindowCutter, cut_window, stack_sound, window_starts
from emozoo.media.window_shape import DEFAULT_GRID, DEFAULT_WINDOW, FrameGrid, WindowShape

SOUND_KINDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")
STEP = 4  # brightness from one picture to the next, in videos whose pictures tell their number


def counting(number: int) -> np.ndarray:
    return grey(160, 96, 10 + STEP * number)


def told_numbers(frames: np.ndarray) -> np.ndarray:
    """The numbers that the pictures tell, as real numbers: a decoder is off by a shade or two."""
    return (frames[:, 30, 50].mean(axis=-1) - 10) / STEP


def pitch(sound: np.ndarray) -> float:
    """Hertz of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * SAMPLING_RATE / len(sound))


def level(sound: np.ndarray) -> float:
    """Amplitude of a sine as loud, away from the ends."""
    return float(np.sqrt(2 * np.mean(sound[2000:-2000] ** 2)))


def noise(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, (round(seconds * rate), channels)).astype(np.float32)


# Sound


@pytest.mark.parametrize("kind", SOUND_KINDS)
def test_sound_file_of_every_kind(tmp_path: Path, kind: str) -> None:
    path = write_sound(tmp_path / f"a{kind}", tone(2.0, 48_000, 2), 48_000)
    sound = read_audio(path)
    assert sound.dtype == np.float32 and sound.ndim == 1
    assert abs(len(sound) - 32_000) <= 1
    assert pitch(sound) == pytest.approx(440, abs=1)
    assert level(sound) == pytest.approx(0.5, rel=0.03)
    assert duration(path) == pytest.approx(2.0, abs=0.06)
    assert not has_video(path)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 44_101])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channels_become_16_khz_mono(tmp_path: Path, rate: int, channels: int) -> None:
    sound = read_audio(write_sound(tmp_path / "a.wav", tone(1.5, rate, channels), rate))
    assert abs(len(sound) - 24_000) <= 1
    assert pitch(sound) == pytest.approx(440, abs=1)
    assert level(sound) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM"]
)
def test_wav_of_every_sample_format(tmp_path: Path, subtype: str) -> None:
    sound = read_audio(write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000, subtype))
    np.testing.assert_allclose(
        sound[100:16_000], tone(1.0, 16_000)[100:, 0], atol=0.02
    )  # ADPCM takes a while to follow


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    sound = np.stack([tone(1.0, 16_000)[:, 0], np.zeros(16_000, np.float32)], axis=1)
    assert level(read_audio(write_sound(tmp_path / "a.wav", sound, 16_000))) == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("suffix", list(CONTAINERS))
def test_sound_track_of_every_container(tmp_path: Path, suffix: str, channels: int) -> None:
    rate, channels = (48_000 if suffix == ".webm" else 44_100), (min(channels, 2) if suffix == ".avi" else channels)
    path = write_video(tmp_path / f"v{suffix}", counting, count=50, sound=tone(2.0, rate, channels), rate=rate)
    sound = read_audio(path)
    assert len(sound) == pytest.approx(32_000, abs=1_300)  # a codec may add a packet or two
    assert pitch(sound) == pytest.approx(440, abs=1)
    # AAC keeps no 440 Hz in the sixth channel, which is for the bass.
    assert level(sound[:31_000]) == pytest.approx(0.5 * (5 / 6 if (suffix, channels) == (".mp4", 6) else 1), rel=0.06)
    assert duration(path) == pytest.approx(2.0, abs=0.1)


def test_length_of_a_recording_whose_header_lacks_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.webm", counting, count=50, sound=tone(2.0, 48_000), rate=48_000)
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88")  # the element Duration, 8 bytes; a Void of the same size in its place
    path.write_bytes(data[:place] + b"\xec\x89\x00" + bytes(8) + data[place + 11 :])
    assert duration(path) == pytest.approx(2.0, abs=0.1)
    assert len(read_audio(path)) == pytest.approx(32_000, abs=200)


def test_m4a_has_sound_only(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.m4a", [], sound=tone(1.0, 44_100), rate=44_100)
    assert pitch(read_audio(path)) == pytest.approx(440, abs=1)
    assert not has_video(path)


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    wav = write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000).rename(tmp_path / "really a wav.mp4")
    mp4 = write_video(tmp_path / "v.mp4", counting, count=25, sound=tone(1.0, 16_000)).rename(tmp_path / "Käse.wav")
    raw = write_sound(tmp_path / "b.wav", tone(1.0, 16_000), 16_000).rename(tmp_path / "b.raw")
    assert len(read_audio(str(wav))) == 16_000 and not has_video(wav)
    assert len(read_audio(str(mp4))) >= 16_000 and has_video(str(mp4))
    assert len(read_audio(raw)) == 16_000


@pytest.mark.parametrize("kind", [*SOUND_KINDS, ".mp4", ".mkv", ".webm", ".mov", ".avi"])
def test_a_span_is_that_part_of_the_whole(tmp_path: Path, kind: str) -> None:
    rate = 48_000
    times = np.arange(3 * rate) / rate
    sound = (0.3 * np.sin(2 * np.pi * (100 + 300 * times) * times)).astype(np.float32)[
        :, None
    ]  # no moment like another
    path = tmp_path / f"a{kind}"
    path = (
        write_sound(path, sound, rate)
        if kind in SOUND_KINDS
        else write_video(path, counting, count=60, sound=sound, rate=rate)
    )
    whole, span = read_audio(path), read_audio(path, 1.0, 1.5)
    assert len(span) == 8_000
    # Away from the edges, where the filter sees silence; a container's clock counts milliseconds, so within 16 samples.
    expected = np.lib.stride_tricks.sliding_window_view(whole, 7_800)[16_100 - 16 : 16_100 + 17]
    assert np.abs(expected - span[100:7_900]).max(axis=1).min() < 0.02
    assert len(read_audio(path, 2.5)) == pytest.approx(8_000, abs=1_300)


@pytest.mark.parametrize("kind", [*SOUND_KINDS, ".mp4", ".webm"])
@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("block", [0.05, 0.7, 60.0])
def test_stream_equals_whole(tmp_path: Path, kind: str, rate: int, block: float) -> None:
    path = tmp_path / f"a{kind}"
    sound = noise(2.03, rate, 2)
    path = write_sound(path, sound, rate) if kind in SOUND_KINDS else write_video(path, [], sound=sound, rate=rate)
    blocks = list(stream_audio(path, block))
    assert max(map(len, blocks)) <= block * SAMPLING_RATE + 3
    np.testing.assert_allclose(np.concatenate(blocks), read_audio(path), atol=1e-5)


def test_sound_that_starts_late_keeps_its_place_beside_the_picture(tmp_path: Path) -> None:
    codecs = ("libx264", "flac")
    path = write_video(tmp_path / "v.mkv", counting, count=50, sound=tone(1.0, 16_000), sound_start=0.5, codecs=codecs)
    sound = read_audio(path)
    assert np.abs(sound[:7_950]).max() == 0 and level(sound[8_000:24_000]) == pytest.approx(0.5, rel=0.02)
    assert np.abs(read_audio(path, 0.1, 0.4)).max() == 0


# Frames


@pytest.mark.parametrize(
    ("suffix", "codecs"),
    [*CONTAINERS.items(), (".avi", ("mpeg4", "pcm_s16le")), (".mov", ("mpeg4", "aac")), (".mp4", ("libx265", "aac"))],
)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_frames_are_the_pictures_of_their_moments(
    tmp_path: Path, suffix: str, codecs: tuple[str, str], b_frames: int
) -> None:
    path = write_video(tmp_path / f"v{suffix}", counting, count=60, codecs=codecs, b_frames=b_frames)
    delay = (
        1 if suffix == ".avi" and b_frames else 0
    )  # AVI cannot tell when a picture is shown, only when it is decoded
    video = Video(path)
    assert has_video(path) and video.seconds == pytest.approx((60 + delay) / 25, abs=0.01)
    for start in (0.0, 1.0, 0.43, 1.9, 0.2):  # also back in time
        frames = video.frames(start, 8_000)
        moments = start + (np.arange(4) + 0.5) * 0.15
        assert frames.shape == (4, DEFAULT_GRID.height, DEFAULT_GRID.width, 3) and frames.dtype == np.uint8
        np.testing.assert_allclose(told_numbers(frames), np.minimum(moments * 25 // 1 - delay, 59), atol=0.6)
    spans = [(0.0, 8_000), (0.43, 8_000), (1.0, 8_000), (1.1, 4_000), (1.9, 8_000)]
    plain = [video.frames(*span) for span in spans]
    video.expect(spans)
    for span, frames in zip(spans, plain, strict=True):
        np.testing.assert_array_equal(video.frames(*span), frames)
    np.testing.assert_array_equal(video.frames(0.2, 4_000), Video(path).frames(0.2, 4_000))  # was not announced


@pytest.mark.parametrize("grid", [FrameGrid(3_000, 112, 112), FrameGrid(640, 20, 30), FrameGrid(16_000, 512, 512)])
def test_frames_come_as_often_and_as_large_as_a_grid_asks_for(tmp_path: Path, grid: FrameGrid) -> None:
    path = write_video(tmp_path / "v.mp4", counting, count=60)
    video = Video(path, grid=grid)
    for start, samples in ((0.0, 38_000), (0.43, 8_000), (1.9, 16_000)):
        frames = video.frames(start, samples)
        assert frames.shape == (-(-samples // grid.step), grid.height, grid.width, 3)
        moments = start + (np.arange(len(frames)) + 0.5) * grid.step / SAMPLING_RATE
        middle = frames[:, grid.height // 2, grid.width // 2].mean(1)
        np.testing.assert_allclose((middle - 10) / STEP, np.minimum((moments + 1e-6) * 25 // 1, 59), atol=0.6)


def test_overlapping_spans_of_one_open_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", counting, count=60, b_frames=2)
    left, right = Crop(0, 1, 0, 0.5), Crop(0, 1, 0.5, 1)
    video = Video(path)
    for span in [(0.0, 40_000, None), (0.5, 9_000, right), (0.6, 30_000, left), (2.3, 1, right), (0.1, 5_000, left)]:
        np.testing.assert_array_equal(video.frames(*span), Video(path).frames(*span))


def test_far_jumps_in_a_long_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", lambda n: counting(n % 60), count=1_500, b_frames=2)
    video = Video(path)
    for start in (0.0, 50.0, 3.0, 58.0, 57.0, 20.0):
        expected = (start + (np.arange(4) + 0.5) * 0.15) * 25 // 1 % 60
        np.testing.assert_allclose(told_numbers(video.frames(start, 8_000)), expected, atol=0.6)


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.1, 0.9, 1.0, 1.8]
    path = write_video(tmp_path / "v.mkv", lambda n: counting(5 * n), count=6, times=times)
    frames = Video(path).frames(0.0, 30_000)
    expected = [np.searchsorted(times, (k + 0.5) * 0.15, side="right") - 1 for k in range(13)]
    np.testing.assert_allclose(told_numbers(frames) / 5, expected, atol=0.2)


def test_the_last_picture_is_held_and_nothing_begins_after_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", counting, count=25, sound=tone(2.0, 16_000))
    clip = read_clip(path, video=True)
    assert clip.frames is not None and len(clip.frames) == -(-len(clip.waveform) // DEFAULT_WINDOW.samples_per_frame)
    np.testing.assert_allclose(told_numbers(clip.frames[7:]), 24, atol=0.6)
    np.testing.assert_allclose(told_numbers(Video(path).frames(0.99, 16_000)), 24, atol=0.6)
    with pytest.raises(EmozooError, match=r"ends at 1\.00 s"):
        Video(path).frames(1.5, 2_400)


@pytest.mark.parametrize(
    ("width", "height", "filled"),
    [(200, 120, (60, 100)), (96, 96, (60, 60)), (96, 192, (60, 30)), (320, 64, (20, 100)), (32, 24, (60, 80))],
)
def test_the_whole_picture_is_kept_between_black_bars(
    tmp_path: Path, width: int, height: int, filled: tuple[int, int]
) -> None:
    path = write_video(tmp_path / "v.mp4", [grey(width, height, 200)] * 5)
    frame = Video(path).frames(0.0, 2_400)[0, :, :, 0]
    rows, columns = np.flatnonzero(frame.max(axis=1) > 100), np.flatnonzero(frame.max(axis=0) > 100)
    assert (len(rows), len(columns)) == filled
    assert abs(rows[0] - (59 - rows[-1])) <= 1 and abs(columns[0] - (99 - columns[-1])) <= 1  # in the middle
    inside = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_allclose(inside, 200, atol=4)
    assert frame.astype(int).sum() == inside.astype(int).sum()


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [grey(120, 120, 200)] * 5, pixel_aspect=Fraction(5, 3))
    assert Video(path).frames(0.0, 2_400).min() > 190  # 120 x 120 is shown as 200 x 120, which has no bars


def test_a_turned_picture_stands_upright(tmp_path: Path) -> None:
    picture = grey(200, 100, 20)
    picture[:, :50] = 200  # bright on the left
    path = write_video(tmp_path / "v.mp4", [picture] * 5)
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)  # clockwise
    path.write_bytes(data)
    frame = Video(path).frames(0.0, 2_400)[0, :, :, 0]
    assert np.flatnonzero(frame.max(axis=0)).tolist() == list(range(35, 65))
    assert frame[:12, 38:62].min() > 150 and frame[20:, 38:62].max() < 60  # now bright at the top


def test_crop_keeps_its_part_only(tmp_path: Path) -> None:
    picture = grey(720, 480, 255)
    picture[112:368, :360], picture[112:368, 360:] = (200, 60, 60), (60, 60, 200)
    path = write_video(tmp_path / "v.avi", [picture] * 5)
    for left, channel in ((0.0, 0), (0.5, 2)):
        frame = Video(path).frames(0.0, 2_400, Crop(112 / 480, 368 / 480, left, left + 0.5))[0]
        inside = frame[2:-2, 12:88]
        assert inside[:, :, channel].min() > 150 and inside[:, :, 2 - channel].max() < 110
        assert frame[:, 0].max() == 0 and frame[:, -1].max() == 0  # 360 x 256 leaves bars at the sides
    assert Video(path).frames(0.0, 2_400, Crop(0.3, 0.35, 0.9, 0.95)).shape == (1, 60, 100, 3)


@pytest.mark.parametrize(
    "edges", [(0.5, 0.5, 0, 1), (0.6, 0.4, 0, 1), (-0.1, 1, 0, 1), (0, 1, 0, 1.1), (0, float("nan"), 0, 1)]
)
def test_a_crop_outside_the_picture_is_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(EmozooError, match="no part of a frame"):
        Crop(*edges)


# Errors


def damaged(path: Path, keep: float = 0.5) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def assert_refused(path: Path, match: str, *, video: bool = False) -> None:
    """Every reader answers with one line that names the file."""
    for read in (lambda: read_audio(path), lambda: list(stream_audio(path)), lambda: read_clip(path, video=video)):
        with pytest.raises(EmozooError, match=match) as caught:
            read()
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.wav", "does not exist")
    assert_refused(tmp_path, "is not a file")
    for ask in (has_video, duration, Video):
        with pytest.raises(EmozooError, match="does not exist"):
            ask(tmp_path / "none.mp4")


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".mp4", ".txt", ".raw", ""])
@pytest.mark.parametrize("content", [b"hello, this is text\n" * 50, b"#EXTM3U\nhttp://localhost/a.wav\n", bytes(5_000)])
def test_what_is_no_media_file(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert_refused(path, "not a sound or video file")
    with pytest.raises(EmozooError, match="not a sound or video file"):
        has_video(path)


def test_random_bytes_empty_file_and_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(50_000))
    assert_refused(path, "not a sound or video file")
    path.write_bytes(b"")
    assert_refused(path, "is empty")
    for name in ("a.png", "a.mp4"):
        assert_refused(write_png(tmp_path / name, grey(64, 64, 90)), "not a sound or video file")


def assert_answered_as_cut_off(path: Path, seconds: float) -> None:
    """What is there is given, and said not to be all."""
    told: list[str] = []
    sound = read_audio(path, warn=told.append)
    assert len(sound) / SAMPLING_RATE == pytest.approx(seconds, abs=0.7)  # Ogg loses a page
    assert [sentence for sentence in told if "cut off" in sentence], told
    again: list[str] = []
    assert sum(map(len, stream_audio(path, warn=again.append))) == len(sound) and again == told
    with pytest.raises(EmozooError, match="ends at"):
        read_audio(path, 0.0, 10.0)


@pytest.mark.parametrize("kind", [".wav", ".flac", ".ogg", ".opus", ".aiff"])
def test_a_sound_file_that_is_cut_off(tmp_path: Path, kind: str) -> None:
    assert_answered_as_cut_off(damaged(write_sound(tmp_path / f"a{kind}", noise(3.0, 16_000), 16_000)), 1.5)


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".webm"])
def test_a_video_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"v{suffix}", counting, count=60, sound=noise(2.4, 48_000), rate=48_000)
    assert_answered_as_cut_off(damaged(path), 1.2)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_video_whose_index_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"v{suffix}", counting, count=60, sound=noise(2.4, 48_000), rate=48_000)
    assert_refused(damaged(path), "cut off")


@needs_shared
def test_an_mp4_that_is_cut_off_behind_its_index(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes((SHARED_DATA / "clips" / "bbaf2n.mp4").read_bytes())
    whole = len(read_audio(path)) / SAMPLING_RATE
    assert_answered_as_cut_off(damaged(path), whole / 2)


def test_a_wav_that_was_streamed_does_not_know_its_length(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)
    data = bytearray(path.read_bytes())
    size = data.index(b"data") + 4
    data[size : size + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(read_audio(path)) == 16_000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    sound = tone(1.0, 16_000)
    sound[5_000] = bad
    assert_refused(write_sound(tmp_path / "a.wav", sound, 16_000, "FLOAT"), "NaN or infinity")


def test_no_sound_and_no_length(tmp_path: Path) -> None:
    silent = write_video(tmp_path / "v.mp4", counting, count=10)
    assert_refused(silent, "no sound track")
    assert Video(silent).frames(0.0, 2_400).shape[0] == 1
    assert_refused(write_sound(tmp_path / "a.wav", tone(0.0, 16_000), 16_000), "length is zero")
    assert_refused(write_sound(tmp_path / "b.wav", tone(1.0, 16_000), 100), "100 samples a second")


def test_no_picture_where_one_is_needed(tmp_path: Path) -> None:
    for path in (
        write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000),
        write_sound(tmp_path / "a.mp3", tone(1.0, 16_000), 16_000),
        write_video(tmp_path / "a.m4a", [], sound=tone(1.0, 16_000)),
    ):
        with pytest.raises(EmozooError, match="no video track"):
            read_clip(path, video=True)


@pytest.mark.parametrize("kind", [".wav", ".mp4"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (1.0, 1.0),
        (0.8, 0.2),
        (-0.5, 1.0),
        (float("nan"), 1.0),
        (0.0, float("inf")),
        (5.0, 6.0),
        (5.0, None),
        (0.5, 3.0),
    ],
)
def test_spans_outside_the_file(tmp_path: Path, kind: str, start: float, end: float | None) -> None:
    sound = tone(2.0, 16_000)
    path = tmp_path / f"a{kind}"
    path = write_sound(path, sound, 16_000) if kind == ".wav" else write_video(path, counting, count=50, sound=sound)
    with pytest.raises(EmozooError, match=r"no span|over before|ends at") as caught:
        read_audio(path, start, end)
    assert str(path) in str(caught.value)
    assert len(read_audio(path, 1.5, 2.05)) >= 8_000  # a label that is a little off is forgiven


def test_a_damaged_video_costs_a_word_and_no_noise(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", counting, count=60, sound=noise(2.4, 44_100), rate=44_100)
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for position in random.integers(len(data) // 4, 3 * len(data) // 4, 500):
        data[position] = random.integers(256)
    path.write_bytes(data)
    program = (
        "import sys\nfrom emozoo.media.reading import read_audio\nfrom emozoo.media.decoders.video import Video\n"
        "from emozoo.errors import EmozooError\n"
        "for read in (lambda: read_audio(sys.argv[1], warn=print), lambda: Video(sys.argv[1]).frames(0.0, 38400)):\n"
        "    try:\n        read()\n    except EmozooError:\n        print('damaged')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "" and "damaged" in done.stdout


def test_importing_costs_no_decoder_and_no_torch(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)
    program = (
        "import sys\nimport emozoo.media.reading\n"
        "assert not {'torch', 'decord', 'av', 'soundfile'} & set(sys.modules)\n"
        "emozoo.media.read_audio(sys.argv[1])\nassert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)


# Windows


@given(st.integers(0, 400_000), SHAPES)
def test_windows_cover_the_clip_but_for_less_than_a_tenth_of_a_second(samples: int, shape: WindowShape) -> None:
    starts = window_starts(samples, shape)
    assert starts[0] == 0 and starts == sorted(set(starts))
    assert all(0 < later - earlier <= shape.hop_samples for earlier, later in itertools.pairwise(starts))
    assert 0 <= max(samples, shape.samples) - (starts[-1] + shape.samples) < SAMPLING_RATE // 10


@settings(deadline=None)
@given(st.integers(1, 400_000), st.lists(st.integers(0, 100_000), max_size=8), SHAPES)
def test_a_stream_is_cut_as_its_clip_is(samples: int, blocks: list[int], shape: WindowShape) -> None:
    waveform = np.arange(samples, dtype=np.float32)
    cutter = WindowCutter(shape)
    found = [each for block in np.split(waveform, np.cumsum(blocks)) for each in cutter.push(block)]
    found += cutter.finish()
    assert [start for start, _ in found] == window_starts(samples, shape)
    for start, sound in found:
        np.testing.assert_array_equal(sound, cut_window(waveform, None, start, shape)[0])


@settings(deadline=None)
@given(st.integers(1, 150_000), st.floats(0, 1), st.sampled_from([np.float32, np.int16]), SHAPES)
def test_a_window_is_a_slice_that_ends_with_the_clip(
    samples: int, where: float, dtype: type, shape: WindowShape
) -> None:
    waveform = (np.arange(samples) % 30_000 + 1).astype(dtype)
    grid, step = shape.grid, shape.samples_per_frame
    count = grid.count(samples)
    numbers = np.arange(count, dtype=np.int32)[:, None, None, None]
    frames = np.broadcast_to(numbers, (count, grid.height, grid.width, 3))
    start = int(where * (samples - 1))
    sound, seen = cut_window(waveform, frames, start, shape)
    piece = waveform[start : start + shape.samples]
    assert sound.dtype == dtype
    np.testing.assert_array_equal(sound, piece)
    stacked, lengths = stack_sound([sound, waveform[:0]], shape)
    assert stacked.shape == (2, shape.samples) and stacked.dtype == dtype
    assert lengths.tolist() == [len(piece), 0]
    np.testing.assert_array_equal(stacked[0, : len(piece)], piece)
    assert not stacked[0, len(piece) :].any() and not stacked[1].any()
    assert seen is not None and seen.shape == (*shape.frames, 3)
    moments = start + (np.arange(shape.frames[0]) + 0.5) * step
    for moment, number in zip(moments, seen[:, 0, 0, 0].tolist(), strict=True):
        assert number == count - 1 or abs((number + 0.5) * step - moment) <= step / 2
    assert cut_window(waveform, None, start, shape)[1] is None


# Many at a time


def summary(path: str) -> tuple[int, int]:
    clip = read_clip(path, video=True)
    assert clip.frames is not None
    return len(clip.waveform), int(clip.frames.astype(int).sum())


@pytest.mark.parametrize("how", ["threads", "fork", "spawn"])
def test_many_files_at_a_time(tmp_path: Path, how: str) -> None:
    paths = [
        str(write_video(tmp_path / f"v{n}{suffix}", counting, count=30, sound=tone(1.2, 48_000), rate=48_000))
        for n, suffix in enumerate(CONTAINERS)
    ]
    expected = [summary(path) for path in paths]  # the parent has used every library, torch's threads too
    if how == "threads":
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(summary, paths * 4)) == expected * 4
    else:
        with multiprocessing.get_context(how).Pool(2) as workers:
            assert workers.map_async(summary, paths * 2).get(timeout=120) == expected * 2


@needs_shared
@pytest.mark.parametrize("path", sorted((SHARED_DATA / "clips").glob("*.mp4")), ids=lambda path: path.stem)
def test_real_talking_faces(path: Path) -> None:
    clip = read_clip(path, video=True)
    assert clip.frames is not None and len(clip.frames) == -(-len(clip.waveform) // DEFAULT_WINDOW.samples_per_frame)
    assert len(clip.waveform) / SAMPLING_RATE == pytest.approx(duration(path), abs=0.1)
    assert np.abs(clip.waveform).max() > 0.01
    assert clip.frames[:, 20:40, 45:55].std() > 5 and clip.frames[:, :, 0].max() == 0  # a face between bars


@needs_shared
def test_real_speech() -> None:
    for path in sorted((SHARED_DATA / "speech").rglob("*.opus"))[::200]:
        known = soundfile.info(path)
        assert len(read_audio(path)) == -(-known.frames * SAMPLING_RATE // known.samplerate)
