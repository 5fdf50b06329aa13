"""What is done to a clip before a network sees it: cropped to the face, freed of noise, alike in training and prediction."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.av_fusion import small_model
from support.make_media import grey, tone, write_sound, write_video
from support.models import cuts_of
from support.places import SHARED_DATA, needs_shared
from support.small import emozoo, one_error, read, train_words

from emozoo import EmozooError
from emozoo.checkpoint.loading import load
from emozoo.data import load_dataset
from emozoo.data.store import ClipStore
from emozoo.media import decoder, denoise
from emozoo.media.decoders import video as decoders_video
from emozoo.media.decoders.face import FaceFrames
from emozoo.media.denoise import denoised
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window import SAMPLING_RATE, WHOLE_FRAME, Crop
from emozoo.media.window_shape import DEFAULT_WINDOW

FACE, QUIET = Preparation(crop="face"), Preparation(denoise=True)
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {"cv2", "noisereduce"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {"cv2", "noisereduce"} else real(name, *more)
from emozoo.cli.app import main
main()
"""
"""The command line where the extras are not installed."""


def without_extras(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


# --- faces


CLIPS = sorted((SHARED_DATA / "clips").glob("*.mp4"))


@needs_shared
def test_a_face_is_found_in_each_real_clip_and_fills_its_frames() -> None:
    assert len(CLIPS) == 9
    for clip in CLIPS:
        frames = decoder.Video(clip).face_frames(0.0, DEFAULT_WINDOW.samples)
        assert frames.shape == (20, 60, 100, 3) and frames.dtype == np.uint8
        box = FaceFrames(decoders_video.Video(clip), WHOLE_FRAME).box(0.0)
        assert box is not None
        across, down, side = box
        assert 0.3 < side < 0.8 and 0.3 < down < 0.7, clip  # of the frame's height
    video = decoder.Video(CLIPS[2])
    plain, cropped = video.frames(0.0, 2_400)[0], video.face_frames(0.0, 2_400)[0]
    assert plain[:6].mean() < 20 and cropped[:6].mean() > 100  # the black bars of a wide picture are gone


@needs_shared
def test_a_face_is_searched_within_its_half_of_the_frame(tmp_path: Path) -> None:
    left, right = (
        decoders_video.Video(CLIPS[number]).stored_frames(240, lambda _, frame: frame).at(10) for number in (4, 5)
    )
    path = write_video(tmp_path / "two.mp4", [np.concatenate([left, right], axis=1)] * 30)
    video = decoders_video.Video(path)
    for low in (0.0, 0.5):
        box = FaceFrames(video, Crop(0.0, 1.0, low, low + 0.5)).box(0.0)
        assert box is not None and 600 * low < 240 * box[0] < 600 * low + 300


def test_without_a_face_the_whole_frame_is_kept(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wall.mp4", lambda number: grey(128, 96, 60 + number), count=50)
    video = decoder.Video(path)
    whole, cropped = video.frames(0.0, 24_000), video.face_frames(0.0, 24_000)
    assert FaceFrames(decoders_video.Video(path), WHOLE_FRAME).box(0.0) is None
    np.testing.assert_allclose(cropped.astype(int), whole.astype(int), atol=3)


@needs_shared
def test_a_span_gets_the_frames_that_the_whole_video_has_there() -> None:
    clip = CLIPS[0]  # 3.9 s
    whole = decoder.Video(clip).face_frames(0.0, 57_600)
    video = decoder.Video(clip)
    video.expect([(1.5, 24_000)])
    np.testing.assert_array_equal(video.face_frames(1.5, 24_000), whole[10:20])


@needs_shared
def test_training_and_prediction_see_the_same_face(tmp_path: Path) -> None:
    lines = [f"{clip},{('angry', 'sad')[number % 2]}" for number, clip in enumerate(CLIPS[:4])]
    (tmp_path / "clips.csv").write_text("\n".join(["file,label", *lines]))
    rows = load_dataset("manifest", tmp_path / "clips.csv", video=True, preparation=FACE)
    plain = load_dataset("manifest", tmp_path / "clips.csv", video=True)
    store, other = ClipStore(rows), ClipStore(plain)
    for row in range(4):
        sound, frames = next(cuts_of(rows[row]["audio_path"], video=True, preparation=FACE)).window
        decoded, pictures = store.window(row, 0)
        np.testing.assert_array_equal(pictures, frames)
        np.testing.assert_allclose(decoded / 32768, sound, atol=1e-4)
        assert not np.array_equal(other.window(row, 0)[1], frames)


# --- noise


def noisy(seconds: float, level: float = 0.05) -> np.ndarray:
    """A gliding tone that is there for the first 0.3 s of each second, in white noise: float32 [samples]."""
    samples = round(seconds * SAMPLING_RATE)
    time = np.arange(samples) / SAMPLING_RATE
    phase = np.cumsum(2 * np.pi * (600 + 400 * np.sin(2 * np.pi * 1.3 * time))) / SAMPLING_RATE
    sound = 0.3 * np.sin(phase) * (time % 1 < 0.3)
    return (sound + np.random.default_rng(0).normal(0, level, samples)).astype(np.float32)


def test_noise_is_taken_out_and_the_voice_stays() -> None:
    sound = noisy(6.0)
    clean = np.concatenate(list(denoised([sound])))
    assert clean.shape == sound.shape and clean.dtype == np.float32
    gap, voice = slice(8_000, 14_000), slice(17_000, 20_000)
    assert np.std(clean[gap]) < np.std(sound[gap]) / 3
    assert np.std(clean[voice]) > np.std(sound[voice]) / 2


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 7_999), max_size=5))
def test_what_comes_out_does_not_depend_on_the_blocks(cuts: list[int]) -> None:
    sound = noisy(0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "BLOCK_SAMPLES", 2_000)
        patch.setattr(denoise, "CONTEXT_SAMPLES", 1_000)
        whole = np.concatenate(list(denoised([sound])))
        pieces = np.concatenate(list(denoised(np.split(sound, sorted(set(cuts))))))
    np.testing.assert_array_equal(pieces, whole)
    assert len(whole) == len(sound)


def test_silence_stays_silence() -> None:
    assert not np.concatenate(list(denoised([np.zeros(20_000, np.float32)]))).any()
    assert list(denoised([])) == []


# --- it travels with the checkpoint


def test_a_checkpoint_records_it_and_prediction_does_it(tmp_path: Path) -> None:
    model = small_model()
    model.preparation = QUIET
    model.save(tmp_path / "quiet")
    model.preparation = PLAIN
    model.save(tmp_path / "plain")
    assert read(tmp_path / "quiet" / "config.json")["denoise"] is True
    assert not {"crop", "denoise"} & set(read(tmp_path / "plain" / "config.json"))
    soundfile.write(tmp_path / "noisy.wav", noisy(3.0), SAMPLING_RATE, subtype="FLOAT")
    soundfile.write(
        tmp_path / "clean.wav",
        np.concatenate(list(denoised([noisy(3.0)]))),
        SAMPLING_RATE,
        subtype="FLOAT",
    )
    quiet, plain = load(tmp_path / "quiet", "cpu"), load(tmp_path / "plain", "cpu")
    assert quiet.preparation == QUIET and plain.preparation == PLAIN
    wanted = plain.predict(tmp_path / "clean.wav").probabilities
    assert quiet.predict(tmp_path / "noisy.wav").probabilities == pytest.approx(wanted, abs=1e-6)
    assert plain.predict(tmp_path / "noisy.wav").probabilities != pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("values", [{"crop": "hands"}, {"crop": 1}, {"denoise": "yes"}])
def test_a_checkpoint_that_asks_for_what_is_not_known_is_refused(values: dict[str, object], tmp_path: Path) -> None:
    small_model().save(tmp_path)
    config = read(tmp_path / "config.json") | values
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EmozooError, match="crop or denoise"):
        load(tmp_path, "cpu")


def test_training_with_it_writes_it_down_and_fine_tuning_keeps_it(tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "run", "--denoise", epochs=1))
    assert read(tmp_path / "run" / "config.json")["denoise"] is True
    assert read(tmp_path / "run" / "run.json")["denoise"] is True
    words = train_words(tmp_path / "tuned", "--from", str(tmp_path / "run"), epochs=1)
    emozoo(*[word for word in words if word not in ("cnn",)])
    assert read(tmp_path / "tuned" / "config.json")["denoise"] is True
    emozoo("train", "--resume", "--output", tmp_path / "run")
    assert read(tmp_path / "run" / "run.json")["denoise"] is True
    other = emozoo("train", "--resume", "--output", tmp_path / "run", "--seed", "5", check=2)
    assert "seed 5 instead of 0" in one_error(other)


def test_a_network_for_sound_only_has_nothing_to_crop(tmp_path: Path) -> None:
    done = emozoo(*train_words(tmp_path / "run", "--crop", "face"), check=2)
    assert "cnn takes no video: leave --crop out" in one_error(done)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("preparation", "extra"), [(FACE, "face"), (QUIET, "denoise")])
def test_where_the_extra_is_missing_one_sentence_says_so(preparation: Preparation, extra: str, tmp_path: Path) -> None:
    model = small_model()
    model.preparation = preparation
    model.save(tmp_path / "run")
    for number in range(2):
        write_sound(tmp_path / f"{number}.wav", tone(1.0, 16_000), 16_000)
    done = without_extras("predict", tmp_path / "0.wav", tmp_path / "1.wav", "--model", tmp_path / "run")
    assert f"pip install 'emozoo[{extra}]'" in one_error(done) and done.stdout == ""
    option = ["--crop", "face"] if extra == "face" else ["--denoise"]
    done = without_extras("train", "av_fusion", "--dataset", "toy", *option, "--output", tmp_path / "new")
    assert f"pip install 'emozoo[{extra}]'" in one_error(done) and not (tmp_path / "new").exists()
