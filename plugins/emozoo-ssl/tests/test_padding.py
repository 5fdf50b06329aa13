"""Clips of any length in one batch: each answer is that of the clip alone, and windows of 1 to 30 s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
import torch
import transformers
from emozoo_ssl import SslConfig
from emozoo_ssl.backbone import BASE
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoders import MODELS, SOUND, network, save_backbone

VARIANTS = [*MODELS, "hubert with batch norm"]
SAMPLES = (48_000, 31_777, 16_001, 4000, 399, 1, 0)
"""Lengths of clips: the window's, some between two steps, and some that are shorter than a step."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("backbones")
    MODELS["hubert with batch norm"] = (transformers.HubertModel, SOUND | {"conv_pos_batch_norm": True})
    built = {}
    try:
        for name in VARIANTS:
            built[name] = network(save_backbone(root / name, name)).eval()
            for module in built[name].modules():
                if isinstance(module, torch.nn.BatchNorm1d):  # as after pretraining, so that zeros do not stay zeros
                    torch.nn.init.normal_(module.bias)
                    torch.nn.init.normal_(module.running_mean)
            with torch.no_grad():  # answers that differ, as those of a trained network do
                built[name].classifier.output.weight.mul_(10)
    finally:
        del MODELS["hubert with batch norm"]
    return built


def clips(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(samples, generator=generator) * 0.03 * (1 + row) for row, samples in enumerate(SAMPLES)]


def padded(sounds: list[torch.Tensor], samples: int, rubbish: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of so many samples, and the clips' lengths; behind each clip is `rubbish`."""
    batch = torch.full((len(sounds), samples), rubbish)
    for row, sound in enumerate(sounds):
        batch[row, : len(sound)] = sound
    return batch, torch.tensor([len(sound) for sound in sounds])


@pytest.mark.parametrize("name", VARIANTS)
@torch.inference_mode()
def test_a_clip_in_a_batch_is_answered_as_alone(name: str, networks: dict[str, Any]) -> None:
    """Statistics, positions, attention and pooling: none of them sees what is behind the clip."""
    ours = networks[name]
    sounds = clips()
    alone = torch.cat([ours(sound[None]) for sound in sounds if len(sound)])
    assert alone[:4].diff(dim=0).abs().amax() > 1e-3
    for rubbish in (0.0, 0.5):
        together = ours(*padded(sounds, 48_000, rubbish))
        torch.testing.assert_close(together[: len(alone)], alone, atol=1e-5, rtol=1e-5)
        assert together.isfinite().all()


@settings(max_examples=15, deadline=None)
@given(samples=st.integers(1, 32_000), silence=st.integers(0, 16_000), name=st.sampled_from(VARIANTS))
@torch.inference_mode()
def test_silence_that_is_appended_behind_a_clips_end_changes_nothing(
    samples: int, silence: int, name: str, networks: dict[str, Any]
) -> None:
    sound = torch.randn(1, samples, generator=torch.Generator().manual_seed(samples)) * 0.1
    longer = torch.nn.functional.pad(sound, (0, silence))
    answers = networks[name](sound), networks[name](longer, torch.tensor([samples]))
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_gradient_comes_from_the_padding(name: str, networks: dict[str, Any]) -> None:
    batch, lengths = padded(clips()[:4], 48_000, 0.1)
    batch.requires_grad_(True)
    networks[name](batch, lengths).square().sum().backward()
    assert batch.grad is not None and batch.grad.isfinite().all()
    for row, length in enumerate(lengths.tolist()):
        assert not batch.grad[row, length:].any()
        assert batch.grad[row, :length].any()


@pytest.mark.parametrize("name", ["hubert", "whisper"])
@pytest.mark.parametrize("seconds", [1.0, 8.0, 30.0])
@torch.inference_mode()
def test_a_window_is_as_long_as_the_user_says(name: str, seconds: float, tmp_path: Path) -> None:
    ours = network(save_backbone(tmp_path, name), window=seconds).eval()
    samples = round(seconds * 16_000)
    sound = torch.randn(1, samples, generator=torch.Generator().manual_seed(0)) * 0.1
    whole = ours(sound)
    last = sound.clone()
    last[:, -1600:] *= -3
    assert (ours(last) - whole).abs().max() > 1e-7
    torch.testing.assert_close(ours(sound, torch.tensor([samples])), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seconds", [0.5, 31.0])
def test_a_window_that_no_encoder_was_made_for_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="window must be from 1 to 30 seconds"):
        SslConfig(window=seconds)


def test_an_encoder_that_would_need_too_much_memory_for_a_long_window_is_refused() -> None:
    spec = {**BASE, "name": "here", "conv_stride": [5, 2, 2, 2, 2, 1, 1]}
    SslConfig(backbone="here", backbone_config=spec, window=3.0)
    with pytest.raises(ValueError, match="leave 5997 steps of a window"):
        SslConfig(backbone="here", backbone_config=spec, window=30.0)
