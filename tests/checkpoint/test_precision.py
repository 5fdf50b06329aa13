"""`--precision bf16`: close to float32, in whatever thread answers, and refused where it cannot be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.make_media import tone, write_sound
from support.models import small_model
from support.small import emozoo, one_error

from emozoo import EmozooError
from emozoo.checkpoint.device import computes_bf16
from emozoo.checkpoint.model import EmotionModel
from emozoo.inference.batches import classify

ABLE = computes_bf16(torch.device("cpu"))


def windows(count: int) -> list[tuple[np.ndarray, None]]:
    sound = np.random.default_rng(0).normal(0, 0.1, (count, 48_000)).astype(np.float32)
    return [(one, None) for one in sound]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> EmotionModel:
    """Any CPU computes in bfloat16, but not faster than in float32."""
    monkeypatch.setattr("emozoo.checkpoint.model.computes_bf16", lambda device: True)
    return small_model()


def test_bf16_is_close_to_float32_and_can_be_left_again(model: EmotionModel) -> None:
    given = windows(4)
    exact, features = model.probabilities(given), model.embeddings(given)
    half = model.compute_in("bf16").probabilities(given)
    assert half.dtype == np.float64 and not np.array_equal(half, exact)
    np.testing.assert_allclose(half, exact, atol=0.02)
    assert model.embeddings(given).dtype == np.float32
    np.testing.assert_allclose(model.embeddings(given), features, atol=0.05)
    np.testing.assert_array_equal(model.compute_in("fp32").probabilities(given), exact)


def test_the_precision_holds_in_every_thread_that_answers(model: EmotionModel) -> None:
    given = windows(40)  # more than one core's batch
    wanted = np.concatenate([model.compute_in("bf16").probabilities(given[n : n + 8]) for n in range(0, 40, 8)])
    np.testing.assert_allclose(np.stack(list(classify(model, given))), wanted, atol=1e-4)
    assert not np.allclose(np.stack(list(classify(model.compute_in("fp32"), given))), wanted, atol=1e-6)


def test_a_device_that_cannot_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emozoo.checkpoint.model.computes_bf16", lambda device: False)
    with pytest.raises(EmozooError, match=r"cpu does not compute in bf16 .*: leave --precision out"):
        small_model().compute_in("bf16")
    with pytest.raises(EmozooError, match="fp32 or bf16, not in 'int4'"):
        small_model().compute_in("int4")


def test_the_command_takes_it_or_says_why_not(tmp_path: Path) -> None:
    clip = write_sound(tmp_path / "clip.wav", tone(1.0, 16_000), 16_000)
    small_model().save(tmp_path / "run")
    words = ("predict", clip, "--model", tmp_path / "run", "--device", "cpu", "--precision", "bf16")
    done = emozoo(*words, check=0 if ABLE else 2)
    assert ABLE or "does not compute in bf16" in one_error(done)
    assert "leave --precision bf16 out" in one_error(emozoo(*words, "--backend", "onnx", check=2))
