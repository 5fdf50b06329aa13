"""Augmentation of waveforms and frames, on the device, with torch's global random generators."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from emozoo.features.blocks import SAMPLING_RATE


def augment_waveform(
    input_values: Tensor,
    lengths: Tensor,
    *,
    noise: float = 0.0,
    gain: float = 0.0,
    shift: float = 0.0,
    excerpt: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Varies each waveform of float32 [batch, samples] independently; zeros leave it as it is. Returns them and their
    `lengths`, int64 [batch]: the samples before the silence behind a clip's end, at least one.

    `excerpt`: chance of `excerpts`.
    `shift`: the sound moves by at most so many seconds, either way; silence fills the gap.
    `noise`: chance of white noise, 10 to 40 dB below the sound's mean power.
    `gain`: the level changes by at most so many decibels, up or down. `LogSpectrogram` removes this change again.
    """
    batch, samples = input_values.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch, 1, device=input_values.device).uniform_(low, high)

    waveform, lengths = excerpts(input_values, lengths, excerpt) if excerpt else (input_values, lengths)
    if shift:
        later = (uniform(-shift, shift) * SAMPLING_RATE).long()
        lengths = (lengths + later[:, 0]).clamp(1, samples)
        source = torch.arange(samples, device=waveform.device) - later
        inside = (source >= 0) & (source < samples)
        waveform = waveform.gather(1, source.clamp(0, samples - 1)) * inside
    if noise:
        power = waveform.square().mean(1, keepdim=True)
        level = (power * 10 ** (uniform(-40, -10) / 10)).sqrt() * (uniform(0, 1) < noise)
        waveform = waveform + level * torch.randn_like(waveform)
    if gain:
        waveform = waveform * 10 ** (uniform(-gain, gain) / 20)
    return waveform, lengths


def excerpts(waveform: Tensor, lengths: Tensor, chance: float) -> tuple[Tensor, Tensor]:
    """Cuts some of the waveforms float32 [batch, samples] to a segment of at least 0.8 s around their loudest tenth of a
    second, and moves it to the front, followed by silence as in the window of a short clip. `lengths` as in
    `augment_waveform`."""
    batch, samples = waveform.shape
    device = waveform.device

    def uniform(least: Tensor, most: Tensor) -> Tensor:
        return least + (torch.rand(batch, 1, device=device) * (most - least + 1)).long()

    step = SAMPLING_RATE // 10
    loudest = F.avg_pool1d(waveform.square()[:, None], step)[:, 0].argmax(1, keepdim=True) * step
    whole = torch.full_like(loudest, samples)
    length = uniform((whole * 0 + 8 * step).clamp(max=samples), whole)
    first = uniform((loudest + step - length).clamp(min=0), torch.minimum(loudest, samples - length))
    kept = torch.rand(batch, 1, device=device) >= chance
    length, first = torch.where(kept, whole, length), torch.where(kept, 0, first)
    place = torch.arange(samples, device=device)
    cut = waveform.gather(1, (place + first).clamp(max=samples - 1)) * (place < length)
    return cut, torch.minimum(length[:, 0], (lengths - first[:, 0]).clamp(min=1))


def augment_frames(pixel_values: Tensor) -> Tensor:
    """Mirrors half of the clips and varies brightness and contrast by up to 20 %, the same for all frames of a clip.

    uint8 [batch, count, height, width, 3] -> the same.
    """
    from torchvision.transforms import v2  # prediction can do without

    vary = v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(brightness=0.2, contrast=0.2)])
    frames = pixel_values.permute(0, 1, 4, 2, 3)
    return torch.stack([vary(clip) for clip in frames]).permute(0, 1, 3, 4, 2)


def mix(
    input_values: Tensor, pixel_values: Tensor | None, concentration: float
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Mixes each window with another of the batch (mixup, Zhang et al. 2018), so that their powers have the sampled shares.

    Shares follow a beta distribution with both parameters `concentration`. float32 [batch, samples] and uint8 [batch,
    count, height, width, 3] or None -> the same, mixed; each window's share, float32 [batch]; its partner, int64 [batch].
    """
    batch = len(input_values)
    device = input_values.device
    spread = torch.full((batch,), concentration, device=device)
    share = torch.distributions.Beta(spread, spread).sample()
    partner = torch.randperm(batch, device=device)
    level = input_values.square().mean(1, keepdim=True).sqrt().clamp(min=1e-4)
    even = input_values / level
    mixed = (share[:, None].sqrt() * even + (1 - share)[:, None].sqrt() * even[partner]) * level
    if pixel_values is not None:
        weight = share[:, None, None, None, None]
        pixel_values = (weight * pixel_values + (1 - weight) * pixel_values[partner]).round().to(torch.uint8)
    return mixed, pixel_values, share, partner
