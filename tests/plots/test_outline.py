"""What a recording sounds like at as many points as a picture has: nothing is lost, and memory does not grow."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import grey, tone, write_sound, write_video

from emozoo.errors import EmozooError
from emozoo.plots.outline import COLUMNS, outline, read_outline


def test_a_short_sound_is_shown_by_the_millisecond_and_in_columns_of_10_ms() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 16_000).astype(np.float32)
    seen = outline([sound])
    assert (seen.seconds, seen.wave_step, seen.step) == (1.0, 0.001, 0.01)
    np.testing.assert_array_equal(seen.lowest, sound.reshape(1000, 16).min(1))
    np.testing.assert_array_equal(seen.highest, sound.reshape(1000, 16).max(1))
    assert seen.decibels.shape == (201, 100)
    assert seen.decibels.max() == 0 and seen.decibels.min() >= -80


@pytest.mark.parametrize("hertz", [400, 2000, 7600])
@pytest.mark.parametrize("seconds", [0.5, 40.0])
def test_a_tone_is_loudest_at_its_frequency_and_while_it_sounds(hertz: int, seconds: float) -> None:
    half = tone(seconds / 2, 16_000, hertz=hertz)[:, 0]
    seen = outline([np.zeros_like(half), half])
    middle = seen.decibels.shape[1] // 2
    assert set(seen.decibels[:, middle + 2 : -2].argmax(axis=0).tolist()) == {hertz // 40}
    assert (seen.decibels[:, : middle - 2] == -80).all()
    assert seen.highest[: len(seen.highest) // 2 - 1].max() == 0 < seen.highest[len(seen.highest) // 2 + 1 :].min() + 1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60_000), st.lists(st.integers(0, 60_000), max_size=6))
def test_it_does_not_matter_how_the_sound_is_cut_into_blocks(samples: int, cuts: list[int]) -> None:
    sound = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    whole, pieces = outline([sound]), outline(np.split(sound, sorted(cut % samples for cut in cuts)))
    for name in ("seconds", "wave_step", "lowest", "highest", "step", "decibels"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


@pytest.mark.parametrize("seconds", [41.0, 100.0, 333.3])
def test_a_long_sound_has_as_many_columns_as_a_picture_and_keeps_its_peaks_and_its_power(seconds: float) -> None:
    sound = np.random.default_rng(0).normal(0, 0.05, round(seconds * 16_000)).astype(np.float32)
    sound[123_456], sound[234_567] = 0.9, -0.8
    seen = outline([sound])
    for columns in (len(seen.lowest), len(seen.highest), seen.decibels.shape[1]):
        assert COLUMNS <= columns <= 2 * COLUMNS
    assert seen.highest.argmax() == int(123_456 / 16_000 / seen.wave_step) and seen.highest.max() == np.float32(0.9)
    assert seen.lowest.argmin() == int(234_567 / 16_000 / seen.wave_step) and seen.lowest.min() == np.float32(-0.8)
    # Noise has one power throughout; the last column, which has fewer steps, is a mean of its own.
    assert np.ptp(np.median(seen.decibels, axis=0)) < 12
    assert seen.decibels.shape[1] * seen.step >= seconds > (seen.decibels.shape[1] - 1) * seen.step


@pytest.mark.parametrize("samples", [1, 15, 159, 160, 161, 399])
def test_the_shortest_sound_has_an_outline(samples: int) -> None:
    seen = outline([np.full(samples, 0.5, np.float32)])
    assert seen.seconds == samples / 16_000 and len(seen.lowest) == -(-samples // 16)
    assert seen.decibels.shape == (201, -(-samples // 160)) and np.isfinite(seen.decibels).all()


def test_silence_is_silent_and_so_is_the_hiss_of_it() -> None:
    for level in (0, 1e-6):
        hiss = level * np.random.default_rng(0).normal(size=16_000).astype(np.float32)
        assert (outline([hiss]).decibels < -60).all()
    with pytest.raises(ValueError, match="no sound"):
        outline([])


def test_memory_does_not_grow_with_the_recording() -> None:
    def blocks(count: int) -> Iterator[np.ndarray]:
        for number in range(count):
            yield np.full(160_000, number / count, np.float32)

    peaks = []
    for count in (20, 80):  # 10 s each
        tracemalloc.start()
        outline(blocks(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_files_with_sound_and_without(tmp_path: Path) -> None:
    seen = read_outline(write_sound(tmp_path / "größer als.wav", tone(2.0, 44_100), 44_100))
    assert seen is not None and seen.seconds == pytest.approx(2.0, abs=1e-3)
    assert read_outline(write_video(tmp_path / "silent.mp4", [grey(64, 48, 90)] * 25)) is None
    (tmp_path / "text.wav").write_text("not sound at all")
    with pytest.raises(EmozooError, match="text.wav"):
        read_outline(tmp_path / "text.wav")
