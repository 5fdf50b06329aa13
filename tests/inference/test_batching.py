"""However clips are batched, each gets the answer that it gets alone, and that is the answer of `emozoo predict`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.models import LABELS, small_model
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, Wav2Vec2FeatureExtractor, pipeline

import emozoo.integrations.transformers
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_model import load as load_onnx
from emozoo.inference.batches import classify
from emozoo.inference.files import predict_file, predict_files
from emozoo.media.window import SILENT, cut_window, window_starts
from emozoo.media.window_shape import DEFAULT_WINDOW
from emozoo.registry.loading import get_architecture

TOLERANCE = 1e-5
RATE = 16_000


@dataclass(frozen=True)
class Sound:
    """Some seconds of a tone and noise, and as many of digital silence behind them."""

    seconds: float
    silence: float
    seed: int

    def samples(self) -> np.ndarray:
        """float32 [samples]; every second sounds differently."""
        rng, count = np.random.default_rng(self.seed), max(1, round(self.seconds * RATE))
        pitches = np.repeat(rng.uniform(80, 4000, count // RATE + 1), RATE)[:count]
        levels = np.repeat(rng.uniform(0.01, 0.5, count // RATE + 1), RATE)[:count]
        sound = levels * np.sin(2 * np.pi * np.cumsum(pitches) / RATE) + rng.normal(0, 0.01, count)
        return np.concatenate([sound, np.zeros(round(self.silence * RATE))]).astype(np.float32)


SECONDS = st.one_of(st.floats(0.1, 3.2), st.floats(2.9, 8), st.floats(8, 20), st.sampled_from([1.0, 3.0, 4.0, 5.0]))
SOUNDS = st.builds(Sound, SECONDS, st.sampled_from([0.0, 0.0, 0.02, 1.5, 4.0]), st.integers(0, 99))
CLIPS = st.lists(SOUNDS, min_size=2, max_size=5)


def sharpened(model: EmotionModel) -> EmotionModel:
    """The model with answers that differ from window to window, as those of a trained one do."""
    with torch.no_grad():
        list(model.network.parameters())[-2].mul_(20)
    return model


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batching") / "new"
    sharpened(small_model("cnn_rnn")).save(folder)
    export_onnx(folder)
    assert json.loads((folder / "preprocessor_config.json").read_text())["return_attention_mask"] is True
    return folder


@pytest.fixture(scope="module")
def old(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as it was written before batches had attention masks."""
    folder = tmp_path_factory.mktemp("batching") / "old"
    sharpened(small_model("cnn_rnn")).save(folder)
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "return_attention_mask": False}))
    return folder


def alone(model: Any, sounds: list[np.ndarray], folder: Path) -> np.ndarray:
    """What `emozoo predict` answers for a file of each sound: float64 [sounds, labels]."""
    answers = []
    for number, sound in enumerate(sounds):
        soundfile.write(folder / f"{number}.wav", sound, RATE, subtype="FLOAT")
        answers.append(predict_file(model, folder / f"{number}.wav").probabilities)
    return np.array([[answer[label] for label in LABELS] for answer in answers if answer])


def by_pipeline(checkpoint: Path, sounds: list[np.ndarray], size: int) -> np.ndarray:
    classify = pipeline("audio-classification", model=str(checkpoint), top_k=None, device="cpu")
    found = [{each["label"]: each["score"] for each in answer} for answer in classify(sounds, batch_size=size)]
    return np.array([[answer[label] for label in LABELS] for answer in found])


def by_extractor(checkpoint: Path, sounds: list[np.ndarray], side: str, multiple: int | None) -> np.ndarray:
    extractor = AutoFeatureExtractor.from_pretrained(checkpoint, padding_side=side)
    batch = extractor(sounds, sampling_rate=RATE, padding=True, pad_to_multiple_of=multiple, return_tensors="pt")
    with torch.inference_mode():
        return AutoModelForAudioClassification.from_pretrained(checkpoint)(**batch).logits.softmax(-1).numpy()


def by_loader(checkpoint: Path, sounds: list[np.ndarray], size: int) -> np.ndarray:
    """torch's own way, which knows no masks: only for sounds that do not end in digital silence."""
    model = AutoModelForAudioClassification.from_pretrained(checkpoint)
    loader = DataLoader(
        [torch.from_numpy(sound) for sound in sounds],  # type: ignore[arg-type]
        batch_size=size,
        collate_fn=lambda batch: pad_sequence(batch, batch_first=True),
    )
    with torch.inference_mode():
        return torch.cat([model(batch).logits.softmax(-1) for batch in loader]).numpy()


def by_files(model: Any, folder: Path, count: int) -> np.ndarray:
    answers = predict_files(model, [str(folder / f"{number}.wav") for number in range(count)])
    return np.array([[answer.probabilities[label] for label in LABELS] for answer in answers if answer.probabilities])


def by_windows(model: Any, sounds: list[np.ndarray]) -> np.ndarray:
    """All windows of all sounds that are not silent, as one batch."""
    plan = [
        (row, start)
        for row, sound in enumerate(sounds)
        for start in window_starts(len(sound))
        if np.abs(sound[start : start + DEFAULT_WINDOW.samples]).max() > SILENT
    ]
    found = model.probabilities([cut_window(sounds[row], None, start) for row, start in plan])
    return np.array([found[[place == row for place, _ in plan]].mean(0) for row in range(len(sounds))])


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    clips=CLIPS, size=st.integers(2, 5), side=st.sampled_from(["left", "right"]), multiple=st.sampled_from([None, 8000])
)
def test_every_way_to_batch_gives_the_answer_of_one_alone(
    clips: list[Sound],
    size: int,
    side: str,
    multiple: int | None,
    checkpoint: Path,
    old: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("clips")
    sounds = [clip.samples() for clip in clips]
    audible = [row for row, clip in enumerate(clips) if not clip.silence]
    model, onnx = load(checkpoint, "cpu"), load_onnx(checkpoint)
    expected, by_onnx = (alone(each, sounds, folder) for each in (model, onnx))
    ways: dict[str, Callable[[], np.ndarray]] = {
        "pipeline": lambda: by_pipeline(checkpoint, sounds, size),
        "pipeline, one by one": lambda: by_pipeline(checkpoint, sounds, 1),
        "pipeline, old checkpoint": lambda: by_pipeline(old, sounds, size),
        "extractor": lambda: by_extractor(checkpoint, sounds, side, multiple),
        "extractor, old checkpoint": lambda: by_extractor(old, sounds, side, multiple),
        "files": lambda: by_files(model, folder, len(sounds)),
        "windows": lambda: by_windows(model, sounds),
    }
    for way, answer in ways.items():
        np.testing.assert_allclose(answer(), expected, rtol=0, atol=TOLERANCE, err_msg=way)
    for way, found in (("files", by_files(onnx, folder, len(sounds))), ("windows", by_windows(onnx, sounds))):
        np.testing.assert_allclose(found, by_onnx, rtol=0, atol=TOLERANCE, err_msg=f"{way}, ONNX")
    if audible:
        found = by_loader(checkpoint, [sounds[row] for row in audible], size)
        np.testing.assert_allclose(found, expected[audible], rtol=0, atol=TOLERANCE, err_msg="loader")


@pytest.mark.parametrize("name", ["cnn_rnn_3dcnn", "av_fusion"])
def test_a_batch_of_clips_with_and_without_pictures_gets_the_answers_of_each_alone(name: str) -> None:
    if name == "av_fusion":
        architecture = get_architecture(name)
        config = architecture.config(audio_filters=(4, 4, 4), audio_hidden=4, video_filters=(2, 2, 2), video_hidden=2)
        model = sharpened(EmotionModel(architecture, config, LABELS).eval())
    else:
        model = sharpened(small_model(name))
    rng = np.random.default_rng(0)
    windows = []
    for row, samples in enumerate((800, 20_000, 48_000, 48_000, 0, 30_000)):
        frames = rng.integers(0, 256, (1 + samples // 2400, 60, 100, 3), np.uint8)
        lacks = row % 2 and "video" in model.optional
        windows.append(cut_window(rng.normal(0, 0.1, samples).astype(np.float32), None if lacks else frames, 0))
    alone = np.concatenate([model.probabilities([window]) for window in windows])
    assert np.ptp(alone, axis=0).max() > 1e-2
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 3, 5], [0, 1]):
        together = model.probabilities([windows[row] for row in order])
        np.testing.assert_allclose(together, alone[order], rtol=0, atol=TOLERANCE)


def test_a_sound_by_transformers_has_the_windows_of_predict(checkpoint: Path, tmp_path: Path) -> None:
    """Around a window's length and each next second, where one window more begins."""
    sounds = [Sound(seconds + off / RATE, 0, 1).samples() for seconds in (1, 3, 4, 5) for off in (-1, 0, 1)]
    expected = alone(load(checkpoint, "cpu"), sounds, tmp_path)
    for size in (1, 3, len(sounds)):
        np.testing.assert_allclose(by_pipeline(checkpoint, sounds, size), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["auto", "float32", "float16", torch.bfloat16])
def test_a_pipeline_with_another_type_of_number_batches_as_well(checkpoint: Path, dtype: Any, tmp_path: Path) -> None:
    sounds = [Sound(seconds, 0, 3).samples() for seconds in (0.4, 4.7, 3)]
    classify = pipeline("audio-classification", model=str(checkpoint), top_k=None, device="cpu", dtype=dtype)
    found = [{each["label"]: each["score"] for each in answer} for answer in classify(sounds, batch_size=3)]
    expected = alone(load(checkpoint, "cpu"), sounds, tmp_path)
    answers = np.array([[answer[label] for label in LABELS] for answer in found])
    np.testing.assert_allclose(answers, expected, rtol=0, atol=TOLERANCE)


def test_a_batch_without_a_mask_is_told_of(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(emozoo.integrations.transformers.log, "warning_once", said.append)
    model = AutoModelForAudioClassification.from_pretrained(checkpoint)
    sounds = torch.from_numpy(np.stack([Sound(5, 0, 1).samples(), Sound(1, 4, 2).samples()]))
    with torch.inference_mode():
        padded = model(sounds).logits
        assert len(said) == 1 and "no attention_mask" in said[0]
        torch.testing.assert_close(padded[1:], model(sounds[1:, :RATE]).logits)
        whole = model(sounds, attention_mask=torch.ones_like(sounds)).logits
        torch.testing.assert_close(whole[1:], model(sounds[1:]).logits)  # a sound alone is whole
    assert len(said) == 1


def test_other_models_keep_their_feature_extractors(tmp_path: Path) -> None:
    """Those of checkpoints of emozoo alone are asked for masks, and those that were asked for otherwise."""
    plain = Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=False)
    plain.save_pretrained(tmp_path / "theirs")
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "theirs").return_attention_mask is False
    (tmp_path / "theirs" / "config.json").write_text('{"model_type": "wav2vec2"}')
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "theirs").return_attention_mask is False
    (tmp_path / "theirs" / "config.json").write_text('{"model_type": "emozoo"}')
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "theirs").return_attention_mask is True
    asked = AutoFeatureExtractor.from_pretrained(tmp_path / "theirs", return_attention_mask=False)
    assert asked.return_attention_mask is False


@pytest.mark.usefixtures("two_threads")
def test_batches_on_a_core_each_leave_the_callers_threads_alone() -> None:
    windows = [(np.zeros(DEFAULT_WINDOW.samples, np.float32), None)] * 40
    assert len(list(classify(small_model(), windows))) == 40
    assert torch.get_num_threads() == 2
