"""The front end against plain numpy, augmentation against what it promises, and the shared blocks."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from emozoo.features.blocks import AttentionPooling, FrameScaling, RecurrentSummary, SpectrogramConvs
from emozoo.features.spectrogram import LogSpectrogram, SpectrogramMasking
from emozoo.training.augmentation import augment_frames, augment_waveform, mix

SILENCE = -LogSpectrogram.MEAN / LogSpectrogram.DEVIATION
BRIGHTEST = (1 - LogSpectrogram.MEAN) / LogSpectrogram.DEVIATION


def noise(batch: int = 1, level: float = 0.1, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 48_000, generator=torch.Generator().manual_seed(seed)) * level


def tone(hertz: float, level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hertz * torch.arange(48_000) / 16_000)[None]


# --- LogSpectrogram


def test_spectrogram_is_what_plain_numpy_computes():
    waveform = noise(2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for sound, result in zip(waveform.double().numpy(), LogSpectrogram()(waveform).numpy(), strict=True):
        padded = np.pad(sound / np.abs(sound).max(), 200)
        frames = np.stack([padded[column * 160 : column * 160 + 400] * window for column in range(300)])
        decibels = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-30).T[:200]
        expected = (np.clip((decibels - decibels.max()) / 80 + 1, 0, 1) - 0.2) / 0.21
        assert result.shape == (1, 200, 300)
        np.testing.assert_allclose(result[0], expected, atol=2e-3)


@pytest.mark.parametrize(("hertz", "row"), [(1000, 25), (40, 1), (7960, 199)])
def test_a_tone_peaks_in_its_row(hertz, row):
    spectrogram = LogSpectrogram()(tone(hertz))[0, 0]
    assert set(spectrogram[:, 2:298].argmax(0).tolist()) == {row}
    assert spectrogram.max().item() == pytest.approx(BRIGHTEST)


@pytest.mark.parametrize("gain", [0.02, 7.0, 1e20])
def test_the_level_of_the_recording_does_not_matter(gain):
    torch.testing.assert_close(LogSpectrogram()(noise() * gain), LogSpectrogram()(noise()), atol=1e-3, rtol=0)


def test_what_is_quieter_than_its_floor_fades_instead_of_growing_to_full_scale():
    hiss = noise(level=1e-5)
    hiss = hiss / hiss.abs().max() * 1e-5  # 40 dB below the floor of 1e-3
    loud, quiet = LogSpectrogram()(hiss * 1e4), LogSpectrogram()(hiss)
    assert loud.max().item() == pytest.approx(BRIGHTEST)
    assert SILENCE < quiet.max().item() < BRIGHTEST - 0.2 / LogSpectrogram.DEVIATION


@pytest.mark.parametrize("level", [0.0, 1e-42, 1e-20, 1.0, 1e6, 1e37])
def test_any_finite_waveform_gives_finite_values_within_the_range(level):
    spectrogram = LogSpectrogram()(noise(level=1) * level)
    assert torch.isfinite(spectrogram).all()
    assert spectrogram.min() >= SILENCE - 1e-6 and spectrogram.max() <= BRIGHTEST + 1e-6


def test_the_largest_float_and_a_constant_are_finite_too():
    largest = torch.full((1, 48_000), torch.finfo(torch.float32).max)
    assert torch.isfinite(LogSpectrogram()(largest)).all()


def test_silence_is_one_flat_value():
    torch.testing.assert_close(LogSpectrogram()(torch.zeros(2, 48_000)), torch.full((2, 1, 200, 300), SILENCE))


def test_a_padded_end_changes_only_the_columns_that_hear_it():
    waveform = noise()
    waveform[:, 8_000:8_400] += tone(2000, level=0.9)[:, :400]  # the loudest stays where it is
    padded = waveform.clone()
    padded[:, 32_000:] = 0
    whole, cut = LogSpectrogram()(waveform), LogSpectrogram()(padded)
    torch.testing.assert_close(cut[..., :199], whole[..., :199], atol=1e-3, rtol=0)  # column 198 ends at 31 880
    torch.testing.assert_close(cut[..., 202:], torch.full((1, 1, 200, 98), SILENCE))


def test_one_clip_does_not_change_another():
    batch = torch.cat([noise(), tone(500), torch.zeros(1, 48_000)])
    together = LogSpectrogram()(batch)
    apart = torch.cat([LogSpectrogram()(clip[None]) for clip in batch])
    torch.testing.assert_close(together, apart)


def test_autocast_does_not_lower_its_precision():
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = LogSpectrogram()(noise())
    assert under_autocast.dtype == torch.float32
    assert torch.equal(under_autocast, LogSpectrogram()(noise()))


def test_it_adds_nothing_to_a_checkpoint():
    assert LogSpectrogram().state_dict() == {}


def test_it_can_be_exported_for_any_batch():
    spectrogram = LogSpectrogram().eval()
    exported = torch.export.export(
        spectrogram, (noise(2),), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},)
    )
    torch.testing.assert_close(exported.module()(noise(3)), spectrogram(noise(3)))


def test_masking_is_for_training_only():
    spectrogram = LogSpectrogram()
    plain = spectrogram(noise())
    spectrogram.masking = SpectrogramMasking(60, 40, 2)
    torch.manual_seed(0)
    masked = spectrogram(noise())
    assert (masked == 0).any() and not (plain == 0).any()
    assert torch.equal(masked[masked != 0], plain[masked != 0])
    assert torch.equal(spectrogram.eval()(noise()), plain)


def test_features_cost_neither_torchvision_nor_torchaudio():
    code = "import sys, emozoo.features; sys.exit('torchvision' in sys.modules or 'torchaudio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- SpectrogramMasking


def stretches(line: torch.Tensor) -> list[int]:
    """Lengths of the runs of True in a line."""
    runs, length = [], 0
    for value in [*line.tolist(), False]:
        if value:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


def test_each_clip_gets_its_own_masks_within_their_limits():
    torch.manual_seed(0)
    masked = SpectrogramMasking(time_mask=30, freq_mask=0, masks=1)(torch.ones(200, 1, 200, 300)) == 0
    assert torch.equal(masked, masked[:, :, :1].expand_as(masked))  # whole columns
    lengths = [stretches(clip[0, 0]) for clip in masked]
    assert all(len(runs) <= 1 for runs in lengths)
    widths = [sum(runs) for runs in lengths]
    assert set(widths) == set(range(31))
    starts = [clip[0, 0].int().argmax().item() for clip, runs in zip(masked, lengths, strict=True) if runs]
    assert min(starts) < 20 and max(starts) > 250


def test_bands_are_rows_and_masks_are_several():
    torch.manual_seed(0)
    masked = SpectrogramMasking(time_mask=0, freq_mask=20, masks=2)(torch.ones(100, 1, 200, 300)) == 0
    assert torch.equal(masked, masked[..., :1].expand_as(masked))  # whole rows
    runs = [stretches(clip[0, :, 0]) for clip in masked]
    assert max(map(len, runs)) == 2
    assert max(map(sum, runs)) <= 40


def test_masks_of_no_size_change_nothing():
    assert (SpectrogramMasking(0, 0, 3)(torch.ones(2, 1, 200, 300)) == 1).all()


@pytest.mark.parametrize("sizes", [(301, 0, 1), (0, 201, 1), (-1, 0, 1), (10, 10, -1)])
def test_impossible_masks_are_refused(sizes):
    with pytest.raises(ValueError, match="time_mask"):
        SpectrogramMasking(*sizes)


# --- Frames and augmentation


def test_frames_are_scaled_and_reordered():
    frames = torch.zeros(2, 20, 60, 100, 3, dtype=torch.uint8)
    frames[1, 2, 3, 4] = torch.tensor([255, 0, 51], dtype=torch.uint8)
    scaled = FrameScaling()(frames)
    assert scaled.shape == (2, 3, 20, 60, 100) and scaled.dtype == torch.float32
    torch.testing.assert_close(scaled[1, :, 2, 3, 4], torch.tensor([1.0, -1.0, -0.6]))
    assert (scaled[0] == -1).all()


def augmented(waveform: torch.Tensor, **how: float) -> torch.Tensor:
    """`augment_waveform` of whole windows."""
    return augment_waveform(waveform, torch.full((len(waveform),), waveform.shape[1]), **how)[0]


def test_without_augmentation_the_waveform_stays_as_it_is():
    assert torch.equal(augmented(noise(3)), noise(3))


def test_a_shift_moves_each_clip_by_its_own_distance_and_lets_silence_in():
    torch.manual_seed(0)
    impulse = torch.zeros(50, 48_000)
    impulse[:, 24_000] = 1
    shifted = augmented(impulse, shift=0.5)
    places = shifted.argmax(1) - 24_000
    assert (shifted.sum(1) == 1).all()
    assert places.abs().max() <= 8_000 and places.min() < -4_000 and places.max() > 4_000
    assert len(set(places.tolist())) > 40
    edges = augmented(torch.ones(20, 48_000), shift=0.5)
    assert ((edges == 0).sum(1) <= 8_000).all() and ((edges[:, 0] == 0) | (edges[:, -1] == 0)).all()


def test_an_excerpt_is_a_stretch_about_the_loudest_moment_moved_to_the_front():
    torch.manual_seed(0)
    sound = torch.linspace(0.1, 0.2, 48_000).repeat(400, 1)  # every sample is another
    loudest = torch.randint(0, 30, (400,)) * 1_600
    sound.scatter_(1, loudest[:, None] + torch.arange(1_600), 1.0)
    cut = augmented(sound, excerpt=0.5)
    whole = (cut == sound).all(1)
    assert 160 < whole.sum() < 240
    lengths = (cut != 0).sum(1)
    for before, after, length, place in zip(sound, cut, lengths.tolist(), loudest.tolist(), strict=True):
        ones = (after == 1).nonzero()[:, 0]
        assert len(ones) == 1_600 and (after[length:] == 0).all()  # nothing of the loudest moment is lost
        first = place - int(ones[0])
        assert torch.equal(after[:length], before[first : first + length])
    short = lengths[~whole]
    assert short.min() >= 12_800 and short.min() < 16_000 and short.max() > 44_000


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=6), st.floats(0, 0.5), st.integers(0, 1000))
def test_lengths_tell_where_the_augmented_clip_ends(ends: list[int], shift: float, seed: int) -> None:
    """To the sample: what is last of a clip stands before its length, and behind is silence only."""
    torch.manual_seed(seed)
    lengths = torch.tensor(ends)
    sound = (1 + torch.rand(len(ends), 20_000)) * (torch.arange(20_000) < lengths[:, None])
    varied, after = augment_waveform(sound, lengths, shift=shift, excerpt=0.5, gain=3.0)
    for waveform, length in zip(varied, after.tolist(), strict=True):
        assert 1 <= length <= 20_000 and not waveform[length:].any()
        assert waveform[length - 1] or not waveform.any()  # all of it was moved out of the window


def test_noise_lies_10_to_40_db_below_and_comes_by_chance():
    torch.manual_seed(0)
    clean = tone(440).repeat(300, 1)
    added = augmented(clean, noise=0.5) - clean
    noisy = added.abs().sum(1) > 0
    assert 110 < noisy.sum() < 190
    ratio = 10 * (clean.square().mean(1) / added.square().mean(1))[noisy].log10()
    assert ratio.min() > 9.9 and ratio.max() < 40.1 and ratio.max() - ratio.min() > 25


def test_noise_leaves_silence_alone():
    assert torch.equal(augmented(torch.zeros(2, 48_000), noise=1.0), torch.zeros(2, 48_000))


def test_gain_stays_within_its_decibels():
    torch.manual_seed(0)
    decibels = 20 * augmented(torch.full((200, 10), 0.1), gain=6.0)[:, 0].div(0.1).log10()
    assert decibels.abs().max() <= 6.001 and decibels.min() < -5 and decibels.max() > 5


def test_torchs_seed_repeats_augmentation_and_the_input_is_kept():
    waveform, frames = noise(4), torch.randint(0, 256, (4, 20, 60, 100, 3), dtype=torch.uint8)
    kept, kept_frames = waveform.clone(), frames.clone()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append((augmented(waveform, noise=1.0, gain=3.0, shift=0.2), augment_frames(frames)))
    assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0], results[2][0]) and not torch.equal(results[0][1], results[2][1])
    assert torch.equal(waveform, kept) and torch.equal(frames, kept_frames)


def test_frames_vary_between_clips_but_not_within_one():
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (1, 1, 60, 100, 3), dtype=torch.uint8)
    varied = augment_frames(picture.expand(12, 20, 60, 100, 3))
    assert varied.shape == (12, 20, 60, 100, 3) and varied.dtype == torch.uint8
    assert torch.equal(varied, varied[:, :1].expand_as(varied))
    assert len({clip.numpy().tobytes() for clip in varied[:, 0]}) == 12


def test_half_of_the_clips_are_mirrored():
    torch.manual_seed(0)
    frames = torch.full((60, 20, 60, 100, 3), 40, dtype=torch.uint8)
    frames[:, :, :, :50] = 200  # bright on the left
    varied = augment_frames(frames).float()
    mirrored = varied[:, :, :, :50].mean((1, 2, 3, 4)) < varied[:, :, :, 50:].mean((1, 2, 3, 4))
    assert 15 < mirrored.sum() < 45


# --- Shared blocks


def test_convolutions_keep_the_size_and_pools_halve_it():
    assert SpectrogramConvs((16, 24, 24), ((12, 16), (8, 12), (5, 7))).map_shape == (24, 25, 37)
    for filters, kernels in (((3,), ((4, 6),)), ((2, 3, 4, 5), ((3, 3), (2, 5), (6, 4), (7, 8)))):
        convs = SpectrogramConvs(filters, kernels)
        assert convs(torch.zeros(2, 1, 200, 300)).shape == (2, *convs.map_shape)


def test_a_pool_before_the_relu_gives_what_the_published_order_gives():
    torch.manual_seed(0)
    convs, spectrogram = SpectrogramConvs((3, 4), ((4, 6), (3, 5))), torch.randn(2, 1, 200, 300)
    published = convs.pool2(convs.conv2(convs.pool1(convs.conv1(spectrogram).relu())).relu())
    torch.testing.assert_close(convs(spectrogram), published, atol=1e-5, rtol=1e-4)


def test_the_signal_keeps_its_size_through_the_convolutions_at_the_start():
    torch.manual_seed(0)
    feature_map = SpectrogramConvs((16, 24, 24), ((12, 16), (8, 12), (5, 7)))(LogSpectrogram()(noise(2)))
    assert 0.5 < feature_map.square().mean().sqrt() < 10


@pytest.mark.parametrize("sequence", ["time", "flat"])
def test_no_unit_of_a_recurrent_summary_starts_saturated(sequence):
    torch.manual_seed(0)
    summary = RecurrentSummary(nn.RNN, (24, 25, 37), hidden=128, layers=2, dropout=0.0, sequence=sequence)
    states = []
    summary.recurrent.register_forward_pre_hook(
        lambda recurrent, given: states.append(given[0] @ recurrent.weight_ih_l0.T)
    )
    summary(torch.randn(4, 24, 25, 37).relu())
    assert 0.1 < states[0].std() < 1.5


def test_attention_pooling_is_a_mean_weighted_by_the_scores():
    pooling, sequence = AttentionPooling(2), torch.tensor([[[0.0, 1.0], [3.0, 5.0]]])
    with torch.no_grad():
        pooling.score.weight.zero_()
        torch.testing.assert_close(pooling(sequence), torch.tensor([[1.5, 3.0]]))
        pooling.score.weight.copy_(torch.tensor([[math.log(3) / 3, 0.0]]))  # scores 0 and log 3: weights 1/4 and 3/4
        torch.testing.assert_close(pooling(sequence), torch.tensor([[2.25, 4.0]]))


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM])
def test_a_recurrent_summary_reads_one_step_for_each_column(cell):
    torch.manual_seed(0)
    summary = RecurrentSummary(cell, (2, 3, 5), hidden=4, layers=1, dropout=0.0, sequence="time")
    feature_map = torch.randn(1, 2, 3, 5)
    steps = torch.stack([feature_map[:, :, :, column].flatten(1) for column in range(5)], dim=1)
    expected = summary.pooling(summary.recurrent(summary.norm(steps))[0])
    torch.testing.assert_close(summary(feature_map), expected)
    assert not torch.allclose(summary(feature_map.flip(3)), expected)  # the order counts


def test_a_flat_summary_reads_the_whole_map_as_one_step():
    summary = RecurrentSummary(nn.RNN, (2, 3, 5), hidden=4, layers=2, dropout=0.0, sequence="flat")
    feature_map = torch.randn(2, 2, 3, 5)
    assert summary.norm is None and summary.pooling is None
    torch.testing.assert_close(summary(feature_map), summary.recurrent(feature_map.reshape(2, 1, 30))[0][:, 0])


def test_mixing_keeps_powers_by_share_and_tells_where_the_rest_is_from() -> None:
    torch.manual_seed(0)
    sound = torch.randn(16, 48_000) * torch.linspace(0.01, 0.3, 16)[:, None]
    frames = torch.randint(0, 256, (16, 20, 60, 100, 3), dtype=torch.uint8)
    mixed, pictures, share, partner = mix(sound, frames, 0.5)
    assert sorted(partner.tolist()) == list(range(16)) and ((share >= 0) & (share <= 1)).all()
    level = sound.square().mean(1).sqrt()
    torch.testing.assert_close(mixed.square().mean(1).sqrt(), level, rtol=0.1, atol=1e-4)
    own = (mixed * sound).mean(1) / level.square()
    theirs = (mixed * sound[partner]).mean(1) / (level * level[partner])
    other = partner != torch.arange(16)
    torch.testing.assert_close(own[other].square(), share[other], atol=0.05, rtol=0)
    torch.testing.assert_close(theirs[other].square(), 1 - share[other], atol=0.05, rtol=0)
    assert pictures is not None and pictures.dtype == torch.uint8
    expected = share[3] * frames[3] + (1 - share[3]) * frames[partner[3]]
    assert (pictures[3] - expected).abs().max() <= 0.51


def test_silence_can_be_mixed() -> None:
    mixed, frames, _, _ = mix(torch.zeros(4, 48_000), None, 0.3)
    assert mixed.isfinite().all() and frames is None
