"""A network that takes lengths never sees the silence behind a clip's end, by torch, onnxruntime and transformers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.masked import LABELS, MaskedConfig, architecture, masked_model
from support.plugins import offer
from support.small import RECIPE, toy
from torch import Tensor

from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_model import OnnxModel
from emozoo.checkpoint.onnx_model import load as load_onnx
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import open_data
from emozoo.inference.model import Model
from emozoo.registry.settings import apply_settings
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer

SAMPLES = 32_000
RATE = 16_000


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def shares(answer: Callable[[Tensor], Tensor], sound: np.ndarray) -> np.ndarray:
    """The probabilities of a network that is given the clip and nothing else."""
    with torch.inference_mode():
        return answer(torch.from_numpy(sound)[None]).softmax(-1)[0].numpy()


@pytest.fixture(scope="module")
def model() -> EmotionModel:
    return masked_model(window=2.0)


@pytest.fixture(scope="module")
def folder(model: EmotionModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    model.save(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        offer(monkeypatch, architecture, "emozoo", "1.0")
        export_onnx(folder)
    return folder


@pytest.fixture(scope="module")
def exported(folder: Path) -> OnnxModel:
    return load_onnx(folder)  # which needs no architecture


@pytest.fixture(params=["torch", "onnx"])
def either(request: pytest.FixtureRequest, model: EmotionModel, exported: OnnxModel) -> Model:
    return model if request.param == "torch" else exported


@settings(deadline=None, max_examples=30)
@given(samples=st.integers(1_600, SAMPLES), silence=st.integers(0, SAMPLES), seed=st.integers(0, 9))
def test_silence_behind_a_clips_end_changes_no_answer(
    model: EmotionModel, samples: int, silence: int, seed: int
) -> None:
    sound = torch.from_numpy(noise(samples, seed))[None]
    padded = torch.nn.functional.pad(sound, (0, min(silence, SAMPLES - samples)))
    lengths = torch.tensor([samples])
    np.testing.assert_allclose(model.answer(padded, None, lengths), model.answer(sound), atol=1e-6)
    louder = padded.clone()
    louder[:, samples:] = 0.5
    np.testing.assert_allclose(model.answer(louder, None, lengths), model.answer(sound), atol=1e-6)


@settings(deadline=None, max_examples=10)
@given(lengths=st.lists(st.integers(1_600, SAMPLES), min_size=1, max_size=9), seed=st.integers(0, 9))
def test_clips_of_any_length_get_the_answers_of_the_clips_alone(
    model: EmotionModel, exported: OnnxModel, lengths: list[int], seed: int
) -> None:
    """In one call, by both backends, from windows and by predict."""
    sounds = [noise(samples, seed + row) for row, samples in enumerate(lengths)]
    wanted = np.array([shares(model.network, sound) for sound in sounds])
    windows = [(sound, None) for sound in sounds]
    for backend in (model, exported):
        np.testing.assert_allclose(backend.probabilities(windows), wanted, atol=1e-5)
        assert backend.embeddings(windows).shape == (len(lengths), 8)
        answers = backend.predict([(sound, RATE) for sound in sounds], vad=False)
        for answer, shares_of in zip(answers, wanted, strict=True):
            assert list(answer.probabilities.values()) == pytest.approx(shares_of, abs=1e-5)
    np.testing.assert_allclose(model.embeddings(windows), exported.embeddings(windows), rtol=1e-4, atol=1e-6)


def test_the_network_would_tell_the_silence_if_it_were_shown(either: Model) -> None:
    """Or the tests above could not fail."""
    sound = noise(8_000)
    padded = np.concatenate([sound, np.zeros(SAMPLES - 8_000, np.float32)])
    told, blind = (either.probabilities([(each, None)]) for each in (padded, sound))
    assert np.abs(told - blind).max() > 1e-2


def test_a_long_clip_is_cut_into_the_models_windows_and_the_last_is_whole(either: Model) -> None:
    answer = either.predict((noise(3 * RATE), RATE), timeline=True, vad=False)
    assert [(window.start, window.end) for window in answer.windows] == [(0, 2), (1, 3)]


def test_the_graph_takes_one_clip_of_any_length(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx").graph
    (sound,) = graph.input
    batch, samples = sound.type.tensor_type.shape.dim
    assert batch.dim_value == 1 and not samples.HasField("dim_value")
    assert len(graph.output) == 2


def test_a_clip_shorter_than_any_voice_is_fed_with_silence(exported: OnnxModel) -> None:
    answer = exported.probabilities([(noise(40), None)])
    assert answer.shape == (1, len(LABELS)) and np.isfinite(answer).all()


def test_training_and_measuring_tell_the_network_where_each_clip_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = open_data("toy", str(toy()), None, {}, video=False)
    offer(monkeypatch, architecture, "emozoo", "1.0")
    more = {"mixup": "0.4", "shift": "0.2", "excerpt": "0.5", "noise": "0", "window": "6"}
    config, recipe = apply_settings(architecture, {**RECIPE, **more})
    fold = data.folds(None, 0)[0]
    trainer = Trainer(
        ModelSpec(architecture, config, data.labels),
        recipe,
        TrainingClips(data.store, fold.train, fold.dev),
        tmp_path,
        seed="0",
        compute=Compute("cpu", "fp32"),
    )
    taken: list[tuple[Tensor, Tensor]] = []

    def note(module: object, given: tuple[Tensor], known: dict[str, Tensor]) -> None:
        taken.append((given[0], known["lengths"]))

    trainer.model.network.register_forward_pre_hook(note, with_kwargs=True)
    trainer.run_epoch()
    trained, measured = taken[: trainer.examples.batches], taken[trainer.examples.batches :]
    assert trained and measured
    for sound, lengths in taken:
        assert sound.shape == (len(lengths), 6 * RATE)
        behind = torch.arange(6 * RATE) >= lengths[:, None]
        assert not sound[behind].any() and behind.any()
        last = sound.gather(1, lengths[:, None] - 1)
        assert (last != 0).float().mean() > 0.5  # a clip may end in silence of its own
    found = sorted(lengths for _, each in measured for lengths in each.tolist())
    assert set(found) <= {min(data.store.length(row), 6 * RATE) for row in fold.dev}


def test_an_evaluation_answers_clips_as_predict_does(model: EmotionModel) -> None:
    store = open_data("toy", str(toy()), None, {}, video=False).store
    rows = range(0, len(store), 9)
    found = clip_probabilities(model, store, rows)
    for row, answer in zip(rows, found, strict=True):
        sound = store.waveform(row).astype(np.float32) / 32768
        predicted = model.predict((sound, RATE), vad=False)
        assert list(predicted.probabilities.values()) == pytest.approx(answer, abs=1e-5)


def test_a_window_of_its_own_is_saved_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emozoo.checkpoint.loading import load

    offer(monkeypatch, architecture, "emozoo", "1.0")
    masked_model(window=4.5).save(tmp_path)
    again = load(tmp_path, "cpu")
    assert again.window.seconds == 4.5 and again.config == MaskedConfig(window=4.5)


def test_transformers_give_the_answers_of_predict(
    model: EmotionModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emozoo.integrations.transformers import EmozooForAudioClassification

    offer(monkeypatch, architecture, "emozoo", "1.0")
    model.save(tmp_path)
    classifier = EmozooForAudioClassification.from_pretrained(tmp_path)
    lengths = (8_000, 50_000, 20_000)
    sounds = [noise(samples, samples) for samples in lengths]
    batch = torch.zeros(3, 50_000)
    mask = torch.zeros(3, 50_000, dtype=torch.long)
    for row, sound in enumerate(sounds):
        batch[row, : len(sound)] = torch.from_numpy(sound)
        mask[row, : len(sound)] = 1
    with torch.inference_mode():
        found = classifier(batch, attention_mask=mask).logits.softmax(-1).numpy()
    for row, sound in zip(found, sounds, strict=True):
        wanted = model.predict((sound, RATE), vad=False).probabilities
        assert row == pytest.approx(list(wanted.values()), abs=1e-5)
    classifier.save_pretrained(tmp_path / "again")
    again = EmozooForAudioClassification.from_pretrained(tmp_path / "again")
    assert again._window == model.window
