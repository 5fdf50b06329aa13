"""Sound files as people have them: streamed, copied, joined, damaged, hostile. The reference is ffmpeg's own decoding."""

import itertools
import resource
import struct
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly
from support import places
from support.make_media import tone, write_sound, write_video

from emozoo.errors import EmozooError
from emozoo.media import read_audio, sound
from emozoo.media.decoders.probe import probe_container
from emozoo.media.decoders.soundtrack import container_sound
from emozoo.media.files import MEDIA_SUFFIXES, find_files
from emozoo.media.reading import duration, has_sound, has_video, stream_audio
from emozoo.media.resampling import OffsetRemover, Resampler
from emozoo.media.sound import open_soundfile
from emozoo.media.window import SAMPLING_RATE

MEDIA, HOSTILE = places.CASES / "media", places.CASES / "hostile"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
VOICE = MEDIA / "nist_sphere.sph"  # 3.2 s at 16 kHz, PCM


def ffmpeg(*arguments: object) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, capture_output=True)


def reference(path: Path, tmp_path: Path, *options: str, before: tuple[str, ...] = ()) -> np.ndarray:
    """What ffmpeg makes of a file: float32 [samples], 16 kHz, the mean of all channels."""
    out = tmp_path / "reference.wav"
    command = [FFMPEG, "-v", "quiet", "-nostdin", "-y", *before, "-i", str(path), *options, "-vn", "-ar", "16000"]
    subprocess.run([*command, "-c:a", "pcm_f32le", str(out)], check=False)
    return soundfile.read(out, dtype="float32", always_2d=True)[0].mean(axis=1)


def assert_same_sound(found: np.ndarray, expected: np.ndarray, least: float = 0.999) -> None:
    """The same start, within a sample or two, the same length, and the same waveform."""
    assert abs(len(found) - len(expected)) <= 0.02 * SAMPLING_RATE
    length = min(len(found), len(expected)) - 200
    agreement = [
        np.corrcoef(found[max(0, lag) :][:length], expected[max(0, -lag) :][:length])[0, 1] for lag in range(-3, 4)
    ]
    assert max(agreement) > least, (max(agreement), len(found), len(expected))
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.05)


def heard(path: Path, *span: float) -> tuple[np.ndarray, list[str]]:
    told: list[str] = []
    return read_audio(path, *span, warn=told.append), told


# Real troubles, each with what it really holds

CASES = {  # file -> (seconds, words of each warning, ffmpeg's options)
    "opus_without_eos.opus": (3.21, ["end is not marked"], ()),
    "opus_cut_off_but_answered.opus": (1.99, ["cut off"], ()),
    "half.mp3": (1.585, ["cut off: the header promises 3.2 s, 1.6 s are there"], ()),
    "chained_two.opus": (6.41, [], ()),
    "cut_copy.opus": (2.2, [], ()),
    "cut_copy.flac": (1.95, [], ()),
    "segment1.opus": (0.99, ["end is not marked"], ()),
    "start_at_100s.mkv": (3.22, [], ()),
    "vorbis_40ms_gap.ogg": (3.2, [], ()),
    "flac_total_samples_0.flac": (3.2, [], ()),
    "wav_espeak_pipe.wav": (1.79, [], ()),
    "wav_gsm610_sox.wav": (3.2, ["resampled from 8000 Hz: nothing above 4 kHz"], ()),
    "wav_mp3_inside.wav": (3.24, [], ()),
    "lyrics3.mp3": (3.24, [], ()),
    "cat_two_with_id3.mp3": (6.46, [], ()),
    "m4a_first_packet_damaged.m4a": (3.18, ["1 of 151 packets is damaged and was left out"], ()),
    "nist_sphere.sph": (3.2, [], ()),
    "mpegts.ts": (3.22, [], ()),
    "g722_segment_shift.wav": (3.2, [], ()),
    "first_audio_track_silent.mp4": (3.2, ["sound track 2 was used: track 1 is silent"], ("-map", "0:a:1")),
    "folder/rec1.3gp": (3.2, [], ()),
    "folder/rec2.amr": (3.22, ["resampled from 8000 Hz"], ()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_is_what_ffmpeg_decodes_and_says_what_is_missing(tmp_path: Path, name: str) -> None:
    seconds, words, options = CASES[name]
    found, told = heard(MEDIA / name)
    assert len(found) / SAMPLING_RATE == pytest.approx(seconds, abs=0.02)
    assert_same_sound(found, reference(MEDIA / name, tmp_path, *options))
    assert len(told) == len(words) and all(word in each for word, each in zip(words, told, strict=True)), told
    again: list[str] = []
    np.testing.assert_allclose(
        np.concatenate(list(stream_audio(MEDIA / name, 0.7, warn=again.append))), found, atol=1e-5
    )
    assert again == told and not [sentence for sentence in told if name in sentence]
    assert duration(MEDIA / name) == pytest.approx(seconds, abs=0.06)
    assert has_sound(MEDIA / name)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][0] > 1.8])
def test_a_span_begins_where_it_is_asked_for(name: str) -> None:
    whole, (span, _) = read_audio(MEDIA / name), heard(MEDIA / name, 1.0, 1.7)
    assert len(span) == 11_200
    # Vorbis and Matroska tell times to a few milliseconds only.
    places = np.lib.stride_tricks.sliding_window_view(whole, 8_000)[17_600 - 200 : 17_600 + 200]
    difference = np.abs(places - span[1_600:9_600]).max(axis=1)
    assert difference.min() < 0.05
    assert abs(int(np.argmin(difference)) - 200) <= (160 if "vorbis" in name else 20)


def test_a_phones_pauses_of_comfort_noise_are_left_out_as_ffmpeg_leaves_them_out(tmp_path: Path) -> None:
    found, told = heard(MEDIA / "amr_dtx.amr")
    assert_same_sound(found, reference(MEDIA / "amr_dtx.amr", tmp_path))
    assert len(found) == pytest.approx(2.96 * SAMPLING_RATE, abs=2)
    assert told[1:] == ["pauses of 0.2 s, in which comfort noise was sent, were left out"]


# Cut off and damaged: one rule

WHOLE = (
    "wav",
    "w64",
    "aiff",
    "au",
    "caf",
    "flac",
    "opus",
    "ogg",
    "mp3",
    "aac",
    "amr",
    "mka",
    "avi",
    "flv",
    "asf",
    "sph",
    "ts",
)


def made(tmp_path: Path, kind: str, *options: str) -> Path:
    path = tmp_path / f"whole.{kind}"
    narrow = ("-ar", "8000", "-c:a", "libopencore_amrnb") if kind == "amr" else ()
    if kind == "sph":
        path.write_bytes(VOICE.read_bytes())
    else:
        ffmpeg("-i", VOICE, *narrow, *(("-ar", "44100") if kind == "flv" else ()), *options, path)
    return path


@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_cut_off_is_answered_from_what_is_there_and_says_so(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    assert not [each for each in heard(path)[1] if "cut off" in each]
    data = path.read_bytes()
    for share in (0.6, 0.83) if kind == "ogg" else (0.45, 0.6, 0.83):  # an Ogg of two pages has nothing but its header
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(data[: int(len(data) * share)])
        found, told = heard(cut)
        assert_same_sound(found, reference(cut, tmp_path))
        assert [each for each in told if "cut off" in each], (share, told)
        with pytest.raises(EmozooError, match="ends at|over before"):
            read_audio(cut, 0.0, 3.2)
        assert len(read_audio(cut, 0.0, 0.3)) == 4_800


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100])
def test_an_mp3_that_does_not_know_its_length_is_cut_off_within_a_frame(tmp_path: Path, rate: int) -> None:
    path = made(tmp_path, "mp3", "-ar", str(rate), "-write_xing", "0")
    data = path.read_bytes()
    assert not [each for each in heard(path)[1] if "cut off" in each]
    path.write_bytes(data[: len(data) * 2 // 3 + 1])
    assert [each for each in heard(path)[1] if "cut off" in each]


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "mp3", "m4a", "mka"])
def test_of_what_nothing_is_left_there_is_no_answer(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    path.write_bytes(path.read_bytes()[: 300 if kind != "mp3" else 60])
    with pytest.raises(EmozooError) as error:
        read_audio(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["flac", "opus", "ogg", "mp3", "aac", "mka", "m4a", "ts"])
def test_a_few_damaged_bytes_cost_a_moment_and_not_the_file(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    whole = read_audio(path)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 30):
        data[place] ^= 0x5A
    path.write_bytes(data)
    found, told = heard(path)
    assert np.corrcoef(found[:16_000], whole[:16_000])[0, 1] > 0.99
    if kind == "mka":  # whose one block of sound that long has lost its beginning
        assert_same_sound(found, reference(path, tmp_path))
    else:
        assert len(found) == pytest.approx(len(whole), abs=0.1 * SAMPLING_RATE)
        assert np.corrcoef(found[-8_000:-100], whole[-8_000:-100])[0, 1] > 0.99 or len(found) != len(whole)
    assert told or kind in ("mp3", "aac", "m4a"), told  # whose decoders make something of it


# Siblings, made by ffmpeg and held against it

SIBLINGS = {
    "24-bit WAV": ("wav", ("-c:a", "pcm_s24le")),
    "float WAV above full scale": ("wav", ("-c:a", "pcm_f32le", "-af", "volume=8")),
    "64-bit float WAV": ("wav", ("-c:a", "pcm_f64le")),
    "extensible WAV of 6 channels": ("wav", ("-ac", "6")),
    "RF64": ("wav", ("-rf64", "always")),
    "A-law": ("wav", ("-c:a", "pcm_alaw")),
    "ADPCM": ("wav", ("-c:a", "adpcm_ms")),
    "G.726 in WAV": ("wav", ("-c:a", "g726", "-ar", "8000")),
    "GSM in WAV": ("wav", ("-c:a", "libgsm_ms", "-ar", "8000")),
    "AIFF-C, little-endian": ("aifc", ("-c:a", "pcm_s16le")),
    "AIFF, 24 bits": ("aiff", ("-c:a", "pcm_s24be")),
    "FLAC, 24 bits": ("flac", ("-sample_fmt", "s32")),
    "MP2": ("mp2", ()),
    "AC-3": ("ac3", ("-ar", "48000")),
    "E-AC-3": ("eac3", ("-ar", "48000")),
    "WMA": ("wma", ("-ar", "44100")),
    "WavPack": ("wv", ()),
    "Speex": ("spx", ("-c:a", "libspeex")),
    "Ogg with FLAC inside": ("oga", ("-c:a", "flac")),
    "M4A with priming": ("m4a", ("-ar", "44100")),
    "M4B": ("m4b", ()),
    "ALAC": ("m4a", ("-c:a", "alac")),
    "fragmented MP4": ("mp4", ("-movflags", "frag_keyframe+empty_moov")),
    "3GP with AMR": ("3gp", ("-c:a", "libopencore_amrnb", "-ar", "8000")),
    "MPEG-PS": ("mpg", ("-ar", "48000")),
    "FLV": ("flv", ("-ar", "44100")),
    "MPEG-TS with MP2": ("ts", ("-c:a", "mp2")),
    "ADTS": ("aac", ()),
    "Opus": ("opus", ()),
    "AMR wideband in Matroska": ("mka", ("-c:a", "libmp3lame", "-ar", "24000")),
}


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings_are_what_ffmpeg_decodes(tmp_path: Path, name: str) -> None:
    kind, options = SIBLINGS[name]
    path = tmp_path / f"a.{kind}"
    try:
        ffmpeg("-i", VOICE, *options, path)
    except subprocess.CalledProcessError:
        pytest.skip("this ffmpeg does not write it")
    found, told = heard(path)
    assert_same_sound(found, reference(path, tmp_path))
    assert not [each for each in told if "resampled" not in each], told
    assert f".{kind}" in MEDIA_SUFFIXES


def test_joined_adts_and_joined_ogg_are_read_to_the_end(tmp_path: Path) -> None:
    for kind in ("aac", "ogg", "opus", "mp3", "ts"):
        path = made(tmp_path, kind)
        length = len(read_audio(path))
        path.write_bytes(path.read_bytes() * 3)
        found, told = heard(path)
        assert len(found) == pytest.approx(3 * length, rel=0.02), kind
        assert_same_sound(found, reference(path, tmp_path))
        assert not [each for each in told if "damaged" in each or "hole" in each], (kind, told)


def test_an_mp3_whose_header_counts_too_few_or_too_many_frames(tmp_path: Path) -> None:
    path = made(tmp_path, "mp3")
    data = bytearray(path.read_bytes())
    place = data.index(b"Info") + 8
    (frames,) = struct.unpack_from(">I", data, place)
    for wrong in (frames // 2, frames * 3):
        struct.pack_into(">I", data, place, wrong)
        path.write_bytes(data)
        found, told = heard(path)
        assert_same_sound(found, reference(path, tmp_path))
        assert bool(told) == (wrong > frames)


def test_a_file_with_a_cover_picture_is_sound(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64:d=0.04", "-frames:v", "1", tmp_path / "cover.jpg")
    cover = (
        "-i",
        tmp_path / "cover.jpg",
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:v",
        "copy",
        "-disposition:v",
        "attached_pic",
    )
    for kind in ("m4a", "mp3", "flac"):
        path = tmp_path / f"a.{kind}"
        ffmpeg("-i", VOICE, *cover, path)
        assert_same_sound(heard(path)[0], reference(path, tmp_path))
        assert not has_video(path) and has_sound(path)


def test_sound_that_starts_after_the_pictures_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    pictures = ("-f", "lavfi", "-i", "color=gray:s=64x64:d=4")
    ffmpeg(*pictures, "-itsoffset", "0.7", "-i", VOICE, "-c:v", "mpeg4", "-c:a", "flac", path)
    placed = reference(path, tmp_path, "-af", "aresample=async=1:first_pts=0")
    assert_same_sound(heard(path)[0], placed)


def test_a_hole_in_the_timestamps_is_filled_with_silence_and_told(tmp_path: Path) -> None:
    path = tmp_path / "hole.mka"
    shift = "asetpts='PTS+if(gt(T,1.5),1.2,0)/TB'"
    ffmpeg("-i", VOICE, "-af", shift, "-c:a", "flac", path)
    found, told = heard(path)
    assert len(found) / SAMPLING_RATE == pytest.approx(4.4, abs=0.02)
    assert told == ["a hole of 1.2 s in the timestamps was filled with silence"]
    voice, _ = soundfile.read(VOICE, dtype="float32")
    assert_same_sound(found[-20_000:], voice[-20_000:])


def test_the_default_track_is_read_and_silent_ones_are_passed_over(tmp_path: Path) -> None:
    path, silence = tmp_path / "tracks.mkv", ("-f", "lavfi", "-i", "anullsrc=r=16000:d=3.2")
    tone_ = ("-f", "lavfi", "-i", "sine=440:r=16000:d=3.2")
    inputs, maps = (*silence, *tone_, "-i", VOICE), ("-map", "0:a", "-map", "1:a", "-map", "2:a", "-c:a", "flac")
    ffmpeg(*inputs, *maps, "-disposition:a", "0", "-disposition:a:2", "default", path)
    found, told = heard(path)
    assert_same_sound(found, reference(path, tmp_path, "-map", "0:a:2"))
    assert told == ["sound track 3 was used: track 1 is silent"]
    ffmpeg(*inputs, *maps, "-disposition:a", "0", "-disposition:a:0", "default", path)
    found, told = heard(path)
    assert_same_sound(found, reference(path, tmp_path, "-map", "0:a:1"))
    assert told == ["sound track 2 was used: track 1 is silent"]


# Hostile files


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("opus16.mkv", ""),
        ("segfault.aac", ""),
        ("rate443086533.wav", "443086533 samples a second"),
        ("rate5019984.wav", "5019984 samples a second"),
        ("gap1000000.mkv", "a hole of 48000000 s in the timestamps was left out"),
        ("hang1021.m4a", "left out"),
        ("piped.caf", ""),
        ("flacraw.flac", ""),
    ],
)
def test_a_hostile_file_costs_neither_the_process_nor_memory(name: str, words: str) -> None:
    program = (
        "import pathlib, re, sys\nfrom emozoo.errors import EmozooError\nfrom emozoo.media.reading import duration\n"
        "from emozoo.media.sound import read_audio\n"
        "try:\n    print(len(read_audio(sys.argv[1], warn=print)), duration(sys.argv[1]))\n"
        "except EmozooError as error:\n    print(error)\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', status.read_text()) if status.exists() else None\n"
        "assert not peak or int(peak[1]) < 300_000, peak\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(HOSTILE / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (10, 10)),
    )
    assert done.returncode == 0 and words in done.stdout and done.stderr == "", done


def test_more_than_8_channels_are_mixed_to_their_mean(tmp_path: Path) -> None:
    waves = np.stack([tone(1.0, 16_000, hertz=200 + 100 * number)[:, 0] for number in range(16)], axis=1)
    soundfile.write(tmp_path / "a.wav", waves, 16_000, subtype="FLOAT")
    path = tmp_path / "a.mka"
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "pcm_f32le", path)
    np.testing.assert_allclose(read_audio(path), waves.mean(axis=1), atol=1e-6)
    with pytest.raises(EmozooError, match="65 channels, more than 64"):
        read_audio(write_sound(tmp_path / "b.wav", np.zeros((100, 65), np.float32), 16_000))


def test_whatever_a_decoder_raises_is_an_error_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, "mp3")
    for error in (ValueError, MemoryError, OverflowError, UnicodeError, RuntimeError, SystemError, KeyError):

        def fail(*_: object, error: type[Exception] = error) -> None:
            raise error("a surprise")

        monkeypatch.setattr("emozoo.media.decoders.soundtrack._mono", fail)
        with pytest.raises(EmozooError, match="damaged or cut off"):
            sound.read_audio(path)


def test_a_pointer_of_git_is_told_with_the_command_that_brings_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(EmozooError, match="pointer of Git LFS in place of the file: run git lfs pull"):
        read_audio(path)


@pytest.mark.parametrize(
    ("begin", "words"),
    [(b"#!SILK_V3", "SILK voice message"), (b".RMF\0\0\0\x12", "RealMedia"), (b"MThd\0\0\0\6", "MIDI")],
)
def test_a_kind_that_is_known_and_not_read_is_named(tmp_path: Path, begin: bytes, words: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(begin + np.random.default_rng(0).bytes(5_000))
    with pytest.raises(EmozooError, match=words) as error:
        read_audio(path)
    assert "convert it" in str(error.value) and "damaged" not in str(error.value)


# The interfaces that stand between this process and one that decodes


def test_pieces_of_a_container_are_short_and_another_may_give_them(tmp_path: Path) -> None:
    path = made(tmp_path, "mka", "-af", "asetpts='PTS+if(gt(T,1.5),300,0)/TB'")
    pieces = list(container_sound(path, None, None, lambda sentence: None))
    assert (
        max(len(piece) / rate for rate, piece in pieces) <= 2 and sum(len(piece) for _, piece in pieces) > 300 * 16_000
    )
    assert open_soundfile(path) is None and open_soundfile(MEDIA / "half.mp3") is None
    calls = []

    def elsewhere(path, start, end, warn):  # type: ignore[no-untyped-def]
        calls.append((start, end))
        yield 16_000, np.full(16_000, 0.001, np.float32)

    assert len(sound.read_audio(path, 0.0, 1.0, container=elsewhere)) == 16_000
    assert sum(map(len, sound.stream_audio(path, container=elsewhere))) == 16_000 and calls == [
        (0.0, 1.0),
        (None, None),
    ]
    facts = probe_container(path)
    assert facts.has_sound and not facts.has_video and facts.seconds == pytest.approx(303.2, abs=0.1)


# Resampling and the offset


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 22_050, 44_100, 44_101, 48_000, 96_000])
def test_resampling_leaves_no_image_and_no_seam(tmp_path: Path, rate: int) -> None:
    hertz = 0.4 * min(rate, SAMPLING_RATE)
    sound = tone(3.0, rate, hertz=hertz)[:, 0]
    blocks = Resampler(rate, 0.1)
    found = np.concatenate([*blocks.push(sound), *blocks.finish()])
    angle = 2 * np.pi * hertz * np.arange(len(found)) / SAMPLING_RATE
    assert len(found) == -(-len(sound) * SAMPLING_RATE // rate)
    inside, waves = found[2_000:-2_000], np.stack([np.sin(angle), np.cos(angle)], axis=1)[2_000:-2_000]
    level = np.linalg.lstsq(waves, inside, rcond=None)[0]
    np.testing.assert_allclose(level, [0.5, 0], atol=1e-3)
    assert np.abs(inside - waves @ level).max() < 0.5 * 10 ** (-90 / 20)  # nothing else is above -90 dB
    for size in (1, 7, 4_001):
        pieces = Resampler(rate, 0.1)
        again = [
            block for part in np.split(sound, range(size, len(sound), size or 1)[:500]) for block in pieces.push(part)
        ]
        np.testing.assert_array_equal(np.concatenate([*again, *pieces.finish()]), found)


def test_resampling_agrees_with_scipy(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    spectrum = np.fft.rfft(sound)
    spectrum[6_500:] = 0  # what both filters let through
    sound = np.fft.irfft(spectrum).astype(np.float32)
    blocks = Resampler(48_000, 0.3)
    found = np.concatenate([*blocks.push(sound), *blocks.finish()])
    taps = resample_poly(sound, 1, 3, window=("kaiser", 14.0))
    np.testing.assert_allclose(found[500:-500], taps[500:-500], atol=2e-3)


def test_at_16_khz_nothing_is_changed(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (40_000, 1)).astype(np.float32)
    path = write_sound(tmp_path / "a.wav", sound, 16_000, "FLOAT")
    np.testing.assert_array_equal(read_audio(path), sound[:, 0])
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, 0.3))), sound[:, 0])


@pytest.mark.parametrize("rate", [1_000, 999_983, 1_000_000])
def test_any_rate_that_is_allowed_takes_little_memory(rate: int) -> None:
    blocks = Resampler(rate, 0.1)
    found = np.concatenate([*blocks.push(np.zeros(2 * rate, np.float32)), *blocks.finish()])
    assert len(found) == 32_000


@pytest.mark.parametrize("offset", [0.1, -0.3, 0.02])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_constant_offset_is_taken_out(tmp_path: Path, offset: float, rate: int) -> None:
    voice, _ = soundfile.read(VOICE, dtype="float32")
    voice = np.repeat(voice * 0.5, 3)[: 3 * rate] - (voice * 0.5).mean()
    plain = write_sound(tmp_path / "a.wav", voice[:, None], rate, "FLOAT")
    shifted = write_sound(tmp_path / "b.wav", voice[:, None] + offset, rate, "FLOAT")
    found, told = heard(shifted)
    edges = slice(200, -200) if rate != SAMPLING_RATE else slice(None)  # a filter sees a step there
    mean = float(read_audio(plain)[:48_000].mean())
    np.testing.assert_allclose(found[edges], read_audio(plain)[edges] - mean, atol=1e-3)
    assert told == [f"a constant offset of {abs(offset):.0%} of full scale was removed"]
    assert heard(plain)[1] == []


def test_a_stream_loses_its_offset_as_a_file_does_and_silence_before_it_stays() -> None:
    sound = np.random.default_rng(0).normal(0.1, 0.05, 80_000).astype(np.float32)
    sound[:10_000] = 0
    outcomes = []
    for size in (160, 1_600, 80_000):
        remover = OffsetRemover()
        blocks = [part for first in range(0, 80_000, size) for part in remover.push(sound[first : first + size])]
        outcomes.append(np.concatenate([*blocks, *remover.finish()]))
    for one, other in itertools.pairwise(outcomes):
        np.testing.assert_array_equal(one, other)
    assert not outcomes[0][:10_000].any() and abs(outcomes[0][10_000:].mean()) < 0.001


# Folders


def test_a_folder_gives_all_that_is_readable_and_counts_the_rest(tmp_path: Path) -> None:
    told: list[str] = []
    assert [Path(name).name for name in find_files([str(MEDIA / "folder")], warn=told.append)] == [
        "rec1.3gp",
        "rec2.amr",
    ]
    assert told == []
    for name in ("a.AMR", "b.mts", "notes.txt", "labels.csv", ".hidden", "c.docx"):
        (tmp_path / name).write_bytes(b"x")
    assert len(find_files([str(tmp_path)], warn=told.append)) == 2
    assert told == [f"3 files in {tmp_path} are no sound or video and were passed over"]


def test_video_kinds_also_have_their_pictures(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "v.mp4", lambda n: np.full((64, 64, 3), n, np.uint8), count=25, sound=tone(1.0, 16_000)
    )
    for kind in ("ts", "flv", "mpg"):
        other = tmp_path / f"v.{kind}"
        ffmpeg("-i", path, "-ar", "44100", other)
        assert has_video(other) and has_sound(other) and duration(other) == pytest.approx(1.0, abs=0.15)
        assert_same_sound(
            heard(other)[0], reference(other, tmp_path, "-af", "aresample=async=1:first_pts=0"), least=0.9
        )
