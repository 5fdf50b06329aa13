"""The second front end: what its two pictures show, and what must not change them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.architecture import Recipe
from emozoo.features import MelPitch
from emozoo.mel_pitch import COLUMNS, ROWS, mel_bands

SECONDS = torch.arange(48_000) / 16_000


def voice(pitch: float, level: float = 0.3) -> torch.Tensor:
    """Ten harmonics, falling by 6 dB an octave: float32 [1, 48000]."""
    waves = [torch.sin(2 * math.pi * pitch * number * SECONDS) / number for number in range(1, 11)]
    return level * torch.stack(waves).sum(0)[None] / 3


def noise(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 48_000, generator=torch.Generator().manual_seed(0)) * 0.1


@settings(deadline=None, max_examples=20)
@given(st.floats(70, 450))
def test_a_voice_is_a_line_at_its_pitch(pitch: float) -> None:
    picture = MelPitch()(voice(pitch))[0, 1]
    rows = (ROWS - 1) * math.log2(pitch / 60) / math.log2(500 / 60)
    assert (picture[:, 5:-5].argmax(0) - rows).abs().max() <= 1.5


def test_sound_without_a_voice_has_no_line() -> None:
    front = MelPitch()
    assert front(noise())[0, 1].std() < front(voice(200))[0, 1].std() / 3
    assert front(torch.zeros(1, 48_000))[0, 1].abs().max() < 1e-3


@settings(deadline=None, max_examples=20)
@given(st.floats(-50, 0))
def test_the_level_of_a_recording_does_not_matter(decibels: float) -> None:
    front, sound = MelPitch(), voice(150) + noise()
    sound = sound / sound.abs().max()
    torch.testing.assert_close(front(sound * 10 ** (decibels / 20)), front(sound), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "sound", [torch.zeros(2, 48_000), torch.ones(2, 48_000), 1e30 * torch.ones(2, 48_000), noise(2)]
)
def test_any_finite_waveform_gives_two_finite_pictures(sound: torch.Tensor) -> None:
    pictures = MelPitch()(sound)
    assert pictures.dtype == torch.float32 and pictures.shape == (2, 2, ROWS, COLUMNS)
    assert pictures.isfinite().all()


def test_mel_bands_are_triangles_that_meet() -> None:
    bands = mel_bands(4097, 64, 50.0, 7800.0)
    frequency = torch.linspace(0, 8000, 4097)
    peaks = frequency[bands.argmax(1)]
    between = (frequency > peaks[0]) & (frequency < peaks[-1])
    torch.testing.assert_close(bands.sum(0)[between], torch.ones(int(between.sum())), atol=1e-4, rtol=0)
    assert (bands.sum(1) > 0).all() and (peaks.diff() > 0).all()


def test_it_augments_in_train_mode_only_and_only_when_told() -> None:
    front, sound = MelPitch(), voice(200).repeat(4, 1)
    torch.testing.assert_close(front.train()(sound), front.eval()(sound))
    front.augment_by(Recipe(stretch=0.2, formants=0.1, pitch=3, channel=6, time_mask=30, freq_mask=10))
    plain = front(sound)
    varied = front.train()(sound)
    assert (varied[0] - varied[1]).abs().mean() > 0.05 and varied.isfinite().all()
    torch.testing.assert_close(front.eval()(sound), plain)


def test_the_pitch_moves_by_the_semitones_asked_for_at_most() -> None:
    front = MelPitch()
    front.augment_by(Recipe(pitch=3))
    torch.manual_seed(0)
    rows = (
        front.train()(voice(200).repeat(64, 1))[:, 1, :, 75].argmax(1) - front.eval()(voice(200))[0, 1, :, 75].argmax()
    )
    semitones = rows * 12 * math.log2(500 / 60) / (ROWS - 1)
    assert semitones.abs().max() <= 3.6 and semitones.max() > 1.5 and semitones.min() < -1.5


def test_masks_reach_no_further_than_asked() -> None:
    front = MelPitch()
    front.augment_by(Recipe(time_mask=30, freq_mask=10))
    torch.manual_seed(0)
    sound = noise(32)
    masked = front.train()(sound) != front.eval()(sound)
    columns = masked[:, 1].all(1).sum(1)
    rows = (masked[:, 0] & ~masked[:, 1].all(1)[:, None]).any(2).sum(1)
    assert 5 < columns.max() <= 15 and 3 < rows.max() <= 10
