"""The second front end: what the mel spectrogram shows, and what must not change it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.architecture import Recipe
from emozoo.features.log_mel import COLUMNS, ROWS, LogMel, mel_bands

SECONDS = torch.arange(48_000) / 16_000


def voice(pitch: float, level: float = 0.3) -> torch.Tensor:
    """Ten harmonics, falling by 6 dB an octave: float32 [1, 48000]."""
    waves = [torch.sin(2 * math.pi * pitch * number * SECONDS) / number for number in range(1, 11)]
    return level * torch.stack(waves).sum(0)[None] / 3


def noise(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 48_000, generator=torch.Generator().manual_seed(0)) * 0.1


@settings(deadline=None, max_examples=20)
@given(st.floats(300, 7000))
def test_a_tone_is_a_line_in_its_band(frequency: float) -> None:
    picture = LogMel()(0.3 * torch.sin(2 * math.pi * frequency * SECONDS)[None])[0, 0]
    bands = mel_bands(4097, ROWS, 50.0, 7800.0)[:, round(frequency / 8000 * 4096)]
    assert ((picture[:, 5:-5].argmax(0) - bands.argmax()).abs() <= 1).all()


@settings(deadline=None, max_examples=20)
@given(st.floats(-70, 0))
def test_the_level_of_a_recording_does_not_matter(decibels: float) -> None:
    front, sound = LogMel(), voice(150) + noise()
    sound = sound / sound.abs().max()
    torch.testing.assert_close(front(sound * 10 ** (decibels / 20)), front(sound), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "sound", [torch.zeros(2, 48_000), torch.ones(2, 48_000), 1e30 * torch.ones(2, 48_000), noise(2)]
)
def test_any_finite_waveform_gives_finite_values(sound: torch.Tensor) -> None:
    pictures = LogMel()(sound)
    assert pictures.dtype == torch.float32 and pictures.shape == (2, 1, ROWS, COLUMNS)
    assert pictures.isfinite().all()


def test_mel_bands_are_triangles_that_meet() -> None:
    bands = mel_bands(4097, 64, 50.0, 7800.0)
    frequency = torch.linspace(0, 8000, 4097)
    peaks = frequency[bands.argmax(1)]
    between = (frequency > peaks[0]) & (frequency < peaks[-1])
    torch.testing.assert_close(bands.sum(0)[between], torch.ones(int(between.sum())), atol=1e-4, rtol=0)
    assert (bands.sum(1) > 0).all() and (peaks.diff() > 0).all()


def test_it_augments_in_train_mode_only_and_only_when_told() -> None:
    front, sound = LogMel(), voice(200).repeat(4, 1)
    torch.testing.assert_close(front.train()(sound), front.eval()(sound))
    front.augment_by(Recipe(stretch=0.2, formants=0.1, channel=6, time_mask=30, freq_mask=10))
    plain = front(sound)
    varied = front.train()(sound)
    assert (varied[0] - varied[1]).abs().mean() > 0.05 and varied.isfinite().all()
    torch.testing.assert_close(front.eval()(sound), plain)


def test_a_narrow_band_keeps_the_middle_and_loses_only_the_rest() -> None:
    front, sound = LogMel(), noise(64)
    front.augment_by(Recipe(band=0.5))
    torch.manual_seed(0)
    fall = front.eval()(sound)[:, 0] - front.train()(sound)[:, 0]
    assert (fall[:, 10:38].abs() < 1e-5).all() and (fall > -1e-5).all()  # 400 Hz to 2.5 kHz
    narrow = fall.amax((1, 2)) > 0.9
    assert 16 <= narrow.sum() <= 48 and (fall[~narrow].abs() < 1e-5).all()
    bands = mel_bands(4097, ROWS, 50.0, 7800.0).argmax(1) / 4096 * 8000
    assert bands[10] == pytest.approx(400, rel=0.15) and bands[38] == pytest.approx(2500, rel=0.05)


def test_masks_reach_no_further_than_asked() -> None:
    front = LogMel()
    front.augment_by(Recipe(time_mask=30, freq_mask=10))
    torch.manual_seed(0)
    sound = noise(32)
    masked = front.train()(sound) != front.eval()(sound)
    columns = masked[:, 0].all(1).sum(1)
    rows = masked[:, 0].all(2).sum(1)
    assert 5 < columns.max() <= 15 and 3 < rows.max() <= 10
