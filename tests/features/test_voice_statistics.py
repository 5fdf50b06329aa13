"""The statistics of a window: what they measure, what must not change them, and what openSMILE says of the same clips."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import SHARED_DATA, needs_shared

from emozoo.features.voice_statistics import Functionals, Pitch
from emozoo.media.sound import read_audio

SECONDS = torch.arange(48_000) / 16_000


def voice(hertz: torch.Tensor | float, level: float = 0.3) -> torch.Tensor:
    """Ten harmonics that fall by 6 dB an octave, a third of a second of silence at each end: float32 [1, 48000]."""
    phase = torch.cumsum(torch.as_tensor(hertz) * torch.ones_like(SECONDS), 0) / 16_000 * 2 * math.pi
    sound = torch.stack([torch.sin(number * phase) / number for number in range(1, 11)]).sum(0) / 3
    return (level * sound * ((SECONDS > 0.33) & (SECONDS < 2.67)))[None]


def noise(seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(1, 48_000, generator=torch.Generator().manual_seed(seed))


def named(sound: torch.Tensor) -> dict[str, torch.Tensor]:
    parts = Functionals()(sound)[0].split([*Functionals.GROUPS.values()])
    return dict(zip(Functionals.GROUPS, parts, strict=True))


@settings(deadline=None, max_examples=30)
@given(st.floats(75, 500))
def test_pitch_is_the_fundamental_frequency_of_a_voice(hertz: float) -> None:
    octave, periodicity = Pitch()(voice(hertz) + 0.001 * noise())
    inner = slice(25, 125)
    assert (octave[0, inner] - math.log2(hertz)).abs().median() < 0.05
    assert periodicity[0, inner].min() > 0.8


def test_noise_has_no_voice() -> None:
    assert Pitch()(noise())[1].quantile(0.9) < 0.5


def test_pitch_movement_tells_monotony_from_melody() -> None:
    calm, lively = named(voice(150.0)), named(voice(150 * 2 ** (0.5 * torch.sin(2 * math.pi * 2 * SECONDS))))
    assert calm["pitch"][7] < 0.05 < 0.2 < lively["pitch"][7]
    assert calm["pitch movement"][0] < 0.01 < lively["pitch movement"][0]
    assert calm["pitch"][0] == pytest.approx(math.log2(150), abs=0.05)


def test_rhythm_counts_syllables() -> None:
    beats = 0.5 - 0.5 * torch.cos(2 * math.pi * 4 * SECONDS)
    assert named(voice(150.0) * beats)["rhythm"][0] == pytest.approx(4, abs=0.5)


@settings(deadline=None, max_examples=10)
@given(st.floats(-60, 0), st.floats(0.1, 2))
def test_neither_the_level_nor_silence_behind_matters(decibels: float, more: float) -> None:
    front, sound = Functionals(), voice(140.0) + noise() * ((SECONDS > 0.5) & (SECONDS < 2.5))
    other = torch.nn.functional.pad(sound * 10 ** (decibels / 20), (0, round(more * 50) * 320))
    torch.testing.assert_close(front(other), front(sound), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("sound", [torch.zeros(2, 48_000), torch.ones(2, 48_000), 1e30 * torch.ones(2, 700)])
def test_any_finite_waveform_gives_finite_values(sound: torch.Tensor) -> None:
    found = Functionals()(sound)
    assert found.shape == (2, Functionals.COUNT) and found.dtype == torch.float32 and found.isfinite().all()


@needs_shared
def test_opensmile_finds_the_same_pitch_and_balance_of_low_and_high() -> None:
    """The median pitch differs by less than two semitones in nine clips of ten, and the ratios correlate by 0.6."""
    opensmile = pytest.importorskip("opensmile")
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    ours, theirs = [], []
    for clip in sorted(SHARED_DATA.glob("speech/*/**/*.opus"))[::180]:
        sound = read_audio(clip)
        parts = named(torch.from_numpy(sound)[None])
        table = smile.process_signal(sound, 16_000)
        ours.append([12 * (float(parts["pitch"][0]) - math.log2(27.5)), float(parts["alpha ratio"][0])])
        theirs.append(
            [
                float(table[name].iloc[0])
                for name in ("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", "alphaRatioV_sma3nz_amean")
            ]
        )
    pitch, ratio = np.transpose([ours, theirs], (2, 0, 1))
    assert np.quantile(np.abs(pitch[0] - pitch[1]), 0.9) < 2
    assert np.corrcoef(ratio)[0, 1] > 0.6
